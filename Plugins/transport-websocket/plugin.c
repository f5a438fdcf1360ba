/* SPDX-License-Identifier: Apache-2.0
 * transport-websocket: the plugin's tables and the life of an instance. */
#include "server.h"
#include "uplink.h"

#include <stdio.h>

static const jf_listener_1 listener_table = {
    .size = sizeof(jf_listener_1),
    .listen = listener_open,
    .unlisten = listener_close,
    .reply = reply_send,
    .close = reply_close,
};

static const jf_connector_1 connector_table = {
    .size = sizeof(jf_connector_1),
    .open = uplink_create,
    .send = uplink_send,
    .cancel = uplink_cancel,
    .close = uplink_close,
};

char *self_copy(jf_self *self, jf_view text) {
    char *copy = self_allocate(self, text.len + 1);
    if (copy != NULL && text.len != 0) memcpy(copy, text.ptr, text.len);
    return copy;
}

void self_log(jf_self *self, uint32_t level, const char *format, ...) {
    char text[512];
    if (self->log.enabled(self->log.context, level) == 0) return;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0) return;
    if ((size_t)length >= sizeof(text)) length = (int)sizeof(text) - 1;
    self->log.write(self->log.context, level, view_make(text, (uint64_t)length), NULL, 0);
}

/** Copies min(sizes) of a service's table into ours, so that either side may be the newer. */
static bool attach(const jf_offer *offer, const char *id, void *table, uint32_t size) {
    const void *theirs = offer->service(offer->host, id);
    uint32_t length;
    if (theirs == NULL) return false;
    memcpy(&length, theirs, sizeof(length));
    memcpy(table, theirs, length < size ? length : size);
    return length >= size;
}
#define ATTACH(id, member) attach(offer, id, &(member), sizeof(member))

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    jf_memory_1 memory = {0};
    (void)config;
    if (!ATTACH(JF_MEMORY_1, memory))
        return fault_set(why, JF_E_UNSUPPORTED, 0, "transport-websocket needs the host service jf.memory/1");
    struct websocket *made = memory.allocate(memory.context, sizeof(*made));
    if (made == NULL) return fault_set(why, JF_E_FAULT, 0, "out of memory for transport-websocket");
    jf_self *self = &made->self;
    self->memory = memory;
    int32_t status = JF_OK;
    if (!ATTACH(JF_LOOP_1, self->loop) || !ATTACH(JF_CONFIG_1, self->config) ||
        !ATTACH(JF_LOG_1, self->log) || !ATTACH(JF_CLOCK_1, self->clock))
        status = fault_set(
            why, JF_E_UNSUPPORTED, 0,
            "transport-websocket needs the host services jf.loop/1, jf.config/1, jf.log/1 and jf.clock/1");
    else if (!sender_open(&made->sender))
        status = fault_set(why, JF_E_FAULT, 0, "out of memory for transport-websocket");
    if (status != JF_OK) {
        memory.release(memory.context, made);
        return status;
    }
    ATTACH(JF_INBOUND_1, self->inbound);
    ATTACH(JF_CHANNELS_1, self->channels);
    self->conns.object_size = sizeof(struct conn);
    self->channel_table.object_size = sizeof(struct uplink);
    *out = self;
    return JF_OK;
}

static const void *facet(jf_self *self, const char *id) {
    (void)self;
    if (strcmp(id, JF_LISTENER_1) == 0) return &listener_table;
    return strcmp(id, JF_CONNECTOR_1) == 0 ? &connector_table : NULL;
}

static void drain(jf_self *self, uint64_t deadline_ns) {
    // Open clients may still wait for answers, which only the host knows; new ones are refused.
    (void)deadline_ns;
    self->draining = true;
}

static void stop(jf_self *self) {
    self->stopped = true;
    resolve_end(self);
    for (uint32_t i = 0; i < self->conns.made; i++) {
        struct conn *c = slots_at(&self->conns, i);
        if (c->slot.ref != 0) conn_drop(c);
    }
    for (uint32_t i = 0; i < self->channel_table.made; i++) {
        struct uplink *u = slots_at(&self->channel_table, i);
        if (u->slot.ref == 0) continue;
        if (u->state == UPLINK_OPEN) {
            framer_close(&u->framer, WSLAY_CODE_GOING_AWAY, "the gateway stops", false);
            uplink_flush(u);
        }
        uplink_hang_up(u);
    }
    listeners_stop(self);
}

static void destroy(jf_self *self) {
    struct websocket *made = whole(self);
    jf_memory_1 memory = self->memory;
    if (!self->stopped) stop(self);
    // What waited for its post is still pinned by it.
    for (uint32_t i = 0; i < self->conns.made; i++) {
        struct conn *c = slots_at(&self->conns, i);
        if (c->slot.ref != 0) conn_free(c);
    }
    for (uint32_t i = 0; i < self->channel_table.made; i++) {
        struct uplink *u = slots_at(&self->channel_table, i);
        if (u->slot.ref != 0) uplink_free(u);
    }
    listeners_end(self);
    slots_end(&self->conns, &memory);
    slots_end(&self->channel_table, &memory);
    client_map_end(&made->clients, &memory);
    sender_end(&made->sender);
    while (self->free_heads != NULL) {
        struct head *head = self->free_heads;
        self->free_heads = head->next_free;
        memory.release(memory.context, head);
    }
    if (self->spare != NULL) memory.give_back(memory.context, self->spare);
    memory.release(memory.context, made);
}

static const jf_plugin plugin = {
    .size = sizeof(jf_plugin),
    .minor = JF_ABI_MINOR,
    .create = create,
    .destroy = destroy,
    .facet = facet,
    .drain = drain,
    .stop = stop,
};

JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    if (offer->major == JF_ABI_MAJOR) return &plugin;
    fault_set(why, JF_E_UNSUPPORTED, 0, "transport-websocket speaks plugin ABI %d only", JF_ABI_MAJOR);
    return NULL;
}
