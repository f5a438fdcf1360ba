/* SPDX-License-Identifier: Apache-2.0
 * Service jf.seal/1, offered by seal-openssl to host and plugins: text that a client keeps for us and gives
 * back, which only this installation can read or make. */
#ifndef JACKFIELD_SEAL_H
#define JACKFIELD_SEAL_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most bytes of `plain`, and of `bound`. */
#define JF_SEAL_MOST 65536u

/** Authenticated encryption with associated data (RFC 5116): a stateless request carries state in the hands
 * of a client that may neither read nor change it. What is sealed can be opened any number of times, by every
 * instance that has the key: whoever needs "once", "until" or "in this order" puts a number or a time into
 * `plain` and checks it. Both slots [any]; a call costs microseconds, but the first one may load a library
 * and take some milliseconds. Since 1.0. */
typedef struct jf_seal_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** Seals `plain` (at most JF_SEAL_MOST bytes, may be empty) for `bound`, data that is not stored and must
     * be the same again to open it (the principal; at most JF_SEAL_MOST bytes, absent is the same as empty).
     * `*sealed` is base64url text (RFC 4648 section 5) without padding, safe in JSON strings, URLs and HTTP
     * headers, at most 128 bytes longer than 4/3 of `plain`; the caller drops it. Equal input gives a new
     * text each time. JF_E_INVALID: too long. JF_E_FAULT: no cryptographic library, randomness or memory. */
    int32_t (*seal)(void *context, jf_view plain, jf_view bound, jf_blob *sealed, jf_fault *why);
    /** Opens what `seal` gave. `*plain` is present even if empty; the caller drops it, which wipes it.
     * JF_E_INVALID: forged, changed, cut, spelt in another way, sealed for other `bound` data or by a key
     * that is gone; it does not tell which, its text is public. JF_E_FAULT: as for `seal`. */
    int32_t (*open)(void *context, jf_view sealed, jf_view bound, jf_blob *plain, jf_fault *why);
} jf_seal_1;
JF_PIN_SIZE(jf_seal_1, 32);
#define JF_SEAL_1 "jf.seal/1"

#ifdef __cplusplus
}
#endif
#endif
