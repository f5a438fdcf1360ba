/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.auth/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t auth_attach_slow(jf_shim *shim, jf_view name, jf_view config, jf_ref *handle,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_AUTH_ATTACH, false);
    if (probe.traces) {
        note_view(&probe, "name", name);
        note_size(&probe, "config", config);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.auth.attach(shim->self, name, config, handle, why);
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

static int32_t auth_attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_AUTH_ATTACH];
    if (!pass_lane(hot)) return auth_attach_slow(shim, name, config, handle, why);
    return passed(shim, JF_SLOT_AUTH_ATTACH, shim->real.auth.attach(shim->self, name, config, handle, why));
}

static COLD void auth_detach_slow(jf_shim *shim, jf_ref handle) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_AUTH_DETACH, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
    }
    shim->real.auth.detach(shim->self, handle);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void auth_detach(jf_self *self, jf_ref handle) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_AUTH_DETACH];
    if (!pass_lane(hot)) {
        auth_detach_slow(shim, handle);
        return;
    }
    shim->real.auth.detach(shim->self, handle);
}

static COLD int32_t auth_identify_slow(jf_shim *shim, jf_ref op, jf_ref handle,
    const jf_credentials *credentials, jf_blob *principal, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_AUTH_IDENTIFY, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
        note_ref(&probe, "handle", handle);
        note_jf_credentials(&probe, "credentials", credentials);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.auth.identify(shim->self, op, handle, credentials, principal, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "principal", principal);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t auth_identify(jf_self *self, jf_ref op, jf_ref handle, const jf_credentials *credentials,
    jf_blob *principal, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_AUTH_IDENTIFY];
    if (!pass_lane(hot)) return auth_identify_slow(shim, op, handle, credentials, principal, why);
    return passed(shim, JF_SLOT_AUTH_IDENTIFY, shim->real.auth.identify(shim->self, op, handle, credentials,
        principal, why));
}

static COLD int32_t auth_describe_slow(jf_shim *shim, jf_ref handle, jf_blob *description, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_AUTH_DESCRIBE, false);
    if (probe.traces) {
        note_ref(&probe, "handle", handle);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = shim->real.auth.describe(shim->self, handle, description, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "description", description);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t auth_describe(jf_self *self, jf_ref handle, jf_blob *description, jf_fault *why) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_AUTH_DESCRIBE];
    if (!pass_lane(hot)) return auth_describe_slow(shim, handle, description, why);
    return passed(shim, JF_SLOT_AUTH_DESCRIBE, shim->real.auth.describe(shim->self, handle, description,
        why));
}

static COLD void auth_cancel_slow(jf_shim *shim, jf_ref op) {
    struct probe probe;
    probe_begin(&probe, shim, JF_SLOT_AUTH_CANCEL, false);
    if (probe.traces) {
        note_ref(&probe, "op", op);
    }
    shim->real.auth.cancel(shim->self, op);
    probe_end(&probe, 0);
    if (probe.traces) {
        probe_print(&probe, 0);
    }
}

static void auth_cancel(jf_self *self, jf_ref op) {
    jf_shim *shim = (jf_shim *)self;
    struct slot_hot *hot = &shim->hot[JF_SLOT_AUTH_CANCEL];
    if (!pass_any(hot)) {
        auth_cancel_slow(shim, op);
        return;
    }
    shim->real.auth.cancel(shim->self, op);
}

void wrap_auth(jf_auth_1 *own, const jf_auth_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->attach != NULL) own->attach = auth_attach;
    if (real->detach != NULL) own->detach = auth_detach;
    if (real->identify != NULL) own->identify = auth_identify;
    if (real->describe != NULL) own->describe = auth_describe;
    if (real->cancel != NULL) own->cancel = auth_cancel;
}
