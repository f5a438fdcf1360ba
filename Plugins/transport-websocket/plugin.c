/* SPDX-License-Identifier: Apache-2.0
 * transport-websocket: the plugin's tables and the life of an instance. */
#include "server.h"
#include "uplink.h"

static const jf_listener_1 listener_table = {
    .size = sizeof(jf_listener_1),
    .listen = listener_open,
    .unlisten = port_close,
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

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    jf_self *self = instance_make(offer, sizeof(struct websocket), "transport-websocket", why);
    if (self == NULL) return why->code;
    if (!sender_open(&whole(self)->sender)) {
        instance_free(self);
        return jf_fault_set(why, JF_E_FAULT, 0, "out of memory for transport-websocket");
    }
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
    ports_stop(self);
}

static void destroy(jf_self *self) {
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
    ports_end(self);
    client_map_end(&whole(self)->clients, &self->memory);
    sender_end(&whole(self)->sender);
    instance_free(self);
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
    jf_fault_set(why, JF_E_UNSUPPORTED, 0, "transport-websocket speaks plugin ABI %d only", JF_ABI_MAJOR);
    return NULL;
}
