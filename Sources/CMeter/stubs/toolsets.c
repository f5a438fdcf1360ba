/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.toolsets/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD void toolsets_changed_slow(struct service *service, jf_ref set, uint32_t kind) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_TOOLSETS_CHANGED, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "set", set);
        note_number(&probe, "kind", (int64_t)kind);
    }
    service->real.toolsets.changed(service->context, set, kind);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void toolsets_changed(void *context, jf_ref set, uint32_t kind) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_TOOLSETS_CHANGED];
    if (!pass_any(hot)) {
        toolsets_changed_slow(service, set, kind);
        return;
    }
    service->real.toolsets.changed(service->context, set, kind);
}

void wrap_toolsets(jf_toolsets_1 *own, const jf_toolsets_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->changed != NULL) own->changed = toolsets_changed;
}
