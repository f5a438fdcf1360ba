/* SPDX-License-Identifier: Apache-2.0
 * Finding one value in a JSON text, in one pass over what stands before it. The text was checked by the host;
 * if it were not, the worst is that nothing is found. */
#include "key.h"

typedef struct cursor {
    const uint8_t *at, *end;
} cursor;

static void skip_space(cursor *in) {
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
        in->at++;
}

static bool take(cursor *in, uint8_t byte) {
    skip_space(in);
    if (in->at == in->end || *in->at != byte) return false;
    in->at++;
    return true;
}

/* The lowest bit 7 of a byte that is set: where `byte` is first among eight (Lamport's test for zeros; higher
 * ones may be wrong). */
static uint64_t spot(uint64_t eight, uint8_t byte) {
    const uint64_t ones = 0x0101010101010101u;
    uint64_t same = eight ^ byte * ones;
    return (same - ones) & ~same & 0x80 * ones;
}

/* From the opening quote to behind the closing one. */
static bool skip_string(cursor *in) {
    in->at++;
    for (uint64_t eight, found; in->end - in->at >= 8; in->at += 8) {
        memcpy(&eight, in->at, 8);
        found = spot(eight, '"') | spot(eight, '\\');
        if (found == 0) continue;
        in->at += __builtin_ctzll(found) / 8;
        break;
    }
    for (; in->at < in->end; in->at++) {
        if (*in->at == '"') {
            in->at++;
            return true;
        }
        if (*in->at == '\\' && ++in->at == in->end) return false;
    }
    return false;
}

static bool skip_value(cursor *in) {
    skip_space(in);
    const uint8_t *start = in->at;
    uint32_t depth = 0;
    while (in->at < in->end) {
        switch (*in->at) {
        case '"':
            if (!skip_string(in)) return false;
            if (depth == 0) return true;
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (depth == 0) return in->at > start;
            if (--depth == 0) {
                in->at++;
                return true;
            }
            break;
        case ',':
        case ' ':
        case '\t':
        case '\n':
        case '\r':
            if (depth == 0) return in->at > start;
            break;
        default:
            break;
        }
        in->at++;
    }
    return depth == 0 && in->at > start;
}

static int hex(uint8_t digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

/* Writes the UTF-8 of one \uXXXX that stands at `at` (two of them for a surrogate pair); returns how many
 * bytes of input it took, 0: none that makes sense. */
static uint64_t unescape(const uint8_t *at, const uint8_t *end, uint8_t out[4], uint32_t *length) {
    uint32_t unit[2] = {0, 0}, units = 0;
    for (; units < 2 && end - at >= 6 && at[0] == '\\' && at[1] == 'u'; at += 6, units++) {
        for (int i = 2; i < 6; i++) {
            int digit = hex(at[i]);
            if (digit < 0) return 0;
            unit[units] = unit[units] << 4 | (uint32_t)digit;
        }
        if (unit[0] < 0xd800 || unit[0] > 0xdbff) {
            units = 1;
            break;
        }
    }
    uint32_t code = unit[0];
    if (units == 0 || (code >= 0xd800 && code <= 0xdfff && (units < 2 || (unit[1] & 0xfc00) != 0xdc00)))
        return 0;
    if (units == 2) code = 0x10000 + ((code & 0x3ff) << 10 | (unit[1] & 0x3ff));
    *length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (uint32_t i = *length; i > 1; i--, code >>= 6)
        out[i - 1] = (uint8_t)(0x80 | (code & 0x3f));
    out[0] = (uint8_t)(lead[*length] | code);
    return units * 6u;
}

/* Whether a raw member name, escapes and all, says `wanted`. */
static bool key_is(jf_view raw, jf_view wanted) {
    static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    uint64_t at = 0, seen = 0;
    if (raw.len == 0 || memchr(raw.ptr, '\\', raw.len) == NULL)
        return raw.len == wanted.len && (raw.len == 0 || memcmp(raw.ptr, wanted.ptr, raw.len) == 0);
    while (at < raw.len) {
        uint8_t bytes[4] = {raw.ptr[at], 0, 0, 0};
        uint32_t length = 1;
        uint64_t step = 1;
        if (raw.ptr[at] == '\\' && at + 1 < raw.len) {
            const char *simple = strchr(plain, raw.ptr[at + 1]);
            if (simple != NULL && *simple != 0) {
                bytes[0] = (uint8_t)meant[simple - plain];
                step = 2;
            } else {
                step = unescape(raw.ptr + at, raw.ptr + raw.len, bytes, &length);
                if (step == 0) return false;
            }
        }
        if (wanted.len - seen < length || memcmp(wanted.ptr + seen, bytes, length) != 0) return false;
        seen += length;
        at += step;
    }
    return seen == wanted.len;
}

static bool enter_object(cursor *in, jf_view token) {
    while (skip_space(in), in->at < in->end && *in->at == '"') {
        const uint8_t *start = in->at + 1;
        if (!skip_string(in)) return false;
        jf_view key = {start, (uint64_t)(in->at - 1 - start)};
        if (!take(in, ':')) return false;
        if (key_is(key, token)) return true;
        if (!skip_value(in) || !take(in, ',')) return false;
    }
    return false;
}

static bool enter_array(cursor *in, jf_view token) {
    uint64_t index = 0;
    if (token.len == 0 || token.len > 9 || (token.len > 1 && token.ptr[0] == '0')) return false;
    for (uint64_t i = 0; i < token.len; i++) {
        if (token.ptr[i] < '0' || token.ptr[i] > '9') return false;
        index = index * 10 + (token.ptr[i] - '0');
    }
    for (; index > 0; index--) {
        if (!skip_value(in) || !take(in, ',')) return false;
    }
    return true;
}

bool rt_json_find(jf_view json, const jf_view *tokens, uint32_t count, jf_view *value) {
    if (json.ptr == NULL) return false;
    cursor in = {json.ptr, json.ptr + json.len};
    for (uint32_t i = 0; i < count; i++) {
        if (take(&in, '{')) {
            if (!enter_object(&in, tokens[i])) return false;
        } else if (!take(&in, '[') || !enter_array(&in, tokens[i])) {
            return false;
        }
    }
    skip_space(&in);
    const uint8_t *start = in.at;
    if (!skip_value(&in)) return false;
    *value = (jf_view){start, (uint64_t)(in.at - start)};
    return true;
}
