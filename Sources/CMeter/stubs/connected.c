/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.connected/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD void connected_connected_slow(struct service *service, jf_view id, int32_t status) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CONNECTED_CONNECTED, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "id", id);
        note_number(&probe, "status", (int64_t)status);
    }
    service->real.connected.connected(service->context, id, status);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void connected_connected(void *context, jf_view id, int32_t status) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CONNECTED_CONNECTED];
    if (!pass_any(hot)) {
        connected_connected_slow(service, id, status);
        return;
    }
    service->real.connected.connected(service->context, id, status);
}

static COLD void connected_forget_slow(struct service *service, jf_view key) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_CONNECTED_FORGET, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "key", key);
    }
    service->real.connected.forget(service->context, key);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void connected_forget(void *context, jf_view key) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_CONNECTED_FORGET];
    if (!pass_any(hot)) {
        connected_forget_slow(service, key);
        return;
    }
    service->real.connected.forget(service->context, key);
}

void wrap_connected(jf_connected_1 *own, const jf_connected_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->connected != NULL) own->connected = connected_connected;
    if (real->forget != NULL) own->forget = connected_forget;
}
