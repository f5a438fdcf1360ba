/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.credentials/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t credentials_attach_slow(jf_shim *shim, jf_view server, jf_view config, jf_ref *handle,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_CREDENTIALS_ATTACH, false);
    if (probe.traces) {
        note_view(&probe, "server", server);
        note_size(&probe, "config", config);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.credentials.attach(shim->self, server, config, handle, why);
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

static int32_t credentials_attach(jf_self *self, jf_view server, jf_view config, jf_ref *handle,
    jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_CREDENTIALS_ATTACH];
    if (!pass_lane(hot)) return credentials_attach_slow(shim, server, config, handle, why);
    return passed(shim, JF_SLOT_CREDENTIALS_ATTACH, shim->real.credentials.attach(shim->self, server,
        config, handle, why));
}

static COLD void credentials_detach_slow(jf_shim *shim, jf_ref handle) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_CREDENTIALS_DETACH, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
    }
    shim->real.credentials.detach(shim->self, handle);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void credentials_detach(jf_self *self, jf_ref handle) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_CREDENTIALS_DETACH];
    if (!pass_lane(hot)) {
        credentials_detach_slow(shim, handle);
        return;
    }
    shim->real.credentials.detach(shim->self, handle);
}

static COLD int32_t credentials_supply_slow(jf_shim *shim, jf_ref op, jf_ref handle,
    const jf_demand *demand, jf_blob *supply, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_CREDENTIALS_SUPPLY, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_ref(&probe, "handle", handle);
        note_jf_demand(&probe, "demand", demand);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.credentials.supply(shim->self, op, handle, demand, supply, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "supply", supply);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t credentials_supply(jf_self *self, jf_ref op, jf_ref handle, const jf_demand *demand,
    jf_blob *supply, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_CREDENTIALS_SUPPLY];
    if (!pass_lane(hot)) return credentials_supply_slow(shim, op, handle, demand, supply, why);
    return passed(shim, JF_SLOT_CREDENTIALS_SUPPLY, shim->real.credentials.supply(shim->self, op, handle,
        demand, supply, why));
}

static COLD void credentials_cancel_slow(jf_shim *shim, jf_ref op) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_CREDENTIALS_CANCEL, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
    }
    shim->real.credentials.cancel(shim->self, op);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void credentials_cancel(jf_self *self, jf_ref op) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_CREDENTIALS_CANCEL];
    if (!pass_any(hot)) {
        credentials_cancel_slow(shim, op);
        return;
    }
    shim->real.credentials.cancel(shim->self, op);
}

void wrap_credentials(jf_credentials_1 *own, const jf_credentials_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->attach != NULL) own->attach = credentials_attach;
    if (real->detach != NULL) own->detach = credentials_detach;
    if (real->supply != NULL) own->supply = credentials_supply;
    if (real->cancel != NULL) own->cancel = credentials_cancel;
}
