/* SPDX-License-Identifier: Apache-2.0
 * A growable byte buffer and a borrowed span, shared by the benchmark's backend and load driver. */
#ifndef BENCH_BYTES_H
#define BENCH_BYTES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Borrowed bytes; `ptr == NULL` means absent. */
typedef struct span {
    const char *ptr;
    size_t len;
} span;

/** Owned bytes. Zero-initialised is empty. Out of memory ends the program. */
typedef struct bytes {
    char *data;
    size_t len, cap;
} bytes;

/** Makes room for `more` bytes behind `len`. */
static inline void bytes_reserve(bytes *b, size_t more) {
    if (b->len + more <= b->cap) return;
    size_t cap = b->cap ? b->cap : 4096;
    while (cap < b->len + more)
        cap *= 2;
    b->data = realloc(b->data, cap);
    b->cap = cap;
    if (b->data) return;
    perror("realloc");
    exit(1);
}

static inline void bytes_add(bytes *b, const void *data, size_t len) {
    if (!len) return;
    bytes_reserve(b, len);
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

static inline void bytes_text(bytes *b, const char *text) {
    bytes_add(b, text, strlen(text));
}

static inline void bytes_span(bytes *b, span s) {
    bytes_add(b, s.ptr, s.len);
}

/** Appends formatted text of any length. */
__attribute__((format(printf, 2, 3))) static inline void bytes_format(bytes *b, const char *format, ...) {
    va_list list, again;
    va_start(list, format);
    va_copy(again, list);
    int n = vsnprintf(NULL, 0, format, list);
    bytes_reserve(b, (size_t)n + 1);
    vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
    b->len += (size_t)n;
    va_end(again);
    va_end(list);
}

/** Drops the first `count` bytes. */
static inline void bytes_shift(bytes *b, size_t count) {
    memmove(b->data, b->data + count, b->len - count);
    b->len -= count;
}

static inline bool span_is(span s, const char *text) {
    size_t len = strlen(text);
    return s.len == len && memcmp(s.ptr, text, len) == 0;
}

static inline bool span_same(span a, span b) {
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

#endif
