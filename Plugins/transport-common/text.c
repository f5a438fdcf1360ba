/* SPDX-License-Identifier: Apache-2.0
 * Views, bounded text building, comparisons and Base64. */
#include "text.h"

#include <stdio.h>

void put_decimal(struct writer *w, uint64_t number) {
    uint8_t digits[20];
    uint32_t at = sizeof(digits);
    do {
        digits[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    put_bytes(w, digits + at, sizeof(digits) - at);
}

void put_hex(struct writer *w, uint64_t number) {
    uint8_t digits[16];
    uint32_t at = sizeof(digits);
    do {
        digits[--at] = (uint8_t) "0123456789abcdef"[number & 15];
        number >>= 4;
    } while (number != 0);
    put_bytes(w, digits + at, sizeof(digits) - at);
}

static inline uint8_t lower(uint8_t c) {
    return (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool same_nocase(const uint8_t *bytes, uint64_t length, const char *low, uint64_t low_length) {
    if (length != low_length) return false;
    for (uint64_t i = 0; i < length; i++)
        if (lower(bytes[i]) != (uint8_t)low[i]) return false;
    return true;
}

bool view_equal(jf_view a, jf_view b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool view_equal_nocase(jf_view a, jf_view b) {
    if (a.len != b.len) return false;
    for (uint64_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
    return true;
}

jf_view view_trim(jf_view v) {
    while (v.len != 0 && (v.ptr[0] == ' ' || v.ptr[0] == '\t')) {
        v.ptr++;
        v.len--;
    }
    while (v.len != 0 && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t'))
        v.len--;
    return v;
}

jf_view view_until(jf_view v, uint8_t mark, jf_view *rest) {
    const uint8_t *found = v.len == 0 ? NULL : memchr(v.ptr, mark, v.len);
    if (found == NULL) {
        *rest = (jf_view){NULL, 0};
        return v;
    }
    uint64_t before = (uint64_t)(found - v.ptr);
    *rest = view_make(found + 1, v.len - before - 1);
    return view_make(v.ptr, before);
}

bool header_value_clean(jf_view v) {
    for (uint64_t i = 0; i < v.len; i++)
        if ((v.ptr[i] < 0x20 && v.ptr[i] != '\t') || v.ptr[i] == 0x7f) return false;
    return true;
}

bool header_name_clean(jf_view v) {
    for (uint64_t i = 0; i < v.len; i++) {
        uint8_t c = lower(v.ptr[i]);
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && (c == 0 || strchr("!#$%&'*+-.^_`|~", c) == NULL)) return false;
    }
    return v.len != 0;
}

#define SENTINEL_OPEN "=?base64?"
#define SENTINEL_CLOSE "?="
#define SENTINEL_LENGTH (sizeof(SENTINEL_OPEN) - 1 + sizeof(SENTINEL_CLOSE) - 1)

static bool has_sentinel(const uint8_t *bytes, uint64_t length) {
    return length >= SENTINEL_LENGTH && memcmp(bytes, SENTINEL_OPEN, sizeof(SENTINEL_OPEN) - 1) == 0 &&
           memcmp(bytes + length - 2, SENTINEL_CLOSE, 2) == 0;
}

bool mirrored_needs_sentinel(jf_view v) {
    if (v.len == 0) return false;
    for (uint64_t i = 0; i < v.len; i++)
        if (v.ptr[i] < 0x20 || v.ptr[i] > 0x7e) return true;
    return v.ptr[0] == ' ' || v.ptr[v.len - 1] == ' ' || has_sentinel(v.ptr, v.len);
}

void put_mirrored(struct writer *w, jf_view v) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (!mirrored_needs_sentinel(v)) {
        put_view(w, v);
        return;
    }
    put_literal(w, SENTINEL_OPEN);
    for (uint64_t i = 0; i < v.len; i += 3) {
        uint64_t left = v.len - i;
        uint32_t bits = (uint32_t)v.ptr[i] << 16;
        if (left > 1) bits |= (uint32_t)v.ptr[i + 1] << 8;
        if (left > 2) bits |= v.ptr[i + 2];
        char out[4] = {alphabet[bits >> 18], alphabet[(bits >> 12) & 63],
                       left > 1 ? alphabet[(bits >> 6) & 63] : '=', left > 2 ? alphabet[bits & 63] : '='};
        put_bytes(w, out, 4);
    }
    put_literal(w, SENTINEL_CLOSE);
}

static int32_t base64_value(uint8_t c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool mirrored_decode(uint8_t *bytes, uint64_t *length) {
    if (!has_sentinel(bytes, *length)) return true;
    const uint8_t *in = bytes + sizeof(SENTINEL_OPEN) - 1;
    uint64_t count = *length - SENTINEL_LENGTH;
    if (count % 4 != 0) return false;
    uint8_t *out = bytes;
    for (uint64_t i = 0; i < count; i += 4) {
        bool last = i + 4 == count;
        uint32_t pad = last && in[i + 3] == '=' ? (in[i + 2] == '=' ? 2u : 1u) : 0u;
        int32_t a = base64_value(in[i]), b = base64_value(in[i + 1]);
        int32_t c = pad > 1 ? 0 : base64_value(in[i + 2]), d = pad > 0 ? 0 : base64_value(in[i + 3]);
        if (a < 0 || b < 0 || c < 0 || d < 0) return false;
        uint32_t bits = (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | (uint32_t)d;
        // Bits behind the last byte must be zero: one text has one encoding.
        if ((pad == 1 && (bits & 0xff) != 0) || (pad == 2 && (bits & 0xffff) != 0)) return false;
        *out++ = (uint8_t)(bits >> 16);
        if (pad < 2) *out++ = (uint8_t)(bits >> 8);
        if (pad < 1) *out++ = (uint8_t)bits;
    }
    *length = (uint64_t)(out - bytes);
    return true;
}
