/* SPDX-License-Identifier: Apache-2.0
 * Tokens: their form, sealing and opening. */
#ifndef SEAL_OPENSSL_TOKEN_H
#define SEAL_OPENSSL_TOKEN_H

#include "keyring.h"
#include <jackfield/seal.h>

/** What `jf_seal_1.seal` does with the keys of `ring` at time `now_ns`. [any] */
int32_t token_seal(struct keyring *ring, uint64_t now_ns, jf_view plain, jf_view bound, jf_blob *sealed,
                   jf_fault *why);
/** What `jf_seal_1.open` does. [any] */
int32_t token_open(struct keyring *ring, uint64_t now_ns, jf_view sealed, jf_view bound, jf_blob *plain,
                   jf_fault *why);

#endif
