/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.identity/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD void identity_forget_slow(struct service *service, jf_view credential) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_IDENTITY_FORGET, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "credential", credential);
    }
    service->real.identity.forget(service->context, credential);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void identity_forget(void *context, jf_view credential) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_IDENTITY_FORGET];
    if (!pass_any(hot)) {
        identity_forget_slow(service, credential);
        return;
    }
    service->real.identity.forget(service->context, credential);
}

void wrap_identity(jf_identity_1 *own, const jf_identity_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->forget != NULL) own->forget = identity_forget;
}
