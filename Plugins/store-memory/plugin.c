/* SPDX-License-Identifier: Apache-2.0
 * store-memory: keeps sessions, counters and limits in the memory of the process. Every slot answers at once.
 */
#include "check.h"
#include "setting.h"
#include "state.h"

#include <stdlib.h>
#include <string.h>

struct jf_self {
    struct member member;
    jf_store_1 store;
    uint64_t sweep_ms;
    jf_ref timer;
    bool runs;
    bool more; /**< the last sweep did not come to its end */
};

static int32_t get(jf_self *self, jf_ref op, jf_view key, jf_blob *entry, jf_fault *why) {
    (void)op;
    int32_t status = sc_check_key(&self->member.host, key, why);
    return status == JF_OK ? state_get(&self->member, key, entry, why) : status;
}

static int32_t put(jf_self *self, jf_ref op, const jf_store_put *it, jf_blob *entry, jf_fault *why) {
    (void)op;
    int32_t status = sc_check_put(&self->member.host, it, why);
    return status == JF_OK ? state_put(&self->member, it, entry, why) : status;
}

static int32_t remove_key(jf_self *self, jf_ref op, jf_view key, uint64_t revision, jf_blob *entry,
                          jf_fault *why) {
    (void)op;
    (void)entry;
    int32_t status = sc_check_key(&self->member.host, key, why);
    return status == JF_OK ? state_remove(&self->member, key, revision, why) : status;
}

static int32_t list(jf_self *self, jf_ref op, const jf_store_list *it, jf_blob *entries, jf_fault *why) {
    (void)op;
    int32_t status = sc_check_list(&self->member.host, it, why);
    return status == JF_OK ? state_list(&self->member, it, entries, why) : status;
}

static int32_t add(jf_self *self, jf_ref op, const jf_store_add *it, jf_blob *entry, jf_fault *why) {
    (void)op;
    int32_t status = sc_check_add(&self->member.host, it, why);
    return status == JF_OK ? state_add(&self->member, it, entry, why) : status;
}

static int32_t take(jf_self *self, jf_ref op, const jf_store_limit *limits, uint64_t count, jf_blob *verdicts,
                    jf_fault *why) {
    (void)op;
    sc_limit checked[JF_STORE_TAKE_MOST];
    int32_t status = sc_limits_check(self->member.host.plugin, limits, count, checked, why);
    return status == JF_OK ? state_take(&self->member, checked, count, verdicts, why) : status;
}

static int32_t watch(jf_self *self, jf_ref ref, jf_view prefix, jf_fault *why) {
    return sc_watch_add(&self->member.watches, ref, prefix, why);
}

static void unwatch(jf_self *self, jf_ref ref) {
    sc_watch_remove(&self->member.watches, ref);
}

/* ---- The life of an instance ---- */

static void set_timer(jf_self *self, uint64_t ms);

static void sweep(void *user) {
    jf_self *self = user;
    self->timer = 0;
    if (!self->runs) return;
    self->more = state_sweep(&self->member, self->more ? 0 : self->sweep_ms);
    set_timer(self, self->more ? 1 : self->sweep_ms);
}

static void set_timer(jf_self *self, uint64_t ms) {
    const jf_loop_1 *loop = &self->member.host.loop;
    loop->timer(loop->context, ms * 1000000u, sweep, self, &self->timer);
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return sc_fault(why, JF_E_FAULT, 0, "store-memory: no memory for an instance");
    int32_t status = sc_host_attach(&self->member.host, "store-memory", offer, SC_NEEDS_LOOP, why);
    sc_settings settings = {&self->member.host, config, why, status};
    struct bounds bounds = {.bytes = sc_integer(&settings, "max_bytes", 65536, 1ull << 40, 268435456),
                            .entries = sc_integer(&settings, "max_entries", 1, 100000000, 1000000),
                            .limits = sc_integer(&settings, "max_limits", 1, 100000000, 4000000)};
    self->sweep_ms = sc_integer(&settings, "sweep_ms", 10, 60000, 250);
    if (settings.status != JF_OK) {
        free(self);
        return settings.status;
    }
    sc_watches_open(&self->member.watches, &self->member.host);
    self->store = (jf_store_1){.size = sizeof(jf_store_1),
                               .get = get,
                               .put = put,
                               .remove = remove_key,
                               .list = list,
                               .add = add,
                               .take = take,
                               .watch = watch,
                               .unwatch = unwatch};
    state_join(&self->member, &bounds);
    *out = self;
    return JF_OK;
}

static int32_t start(jf_self *self, jf_fault *why) {
    (void)why;
    self->runs = true;
    set_timer(self, self->sweep_ms);
    return JF_OK;
}

static void stop(jf_self *self) {
    const jf_loop_1 *loop = &self->member.host.loop;
    self->runs = false;
    if (self->timer != 0) loop->cancel(loop->context, self->timer);
    self->timer = 0;
}

static void destroy(jf_self *self) {
    state_leave(&self->member);
    sc_watches_close(&self->member.watches);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_STORE_1) == 0 ? &self->store : NULL;
}

static const jf_plugin plugin = {
    .size = sizeof(jf_plugin),
    .minor = JF_ABI_MINOR,
    .create = create,
    .destroy = destroy,
    .facet = facet,
    .start = start,
    .stop = stop,
};

JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    if (offer->major == JF_ABI_MAJOR) return &plugin;
    sc_fault(why, JF_E_UNSUPPORTED, 0, "store-memory speaks plugin ABI %d only", JF_ABI_MAJOR);
    return NULL;
}
