/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.routing/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t routing_attach_slow(jf_shim *shim, jf_view name, jf_view config, jf_ref *handle,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_ROUTING_ATTACH, false);
    if (probe.traces) {
        note_view(&probe, "name", name);
        note_size(&probe, "config", config);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.routing.attach(shim->self, name, config, handle, why);
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

static int32_t routing_attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_ROUTING_ATTACH];
    if (!pass_lane(hot)) return routing_attach_slow(shim, name, config, handle, why);
    return passed(shim, JF_SLOT_ROUTING_ATTACH, shim->real.routing.attach(shim->self, name, config, handle,
        why));
}

static COLD void routing_detach_slow(jf_shim *shim, jf_ref handle) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_ROUTING_DETACH, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
    }
    shim->real.routing.detach(shim->self, handle);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void routing_detach(jf_self *self, jf_ref handle) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_ROUTING_DETACH];
    if (!pass_lane(hot)) {
        routing_detach_slow(shim, handle);
        return;
    }
    shim->real.routing.detach(shim->self, handle);
}

static COLD int32_t routing_pick_slow(jf_shim *shim, jf_ref handle, const jf_pick *call,
    const jf_endpoint *const *eligible, uint64_t count, uint32_t *chosen, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_ROUTING_PICK, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
        note_jf_pick(&probe, "call", call);
        note_number(&probe, "count", (int64_t)count);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.routing.pick(shim->self, handle, call, eligible, count, chosen, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            if (chosen != NULL) note_number(&probe, "chosen", (int64_t)*chosen);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t routing_pick(jf_self *self, jf_ref handle, const jf_pick *call,
    const jf_endpoint *const *eligible, uint64_t count, uint32_t *chosen, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_ROUTING_PICK];
    if (!pass_lane(hot)) return routing_pick_slow(shim, handle, call, eligible, count, chosen, why);
    return passed(shim, JF_SLOT_ROUTING_PICK, shim->real.routing.pick(shim->self, handle, call, eligible,
        count, chosen, why));
}

static COLD void routing_observe_slow(jf_shim *shim, jf_ref handle, const jf_outcome *outcome) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_ROUTING_OBSERVE, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
        note_jf_outcome(&probe, "outcome", outcome);
    }
    shim->real.routing.observe(shim->self, handle, outcome);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void routing_observe(jf_self *self, jf_ref handle, const jf_outcome *outcome) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_ROUTING_OBSERVE];
    if (!pass_lane(hot)) {
        routing_observe_slow(shim, handle, outcome);
        return;
    }
    shim->real.routing.observe(shim->self, handle, outcome);
}

static COLD int32_t routing_export_state_slow(jf_shim *shim, jf_ref handle, jf_blob *out, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_ROUTING_EXPORT_STATE, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.routing.export_state(shim->self, handle, out, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "out", out);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t routing_export_state(jf_self *self, jf_ref handle, jf_blob *out, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_ROUTING_EXPORT_STATE];
    if (!pass_lane(hot)) return routing_export_state_slow(shim, handle, out, why);
    return passed(shim, JF_SLOT_ROUTING_EXPORT_STATE, shim->real.routing.export_state(shim->self, handle,
        out, why));
}

static COLD int32_t routing_import_state_slow(jf_shim *shim, jf_ref handle, jf_view state, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_ROUTING_IMPORT_STATE, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
        note_size(&probe, "state", state);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.routing.import_state(shim->self, handle, state, why);
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

static int32_t routing_import_state(jf_self *self, jf_ref handle, jf_view state, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_ROUTING_IMPORT_STATE];
    if (!pass_lane(hot)) return routing_import_state_slow(shim, handle, state, why);
    return passed(shim, JF_SLOT_ROUTING_IMPORT_STATE, shim->real.routing.import_state(shim->self, handle,
        state, why));
}

void wrap_routing(jf_routing_1 *own, const jf_routing_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->attach != NULL) own->attach = routing_attach;
    if (real->detach != NULL) own->detach = routing_detach;
    if (real->pick != NULL) own->pick = routing_pick;
    if (real->observe != NULL) own->observe = routing_observe;
    if (real->export_state != NULL) own->export_state = routing_export_state;
    if (real->import_state != NULL) own->import_state = routing_import_state;
}
