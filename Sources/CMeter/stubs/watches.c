/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.watches/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD void watches_changed_slow(struct service *service, jf_ref watch, jf_view key, uint64_t revision) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_WATCHES_CHANGED, service->is_provided);
    if (probe.traces) {
        note_ref(&probe, "watch", watch);
        note_size(&probe, "key", key);
        note_number(&probe, "revision", (int64_t)revision);
    }
    service->real.watches.changed(service->context, watch, key, revision);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void watches_changed(void *context, jf_ref watch, jf_view key, uint64_t revision) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_WATCHES_CHANGED];
    if (!pass_any(hot)) {
        watches_changed_slow(service, watch, key, revision);
        return;
    }
    service->real.watches.changed(service->context, watch, key, revision);
}

void wrap_watches(jf_watches_1 *own, const jf_watches_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->changed != NULL) own->changed = watches_changed;
}
