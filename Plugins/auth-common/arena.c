/* SPDX-License-Identifier: Apache-2.0
 * Memory that is taken piece by piece and given back at once; and growing text. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "arena.h"

#include <jackfield/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Heads a piece. */
struct block {
    struct block *next;
    uint64_t size;
};

void *au_take(struct au_arena *arena, uint64_t size) {
    struct block *it = size < UINT32_MAX ? calloc(1, sizeof(*it) + size) : NULL;
    if (it == NULL) {
        arena->failed = true;
        return NULL;
    }
    it->next = arena->blocks;
    it->size = size;
    arena->blocks = it;
    return it + 1;
}

jf_view au_take_text(struct au_arena *arena, jf_view text) {
    uint8_t *copy = au_take(arena, text.len + 1);
    if (copy == NULL) return (jf_view){0};
    if (text.len != 0) memcpy(copy, text.ptr, text.len);
    return (jf_view){copy, text.len};
}

void au_arena_end(struct au_arena *arena) {
    for (struct block *it = arena->blocks; it != NULL;) {
        struct block *next = it->next;
        // Configurations have secrets in them.
        explicit_bzero(it + 1, it->size);
        free(it);
        it = next;
    }
    *arena = (struct au_arena){0};
}

static bool grow(struct au_text *text, uint64_t more) {
    if (text->failed) return false;
    if (text->room - text->len >= more) return true;
    uint64_t room = text->room * 2 > text->len + more ? text->room * 2 : text->len + more + 64;
    uint8_t *moved = room < UINT32_MAX ? malloc(room) : NULL;
    if (moved == NULL) {
        text->failed = true;
        return false;
    }
    if (text->len != 0) {
        memcpy(moved, text->ptr, text->len);
        explicit_bzero(text->ptr, text->len);
    }
    free(text->ptr);
    text->ptr = moved;
    text->room = room;
    return true;
}

void au_put(struct au_text *text, jf_view bytes) {
    if (bytes.len == 0 || !grow(text, bytes.len)) return;
    memcpy(text->ptr + text->len, bytes.ptr, bytes.len);
    text->len += bytes.len;
}

void au_put_quoted(struct au_text *text, jf_view value) {
    if (value.len > UINT32_MAX / 6 || !grow(text, value.len * 6 + 2)) {
        text->failed = true;
        return;
    }
    text->len += jf_json_quote(value, text->ptr + text->len);
}

void au_put_number(struct au_text *text, uint64_t number) {
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    au_put(text, (jf_view){(const uint8_t *)digits, (uint64_t)length});
}

void au_put_encoded(struct au_text *text, jf_view value) {
    static const char hex[] = "0123456789ABCDEF";
    for (uint64_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_';
        uint8_t escaped[3] = {'%', (uint8_t)hex[c >> 4], (uint8_t)hex[c & 15]};
        au_put(text, plain ? (jf_view){&c, 1} : (jf_view){escaped, 3});
    }
}

bool au_text_blob(struct au_text *text, jf_blob *blob) {
    if (text->failed || text->ptr == NULL) {
        au_text_end(text);
        return false;
    }
    *blob = (jf_blob){text->ptr, text->len, text->ptr, free};
    *text = (struct au_text){0};
    return true;
}

void au_text_end(struct au_text *text) {
    if (text->ptr != NULL) explicit_bzero(text->ptr, text->len);
    free(text->ptr);
    *text = (struct au_text){0};
}
