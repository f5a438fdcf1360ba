/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.policies/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD void policies_changed_slow(struct service *service, jf_ref handle) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_POLICIES_CHANGED, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
    }
    service->real.policies.changed(service->context, handle);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void policies_changed(void *context, jf_ref handle) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_POLICIES_CHANGED];
    if (!pass_any(hot)) {
        policies_changed_slow(service, handle);
        return;
    }
    service->real.policies.changed(service->context, handle);
}

void wrap_policies(jf_policies_1 *own, const jf_policies_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->changed != NULL) own->changed = policies_changed;
}
