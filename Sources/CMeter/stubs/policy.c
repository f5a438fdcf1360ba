/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.policy/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t policy_attach_slow(jf_shim *shim, jf_view name, jf_view config, jf_ref *handle,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_POLICY_ATTACH, false);
    if (probe.traces) {
        note_view(&probe, "name", name);
        note_size(&probe, "config", config);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.policy.attach(shim->self, name, config, handle, why);
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

static int32_t policy_attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_POLICY_ATTACH];
    if (!pass_lane(hot)) return policy_attach_slow(shim, name, config, handle, why);
    return passed(shim, JF_SLOT_POLICY_ATTACH, shim->real.policy.attach(shim->self, name, config, handle,
        why));
}

static COLD void policy_detach_slow(jf_shim *shim, jf_ref handle) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_POLICY_DETACH, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
    }
    shim->real.policy.detach(shim->self, handle);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void policy_detach(jf_self *self, jf_ref handle) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_POLICY_DETACH];
    if (!pass_lane(hot)) {
        policy_detach_slow(shim, handle);
        return;
    }
    shim->real.policy.detach(shim->self, handle);
}

static COLD int32_t policy_decide_slow(jf_shim *shim, jf_ref op, jf_ref handle, const jf_access *access,
    jf_ruling *ruling, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_POLICY_DECIDE, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_ref(&probe, "handle", handle);
        note_jf_access(&probe, "access", access);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.policy.decide(shim->self, op, handle, access, ruling, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (answer == 0) note_jf_ruling(&probe, "ruling", ruling);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t policy_decide(jf_self *self, jf_ref op, jf_ref handle, const jf_access *access,
    jf_ruling *ruling, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_POLICY_DECIDE];
    if (!pass_lane(hot)) return policy_decide_slow(shim, op, handle, access, ruling, why);
    return passed(shim, JF_SLOT_POLICY_DECIDE, shim->real.policy.decide(shim->self, op, handle, access,
        ruling, why));
}

static COLD int32_t policy_review_slow(jf_shim *shim, jf_ref op, jf_ref handle,
    const jf_access *const *accesses, uint64_t count, jf_blob *decisions, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_POLICY_REVIEW, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_ref(&probe, "handle", handle);
        note_number(&probe, "count", (int64_t)count);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.policy.review(shim->self, op, handle, accesses, count, decisions, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "decisions", decisions);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t policy_review(jf_self *self, jf_ref op, jf_ref handle, const jf_access *const *accesses,
    uint64_t count, jf_blob *decisions, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_POLICY_REVIEW];
    if (!pass_lane(hot)) return policy_review_slow(shim, op, handle, accesses, count, decisions, why);
    return passed(shim, JF_SLOT_POLICY_REVIEW, shim->real.policy.review(shim->self, op, handle, accesses,
        count, decisions, why));
}

static COLD int32_t policy_classify_slow(jf_shim *shim, jf_ref handle, const jf_principal *principal,
    jf_blob *name, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_POLICY_CLASSIFY, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
        note_jf_principal(&probe, "principal", principal);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.policy.classify(shim->self, handle, principal, name, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "name", name);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t policy_classify(jf_self *self, jf_ref handle, const jf_principal *principal, jf_blob *name,
    jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_POLICY_CLASSIFY];
    if (!pass_lane(hot)) return policy_classify_slow(shim, handle, principal, name, why);
    return passed(shim, JF_SLOT_POLICY_CLASSIFY, shim->real.policy.classify(shim->self, handle, principal,
        name, why));
}

static COLD void policy_cancel_slow(jf_shim *shim, jf_ref op) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_POLICY_CANCEL, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
    }
    shim->real.policy.cancel(shim->self, op);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void policy_cancel(jf_self *self, jf_ref op) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_POLICY_CANCEL];
    if (!pass_any(hot)) {
        policy_cancel_slow(shim, op);
        return;
    }
    shim->real.policy.cancel(shim->self, op);
}

void wrap_policy(jf_policy_1 *own, const jf_policy_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->attach != NULL) own->attach = policy_attach;
    if (real->detach != NULL) own->detach = policy_detach;
    if (real->decide != NULL) own->decide = policy_decide;
    if (real->review != NULL) own->review = policy_review;
    if (real->classify != NULL) own->classify = policy_classify;
    if (real->cancel != NULL) own->cancel = policy_cancel;
}
