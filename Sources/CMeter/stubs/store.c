/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.store/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t store_get_slow(jf_shim *shim, jf_ref op, jf_view key, jf_blob *entry, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_STORE_GET, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_size(&probe, "key", key);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.store.get(shim->self, op, key, entry, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "entry", entry);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t store_get(jf_self *self, jf_ref op, jf_view key, jf_blob *entry, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_STORE_GET];
    if (!pass_request(shim, hot)) return store_get_slow(shim, op, key, entry, why);
    return passed(shim, JF_SLOT_STORE_GET, shim->real.store.get(shim->self, op, key, entry, why));
}

static COLD int32_t store_put_slow(jf_shim *shim, jf_ref op, const jf_store_put *put, jf_blob *entry,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_STORE_PUT, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_jf_store_put(&probe, "put", put);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.store.put(shim->self, op, put, entry, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "entry", entry);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t store_put(jf_self *self, jf_ref op, const jf_store_put *put, jf_blob *entry, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_STORE_PUT];
    if (!pass_request(shim, hot)) return store_put_slow(shim, op, put, entry, why);
    return passed(shim, JF_SLOT_STORE_PUT, shim->real.store.put(shim->self, op, put, entry, why));
}

static COLD int32_t store_remove_slow(jf_shim *shim, jf_ref op, jf_view key, uint64_t revision,
    jf_blob *entry, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_STORE_REMOVE, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_size(&probe, "key", key);
        note_number(&probe, "revision", (int64_t)revision);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.store.remove(shim->self, op, key, revision, entry, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "entry", entry);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t store_remove(jf_self *self, jf_ref op, jf_view key, uint64_t revision, jf_blob *entry,
    jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_STORE_REMOVE];
    if (!pass_request(shim, hot)) return store_remove_slow(shim, op, key, revision, entry, why);
    return passed(shim, JF_SLOT_STORE_REMOVE, shim->real.store.remove(shim->self, op, key, revision, entry,
        why));
}

static COLD int32_t store_list_slow(jf_shim *shim, jf_ref op, const jf_store_list *list, jf_blob *entries,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_STORE_LIST, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_jf_store_list(&probe, "list", list);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.store.list(shim->self, op, list, entries, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "entries", entries);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t store_list(jf_self *self, jf_ref op, const jf_store_list *list, jf_blob *entries,
    jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_STORE_LIST];
    if (!pass_request(shim, hot)) return store_list_slow(shim, op, list, entries, why);
    return passed(shim, JF_SLOT_STORE_LIST, shim->real.store.list(shim->self, op, list, entries, why));
}

static COLD int32_t store_add_slow(jf_shim *shim, jf_ref op, const jf_store_add *add, jf_blob *entry,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_STORE_ADD, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_jf_store_add(&probe, "add", add);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.store.add(shim->self, op, add, entry, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "entry", entry);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t store_add(jf_self *self, jf_ref op, const jf_store_add *add, jf_blob *entry, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_STORE_ADD];
    if (!pass_request(shim, hot)) return store_add_slow(shim, op, add, entry, why);
    return passed(shim, JF_SLOT_STORE_ADD, shim->real.store.add(shim->self, op, add, entry, why));
}

static COLD int32_t store_take_slow(jf_shim *shim, jf_ref op, const jf_store_limit *limits, uint64_t count,
    jf_blob *verdicts, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_STORE_TAKE, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_jf_store_limit(&probe, "limits", limits);
        note_number(&probe, "count", (int64_t)count);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.store.take(shim->self, op, limits, count, verdicts, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "verdicts", verdicts);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t store_take(jf_self *self, jf_ref op, const jf_store_limit *limits, uint64_t count,
    jf_blob *verdicts, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_STORE_TAKE];
    if (!pass_request(shim, hot)) return store_take_slow(shim, op, limits, count, verdicts, why);
    return passed(shim, JF_SLOT_STORE_TAKE, shim->real.store.take(shim->self, op, limits, count, verdicts,
        why));
}

static COLD int32_t store_watch_slow(jf_shim *shim, jf_ref watch, jf_view prefix, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_STORE_WATCH, false);
    if (probe.traces) {
        note_ref(&probe, "watch", watch);
        note_size(&probe, "prefix", prefix);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.store.watch(shim->self, watch, prefix, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t store_watch(jf_self *self, jf_ref watch, jf_view prefix, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_STORE_WATCH];
    if (!pass_lane(hot)) return store_watch_slow(shim, watch, prefix, why);
    return passed(shim, JF_SLOT_STORE_WATCH, shim->real.store.watch(shim->self, watch, prefix, why));
}

static COLD void store_unwatch_slow(jf_shim *shim, jf_ref watch) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_STORE_UNWATCH, false);
    if (probe.traces) {
        note_ref(&probe, "watch", watch);
    }
    shim->real.store.unwatch(shim->self, watch);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void store_unwatch(jf_self *self, jf_ref watch) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_STORE_UNWATCH];
    if (!pass_lane(hot)) {
        store_unwatch_slow(shim, watch);
        return;
    }
    shim->real.store.unwatch(shim->self, watch);
}

static COLD void store_cancel_slow(jf_shim *shim, jf_ref op) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_STORE_CANCEL, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
    }
    shim->real.store.cancel(shim->self, op);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void store_cancel(jf_self *self, jf_ref op) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_STORE_CANCEL];
    if (!pass_any(hot)) {
        store_cancel_slow(shim, op);
        return;
    }
    shim->real.store.cancel(shim->self, op);
}

void wrap_store(jf_store_1 *own, const jf_store_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->get != NULL) own->get = store_get;
    if (real->put != NULL) own->put = store_put;
    if (real->remove != NULL) own->remove = store_remove;
    if (real->list != NULL) own->list = store_list;
    if (real->add != NULL) own->add = store_add;
    if (real->take != NULL) own->take = store_take;
    if (real->watch != NULL) own->watch = store_watch;
    if (real->unwatch != NULL) own->unwatch = store_unwatch;
    if (real->cancel != NULL) own->cancel = store_cancel;
}
