/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.callback/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t callback_lease_slow(struct service *service, const jf_callback_request *request,
    jf_code_fn *code, jf_ref *lease, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CALLBACK_LEASE, service->is_provided);
    if (probe.traces) {
        note_jf_callback_request(&probe, "request", request);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.callback.lease(service->context, request, code, lease, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (lease != NULL) note_ref(&probe, "lease", *lease);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t callback_lease(void *context, const jf_callback_request *request, jf_code_fn *code,
    jf_ref *lease, jf_fault *why) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CALLBACK_LEASE];
    if (!pass_any(hot)) return callback_lease_slow(service, request, code, lease, why);
    return passed(service->shim, JF_SLOT_CALLBACK_LEASE, service->real.callback.lease(service->context,
        request, code, lease, why));
}

static COLD int32_t callback_release_slow(struct service *service, jf_ref lease, uint32_t flags) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CALLBACK_RELEASE, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "lease", lease);
        note_number(&probe, "flags", (int64_t)flags);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.callback.release(service->context, lease, flags);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t callback_release(void *context, jf_ref lease, uint32_t flags) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CALLBACK_RELEASE];
    if (!pass_any(hot)) return callback_release_slow(service, lease, flags);
    return passed(service->shim, JF_SLOT_CALLBACK_RELEASE, service->real.callback.release(service->context,
        lease, flags));
}

void wrap_callback(jf_callback_1 *own, const jf_callback_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->lease != NULL) own->lease = callback_lease;
    if (real->release != NULL) own->release = callback_release;
}
