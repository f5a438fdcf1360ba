/* SPDX-License-Identifier: Apache-2.0
 * A scanner of JSON objects that skips values (RFC 8259); strings are skipped with memchr, which is most of
 * the bytes of a usual message.
 */
#include "rpc.h"

#include <string.h>

static const uint8_t *skip_space(const uint8_t *at, const uint8_t *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

/** `at` is behind the opening quote; the result is behind the closing one, or `end`. */
static const uint8_t *skip_string(const uint8_t *at, const uint8_t *end) {
    while (at < end) {
        const uint8_t *quote = memchr(at, '"', (size_t)(end - at)), *back;
        if (quote == NULL) return end;
        for (back = quote; back > at && back[-1] == '\\';)
            back--;
        at = quote + 1;
        if (((quote - back) & 1) == 0) return at;
    }
    return end;
}

/** The end of the value that begins at `at`. */
static const uint8_t *skip_value(const uint8_t *at, const uint8_t *end) {
    uint64_t depth = 0;
    if (at >= end) return end;
    if (*at == '"') return skip_string(at + 1, end);
    if (*at != '{' && *at != '[') {
        while (at < end && *at != ',' && *at != '}' && *at != ']' && *at > ' ')
            at++;
        return at;
    }
    while (at < end) {
        switch (*at++) {
        case '"':
            at = skip_string(at, end);
            break;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (--depth == 0) return at;
            break;
        default:
            break;
        }
    }
    return end;
}

/** Steps to the next member. False: there is none. `*at` is left at the value. */
static bool next_key(const uint8_t **at, const uint8_t *end, jf_view *key) {
    const uint8_t *here = skip_space(*at, end), *close;
    if (here < end && (*here == '{' || *here == ',')) here = skip_space(here + 1, end);
    if (here >= end || *here != '"') return false;
    close = skip_string(here + 1, end);
    if (close >= end) return false;
    *key = (jf_view){here + 1, (uint64_t)(close - here) - 2};
    here = skip_space(close, end);
    if (here >= end || *here != ':') return false;
    *at = skip_space(here + 1, end);
    return *at < end;
}

static bool is(jf_view key, const char *name) {
    return key.len == strlen(name) && memcmp(key.ptr, name, key.len) == 0;
}

void rpc_scan(const uint8_t *text, uint64_t length, int what, rpc *out) {
    const uint8_t *at, *end = text + length;
    jf_view key;
    *out = (rpc){0};
    at = skip_space(text, end);
    if (at >= end || *at != '{') return;
    while (next_key(&at, end, &key)) {
        const uint8_t *value = at;
        if (is(key, "result"))
            out->result = (jf_view){value, 1};
        else if (is(key, "error"))
            out->error = (jf_view){value, 1};
        if (what == RPC_HEAD && out->id.ptr != NULL && (out->result.ptr != NULL || out->error.ptr != NULL))
            return;
        at = skip_value(at, end);
        if (is(key, "id"))
            out->id = (jf_view){value, (uint64_t)(at - value)};
        else if (is(key, "method"))
            out->method = (jf_view){value, (uint64_t)(at - value)};
        else if (is(key, "params"))
            out->params = (jf_view){value, (uint64_t)(at - value)};
        else
            continue;
        if (what == RPC_HEAD && out->id.ptr != NULL && out->method.ptr != NULL) return;
    }
}

jf_view rpc_member(jf_view object, const char *name) {
    const uint8_t *at = object.ptr, *end = at + object.len;
    jf_view key;
    if (object.len == 0 || *at != '{') return (jf_view){0};
    while (next_key(&at, end, &key)) {
        const uint8_t *value = at;
        at = skip_value(at, end);
        if (is(key, name)) return (jf_view){value, (uint64_t)(at - value)};
    }
    return (jf_view){0};
}

bool rpc_is(jf_view method, const char *name) {
    size_t length = strlen(name);
    return method.len == length + 2 && memcmp(method.ptr + 1, name, length) == 0;
}

uint8_t *rpc_replace(const jf_self *self, const uint8_t *text, uint64_t length, jf_view span, jf_view value,
                     uint64_t *new_length) {
    uint64_t head = (uint64_t)(span.ptr - text), tail = length - head - span.len;
    uint8_t *made = allocate(self, length - span.len + value.len + 64);
    if (made == NULL) return NULL;
    memcpy(made, text, head);
    memcpy(made + head, value.ptr, value.len);
    memcpy(made + head + value.len, span.ptr + span.len, tail);
    *new_length = head + value.len + tail;
    return made;
}
