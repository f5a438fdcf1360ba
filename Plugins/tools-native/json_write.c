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

/** How many bytes of valid UTF-8 begin here; 0: none. */
static size_t utf8_at(const uint8_t *at, const uint8_t *end) {
    if (*at < 0x80) return 1;
    size_t length = *at >= 0xF0 ? 4 : *at >= 0xE0 ? 3 : 2;
    if (*at < 0xC2 || *at > 0xF4 || (size_t)(end - at) < length) return 0;
    if ((*at == 0xE0 && at[1] < 0xA0) || (*at == 0xED && at[1] > 0x9F) || (*at == 0xF0 && at[1] < 0x90) ||
        (*at == 0xF4 && at[1] > 0x8F))
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    return length;
}

static void escaped(text *it, uint8_t c) {
    static const char digits[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = c == 0 ? NULL : strchr(from, c);
    char room[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
    if (found != NULL) room[1] = to[found - from];
    text_bytes(it, room, found != NULL ? 2 : 6);
}

void text_quoted(text *it, const void *bytes, size_t length) {
    const uint8_t *at = bytes, *end = at + length, *plain = at;
    if (!text_reserve(it, length + 2)) return;
    text_bytes(it, "\"", 1);
    while (at < end) {
        size_t good = utf8_at(at, end);
        if (good != 0 && *at >= 0x20 && *at != '"' && *at != '\\') {
            at += good;
            continue;
        }
        text_bytes(it, plain, (size_t)(at - plain));
        if (good == 0)
            text_bytes(it, "\xEF\xBF\xBD", 3);
        else
            escaped(it, *at);
        plain = ++at;
    }
    text_bytes(it, plain, (size_t)(at - plain));
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
