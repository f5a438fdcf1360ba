/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.state/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t state_get_slow(struct service *service, jf_view key, jf_state_done_fn done, void *user,
    jf_ref *operation) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_STATE_GET, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "key", key);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.state.get(service->context, key, done, user, operation);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (operation != NULL) note_ref(&probe, "operation", *operation);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t state_get(void *context, jf_view key, jf_state_done_fn done, void *user, jf_ref *operation) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_STATE_GET];
    if (!pass_service(service->shim, hot)) return state_get_slow(service, key, done, user, operation);
    return passed(service->shim, JF_SLOT_STATE_GET, service->real.state.get(service->context, key, done,
        user, operation));
}

static COLD int32_t state_put_slow(struct service *service, const jf_store_put *put, jf_state_done_fn done,
    void *user, jf_ref *operation) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_STATE_PUT, service->is_provided);
    if (probe.traces) {
        note_jf_store_put(&probe, "put", put);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.state.put(service->context, put, done, user, operation);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (operation != NULL) note_ref(&probe, "operation", *operation);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t state_put(void *context, const jf_store_put *put, jf_state_done_fn done, void *user,
    jf_ref *operation) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_STATE_PUT];
    if (!pass_service(service->shim, hot)) return state_put_slow(service, put, done, user, operation);
    return passed(service->shim, JF_SLOT_STATE_PUT, service->real.state.put(service->context, put, done,
        user, operation));
}

static COLD int32_t state_remove_slow(struct service *service, jf_view key, uint64_t revision,
    jf_state_done_fn done, void *user, jf_ref *operation) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_STATE_REMOVE, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "key", key);
        note_number(&probe, "revision", (int64_t)revision);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.state.remove(service->context, key, revision, done, user, operation);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (operation != NULL) note_ref(&probe, "operation", *operation);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t state_remove(void *context, jf_view key, uint64_t revision, jf_state_done_fn done,
    void *user, jf_ref *operation) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_STATE_REMOVE];
    if (!pass_service(service->shim, hot)) return state_remove_slow(service, key, revision, done, user,
        operation);
    return passed(service->shim, JF_SLOT_STATE_REMOVE, service->real.state.remove(service->context, key,
        revision, done, user, operation));
}

static COLD int32_t state_list_slow(struct service *service, const jf_store_list *list,
    jf_state_done_fn done, void *user, jf_ref *operation) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_STATE_LIST, service->is_provided);
    if (probe.traces) {
        note_jf_store_list(&probe, "list", list);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.state.list(service->context, list, done, user, operation);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (operation != NULL) note_ref(&probe, "operation", *operation);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t state_list(void *context, const jf_store_list *list, jf_state_done_fn done, void *user,
    jf_ref *operation) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_STATE_LIST];
    if (!pass_service(service->shim, hot)) return state_list_slow(service, list, done, user, operation);
    return passed(service->shim, JF_SLOT_STATE_LIST, service->real.state.list(service->context, list, done,
        user, operation));
}

static COLD int32_t state_add_slow(struct service *service, const jf_store_add *add, jf_state_done_fn done,
    void *user, jf_ref *operation) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_STATE_ADD, service->is_provided);
    if (probe.traces) {
        note_jf_store_add(&probe, "add", add);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.state.add(service->context, add, done, user, operation);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (operation != NULL) note_ref(&probe, "operation", *operation);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t state_add(void *context, const jf_store_add *add, jf_state_done_fn done, void *user,
    jf_ref *operation) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_STATE_ADD];
    if (!pass_service(service->shim, hot)) return state_add_slow(service, add, done, user, operation);
    return passed(service->shim, JF_SLOT_STATE_ADD, service->real.state.add(service->context, add, done,
        user, operation));
}

static COLD int32_t state_take_slow(struct service *service, const jf_store_limit *limits, uint64_t count,
    jf_state_done_fn done, void *user, jf_ref *operation) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_STATE_TAKE, service->is_provided);
    if (probe.traces) {
        note_jf_store_limit(&probe, "limits", limits);
        note_number(&probe, "count", (int64_t)count);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.state.take(service->context, limits, count, done, user, operation);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (operation != NULL) note_ref(&probe, "operation", *operation);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t state_take(void *context, const jf_store_limit *limits, uint64_t count,
    jf_state_done_fn done, void *user, jf_ref *operation) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_STATE_TAKE];
    if (!pass_service(service->shim, hot)) return state_take_slow(service, limits, count, done, user,
        operation);
    return passed(service->shim, JF_SLOT_STATE_TAKE, service->real.state.take(service->context, limits,
        count, done, user, operation));
}

static COLD int32_t state_watch_slow(struct service *service, jf_view prefix, jf_state_changed_fn changed,
    void *user, jf_ref *watch) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_STATE_WATCH, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "prefix", prefix);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.state.watch(service->context, prefix, changed, user, watch);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (watch != NULL) note_ref(&probe, "watch", *watch);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t state_watch(void *context, jf_view prefix, jf_state_changed_fn changed, void *user,
    jf_ref *watch) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_STATE_WATCH];
    if (!pass_service(service->shim, hot)) return state_watch_slow(service, prefix, changed, user, watch);
    return passed(service->shim, JF_SLOT_STATE_WATCH, service->real.state.watch(service->context, prefix,
        changed, user, watch));
}

static COLD void state_unwatch_slow(struct service *service, jf_ref watch) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_STATE_UNWATCH, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "watch", watch);
    }
    service->real.state.unwatch(service->context, watch);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void state_unwatch(void *context, jf_ref watch) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_STATE_UNWATCH];
    if (!pass_service(service->shim, hot)) {
        state_unwatch_slow(service, watch);
        return;
    }
    service->real.state.unwatch(service->context, watch);
}

static COLD void state_abandon_slow(struct service *service, jf_ref operation) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_STATE_ABANDON, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "operation", operation);
    }
    service->real.state.abandon(service->context, operation);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void state_abandon(void *context, jf_ref operation) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_STATE_ABANDON];
    if (!pass_service(service->shim, hot)) {
        state_abandon_slow(service, operation);
        return;
    }
    service->real.state.abandon(service->context, operation);
}

void wrap_state(jf_state_1 *own, const jf_state_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->get != NULL) own->get = state_get;
    if (real->put != NULL) own->put = state_put;
    if (real->remove != NULL) own->remove = state_remove;
    if (real->list != NULL) own->list = state_list;
    if (real->add != NULL) own->add = state_add;
    if (real->take != NULL) own->take = state_take;
    if (real->watch != NULL) own->watch = state_watch;
    if (real->unwatch != NULL) own->unwatch = state_unwatch;
    if (real->abandon != NULL) own->abandon = state_abandon;
}
