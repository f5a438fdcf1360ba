/* SPDX-License-Identifier: Apache-2.0
 * transport-http: the plugin's tables, its manifest and the life of an instance. */
#include "connector.h"
#include "listener.h"

#include <netinet/tcp.h>
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
    .unlisten = listener_close,
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

char *self_copy(jf_self *self, jf_view text) {
    char *copy = self_allocate(self, text.len + 1);
    if (copy != NULL && text.len != 0) memcpy(copy, text.ptr, text.len);
    return copy;
}

void socket_prepare(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
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

const uint8_t *self_date(jf_self *self) {
    if (self->now < self->date_second + 1000000000u && self->date_second != 0) return self->date;
    self->date_second = self->now;
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t wall = (time_t)(self->clock.wall_ns(self->clock.context) / 1000000000u);
    struct tm t;
    gmtime_r(&wall, &t);
    char text[64];
    snprintf(text, sizeof(text), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * t.tm_wday, t.tm_mday,
             months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    memcpy(self->date, text, sizeof(self->date));
    return self->date;
}

static void run_later(void *user) {
    jf_self *self = user;
    self->posted = false;
    // A post is never lost, but after `stop` there is nobody to tell.
    if (self->stopped) return;
    self_tick(self);
    // What is added meanwhile gets a post of its own, so that nobody starves the loop.
    struct later *last = self->later_tail, *item;
    bool more = self->later_head != NULL;
    while (more && (item = self->later_head) != NULL) {
        more = item != last;
        self->later_head = item->next;
        if (self->later_head == NULL) self->later_tail = NULL;
        item->next = NULL;
        item->queued = false;
        item->run(item);
    }
    if (self->later_head != NULL && !self->posted && !self->stopped) {
        self->posted = true;
        self->loop.post(self->loop.context, run_later, self);
    }
}

void self_later(jf_self *self, struct later *item, void (*run)(struct later *item)) {
    item->run = run;
    if (item->queued) return;
    item->queued = true;
    item->next = NULL;
    if (self->later_tail != NULL)
        self->later_tail->next = item;
    else
        self->later_head = item;
    self->later_tail = item;
    if (self->posted) return;
    self->posted = true;
    self->loop.post(self->loop.context, run_later, self);
}

void self_not_later(jf_self *self, struct later *item) {
    if (!item->queued) return;
    struct later *before = NULL;
    for (struct later *at = self->later_head; at != NULL; before = at, at = at->next) {
        if (at != item) continue;
        if (before != NULL)
            before->next = item->next;
        else
            self->later_head = item->next;
        if (self->later_tail == item) self->later_tail = before;
        break;
    }
    item->queued = false;
    item->next = NULL;
}

enum { SWEEP_BATCH = 4096, DRAIN_STEP_NS = 50000000 };
static const uint64_t sweep_least = 10000000, sweep_most = 1000000000;

static void sweep(void *user) {
    jf_self *self = user;
    self->sweep_timer = 0;
    self_tick(self);
    uint32_t end = self->sweep_at + SWEEP_BATCH;
    if (self->sweep_at == 0) {
        for (uint32_t i = 0; i < self->upstreams.made; i++) {
            struct upstream *u = slots_at(&self->upstreams, i);
            if (u->slot.ref != 0) upstream_sweep(u);
        }
        channels_sweep(self);
        client_sweep(self);
    }
    for (; self->sweep_at < self->conns.made && self->sweep_at < end; self->sweep_at++) {
        struct conn *c = slots_at(&self->conns, self->sweep_at);
        if (c->slot.ref != 0) conn_sweep(c);
    }
    bool whole = self->sweep_at >= self->conns.made;
    if (whole) self->sweep_at = 0;
    if (whole && self->conns.live == 0 && self->upstreams.live == 0 && self->calls.live == 0 &&
        self->origins == NULL)
        return;
    if (!self->stopped && self->sweep_timer == 0)
        self->loop.timer(self->loop.context, whole ? self->sweep_ns : 1000000, sweep, self,
                         &self->sweep_timer);
}

void sweep_need(jf_self *self, uint64_t timeout_ns) {
    if (timeout_ns != 0) {
        uint64_t step = timeout_ns / 4;
        if (step < sweep_least) step = sweep_least;
        if (step < self->sweep_ns) self->sweep_ns = step;
        return;
    }
    if (self->sweep_timer == 0 && !self->stopped)
        self->loop.timer(self->loop.context, self->sweep_ns, sweep, self, &self->sweep_timer);
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
        return fault_set(why, JF_E_UNSUPPORTED, 0, "transport-http needs the host service jf.memory/1");
    jf_self *self = memory.allocate(memory.context, sizeof(*self));
    if (self == NULL) return fault_set(why, JF_E_FAULT, 0, "out of memory for transport-http");
    self->memory = memory;
    if (!ATTACH(JF_LOOP_1, self->loop) || !ATTACH(JF_CONFIG_1, self->config) ||
        !ATTACH(JF_LOG_1, self->log) || !ATTACH(JF_CLOCK_1, self->clock)) {
        memory.release(memory.context, self);
        return fault_set(
            why, JF_E_UNSUPPORTED, 0,
            "transport-http needs the host services jf.loop/1, jf.config/1, jf.log/1 and jf.clock/1");
    }
    ATTACH(JF_INBOUND_1, self->inbound);
    ATTACH(JF_CHANNELS_1, self->channels);
    self->http = (jf_http_1){.size = sizeof(jf_http_1),
                             .context = self,
                             .mount = mount_add,
                             .unmount = mount_remove,
                             .respond = mount_respond,
                             .request = client_request,
                             .abandon = client_abandon};
    self->conns.object_size = sizeof(struct conn);
    self->channel_table.object_size = sizeof(struct channel);
    self->calls.object_size = sizeof(struct call);
    self->upstreams.object_size = sizeof(struct upstream);
    self->mounts.object_size = mount_size();
    self->sweep_ns = sweep_most;
    *out = self;
    return JF_OK;
}

static const void *facet(jf_self *self, const char *id) {
    if (strcmp(id, JF_LISTENER_1) == 0) return &listener_table;
    if (strcmp(id, JF_CONNECTOR_1) == 0) return &connector_table;
    return strcmp(id, JF_HTTP_1) == 0 ? &self->http : NULL;
}

static void drain(jf_self *self, uint64_t deadline_ns) {
    self->draining = true;
    self->drain_ns = deadline_ns;
    self_tick(self);
    // Connections go with their next answer; those that nobody uses, once they have been quiet for a moment:
    // a request that is on its way right now must not meet a closed connection.
    sweep_need(self, 4 * DRAIN_STEP_NS);
    if (self->conns.live != 0) {
        self->loop.cancel(self->loop.context, self->sweep_timer);
        self->sweep_timer = 0;
        self->loop.timer(self->loop.context, DRAIN_STEP_NS, sweep, self, &self->sweep_timer);
    }
}

static void stop(jf_self *self) {
    self->stopped = true;
    self->sending++;
    if (self->sweep_timer != 0) self->loop.cancel(self->loop.context, self->sweep_timer);
    self->sweep_timer = 0;
    if (self->quiet_timer != 0) self->loop.cancel(self->loop.context, self->quiet_timer);
    self->quiet_timer = 0;
    channels_stop(self);
    resolve_end(self);
    for (uint32_t i = 0; i < self->conns.made; i++) {
        struct conn *c = slots_at(&self->conns, i);
        if (c->slot.ref != 0) conn_drop(c);
    }
    for (uint32_t i = 0; i < self->upstreams.made; i++) {
        struct upstream *u = slots_at(&self->upstreams, i);
        if (u->slot.ref != 0) upstream_close(u);
    }
    listeners_stop(self);
}

static void destroy(jf_self *self) {
    jf_memory_1 memory = self->memory;
    if (!self->stopped) stop(self);
    // A connection that waited for its post is still pinned by it.
    for (uint32_t i = 0; i < self->conns.made; i++) {
        struct conn *c = slots_at(&self->conns, i);
        if (c->slot.ref != 0) conn_free(c);
    }
    for (uint32_t i = 0; i < self->upstreams.made; i++) {
        struct upstream *u = slots_at(&self->upstreams, i);
        if (u->slot.ref != 0) upstream_free(u);
    }
    for (uint32_t i = 0; i < self->calls.made; i++) {
        struct call *call = slots_at(&self->calls, i);
        if (call->slot.ref != 0) call_free(call);
    }
    for (uint32_t i = 0; i < self->channel_table.made; i++) {
        struct channel *ch = slots_at(&self->channel_table, i);
        if (ch->slot.ref != 0) channel_end(ch);
    }
    clients_end(self);
    legacy_end(self);
    listeners_end(self);
    mounts_end(self);
    slots_end(&self->conns, &memory);
    slots_end(&self->calls, &memory);
    slots_end(&self->channel_table, &memory);
    slots_end(&self->upstreams, &memory);
    while (self->free_heads != NULL) {
        struct head *head = self->free_heads;
        self->free_heads = head->next_free;
        memory.release(memory.context, head);
    }
    if (self->spare != NULL) memory.give_back(memory.context, self->spare);
    memory.release(memory.context, self);
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
    fault_set(why, JF_E_UNSUPPORTED, 0, "transport-http speaks plugin ABI %d only", JF_ABI_MAJOR);
    return NULL;
}
