/* SPDX-License-Identifier: Apache-2.0
 * Reading JSON: strict, in place, without a tree. */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 64u

static const uint8_t *blanks(const uint8_t *at, const uint8_t *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

static bool is_digit(const uint8_t *at, const uint8_t *end) {
    return at < end && *at >= '0' && *at <= '9';
}

static uint32_t hex(const uint8_t *at) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? c - 0u - '0'
                         : c >= 'a' && c <= 'f' ? c - 'a' + 10u
                         : c >= 'A' && c <= 'F' ? c - 'A' + 10u
                                                : 16u;
        if (digit > 15) return UINT32_MAX;
        value = value << 4 | digit;
    }
    return value;
}

/** A string, behind its opening quote. Answers the place of the closing one; NULL: none. */
static const uint8_t *string_end(const uint8_t *at, const uint8_t *end, bool *escaped) {
    for (; at < end && *at != '"'; at++) {
        if (*at < 0x20) return NULL;
        if (*at != '\\') continue;
        *escaped = true;
        if (++at >= end) return NULL;
        if (*at == 'u') {
            if (end - at < 5 || hex(at + 1) == UINT32_MAX) return NULL;
            at += 4;
        } else if (*at == 0 || strchr("\"\\/bfnrt", *at) == NULL) {
            return NULL;
        }
    }
    return at < end ? at : NULL;
}

static const uint8_t *number_end(const uint8_t *at, const uint8_t *end) {
    if (at < end && *at == '-') at++;
    if (!is_digit(at, end)) return NULL;
    if (*at == '0')
        at++;
    else
        while (is_digit(at, end))
            at++;
    if (at < end && *at == '.') {
        at++;
        if (!is_digit(at, end)) return NULL;
        while (is_digit(at, end))
            at++;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-')) at++;
        if (!is_digit(at, end)) return NULL;
        while (is_digit(at, end))
            at++;
    }
    return at;
}

static const uint8_t *value_at(const uint8_t *at, const uint8_t *end, json_value *out, uint32_t depth);

/** An object or array as a whole. */
static const uint8_t *container_end(const uint8_t *at, const uint8_t *end, bool object, uint32_t depth) {
    uint8_t close = object ? '}' : ']';
    json_value ignored;
    at = blanks(at + 1, end);
    if (at < end && *at == close) return at + 1;
    for (;;) {
        if (object) {
            at = value_at(at, end, &ignored, depth);
            if (at == NULL || ignored.kind != JSON_STRING) return NULL;
            at = blanks(at, end);
            if (at == end || *at++ != ':') return NULL;
        }
        at = value_at(at, end, &ignored, depth);
        if (at == NULL) return NULL;
        at = blanks(at, end);
        if (at == end) return NULL;
        if (*at == close) return at + 1;
        if (*at++ != ',') return NULL;
    }
}

static const uint8_t *word(const uint8_t *at, const uint8_t *end, const char *text) {
    size_t length = strlen(text);
    return (size_t)(end - at) >= length && memcmp(at, text, length) == 0 ? at + length : NULL;
}

static const uint8_t *value_at(const uint8_t *at, const uint8_t *end, json_value *out, uint32_t depth) {
    const uint8_t *stop = NULL;
    at = blanks(at, end);
    if (at == end || depth > DEPTH) return NULL;
    *out = (json_value){JSON_NULL, false, at, 0};
    switch (*at) {
    case '"':
        out->kind = JSON_STRING;
        out->ptr = at + 1;
        stop = string_end(at + 1, end, &out->escaped);
        if (stop == NULL) return NULL;
        out->len = (size_t)(stop - out->ptr);
        return stop + 1;
    case '{':
    case '[':
        out->kind = *at == '{' ? JSON_OBJECT : JSON_ARRAY;
        stop = container_end(at, end, *at == '{', depth + 1);
        break;
    case 't':
        out->kind = JSON_BOOL;
        stop = word(at, end, "true");
        break;
    case 'f':
        out->kind = JSON_BOOL;
        stop = word(at, end, "false");
        break;
    case 'n':
        stop = word(at, end, "null");
        break;
    default:
        out->kind = JSON_NUMBER;
        stop = number_end(at, end);
    }
    if (stop != NULL) out->len = (size_t)(stop - at);
    return stop;
}

bool json_parse(const uint8_t *bytes, size_t length, json_value *out) {
    const uint8_t *end = bytes + length, *at = bytes == NULL ? NULL : value_at(bytes, end, out, 0);
    return at != NULL && blanks(at, end) == end;
}

