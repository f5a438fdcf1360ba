/* SPDX-License-Identifier: Apache-2.0
 * SHA-256 (FIPS 180-4) of a file: what a library is pinned by. */
#ifndef TOOLS_NATIVE_SHA256_H
#define TOOLS_NATIVE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sha256 {
    uint32_t state[8];
    uint64_t length;
    uint8_t block[64];
} sha256;

void sha256_begin(sha256 *it);
void sha256_add(sha256 *it, const void *bytes, size_t length);
/** 64 lower-case digits and a NUL. */
void sha256_end(sha256 *it, char out[65]);

#endif
