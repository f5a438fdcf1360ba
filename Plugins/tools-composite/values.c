/* SPDX-License-Identifier: Apache-2.0
 * Looking into JSON values and comparing them. */
#include "values.h"

#include <stdlib.h>
#include <string.h>

bool value_member(const json_value *object, const char *name, json_value *out) {
    json_value key, value;
    if (object->kind != JSON_OBJECT) return false;
    json_members walk = json_walk(object);
    while (json_next(&walk, &key, &value) == 1) {
        if (!json_is(&key, name)) continue;
        *out = value;
        return true;
    }
    return false;
}

bool value_is_pointer(const char *pointer) {
    if (*pointer != 0 && *pointer != '/') return false;
    for (; *pointer != 0; pointer++)
        if (*pointer == '~' && pointer[1] != '0' && pointer[1] != '1') return false;
    return true;
}

static bool element(const json_value *array, const char *token, json_value *out) {
    char *end;
    if (*token < '0' || *token > '9' || (*token == '0' && token[1] != 0)) return false;
    unsigned long wanted = strtoul(token, &end, 10);
    json_members walk = json_walk(array);
    if (*end != 0) return false;
    for (unsigned long i = 0; json_item(&walk, out) == 1; i++)
        if (i == wanted) return true;
    return false;
}

bool value_find(const json_value *root, const char *pointer, json_value *out) {
    char token[256];
    *out = *root;
    while (*pointer == '/') {
        size_t length = 0;
        for (pointer++; *pointer != 0 && *pointer != '/'; pointer++) {
            if (length + 1 == sizeof token) return false;
            char c = *pointer;
            if (c == '~') c = *++pointer == '0' ? '~' : '/';
            token[length++] = c;
        }
        token[length] = 0;
        json_value within = *out;
        if (!(within.kind == JSON_OBJECT && value_member(&within, token, out)) &&
            !(within.kind == JSON_ARRAY && element(&within, token, out)))
            return false;
    }
    return *pointer == 0;
}

bool value_same(const json_value *a, const json_value *b) {
    if (!a->escaped && !b->escaped) return a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0;
    char *room = malloc(a->len + b->len + 1);
    if (room == NULL) return false;
    size_t one = json_decode(a, room), two = one == SIZE_MAX ? SIZE_MAX : json_decode(b, room + one);
    bool same = two != SIZE_MAX && one == two && memcmp(room, room + one, one) == 0;
    free(room);
    return same;
}

void value_put(text *out, const json_value *it) {
    if (it->kind == JSON_STRING)
        text_bytes(out, it->ptr - 1, it->len + 2);
    else
        text_bytes(out, it->ptr, it->len);
}

/** A member of an object on its way into the canonical order. */
typedef struct member {
    const char *name;
    size_t length;
    size_t place;
    json_value value;
} member;

static int by_name(const void *a, const void *b) {
    const member *one = a, *two = b;
    size_t common = one->length < two->length ? one->length : two->length;
    int order = common == 0 ? 0 : memcmp(one->name, two->name, common);
    if (order == 0) order = one->length < two->length ? -1 : one->length > two->length;
    return order != 0 ? order : one->place < two->place ? -1 : 1;
}

static bool canonical_object(text *out, const json_value *it) {
    json_value key, value;
    size_t count = 0, bytes = 0;
    json_members walk = json_walk(it);
    for (; json_next(&walk, &key, &value) == 1; count++)
        bytes += key.len;
    member *members = malloc((count + 1) * sizeof *members + bytes);
    if (members == NULL) return false;
    char *room = (char *)(members + count + 1);
    size_t used = 0;
    walk = json_walk(it);
    for (used = 0; used < count && json_next(&walk, &key, &value) == 1; used++) {
        size_t length = json_decode(&key, room);
        /* Half a surrogate pair: the name stays as it is spelled. */
        if (length == SIZE_MAX) memcpy(room, key.ptr, length = key.len);
        members[used] = (member){room, length, used, value};
        room += length;
    }
    qsort(members, used, sizeof *members, by_name);
    bool good = true;
    text_put(out, "{");
    for (size_t i = 0; good && i < used; i++) {
        if (i > 0) text_put(out, ",");
        text_quoted(out, members[i].name, members[i].length);
        text_put(out, ":");
        good = value_canonical(out, &members[i].value);
    }
    text_put(out, "}");
    free(members);
    return good;
}

static void canonical_number(text *out, const json_value *it) {
    bool negative;
    uint64_t magnitude;
    double real;
    if (json_integer(it, &negative, &magnitude)) {
        if (negative && magnitude != 0) text_put(out, "-");
        text_unsigned(out, magnitude);
    } else if (json_real(it, &real)) {
        text_real(out, real, false);
    } else {
        value_put(out, it);
    }
}

static bool canonical_string(text *out, const json_value *it) {
    if (!it->escaped) {
        text_quoted(out, it->ptr, it->len);
        return !out->failed;
    }
    char *room = malloc(it->len);
    if (room == NULL) return false;
    size_t length = json_decode(it, room);
    if (length == SIZE_MAX)
        value_put(out, it);
    else
        text_quoted(out, room, length);
    free(room);
    return !out->failed;
}

bool value_canonical(text *out, const json_value *it) {
    switch (it->kind) {
    case JSON_OBJECT:
        return canonical_object(out, it) && !out->failed;
    case JSON_ARRAY: {
        json_value item;
        bool any = false, good = true;
        json_members walk = json_walk(it);
        text_put(out, "[");
        for (; good && json_item(&walk, &item) == 1; any = true) {
            if (any) text_put(out, ",");
            good = value_canonical(out, &item);
        }
        text_put(out, "]");
        return good && !out->failed;
    }
    case JSON_STRING:
        return canonical_string(out, it);
    case JSON_NUMBER:
        canonical_number(out, it);
        break;
    default:
        value_put(out, it);
    }
    return !out->failed;
}

bool value_count(const json_value *it, uint64_t most, uint64_t *out) {
    bool negative;
    return it->kind == JSON_NUMBER && json_integer(it, &negative, out) && (!negative || *out == 0) &&
           *out <= most;
}

size_t value_cut(const void *bytes, size_t length, size_t most) {
    const uint8_t *at = bytes;
    if (length <= most) return length;
    while (most > 0 && (at[most] & 0xC0) == 0x80)
        most--;
    return most;
}
