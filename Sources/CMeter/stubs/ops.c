/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.ops/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t ops_finish_slow(struct service *service, jf_ref op, int32_t status, jf_blob *result,
    const jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_OPS_FINISH, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_number(&probe, "status", (int64_t)status);
        note_result(&probe, "result", result);
        note_jf_fault(&probe, "why", why);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.ops.finish(service->context, op, status, result, why);
    } else {
        if (result != NULL) {
            if (result->drop != NULL) result->drop(result->owner);
            *result = (jf_blob){0};
        }
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t ops_finish(void *context, jf_ref op, int32_t status, jf_blob *result, const jf_fault *why) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_OPS_FINISH];
    if (!pass_any(hot)) return ops_finish_slow(service, op, status, result, why);
    return passed(service->shim, JF_SLOT_OPS_FINISH, service->real.ops.finish(service->context, op, status,
        result, why));
}

static COLD int32_t ops_state_slow(struct service *service, jf_ref op) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_OPS_STATE, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "op", op);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.ops.state(service->context, op);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t ops_state(void *context, jf_ref op) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_OPS_STATE];
    if (!pass_any(hot)) return ops_state_slow(service, op);
    return passed(service->shim, JF_SLOT_OPS_STATE, service->real.ops.state(service->context, op));
}

static COLD int32_t ops_progress_slow(struct service *service, jf_ref op, double done, double total,
    jf_view text) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_OPS_PROGRESS, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_real(&probe, "done", done);
        note_real(&probe, "total", total);
        note_view(&probe, "text", text);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.ops.progress(service->context, op, done, total, text);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t ops_progress(void *context, jf_ref op, double done, double total, jf_view text) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_OPS_PROGRESS];
    if (!pass_any(hot)) return ops_progress_slow(service, op, done, total, text);
    return passed(service->shim, JF_SLOT_OPS_PROGRESS, service->real.ops.progress(service->context, op,
        done, total, text));
}

void wrap_ops(jf_ops_1 *own, const jf_ops_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->finish != NULL) own->finish = ops_finish;
    if (real->state != NULL) own->state = ops_state;
    if (real->progress != NULL) own->progress = ops_progress;
}
