/* SPDX-License-Identifier: Apache-2.0
 * transport-http: the plugin's tables, its manifest and the life of an instance. */
#include "connector.h"
#include "listener.h"

#include <stdio.h>
#include <time.h>

static void close_client(jf_self *self, jf_ref client) {
    if (client == 0) return;
    for (uint32_t i = 0; i < self->conns.made; i++) {
        struct conn *c = slots_at(&self->conns, i);
        if (c->slot.ref == 0 || c->client != client || c->state == CONN_DEAD) continue;
        c->exchange = 0;
        c->closing = true;
        conn_later(c);
        return;
    }
}

static const jf_listener_1 listener_table = {
    .size = sizeof(jf_listener_1),
    .listen = listener_open,
    .unlisten = port_close,
    .reply = answer_reply,
    .close = close_client,
};

static const jf_connector_1 connector_table = {
    .size = sizeof(jf_connector_1),
    .open = channel_open,
    .send = channel_send,
    .cancel = channel_cancel,
    .close = channel_close,
};

const uint8_t *self_date(jf_self *self) {
    struct http *it = whole(self);
    if (self->now < it->date_second + 1000000000u && it->date_second != 0) return it->date;
    it->date_second = self->now;
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t wall = (time_t)(self->clock.wall_ns(self->clock.context) / 1000000000u);
    struct tm t;
    gmtime_r(&wall, &t);
    char text[64];
    snprintf(text, sizeof(text), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * t.tm_wday, t.tm_mday,
             months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    memcpy(it->date, text, sizeof(it->date));
    return it->date;
}

static void run_later(void *user) {
    jf_self *self = user;
    struct http *it = whole(self);
    it->posted = false;
    // A post is never lost, but after `stop` there is nobody to tell.
    if (self->stopped) return;
    self_tick(self);
    // What is added meanwhile gets a post of its own, so that nobody starves the loop.
    struct later *last = it->later_tail, *item;
    bool more = it->later_head != NULL;
    while (more && (item = it->later_head) != NULL) {
        more = item != last;
        it->later_head = item->next;
        if (it->later_head == NULL) it->later_tail = NULL;
        item->next = NULL;
        item->queued = false;
        item->run(item);
    }
    if (it->later_head != NULL && !it->posted && !self->stopped) {
        it->posted = true;
        self->loop.post(self->loop.context, run_later, self);
    }
}

void self_later(jf_self *self, struct later *item, void (*run)(struct later *item)) {
    struct http *it = whole(self);
    item->run = run;
    if (item->queued) return;
    item->queued = true;
    item->next = NULL;
    if (it->later_tail != NULL)
        it->later_tail->next = item;
    else
        it->later_head = item;
    it->later_tail = item;
    if (it->posted) return;
    it->posted = true;
    self->loop.post(self->loop.context, run_later, self);
}

void self_not_later(jf_self *self, struct later *item) {
    struct http *it = whole(self);
    if (!item->queued) return;
    struct later *before = NULL;
    for (struct later *at = it->later_head; at != NULL; before = at, at = at->next) {
        if (at != item) continue;
        if (before != NULL)
            before->next = item->next;
        else
            it->later_head = item->next;
        if (it->later_tail == item) it->later_tail = before;
        break;
    }
    item->queued = false;
    item->next = NULL;
}

enum { SWEEP_BATCH = 4096, DRAIN_STEP_NS = 50000000 };
static const uint64_t sweep_least = 10000000, sweep_most = 1000000000;

static void sweep(void *user) {
    jf_self *self = user;
    struct http *it = whole(self);
    it->sweep_timer = 0;
    self_tick(self);
    uint32_t end = it->sweep_at + SWEEP_BATCH;
    if (it->sweep_at == 0) {
        for (uint32_t i = 0; i < it->upstreams.made; i++) {
            struct upstream *u = slots_at(&it->upstreams, i);
            if (u->slot.ref != 0) upstream_sweep(u);
        }
        channels_sweep(self);
        client_sweep(self);
    }
    for (; it->sweep_at < self->conns.made && it->sweep_at < end; it->sweep_at++) {
        struct conn *c = slots_at(&self->conns, it->sweep_at);
        if (c->slot.ref != 0) conn_sweep(c);
    }
    bool all = it->sweep_at >= self->conns.made;
    if (all) it->sweep_at = 0;
    if (all && self->conns.live == 0 && it->upstreams.live == 0 && it->calls.live == 0 && it->origins == NULL)
        return;
    if (!self->stopped && it->sweep_timer == 0)
        self->loop.timer(self->loop.context, all ? it->sweep_ns : 1000000, sweep, self, &it->sweep_timer);
}

void sweep_need(jf_self *self, uint64_t timeout_ns) {
    struct http *it = whole(self);
    if (timeout_ns != 0) {
        uint64_t step = timeout_ns / 4;
        if (step < sweep_least) step = sweep_least;
        if (step < it->sweep_ns) it->sweep_ns = step;
        return;
    }
    if (it->sweep_timer == 0 && !self->stopped)
        self->loop.timer(self->loop.context, it->sweep_ns, sweep, self, &it->sweep_timer);
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    jf_self *self = instance_make(offer, sizeof(struct http), "transport-http", why);
    if (self == NULL) return why->code;
    struct http *it = whole(self);
    it->offered = (jf_http_1){.size = sizeof(jf_http_1),
                              .context = self,
                              .mount = mount_add,
                              .unmount = mount_remove,
                              .respond = mount_respond,
                              .request = client_request,
                              .abandon = client_abandon};
    self->conns.object_size = sizeof(struct conn);
    self->channel_table.object_size = sizeof(struct channel);
    it->calls.object_size = sizeof(struct call);
    it->upstreams.object_size = sizeof(struct upstream);
    it->mounts.object_size = mount_size();
    it->sweep_ns = sweep_most;
    *out = self;
    return JF_OK;
}

static const void *facet(jf_self *self, const char *id) {
    if (strcmp(id, JF_LISTENER_1) == 0) return &listener_table;
    if (strcmp(id, JF_CONNECTOR_1) == 0) return &connector_table;
    return strcmp(id, JF_HTTP_1) == 0 ? &whole(self)->offered : NULL;
}

static void drain(jf_self *self, uint64_t deadline_ns) {
    struct http *it = whole(self);
    self->draining = true;
    it->drain_ns = deadline_ns;
    self_tick(self);
    // Connections go with their next answer; those that nobody uses, once they have been quiet for a moment:
    // a request that is on its way right now must not meet a closed connection.
    sweep_need(self, 4 * DRAIN_STEP_NS);
    if (self->conns.live != 0) {
        self->loop.cancel(self->loop.context, it->sweep_timer);
        it->sweep_timer = 0;
        self->loop.timer(self->loop.context, DRAIN_STEP_NS, sweep, self, &it->sweep_timer);
    }
}

static void stop(jf_self *self) {
    struct http *it = whole(self);
    self->stopped = true;
    it->sending++;
    if (it->sweep_timer != 0) self->loop.cancel(self->loop.context, it->sweep_timer);
    it->sweep_timer = 0;
    if (it->quiet_timer != 0) self->loop.cancel(self->loop.context, it->quiet_timer);
    it->quiet_timer = 0;
    channels_stop(self);
    resolve_end(self);
    for (uint32_t i = 0; i < self->conns.made; i++) {
        struct conn *c = slots_at(&self->conns, i);
        if (c->slot.ref != 0) conn_drop(c);
    }
    for (uint32_t i = 0; i < it->upstreams.made; i++) {
        struct upstream *u = slots_at(&it->upstreams, i);
        if (u->slot.ref != 0) upstream_close(u);
    }
    ports_stop(self);
}

static void destroy(jf_self *self) {
    if (!self->stopped) stop(self);
    // A connection that waited for its post is still pinned by it.
    for (uint32_t i = 0; i < self->conns.made; i++) {
        struct conn *c = slots_at(&self->conns, i);
        if (c->slot.ref != 0) conn_free(c);
    }
    for (uint32_t i = 0; i < whole(self)->upstreams.made; i++) {
        struct upstream *u = slots_at(&whole(self)->upstreams, i);
        if (u->slot.ref != 0) upstream_free(u);
    }
    for (uint32_t i = 0; i < whole(self)->calls.made; i++) {
        struct call *call = slots_at(&whole(self)->calls, i);
        if (call->slot.ref != 0) call_free(call);
    }
    for (uint32_t i = 0; i < self->channel_table.made; i++) {
        struct channel *ch = slots_at(&self->channel_table, i);
        if (ch->slot.ref != 0) channel_end(ch);
    }
    clients_end(self);
    legacy_end(self);
    ports_end(self);
    mounts_end(self);
    slots_end(&whole(self)->calls, &self->memory);
    slots_end(&whole(self)->upstreams, &self->memory);
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
    jf_fault_set(why, JF_E_UNSUPPORTED, 0, "transport-http speaks plugin ABI %d only", JF_ABI_MAJOR);
    return NULL;
}
