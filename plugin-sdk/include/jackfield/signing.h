/* SPDX-License-Identifier: Apache-2.0
 * Service jf.signing/1, offered by signing-openssl to host and plugins: signatures that anybody can check who
 * has the public key. */
#ifndef JACKFIELD_SIGNING_H
#define JACKFIELD_SIGNING_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a secret key (the seed of RFC 8032 section 5.1.5), of a public one, and of a signature. */
#define JF_SIGNING_KEY 32u
#define JF_SIGNING_SIGNATURE 64u

/** Ed25519 (RFC 8032), without context and without prehashing. Keys come with each call and are not kept: who
 * has the secret decides where it lies. All slots [any]; a call costs tens of microseconds, but the first one
 * may load a library and take some milliseconds. Since 1.1. */
typedef struct jf_signing_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** Writes the public key of `secret` (JF_SIGNING_KEY bytes) to `key` (JF_SIGNING_KEY bytes).
     * JF_E_INVALID: no secret key. JF_E_FAULT: no cryptographic library or memory. */
    int32_t (*public_key)(void *context, jf_view secret, uint8_t *key, jf_fault *why);
    /** Writes the signature of `message` (any length) to `signature` (JF_SIGNING_SIGNATURE bytes). Errors as
     * for `public_key`. */
    int32_t (*sign)(void *context, jf_view secret, jf_view message, uint8_t *signature, jf_fault *why);
    /** JF_OK: `signature` is one of `message` with the secret of `key`. JF_E_DENIED: it is not. JF_E_INVALID:
     * lengths that no key or no signature has. JF_E_FAULT: as for `public_key`. */
    int32_t (*verify)(void *context, jf_view key, jf_view message, jf_view signature, jf_fault *why);
} jf_signing_1;
JF_PIN_SIZE(jf_signing_1, 40);
#define JF_SIGNING_1 "jf.signing/1"

#ifdef __cplusplus
}
#endif
#endif
