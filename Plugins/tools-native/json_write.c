/* SPDX-License-Identifier: Apache-2.0
 * Writing JSON, and base64 in both directions. */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

text text_in(void *room, size_t size) {
    return (text){room, 0, size, false, true};
}

void text_free(text *it) {
    if (!it->borrowed) free(it->bytes);
    *it = (text){0};
}

bool text_reserve(text *it, size_t more) {
    if (it->failed) return false;
    if (it->size - it->length >= more) return true;
    size_t size = it->size < 128 ? 256 : it->size * 2;
    while (size - it->length < more && size < SIZE_MAX / 4)
        size *= 2;
    uint8_t *bytes = it->borrowed ? malloc(size) : realloc(it->bytes, size);
    if (bytes == NULL || size - it->length < more) {
        it->failed = true;
        if (bytes != NULL) {
            if (!it->borrowed)
                it->bytes = bytes;
            else
                free(bytes);
        }
        return false;
    }
    if (it->borrowed && it->length != 0) memcpy(bytes, it->bytes, it->length);
    it->bytes = bytes;
    it->size = size;
    it->borrowed = false;
    return true;
}

void text_bytes(text *it, const void *bytes, size_t length) {
    if (length == 0 || !text_reserve(it, length)) return;
    memcpy(it->bytes + it->length, bytes, length);
    it->length += length;
}

void text_put(text *it, const char *literal) {
    text_bytes(it, literal, strlen(literal));
}

void text_unsigned(text *it, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    text_bytes(it, digits + at, sizeof digits - at);
}

void text_integer(text *it, int64_t value) {
    if (value < 0) text_bytes(it, "-", 1);
    text_unsigned(it, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void text_real(text *it, double value, bool is_float) {
    char digits[40];
    int precision = is_float ? 6 : 15;
    do
        snprintf(digits, sizeof digits, "%.*g", precision, value);
    while (is_float ? strtof(digits, NULL) != (float)value && ++precision <= 9
                    : strtod(digits, NULL) != value && ++precision <= 17);
    text_put(it, digits);
}

void text_quoted(text *it, const void *bytes, size_t length) {
    const uint8_t *at = bytes, *end = at + length;
    uint8_t room[6];
    if (!text_reserve(it, length + 2)) return;
    text_bytes(it, "\"", 1);
    while (at < end) {
        size_t plain = jf_json_plain(at, end);
        text_bytes(it, at, plain);
        at += plain;
        if (at < end) text_bytes(it, room, jf_json_escape(*at++, room));
    }
    text_bytes(it, "\"", 1);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_base64(text *it, const uint8_t *bytes, size_t length) {
    if (length > SIZE_MAX / 4 || !text_reserve(it, (length + 2) / 3 * 4 + 2)) return;
    uint8_t *to = it->bytes + it->length;
    *to++ = '"';
    for (size_t i = 0; i < length; i += 3) {
        size_t count = length - i < 3 ? length - i : 3;
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (count > 1) group |= (uint32_t)bytes[i + 1] << 8;
        if (count > 2) group |= bytes[i + 2];
        *to++ = (uint8_t)alphabet[group >> 18];
        *to++ = (uint8_t)alphabet[group >> 12 & 63];
        *to++ = count > 1 ? (uint8_t)alphabet[group >> 6 & 63] : '=';
        *to++ = count > 2 ? (uint8_t)alphabet[group & 63] : '=';
    }
    *to++ = '"';
    it->length = (size_t)(to - it->bytes);
}

/** A character's value; 64: none. */
static uint32_t sextet(uint8_t c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26u;
    if (c >= '0' && c <= '9') return c - '0' + 52u;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return 64;
}

size_t base64_decode(const json_value *string, uint8_t *to) {
    const uint8_t *at = string->ptr;
    size_t length = string->len, out = 0;
    uint32_t group = 0, bits = 0;
    if (length % 4 == 0 && length > 0 && at[length - 1] == '=') length -= at[length - 2] == '=' ? 2 : 1;
    if (length % 4 == 1) return SIZE_MAX;
    for (size_t i = 0; i < length; i++) {
        uint32_t value = sextet(at[i]);
        if (value > 63) return SIZE_MAX;
        group = group << 6 | value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            to[out++] = (uint8_t)(group >> bits);
            group &= (1u << bits) - 1;
        }
    }
    return group == 0 ? out : SIZE_MAX; /* bits that are left over must be zero */
}
