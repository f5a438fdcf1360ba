/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.seal/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t seal_seal_slow(struct service *service, jf_view plain, jf_view bound, jf_blob *sealed,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_SEAL_SEAL, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "plain", plain);
        note_size(&probe, "bound", bound);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.seal.seal(service->context, plain, bound, sealed, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "sealed", sealed);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t seal_seal(void *context, jf_view plain, jf_view bound, jf_blob *sealed, jf_fault *why) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_SEAL_SEAL];
    if (!pass_any(hot)) return seal_seal_slow(service, plain, bound, sealed, why);
    return passed(service->shim, JF_SLOT_SEAL_SEAL, service->real.seal.seal(service->context, plain, bound,
        sealed, why));
}

static COLD int32_t seal_open_slow(struct service *service, jf_view sealed, jf_view bound, jf_blob *plain,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_SEAL_OPEN, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "sealed", sealed);
        note_size(&probe, "bound", bound);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.seal.open(service->context, sealed, bound, plain, why);
    } else {
        probe_refuse(&probe, why);
    }
    probe_end(&probe, answer);
    if (probe.traces) {
        if (answer == JF_OK) {
            note_blob_size(&probe, "plain", plain);
        }
        if (answer < 0) {
            note_jf_fault(&probe, "why", why);
        }
        probe_print(&probe, answer);
    }
    return answer;
}

static int32_t seal_open(void *context, jf_view sealed, jf_view bound, jf_blob *plain, jf_fault *why) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_SEAL_OPEN];
    if (!pass_any(hot)) return seal_open_slow(service, sealed, bound, plain, why);
    return passed(service->shim, JF_SLOT_SEAL_OPEN, service->real.seal.open(service->context, sealed, bound,
        plain, why));
}

void wrap_seal(jf_seal_1 *own, const jf_seal_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->seal != NULL) own->seal = seal_seal;
    if (real->open != NULL) own->open = seal_open;
}
