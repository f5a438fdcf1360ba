/* SPDX-License-Identifier: Apache-2.0
 * Messages of clients to the host, and the host's to them. */
#include "server.h"

void reply_deliver(void *owner, jf_view text) {
    struct conn *c = owner;
    jf_self *self = c->self;
    if (c->state != CONN_OPEN || c->client == 0 || c->leaving != 0) return;
    jf_message message = {.size = sizeof(message),
                          .flags = JF_MSG_PADDED | JF_MSG_ACCEPTS_JSON | JF_MSG_ACCEPTS_STREAM,
                          .body = &text,
                          .body_count = 1,
                          .target = view_make(c->target, strlen(c->target))};
    if ((*self->inbound.wants & JF_WANTS_FIELDS) != 0) {
        message.fields = c->fields->pairs;
        message.field_count = c->fields->count;
    }
    jf_ref client = c->client;
    if (self->inbound.deliver(self->inbound.context, client, &message) == JF_OK || c->client != client)
        return;
    // The host knows this client no more.
    client_map_remove(&whole(self)->clients, client);
    c->client = 0;
    c->leaving = WSLAY_CODE_GOING_AWAY;
    conn_later(c);
}

int32_t reply_send(jf_self *self, jf_ref client, const jf_message *message) {
    struct conn *c = client_map_find(&whole(self)->clients, client);
    self_tick(self);
    if (c == NULL || c->state != CONN_OPEN || c->broken || c->leaving != 0) return JF_E_STALE;
    if (c->out.bytes > c->listener->full_bytes) {
        self_log(
            self, JF_LOG_WARNING,
            "a WebSocket client does not read its answers: %llu bytes wait (send_buffer); it is given up",
            (unsigned long long)c->out.bytes);
        c->leaving = WSLAY_CODE_POLICY_VIOLATION;
        conn_later(c);
        return JF_E_STALE;
    }
    if (!framer_send(&c->framer, message)) {
        c->broken = true;
        conn_later(c);
    }
    if (c->broken) return JF_E_STALE;
    if (c->out.bytes <= c->listener->slow_bytes) return JF_OK;
    c->slow = true;
    return JF_E_BUSY;
}

void reply_close(jf_self *self, jf_ref client) {
    struct conn *c = client_map_find(&whole(self)->clients, client);
    if (c == NULL || c->state != CONN_OPEN || c->leaving != 0) return;
    c->leaving = WSLAY_CODE_NORMAL_CLOSURE;
    conn_later(c);
}
