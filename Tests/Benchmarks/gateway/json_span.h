/* SPDX-License-Identifier: Apache-2.0
 * Finds the spans of JSON values without validating them: enough to check answers, cheap enough for a load
 * driver. */
#ifndef BENCH_JSON_SPAN_H
#define BENCH_JSON_SPAN_H

#include "bytes.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline const char *json_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/** `at` stands just after an opening quote; the position just after the closing one, or NULL. */
static inline const char *json_string_end(const char *at, const char *end) {
#ifdef __SSE2__
    // Real texts are full of escapes, so one pass over both characters, 16 bytes at a time.
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    while (end - at >= 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i hits = _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, slash));
        unsigned mask = (unsigned)_mm_movemask_epi8(hits);
        if (!mask) {
            at += 16;
            continue;
        }
        at += __builtin_ctz(mask);
        if (*at == '"') return at + 1;
        at += 2;
    }
#endif
    while (at < end) {
        if (*at == '"') return at + 1;
        at += *at == '\\' ? 2 : 1;
    }
    return NULL;
}

/** The position after the value that begins at `at`, or NULL when it does not end before `end`. */
static inline const char *json_skip(const char *at, const char *end) {
    at = json_space(at, end);
    if (at >= end) return NULL;
    if (*at == '"') return json_string_end(at + 1, end);
    if (*at == '{' || *at == '[') {
        int depth = 0;
        while (at < end) {
            char c = *at++;
            if (c == '"') {
                at = json_string_end(at, end);
                if (!at) return NULL;
            } else if (c == '{' || c == '[') {
                depth++;
            } else if ((c == '}' || c == ']') && --depth == 0) {
                return at;
            }
        }
        return NULL;
    }
    const char *from = at;
    while (at < end && !strchr(",}] \n\r\t", *at))
        at++;
    return at > from ? at : NULL;
}

/** A walk over the members of one object. */
typedef struct json_walk {
    const char *at, *end;
    bool begun;
} json_walk;

static inline json_walk json_members(span object) {
    return (json_walk){object.ptr, object.ptr + object.len, false};
}

/** 1: `key` (raw, unquoted) and `value` are set; 0: the object ended; -1: not JSON. */
static inline int json_next(json_walk *walk, span *key, span *value) {
    const char *at = json_space(walk->at, walk->end), *end = walk->end;
    if (at >= end) return -1;
    if (*at == '}' && walk->begun) {
        walk->at = at + 1;
        return 0;
    }
    if (*at != (walk->begun ? ',' : '{')) return -1;
    at = json_space(at + 1, end);
    if (!walk->begun && at < end && *at == '}') {
        walk->at = at + 1;
        return 0;
    }
    walk->begun = true;
    if (at >= end || *at != '"') return -1;
    const char *close = json_string_end(at + 1, end);
    if (!close) return -1;
    *key = (span){at + 1, (size_t)(close - at) - 2};
    at = json_space(close, end);
    if (at >= end || *at != ':') return -1;
    at = json_space(at + 1, end);
    const char *after = json_skip(at, end);
    if (!after) return -1;
    *value = (span){at, (size_t)(after - at)};
    walk->at = after;
    return 1;
}

/** Looks one member of `object` up. */
static inline bool json_find(span object, const char *name, span *value) {
    json_walk walk = json_members(object);
    span key, found;
    while (json_next(&walk, &key, &found) == 1) {
        if (!span_is(key, name)) continue;
        *value = found;
        return true;
    }
    return false;
}

/** The raw inside of a string value. */
static inline span json_unquote(span value) {
    return value.len >= 2 && *value.ptr == '"' ? (span){value.ptr + 1, value.len - 2} : value;
}

#endif
