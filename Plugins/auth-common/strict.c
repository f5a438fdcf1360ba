/* SPDX-License-Identifier: Apache-2.0
 * JSON of strangers: one meaning for every reader, or none. */
#include "strict.h"

/** Reads a string byte by byte. */
struct bytes {
    const uint8_t *at, *end;
    uint8_t room[4];
    uint32_t have, used;
};

/** The next byte; -1: the end. */
static int next_byte(struct bytes *it) {
    if (it->used == it->have) {
        if (it->at == it->end) return -1;
        it->have = jf_json_character(&it->at, it->end, it->room);
        it->used = 0;
        if (it->have == 0) return -1;
    }
    return it->room[it->used++];
}

/** Whether two strings, neither with half a pair, say the same, however they are escaped. */
static bool same(const jf_json_value *a, const jf_json_value *b) {
    if (!a->escaped && !b->escaped) return a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0;
    struct bytes left = {.at = a->ptr, .end = a->ptr + a->len},
                 right = {.at = b->ptr, .end = b->ptr + b->len};
    int byte;
    while ((byte = next_byte(&left)) == next_byte(&right))
        if (byte == -1) return true;
    return false;
}

static bool whole(const jf_json_value *string) {
    const uint8_t *at = string->ptr, *end = at + string->len;
    uint8_t room[4];
    if (!string->escaped) return true;
    while (at < end)
        if (jf_json_character(&at, end, room) == 0) return false;
    return true;
}

/** The names of the objects around the place where we are. */
struct names {
    jf_json_value of[AU_MEMBERS];
    uint32_t count;
};

static bool strict(const jf_json_value *value, struct names *names, uint32_t depth) {
    jf_json_value key, element;
    int more;
    if (value->kind == JF_JSON_STRING) return whole(value);
    if (value->kind != JF_JSON_OBJECT && value->kind != JF_JSON_ARRAY) return true;
    if (depth == AU_DEPTH) return false;
    jf_json_walk walk = jf_json_walk_of(value);
    uint32_t first = names->count;
    while ((more = jf_json_next(&walk, &key, &element)) == 1) {
        if (walk.object) {
            if (names->count == AU_MEMBERS || !whole(&key)) return false;
            for (uint32_t i = first; i < names->count; i++)
                if (same(&names->of[i], &key)) return false;
            names->of[names->count++] = key;
        }
        if (!strict(&element, names, depth + 1)) return false;
    }
    names->count = first;
    return more == 0;
}

bool au_json_strict(const jf_json_value *value) {
    struct names names = {.count = 0};
    return strict(value, &names, 0);
}
