/* SPDX-License-Identifier: Apache-2.0
 * jf.connector/1: channels, and what the host asks of them. */
#include "uplink.h"

static struct uplink *find(jf_self *self, jf_ref handle) {
    return slots_find(&self->channel_table, handle);
}

int32_t uplink_create(jf_self *self, jf_ref ref, jf_view name, jf_view config, jf_ref *handle,
                      jf_fault *why) {
    if (self->channels.deliver == NULL)
        return jf_fault_set(why, JF_E_UNSUPPORTED, 0,
                            "transport-websocket cannot connect: the host offers no jf.channels/1");
    struct uplink *u = slots_take(&self->channel_table, &self->memory);
    if (u == NULL) return jf_fault_set(why, JF_E_FAULT, 0, "out of memory for a channel");
    u->ref = ref;
    u->fd = -1;
    u->framer.self = u->in.self = u->remote.self = self;
    u->remote.name = self_copy(self, name);
    int32_t status = u->remote.name != NULL ? uplink_configure(u, config, why)
                                            : jf_fault_set(why, JF_E_FAULT, 0, "out of memory for a channel");
    if (status != JF_OK) {
        uplink_free(u);
        return status;
    }
    *handle = u->slot.ref;
    uplink_later(u);
    return JF_OK;
}

int32_t uplink_send(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why) {
    struct uplink *u = find(self, handle);
    uint64_t total = 0;
    if (u == NULL) return jf_fault_set(why, JF_E_STALE, JF_FAULT_NOT_STARTED, "no such channel");
    const char *name = u->remote.name;
    self_tick(self);
    for (uint32_t i = 0; i < message->body_count; i++)
        total += message->body[i].len;
    if (total == 0 || message->kind != JF_KIND_MESSAGE)
        return jf_fault_set(why, JF_E_UNSUPPORTED, JF_FAULT_NOT_STARTED,
                            "server \"%s\": WebSocket carries messages with a body only", name);
    if (u->state != UPLINK_OPEN || u->broken || u->closing || u->framer.over) {
        jf_fault_set(why, JF_E_GONE, JF_FAULT_NOT_STARTED, "server \"%s\" is not connected", name);
        if (why != NULL && u->next_try > self->now)
            why->retry_ms = (uint32_t)((u->next_try - self->now) / 1000000) + 1;
        return JF_E_GONE;
    }
    uint64_t queued = u->out.len - u->out.pos;
    if (queued != 0 && queued + total > u->queue) {
        u->blocked = true;
        return jf_fault_set(why, JF_E_BUSY, JF_FAULT_NOT_STARTED,
                            "server \"%s\" does not read: %llu bytes wait (its \"queue\" is %llu)", name,
                            (unsigned long long)queued, (unsigned long long)u->queue);
    }
    if (!framer_send(&u->framer, message)) {
        u->broken = true;
        uplink_later(u);
    }
    uplink_flush(u);
    if (!u->broken) return JF_OK;
    return jf_fault_set(why, JF_E_GONE, 0, "the connection to server \"%s\" was lost", name);
}

void uplink_cancel(jf_self *self, jf_ref handle, jf_ref exchange) {
    // A shared channel has no exchanges to end: the host cancels with a message.
    (void)self, (void)handle, (void)exchange;
}

void uplink_close(jf_self *self, jf_ref handle, uint64_t deadline_ns) {
    struct uplink *u = find(self, handle);
    if (u == NULL || u->closing) return;
    self_tick(self);
    u->closing = true;
    if (u->state == UPLINK_OPEN && !u->broken) {
        uint64_t due = self->now + u->close_timeout;
        u->state = UPLINK_CLOSING;
        uplink_arm(u, deadline_ns < due ? deadline_ns : due);
        framer_close(&u->framer, WSLAY_CODE_NORMAL_CLOSURE, "", true);
        uplink_flush(u);
        return;
    }
    uplink_hang_up(u);
    uplink_later(u);
}
