/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.interpose/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t interpose_wrap_slow(struct service *service, const jf_interpose_plan *plan,
    const void *table, const void **wrapped, jf_ref *handle, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_INTERPOSE_WRAP, service->is_provided);
    if (probe.traces) {
        note_jf_interpose_plan(&probe, "plan", plan);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.interpose.wrap(service->context, plan, table, wrapped, handle, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (handle != NULL) note_ref(&probe, "handle", *handle);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t interpose_wrap(void *context, const jf_interpose_plan *plan, const void *table,
    const void **wrapped, jf_ref *handle, jf_fault *why) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_INTERPOSE_WRAP];
    if (!pass_lane(hot)) return interpose_wrap_slow(service, plan, table, wrapped, handle, why);
    return passed(service->shim, JF_SLOT_INTERPOSE_WRAP, service->real.interpose.wrap(service->context,
        plan, table, wrapped, handle, why));
}

static COLD int32_t interpose_unwrap_slow(struct service *service, jf_ref handle) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_INTERPOSE_UNWRAP, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.interpose.unwrap(service->context, handle);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t interpose_unwrap(void *context, jf_ref handle) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_INTERPOSE_UNWRAP];
    if (!pass_lane(hot)) return interpose_unwrap_slow(service, handle);
    return passed(service->shim, JF_SLOT_INTERPOSE_UNWRAP, service->real.interpose.unwrap(service->context,
        handle));
}

void wrap_interpose(jf_interpose_1 *own, const jf_interpose_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->wrap != NULL) own->wrap = interpose_wrap;
    if (real->unwrap != NULL) own->unwrap = interpose_unwrap;
}
