/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.clock/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD uint64_t clock_monotonic_ns_slow(struct service *service) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CLOCK_MONOTONIC_NS, service->is_provided);
    uint64_t answer = service->real.clock.monotonic_ns(service->context);
    probe_end(&probe, 0);
    if (probe.traces) {
        note_number(&probe, "answer", (int64_t)answer);
        probe_print(&probe, 0);
    }
    return answer;
}

static uint64_t clock_monotonic_ns(void *context) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CLOCK_MONOTONIC_NS];
    if (!pass_any(hot)) return clock_monotonic_ns_slow(service);
    return service->real.clock.monotonic_ns(service->context);
}

static COLD uint64_t clock_wall_ns_slow(struct service *service) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CLOCK_WALL_NS, service->is_provided);
    uint64_t answer = service->real.clock.wall_ns(service->context);
    probe_end(&probe, 0);
    if (probe.traces) {
        note_number(&probe, "answer", (int64_t)answer);
        probe_print(&probe, 0);
    }
    return answer;
}

static uint64_t clock_wall_ns(void *context) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CLOCK_WALL_NS];
    if (!pass_any(hot)) return clock_wall_ns_slow(service);
    return service->real.clock.wall_ns(service->context);
}

void wrap_clock(jf_clock_1 *own, const jf_clock_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->monotonic_ns != NULL) own->monotonic_ns = clock_monotonic_ns;
    if (real->wall_ns != NULL) own->wall_ns = clock_wall_ns;
}
