/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.filter/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t filter_attach_slow(jf_shim *shim, jf_view name, jf_view config, jf_ref *handle,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_FILTER_ATTACH, false);
    if (probe.traces) {
        note_view(&probe, "name", name);
        note_size(&probe, "config", config);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.filter.attach(shim->self, name, config, handle, why);
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

static int32_t filter_attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_FILTER_ATTACH];
    if (!pass_lane(hot)) return filter_attach_slow(shim, name, config, handle, why);
    return passed(shim, JF_SLOT_FILTER_ATTACH, shim->real.filter.attach(shim->self, name, config, handle,
        why));
}

static COLD void filter_detach_slow(jf_shim *shim, jf_ref handle) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_FILTER_DETACH, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
    }
    shim->real.filter.detach(shim->self, handle);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void filter_detach(jf_self *self, jf_ref handle) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_FILTER_DETACH];
    if (!pass_lane(hot)) {
        filter_detach_slow(shim, handle);
        return;
    }
    shim->real.filter.detach(shim->self, handle);
}

static COLD int32_t filter_request_slow(jf_shim *shim, jf_ref op, jf_ref handle, const jf_passage *passage,
    jf_blob *verdict, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_FILTER_REQUEST, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_ref(&probe, "handle", handle);
        note_jf_passage(&probe, "passage", passage);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.filter.request(shim->self, op, handle, passage, verdict, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "verdict", verdict);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t filter_request(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage,
    jf_blob *verdict, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_FILTER_REQUEST];
    if (!pass_lane(hot)) return filter_request_slow(shim, op, handle, passage, verdict, why);
    return passed(shim, JF_SLOT_FILTER_REQUEST, shim->real.filter.request(shim->self, op, handle, passage,
        verdict, why));
}

static COLD int32_t filter_result_slow(jf_shim *shim, jf_ref op, jf_ref handle, const jf_passage *passage,
    jf_blob *verdict, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_FILTER_RESULT, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_ref(&probe, "handle", handle);
        note_jf_passage(&probe, "passage", passage);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.filter.result(shim->self, op, handle, passage, verdict, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "verdict", verdict);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t filter_result(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage,
    jf_blob *verdict, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_FILTER_RESULT];
    if (!pass_lane(hot)) return filter_result_slow(shim, op, handle, passage, verdict, why);
    return passed(shim, JF_SLOT_FILTER_RESULT, shim->real.filter.result(shim->self, op, handle, passage,
        verdict, why));
}

static COLD void filter_ended_slow(jf_shim *shim, jf_ref handle, const jf_passed *passed) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_FILTER_ENDED, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
        note_jf_passed(&probe, "passed", passed);
    }
    shim->real.filter.ended(shim->self, handle, passed);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void filter_ended(jf_self *self, jf_ref handle, const jf_passed *passed) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_FILTER_ENDED];
    if (!pass_lane(hot)) {
        filter_ended_slow(shim, handle, passed);
        return;
    }
    shim->real.filter.ended(shim->self, handle, passed);
}

static COLD void filter_cancel_slow(jf_shim *shim, jf_ref op) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_FILTER_CANCEL, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
    }
    shim->real.filter.cancel(shim->self, op);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void filter_cancel(jf_self *self, jf_ref op) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_FILTER_CANCEL];
    if (!pass_any(hot)) {
        filter_cancel_slow(shim, op);
        return;
    }
    shim->real.filter.cancel(shim->self, op);
}

void wrap_filter(jf_filter_1 *own, const jf_filter_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->attach != NULL) own->attach = filter_attach;
    if (real->detach != NULL) own->detach = filter_detach;
    if (real->request != NULL) own->request = filter_request;
    if (real->result != NULL) own->result = filter_result;
    if (real->ended != NULL) own->ended = filter_ended;
    if (real->cancel != NULL) own->cancel = filter_cancel;
}
