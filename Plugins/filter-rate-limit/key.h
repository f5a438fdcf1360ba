/* SPDX-License-Identifier: Apache-2.0
 * Under which key a call is counted. */
#ifndef RATE_LIMIT_KEY_H
#define RATE_LIMIT_KEY_H

#include "options.h"

/** Most bytes of a key. */
enum { RL_KEY_MOST = 400 };

/** Writes the key of a call under a limit to `out` (RL_KEY_MOST bytes) and answers its length: names of
 * filter and limit, then each value with its length, so that no two keys are alike by chance or by design. */
uint32_t rl_key_write(const rl_filter *filter, const rl_limit *limit, const jf_passage *passage,
                      uint8_t *out);

/** SHA-256 (FIPS 180-4). */
void rl_digest(const uint8_t *bytes, uint64_t count, uint8_t out[32]);

#endif
