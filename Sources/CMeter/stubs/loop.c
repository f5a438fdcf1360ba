/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.loop/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t loop_watch_slow(struct service *service, int32_t fd, uint32_t events, jf_ready_fn ready,
    void *user, jf_ref *watch) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_LOOP_WATCH, service->is_provided);
    if (probe.traces) {
        note_number(&probe, "fd", (int64_t)fd);
        note_number(&probe, "events", (int64_t)events);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.loop.watch(service->context, fd, events, ready, user, watch);
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

static int32_t loop_watch(void *context, int32_t fd, uint32_t events, jf_ready_fn ready, void *user,
    jf_ref *watch) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_LOOP_WATCH];
    if (!pass_service(service->shim, hot)) return loop_watch_slow(service, fd, events, ready, user, watch);
    return passed(service->shim, JF_SLOT_LOOP_WATCH, service->real.loop.watch(service->context, fd, events,
        ready, user, watch));
}

static COLD void loop_unwatch_slow(struct service *service, jf_ref watch) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_LOOP_UNWATCH, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "watch", watch);
    }
    service->real.loop.unwatch(service->context, watch);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void loop_unwatch(void *context, jf_ref watch) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_LOOP_UNWATCH];
    if (!pass_service(service->shim, hot)) {
        loop_unwatch_slow(service, watch);
        return;
    }
    service->real.loop.unwatch(service->context, watch);
}

static COLD int32_t loop_timer_slow(struct service *service, uint64_t delay_ns, jf_task_fn fire, void *user,
    jf_ref *timer) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_LOOP_TIMER, service->is_provided);
    if (probe.traces) {
        note_number(&probe, "delay_ns", (int64_t)delay_ns);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.loop.timer(service->context, delay_ns, fire, user, timer);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (timer != NULL) note_ref(&probe, "timer", *timer);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t loop_timer(void *context, uint64_t delay_ns, jf_task_fn fire, void *user, jf_ref *timer) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_LOOP_TIMER];
    if (!pass_service(service->shim, hot)) return loop_timer_slow(service, delay_ns, fire, user, timer);
    return passed(service->shim, JF_SLOT_LOOP_TIMER, service->real.loop.timer(service->context, delay_ns,
        fire, user, timer));
}

static COLD void loop_cancel_slow(struct service *service, jf_ref timer) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_LOOP_CANCEL, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "timer", timer);
    }
    service->real.loop.cancel(service->context, timer);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void loop_cancel(void *context, jf_ref timer) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_LOOP_CANCEL];
    if (!pass_service(service->shim, hot)) {
        loop_cancel_slow(service, timer);
        return;
    }
    service->real.loop.cancel(service->context, timer);
}

static COLD int32_t loop_post_slow(struct service *service, jf_task_fn task, void *user) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_LOOP_POST, service->is_provided);
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.loop.post(service->context, task, user);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t loop_post(void *context, jf_task_fn task, void *user) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_LOOP_POST];
    if (!pass_any(hot)) return loop_post_slow(service, task, user);
    return passed(service->shim, JF_SLOT_LOOP_POST, service->real.loop.post(service->context, task, user));
}

static COLD uint64_t loop_now_slow(struct service *service) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_LOOP_NOW, service->is_provided);
    uint64_t answer = service->real.loop.now(service->context);
    probe_end(&probe, 0);
    if (probe.traces) {
        note_number(&probe, "answer", (int64_t)answer);
        probe_print(&probe, 0);
    }
    return answer;
}

static uint64_t loop_now(void *context) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_LOOP_NOW];
    if (!pass_service(service->shim, hot)) return loop_now_slow(service);
    return service->real.loop.now(service->context);
}

static COLD uint32_t loop_index_slow(struct service *service, uint32_t *count) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_LOOP_INDEX, service->is_provided);
    uint32_t answer = service->real.loop.index(service->context, count);
    probe_end(&probe, 0);
    if (probe.traces) {
        if (count != NULL) note_number(&probe, "count", (int64_t)*count);
        note_number(&probe, "answer", (int64_t)answer);
        probe_print(&probe, 0);
    }
    return answer;
}

static uint32_t loop_index(void *context, uint32_t *count) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_LOOP_INDEX];
    if (!pass_any(hot)) return loop_index_slow(service, count);
    return service->real.loop.index(service->context, count);
}

void wrap_loop(jf_loop_1 *own, const jf_loop_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->watch != NULL) own->watch = loop_watch;
    if (real->unwatch != NULL) own->unwatch = loop_unwatch;
    if (real->timer != NULL) own->timer = loop_timer;
    if (real->cancel != NULL) own->cancel = loop_cancel;
    if (real->post != NULL) own->post = loop_post;
    if (real->now != NULL) own->now = loop_now;
    if (real->index != NULL) own->index = loop_index;
}
