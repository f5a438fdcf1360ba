/* SPDX-License-Identifier: Apache-2.0
 * Base64url without padding (RFC 4648 section 5). */
#include "base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64_encode(const uint8_t *bytes, size_t size, uint8_t *text) {
    uint32_t bits = 0, count = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6; count -= 6)
            *text++ = (uint8_t)alphabet[bits >> (count - 6) & 63];
    }
    if (count != 0) *text = (uint8_t)alphabet[bits << (6 - count) & 63];
}

/** Six bits and one more for each character of the alphabet, so that 0 says: no such character. */
static const uint8_t values[256] = {
    // clang-format off
    ['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
    40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
    ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
    ['-'] = 63, ['_'] = 64,
    // clang-format on
};

/** Six bits; all ones: no such character. */
static inline uint32_t value_of(uint8_t c) {
    return values[c] - 1u;
}

bool base64_decode(const uint8_t *text, size_t length, uint8_t *bytes) {
    uint32_t seen = 0, bits = 0, count = 0;
    size_t i = 0;
    if (length % 4 == 1) return false;
    for (; i + 4 <= length; i += 4, bytes += 3) {
        uint32_t a = value_of(text[i]), b = value_of(text[i + 1]), c = value_of(text[i + 2]),
                 d = value_of(text[i + 3]);
        seen |= a | b | c | d;
        uint32_t group = a << 18 | b << 12 | c << 6 | d;
        bytes[0] = (uint8_t)(group >> 16);
        bytes[1] = (uint8_t)(group >> 8);
        bytes[2] = (uint8_t)group;
    }
    for (; i < length; i++) {
        uint32_t value = value_of(text[i]);
        seen |= value;
        bits = bits << 6 | value;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        *bytes++ = (uint8_t)(bits >> count);
    }
    return seen <= 63 && (bits & ((1u << count) - 1)) == 0;
}
