/* SPDX-License-Identifier: Apache-2.0
 * Writing text, JSON above all, into memory that grows and becomes a jf_blob. A convenience of the SDK and no
 * part of the ABI. Where memory runs out nothing more is added, and jf_text_give says so: no step in between
 * needs a check. */
#ifndef JACKFIELD_TEXT_H
#define JACKFIELD_TEXT_H

#include <jackfield/json.h>

#include <stdio.h>

/** A text that grows; begin with all zero: `jf_text it = {0};`. */
typedef struct jf_text {
    uint8_t *bytes; /**< malloc'ed; free() it, or give it away */
    uint64_t len, room;
    bool failed; /**< memory ran out */
} jf_text;

/** A C string as a view; NULL is an absent one. */
static inline jf_view jf_view_of(const char *text) {
    return (jf_view){(const uint8_t *)text, text != NULL ? strlen(text) : 0};
}

/** Whether a view says exactly this. */
static inline bool jf_view_is(jf_view view, const char *text) {
    return view.ptr != NULL && view.len == strlen(text) && memcmp(view.ptr, text, view.len) == 0;
}

/** Room for `more` bytes behind what there is; NULL: no memory. */
static inline uint8_t *jf_text_room(jf_text *it, uint64_t more) {
    if (it->failed || more > UINT64_MAX / 4 - it->len) it->failed = true;
    if (it->failed) return NULL;
    if (it->room - it->len < more) {
        uint64_t room = it->room < 128 ? 128 : it->room * 2;
        if (room < it->len + more) room = it->len + more;
        uint8_t *bytes = (uint8_t *)realloc(it->bytes, room);
        it->failed = bytes == NULL;
        if (bytes == NULL) return NULL;
        it->bytes = bytes;
        it->room = room;
    }
    return it->bytes + it->len;
}

/** Appends bytes as they are. */
static inline void jf_text_add(jf_text *it, jf_view view) {
    uint8_t *to = view.len > 0 ? jf_text_room(it, view.len) : NULL;
    if (to == NULL) return;
    memcpy(to, view.ptr, view.len);
    it->len += view.len;
}

/** Appends a C string as it is. */
static inline void jf_text_put(jf_text *it, const char *text) {
    jf_text_add(it, jf_view_of(text));
}

/** Appends a whole number. */
static inline void jf_text_number(jf_text *it, int64_t number) {
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)number);
    jf_text_put(it, digits);
}

/** Appends a JSON string with its quotes. */
static inline void jf_text_quote(jf_text *it, jf_view view) {
    uint8_t *to = view.len < UINT64_MAX / 8 ? jf_text_room(it, view.len * 6 + 2) : NULL;
    if (to != NULL) it->len += jf_json_quote(view, to);
}

/** Appends a comma where one is due: not behind an opening bracket, a colon or nothing. */
static inline void jf_text_comma(jf_text *it) {
    if (it->len > 0 && memchr("{[:,", it->bytes[it->len - 1], 4) == NULL) jf_text_put(it, ",");
}

/** Appends `,"name":`, to be followed by one value; the comma only where it is due. */
static inline void jf_text_key(jf_text *it, const char *name) {
    jf_text_comma(it);
    jf_text_quote(it, jf_view_of(name));
    jf_text_put(it, ":");
}

/** Appends a member with a text; nothing where that is absent or empty. */
static inline void jf_text_member(jf_text *it, const char *name, jf_view value) {
    if (value.len == 0) return;
    jf_text_key(it, name);
    jf_text_quote(it, value);
}

/** Appends a member with an array of texts; nothing where there are none. */
static inline void jf_text_members(jf_text *it, const char *name, const jf_view *values, uint64_t count) {
    if (count == 0) return;
    jf_text_key(it, name);
    jf_text_put(it, "[");
    for (uint64_t i = 0; i < count; i++) {
        jf_text_comma(it);
        jf_text_quote(it, values[i]);
    }
    jf_text_put(it, "]");
}

/** Frees what there is. */
static inline void jf_text_drop(jf_text *it) {
    free(it->bytes);
    *it = (jf_text){0};
}

/** Gives the text away as a blob. JF_OK; or JF_E_BUSY: memory ran out, nothing is given. */
static inline int32_t jf_text_give(jf_text *it, jf_blob *out) {
    if (it->failed || jf_text_room(it, 1) == NULL) {
        jf_text_drop(it);
        return JF_E_BUSY;
    }
    *out = (jf_blob){it->bytes, it->len, it->bytes, free};
    *it = (jf_text){0};
    return JF_OK;
}

#endif
