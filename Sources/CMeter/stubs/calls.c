/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.calls/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t calls_start_slow(struct service *service, const jf_call *call, jf_call_done_fn done,
    void *user, jf_ref *out, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CALLS_START, service->is_provided);
    if (probe.traces) {
        note_jf_call(&probe, "call", call);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.calls.start(service->context, call, done, user, out, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (out != NULL) note_ref(&probe, "out", *out);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t calls_start(void *context, const jf_call *call, jf_call_done_fn done, void *user,
    jf_ref *out, jf_fault *why) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CALLS_START];
    if (!pass_service(service->shim, hot)) return calls_start_slow(service, call, done, user, out, why);
    return passed(service->shim, JF_SLOT_CALLS_START, service->real.calls.start(service->context, call,
        done, user, out, why));
}

static COLD void calls_cancel_slow(struct service *service, jf_ref call) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CALLS_CANCEL, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "call", call);
    }
    service->real.calls.cancel(service->context, call);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void calls_cancel(void *context, jf_ref call) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CALLS_CANCEL];
    if (!pass_service(service->shim, hot)) {
        calls_cancel_slow(service, call);
        return;
    }
    service->real.calls.cancel(service->context, call);
}

void wrap_calls(jf_calls_1 *own, const jf_calls_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->start != NULL) own->start = calls_start;
    if (real->cancel != NULL) own->cancel = calls_cancel;
}
