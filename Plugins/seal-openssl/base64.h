/* SPDX-License-Identifier: Apache-2.0
 * Base64 (RFC 4648), strictly: one text for each sequence of bytes. */
#ifndef SEAL_OPENSSL_BASE64_H
#define SEAL_OPENSSL_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Characters for `size` bytes, without padding. */
static inline size_t base64_length(size_t size) {
    return size / 3 * 4 + (size % 3 == 0 ? 0 : size % 3 + 1);
}
/** Bytes in `length` characters, rounded down. */
static inline size_t base64_size(size_t length) {
    return length / 4 * 3 + length % 4 * 3 / 4;
}

/** Writes base64url without padding: base64_length(size) characters, no NUL. */
void base64_encode(const uint8_t *bytes, size_t size, uint8_t *text);
/** Reads base64url without padding: base64_size(length) bytes. False: another character, an impossible length
 * or bits left over that are not zero (RFC 4648 section 3.5), so that no two texts give the same bytes. */
bool base64_decode(const uint8_t *text, size_t length, uint8_t *bytes);

#endif
