/* SPDX-License-Identifier: Apache-2.0
 * A filter of jf.filter/1: the end of one argument of a call stays, the rest becomes stars. */
#include <jackfield/host.h>
#include <jackfield/splice.h>

#include "manifest.h"
JF_MANIFEST(MANIFEST);

/** One configured filter. */
typedef struct mask {
    char argument[4 * 64 + 1];
    int64_t keep;
} mask;

struct jf_self {
    uint32_t unused;
};

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    jf_json_value argument, keep;
    (void)self, (void)name;
    mask *it = calloc(1, sizeof *it);
    if (it == NULL) return jf_fault_set(why, JF_E_BUSY, 0, "out of memory");
    it->keep = 4;
    if (jf_member(config, "keep", &keep)) (void)jf_json_int64(&keep, &it->keep);
    if (!jf_member(config, "argument", &argument) || argument.len >= sizeof it->argument ||
        jf_json_decode(&argument, (uint8_t *)it->argument) == UINT64_MAX) {
        free(it);
        return jf_fault_set(why, JF_E_INVALID, 0, "argument must be the name of one");
    }
    *handle = (jf_ref)(uintptr_t)it;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    (void)self;
    free((void *)(uintptr_t)handle);
}

/** Stars for all but the last characters of a text, which is valid UTF-8. */
static void cover(jf_text *out, jf_view text, int64_t keep) {
    uint64_t tail = text.len;
    while (tail > 0 && keep > 0)
        if ((text.ptr[--tail] & 0xc0) != 0x80) keep--; /* the first byte of a character */
    for (uint64_t i = 0; i < tail; i++)
        if ((text.ptr[i] & 0xc0) != 0x80) jf_text_put(out, "*");
    jf_text_add(out, (jf_view){text.ptr + tail, text.len - tail});
}

/** Covers one text of the body. JF_E_INVALID: half a surrogate pair, a JSON string but no text. */
static int32_t cover_value(const mask *it, const jf_json_value *value, jf_changes *changes) {
    jf_text plain = {0}, covered = {0};
    uint8_t *room = jf_text_room(&plain, value->len + 1);
    uint64_t length = room != NULL ? jf_json_decode(value, room) : 0;
    bool is_text = length != UINT64_MAX;
    if (room != NULL && is_text) {
        cover(&covered, (jf_view){room, length}, it->keep);
        jf_change_text(changes, value, (jf_view){covered.bytes, covered.len});
    }
    if (plain.failed || covered.failed) changes->failed = true;
    jf_text_drop(&plain);
    jf_text_drop(&covered);
    return is_text ? JF_OK : JF_E_INVALID;
}

static int32_t request(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage, jf_blob *verdict,
                       jf_fault *why) {
    const mask *it = (const mask *)(uintptr_t)handle;
    jf_json_value root, key, value;
    (void)self, (void)op;
    if (passage->arguments.ptr == NULL) return JF_OK;
    if (!jf_json_read(passage->arguments, &root)) /* deeper than JF_JSON_DEPTH */
        return jf_fault_set(why, JF_E_INVALID, JF_FAULT_PUBLIC, "the arguments cannot be read");
    if (root.kind != JF_JSON_OBJECT) return JF_OK;
    jf_changes changes = {.body = passage->body};
    jf_json_walk walk = jf_json_walk_of(&root);
    /* Of repeated members servers take the first or the last: all of them are masked. */
    while (jf_json_next(&walk, &key, &value) == 1) {
        if (!jf_json_is(&key, jf_view_of(it->argument)) || value.kind != JF_JSON_STRING) continue;
        const char *wrong = NULL;
        if (changes.count == JF_CHANGES_MOST)
            wrong = "is there too often";
        else if (cover_value(it, &value, &changes) != JF_OK)
            wrong = "is no valid text";
        if (wrong == NULL) continue;
        jf_text_drop(&changes.texts);
        return jf_fault_set(why, JF_E_INVALID, JF_FAULT_PUBLIC, "%s %s", it->argument, wrong);
    }
    /* What does not concern it goes on as it is: the verdict stays absent, nothing is allocated. */
    if (changes.count == 0 && !changes.failed) return JF_OK;
    if (jf_changes_give(&changes, 0, verdict) == JF_OK) return JF_OK;
    return jf_fault_set(why, JF_E_FAULT, 0, "PLUGIN_ID could not mask %s: out of memory", it->argument);
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_filter_1 filter = {
        .size = sizeof filter, .attach = attach, .detach = detach, .request = request};
    (void)self;
    return strcmp(id, JF_FILTER_1) == 0 ? &filter : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)offer, (void)config;
    *out = calloc(1, sizeof **out);
    return *out != NULL ? JF_OK : jf_fault_set(why, JF_E_BUSY, 0, "out of memory");
}

static void destroy(jf_self *self) {
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    if (offer->major == JF_ABI_MAJOR && offer->minor >= 1) return &plugin; /* the facet is of 1.1 */
    jf_fault_set(why, JF_E_UNSUPPORTED, 0, "PLUGIN_ID needs plugin ABI 1.1");
    return NULL;
}
