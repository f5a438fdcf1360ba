/* SPDX-License-Identifier: Apache-2.0
 * Byte classes and 64-byte block searches shared by the walker and the string functions. */
#ifndef CSIMDJSON_BYTES_H
#define CSIMDJSON_BYTES_H

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace csimdjson {

inline bool is_space(uint8_t c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
inline bool is_digit(uint8_t c) {
    return static_cast<uint8_t>(c - '0') < 10;
}

/** Value of a hexadecimal digit, 0xFF for anything else. */
struct hex_table {
    uint8_t value[256];
    constexpr hex_table() : value() {
        for (int i = 0; i < 256; ++i)
            value[i] = 0xFF;
        for (int i = 0; i < 10; ++i)
            value['0' + i] = static_cast<uint8_t>(i);
        for (int i = 0; i < 6; ++i) {
            value['a' + i] = static_cast<uint8_t>(10 + i);
            value['A' + i] = static_cast<uint8_t>(10 + i);
        }
    }
};
inline constexpr hex_table hex;

/** What a character behind a backslash stands for; 0: not an escape; 1 for `u`. */
struct escape_table {
    uint8_t value[256];
    constexpr escape_table() : value() {
        value['"'] = '"';
        value['\\'] = '\\';
        value['/'] = '/';
        value['b'] = '\b';
        value['f'] = '\f';
        value['n'] = '\n';
        value['r'] = '\r';
        value['t'] = '\t';
        value['u'] = 1;
    }
};
inline constexpr escape_table escape;

/** The code unit of four hexadecimal digits, or a negative number. */
inline int32_t hex4(const uint8_t *p) {
    const uint8_t a = hex.value[p[0]], b = hex.value[p[1]], c = hex.value[p[2]], d = hex.value[p[3]];
    if ((a | b | c | d) & 0x80) return -1;
    return static_cast<int32_t>((a << 12) | (b << 8) | (c << 4) | d);
}

/** Bit i is set when p[i] is `wanted`. Reads 64 bytes. */
inline uint64_t block_equal(const uint8_t *p, uint8_t wanted) {
#if defined(__SSE2__)
    const __m128i w = _mm_set1_epi8(static_cast<char>(wanted));
    uint64_t mask = 0;
    for (int i = 0; i < 4; ++i) {
        const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i *>(p + 16 * i));
        const auto bits = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(v, w)));
        mask |= static_cast<uint64_t>(bits) << (16 * i);
    }
    return mask;
#else
    uint64_t mask = 0;
    for (int i = 0; i < 64; ++i)
        mask |= static_cast<uint64_t>(p[i] == wanted) << i;
    return mask;
#endif
}

/** Length of the front of p[0 ..< length] without quote, backslash and control characters. */
inline size_t plain_prefix(const uint8_t *p, size_t length) {
    size_t i = 0;
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x1F);
    for (; i + 16 <= length; i += 16) {
        const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i *>(p + i));
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, low), v);
        const __m128i hit =
            _mm_or_si128(control, _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)));
        const auto bits = static_cast<uint32_t>(_mm_movemask_epi8(hit));
        if (bits) return i + static_cast<size_t>(__builtin_ctz(bits));
    }
#endif
    while (i < length && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\')
        ++i;
    return i;
}

} // namespace csimdjson
#endif