json_members json_walk(const json_value *object) {
    return (json_members){object->ptr + 1, object->ptr + object->len, false};
}

int json_next(json_members *it, json_value *key, json_value *value) {
    it->at = blanks(it->at, it->end);
    if (it->at == it->end) return -1;
    if (*it->at == '}') return 0;
    if (it->started && *it->at++ != ',') return -1;
    it->started = true;
    it->at = value_at(it->at, it->end, key, 0);
    if (it->at == NULL || key->kind != JSON_STRING) return -1;
    it->at = blanks(it->at, it->end);
    if (it->at == it->end || *it->at++ != ':') return -1;
    it->at = value_at(it->at, it->end, value, 0);
    return it->at == NULL ? -1 : 1;
}

int json_item(json_members *it, json_value *value) {
    it->at = blanks(it->at, it->end);
    if (it->at == it->end) return -1;
    if (*it->at == ']') return 0;
    if (it->started && *it->at++ != ',') return -1;
    it->started = true;
    it->at = value_at(it->at, it->end, value, 0);
    return it->at == NULL ? -1 : 1;
}

bool json_is(const json_value *string, const char *other) {
    size_t length = strlen(other);
    if (!string->escaped) return string->len == length && memcmp(string->ptr, other, length) == 0;
    char room[512];
    if (string->len > sizeof room) return false;
    return json_decode(string, room) == length && memcmp(room, other, length) == 0;
}

static char *encode(char *to, uint32_t c) {
    if (c < 0x80) {
        *to++ = (char)c;
    } else if (c < 0x800) {
        *to++ = (char)(0xC0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *to++ = (char)(0xE0 | c >> 12);
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    } else {
        *to++ = (char)(0xF0 | c >> 18);
        *to++ = (char)(0x80 | (c >> 12 & 0x3F));
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
        *to++ = (char)(0x80 | (c & 0x3F));
    }
    return to;
}

size_t json_decode(const json_value *string, char *to) {
    const uint8_t *at = string->ptr, *end = at + string->len;
    char *start = to;
    if (!string->escaped) {
        memcpy(to, at, string->len);
        return string->len;
    }
    while (at < end) {
        if (*at != '\\') {
            *to++ = (char)*at++;
            continue;
        }
        static const char from[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
        const char *found = strchr(from, at[1]);
        if (found != NULL) {
            *to++ = plain[found - from];
            at += 2;
            continue;
        }
        uint32_t code = hex(at + 2);
        at += 6;
        if (code >= 0xDC00 && code <= 0xDFFF) return SIZE_MAX;
        if (code >= 0xD800 && code <= 0xDBFF) {
            uint32_t low = end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex(at + 2) : 0;
            if (low < 0xDC00 || low > 0xDFFF) return SIZE_MAX;
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            at += 6;
        }
        to = encode(to, code);
    }
    return (size_t)(to - start);
}

bool json_digits(const json_value *string, bool *negative, uint64_t *magnitude) {
    const uint8_t *at = string->ptr, *end = at + string->len;
    *negative = at < end && *at == '-';
    if (*negative) at++;
    if (at == end || end - at > 20 || string->escaped) return false;
    for (*magnitude = 0; at < end; at++) {
        uint64_t digit = (uint64_t)*at - '0';
        if (!is_digit(at, end) || *magnitude > (UINT64_MAX - digit) / 10) return false;
        *magnitude = *magnitude * 10 + digit;
    }
    return true;
}

bool json_integer(const json_value *number, bool *negative, uint64_t *magnitude) {
    double real;
    if (json_digits(number, negative, magnitude)) return true;
    /* Only what a double holds exactly. */
    if (!json_real(number, &real) || real > 9007199254740992.0 || real < -9007199254740992.0) return false;
    if (real != (double)(int64_t)real) return false;
    if (memchr(number->ptr, '.', number->len) == NULL && memchr(number->ptr, 'e', number->len) == NULL &&
        memchr(number->ptr, 'E', number->len) == NULL)
        return false;
    *negative = real < 0;
    *magnitude = (uint64_t)(real < 0 ? -real : real);
    return true;
}

bool json_real(const json_value *number, double *out) {
    char room[64], *copy = number->len < sizeof room ? room : malloc(number->len + 1), *end;
    if (copy == NULL) return false;
    memcpy(copy, number->ptr, number->len);
    copy[number->len] = 0;
    *out = strtod(copy, &end);
    bool good = *end == 0 && isfinite(*out);
    if (copy != room) free(copy);
    return good;
}
