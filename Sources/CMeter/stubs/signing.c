/* SPDX-License-Identifier: Apache-2.0
 * Stubs of jf.signing/1: each counts, times by samples, traces, injects; then forwards.
 * Written by plugin-sdk/abi/stubs.py: change that, not this. */
/* clang-format off */

#include "../shim.h"

static COLD int32_t signing_public_key_slow(struct service *service, jf_view secret, uint8_t *key,
    jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_SIGNING_PUBLIC_KEY, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "secret", secret);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.signing.public_key(service->context, secret, key, why);
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

static int32_t signing_public_key(void *context, jf_view secret, uint8_t *key, jf_fault *why) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_SIGNING_PUBLIC_KEY];
    if (!pass_any(hot)) return signing_public_key_slow(service, secret, key, why);
    return passed(service->shim, JF_SLOT_SIGNING_PUBLIC_KEY,
        service->real.signing.public_key(service->context, secret, key, why));
}

static COLD int32_t signing_sign_slow(struct service *service, jf_view secret, jf_view message,
    uint8_t *signature, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_SIGNING_SIGN, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "secret", secret);
        note_size(&probe, "message", message);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.signing.sign(service->context, secret, message, signature, why);
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

static int32_t signing_sign(void *context, jf_view secret, jf_view message, uint8_t *signature,
    jf_fault *why) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_SIGNING_SIGN];
    if (!pass_any(hot)) return signing_sign_slow(service, secret, message, signature, why);
    return passed(service->shim, JF_SLOT_SIGNING_SIGN, service->real.signing.sign(service->context, secret,
        message, signature, why));
}

static COLD int32_t signing_verify_slow(struct service *service, jf_view key, jf_view message,
    jf_view signature, jf_fault *why) {
    struct probe probe;
    probe_begin(&probe, service->shim, JF_SLOT_SIGNING_VERIFY, service->is_provided);
    if (probe.traces) {
        note_size(&probe, "key", key);
        note_size(&probe, "message", message);
        note_size(&probe, "signature", signature);
    }
    int32_t answer = probe.injected;
    if (probe.injected == 0) {
        answer = service->real.signing.verify(service->context, key, message, signature, why);
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

static int32_t signing_verify(void *context, jf_view key, jf_view message, jf_view signature, jf_fault *why) {
    struct service *service = context;
    struct slot_hot *hot = &service->shim->hot[JF_SLOT_SIGNING_VERIFY];
    if (!pass_any(hot)) return signing_verify_slow(service, key, message, signature, why);
    return passed(service->shim, JF_SLOT_SIGNING_VERIFY, service->real.signing.verify(service->context, key,
        message, signature, why));
}

void wrap_signing(jf_signing_1 *own, const jf_signing_1 *real) {
    own->size = sizeof *own;
    own->flags = real->flags;
    if (real->public_key != NULL) own->public_key = signing_public_key;
    if (real->sign != NULL) own->sign = signing_sign;
    if (real->verify != NULL) own->verify = signing_verify;
}
