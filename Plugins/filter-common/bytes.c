/* SPDX-License-Identifier: Apache-2.0
 * Bytes that grow, verdicts made of them, and reading options. */
#include "filter.h"

uint8_t *fl_room(fl_bytes *it, uint64_t len) {
    if (it->failed || len > (UINT64_MAX >> 2) - it->len) {
        it->failed = true;
        return NULL;
    }
    if (it->len + len > it->room) {
        uint64_t room = it->room * 2 > it->len + len ? it->room * 2 : it->len + len + 64;
        uint8_t *ptr = realloc(it->ptr, room);
        if (ptr == NULL) {
            it->failed = true;
            return NULL;
        }
        it->ptr = ptr;
        it->room = room;
    }
    return it->ptr + it->len;
}

void fl_add(fl_bytes *it, const void *bytes, uint64_t len) {
    uint8_t *to = fl_room(it, len);
    if (to == NULL || len == 0) return;
    memcpy(to, bytes, len);
    it->len += len;
}

void fl_add_text(fl_bytes *it, const char *text) {
    fl_add(it, text, strlen(text));
}

void fl_add_quoted(fl_bytes *it, jf_view text) {
    uint8_t *to = fl_room(it, 6 * text.len + 2);
    if (to != NULL) it->len += jf_json_quote(text, to);
}

void fl_free(fl_bytes *it) {
    free(it->ptr);
    *it = (fl_bytes){0};
}

jf_view fl_copy(jf_view bytes) {
    uint8_t *copy = malloc(bytes.len + 1);
    if (copy == NULL) return (jf_view){0};
    if (bytes.len > 0) memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = 0;
    return (jf_view){copy, bytes.len};
}

jf_view fl_decode(const jf_json_value *string) {
    if (!string->escaped) return fl_copy((jf_view){string->ptr, string->len});
    /* U+FFFD has three bytes, the escape that it stands for six. */
    uint8_t *copy = malloc(string->len + 1), *to = copy, room[4];
    if (copy == NULL) return (jf_view){0};
    const uint8_t *at = string->ptr, *end = at + string->len;
    while (at < end) {
        uint32_t length = jf_json_character(&at, end, room);
        if (length == 0) memcpy(room, "\xef\xbf\xbd", length = 3);
        memcpy(to, room, length);
        to += length;
    }
    *to = 0;
    return (jf_view){copy, (uint64_t)(to - copy)};
}

/* ---- Verdicts ---- */

void fl_begin(fl_bytes *it, uint32_t decision) {
    jf_verdict head = {.decision = decision};
    fl_add(it, &head, sizeof head);
}

static void add_filled(fl_bytes *it, jf_view bytes) {
    static const uint8_t zeros[8];
    fl_add(it, bytes.ptr, bytes.len);
    fl_add(it, zeros, (8 - bytes.len % 8) % 8);
}

void fl_spill(fl_bytes *it, uint64_t ttl_ms, uint64_t most, jf_view result) {
    jf_spill head = {ttl_ms, most, result.len};
    fl_add(it, &head, sizeof head);
    add_filled(it, result);
}

void fl_splice(fl_bytes *it, uint64_t start, uint64_t end, jf_view bytes) {
    jf_splice head = {start, end, bytes.len};
    fl_add(it, &head, sizeof head);
    add_filled(it, bytes);
    if (!it->failed) ((jf_verdict *)(void *)it->ptr)->count++;
}

int32_t fl_end(fl_bytes *it, jf_blob *verdict, jf_fault *why) {
    if (it->failed) {
        fl_free(it);
        return fl_refuse(why, JF_E_FAULT, "out of memory");
    }
    *verdict = (jf_blob){it->ptr, it->len, it->ptr, free};
    *it = (fl_bytes){0};
    return JF_OK;
}

/* ---- Options ---- */

bool fl_member(const jf_json_value *object, const char *name, jf_json_value *out) {
    if (object->kind != JF_JSON_OBJECT) return false;
    jf_json_walk walk = jf_json_walk_of(object);
    jf_json_value key;
    jf_view wanted = {(const uint8_t *)name, strlen(name)};
    while (jf_json_next(&walk, &key, out) == 1)
        if (jf_json_is(&key, wanted)) return true;
    return false;
}

int64_t fl_integer(const jf_json_value *options, const char *name, int64_t preset) {
    jf_json_value value;
    int64_t number;
    return fl_member(options, name, &value) && jf_json_int64(&value, &number) ? number : preset;
}

bool fl_flag(const jf_json_value *options, const char *name, bool preset) {
    jf_json_value value;
    if (!fl_member(options, name, &value) || value.kind != JF_JSON_BOOL) return preset;
    return *value.ptr == 't';
}

jf_view fl_text(const jf_json_value *options, const char *name) {
    jf_json_value value;
    if (!fl_member(options, name, &value) || value.kind != JF_JSON_STRING) return (jf_view){0};
    return fl_decode(&value);
}

bool fl_says(const jf_json_value *options, const char *name, const char *word) {
    jf_json_value value;
    return fl_member(options, name, &value) && value.kind == JF_JSON_STRING &&
           jf_json_is(&value, (jf_view){(const uint8_t *)word, strlen(word)});
}

bool fl_texts(const jf_json_value *options, const char *name, fl_list *out) {
    jf_json_value list, key, value;
    *out = (fl_list){0};
    if (!fl_member(options, name, &list) || list.kind != JF_JSON_ARRAY) return true;
    jf_json_walk walk = jf_json_walk_of(&list);
    while (jf_json_next(&walk, &key, &value) == 1) {
        if (value.kind != JF_JSON_STRING) continue;
        jf_view *texts = realloc(out->texts, (out->count + 1) * sizeof *texts);
        if (texts == NULL) return false;
        out->texts = texts;
        texts[out->count] = fl_decode(&value);
        if (texts[out->count].ptr == NULL) return false;
        out->count++;
    }
    return true;
}

void fl_list_free(fl_list *list) {
    for (uint32_t i = 0; i < list->count; i++)
        free((void *)(uintptr_t)list->texts[i].ptr);
    free(list->texts);
    *list = (fl_list){0};
}

bool fl_has(const fl_list *list, const jf_json_value *key) {
    for (uint32_t i = 0; i < list->count; i++)
        if (jf_json_is(key, list->texts[i])) return true;
    return false;
}
