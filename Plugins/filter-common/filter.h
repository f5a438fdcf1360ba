/* SPDX-License-Identifier: Apache-2.0
 * What a filter is to the sources that all of them share: the ABI side is in instance.c. */
#ifndef JF_FILTER_COMMON_H
#define JF_FILTER_COMMON_H

#include <jackfield/filter.h>
#include <jackfield/json.h>
#include <jackfield/toolset.h>

/** Says what is wrong in `why`, as "filter NAME: …", and returns `code`. */
int32_t fl_refuse(jf_fault *why, int32_t code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** The same in words that a client may read. */
int32_t fl_tell(jf_fault *why, int32_t code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** A line in the gateway's log about a passage, where there is a log. Only within a slot. */
void fl_warn(const char *text, const jf_passage *passage, jf_view why);

/** One kind of filter; each plugin defines `fl_this`. */
typedef struct fl_kind {
    const char *plugin, *name;
    /** Reads the options, which are valid against the manifest. */
    int32_t (*open)(const jf_json_value *options, void **filter, jf_fault *why);
    void (*close)(void *filter);
    /** As the slots of jf_filter_1, answered at once; each may be NULL. */
    int32_t (*request)(void *filter, const jf_passage *passage, jf_blob *verdict, jf_fault *why);
    int32_t (*result)(void *filter, const jf_passage *passage, jf_blob *verdict, jf_fault *why);
} fl_kind;
extern const fl_kind fl_this;

/* ---- Bytes that grow ---- */

/** Bytes in memory of our own. Once there was no memory it stays failed and takes nothing more. */
typedef struct fl_bytes {
    uint8_t *ptr;
    uint64_t len, room;
    bool failed;
} fl_bytes;

/** Room for `len` more; NULL: there is none. The caller adds to `len` what it wrote. */
uint8_t *fl_room(fl_bytes *it, uint64_t len);
void fl_add(fl_bytes *it, const void *bytes, uint64_t len);
void fl_add_text(fl_bytes *it, const char *text);
/** Text as a JSON string with its quotes. */
void fl_add_quoted(fl_bytes *it, jf_view text);
static inline jf_view fl_view(const fl_bytes *it) {
    return (jf_view){it->ptr, it->len};
}
void fl_free(fl_bytes *it);
/** A copy with a NUL behind it; absent: no memory. */
jf_view fl_copy(jf_view bytes);

/** The decoded text of a string; half a surrogate pair becomes U+FFFD. In memory of the caller's. */
jf_view fl_decode(const jf_json_value *string);

/* ---- Verdicts ---- */

/** Begins a verdict. */
void fl_begin(fl_bytes *it, uint32_t decision);
/** What is kept of a result, and what stands in its place; right after `fl_begin` of JF_SPILL. */
void fl_spill(fl_bytes *it, uint64_t ttl_ms, uint64_t most, jf_view result);
/** One splice; in ascending order. */
void fl_splice(fl_bytes *it, uint64_t start, uint64_t end, jf_view bytes);
/** Hands a verdict over. */
int32_t fl_end(fl_bytes *it, jf_blob *verdict, jf_fault *why);

/** Where a value stands in `body`, with the quotes of a string. */
static inline uint64_t fl_start(jf_view body, const jf_json_value *value) {
    return (uint64_t)(jf_json_raw(value).ptr - body.ptr);
}
static inline uint64_t fl_stop(jf_view body, const jf_json_value *value) {
    return fl_start(body, value) + jf_json_raw(value).len;
}

/* ---- Options ---- */

/** The member of an object; false: there is none. */
bool fl_member(const jf_json_value *object, const char *name, jf_json_value *out);
int64_t fl_integer(const jf_json_value *options, const char *name, int64_t preset);
bool fl_flag(const jf_json_value *options, const char *name, bool preset);
/** A decoded copy, the caller's; absent when it is not there. */
jf_view fl_text(const jf_json_value *options, const char *name);
/** Whether an option says a word. */
bool fl_says(const jf_json_value *options, const char *name, const char *word);

/** Texts of a list. */
typedef struct fl_list {
    jf_view *texts;
    uint32_t count;
} fl_list;

/** Decoded copies of a list of texts; false: no memory. */
bool fl_texts(const jf_json_value *options, const char *name, fl_list *out);
void fl_list_free(fl_list *list);
/** Whether a key says one of them. */
bool fl_has(const fl_list *list, const jf_json_value *key);

/** FNV-1a. */
static inline uint64_t fl_hash(jf_view bytes, uint64_t hash) {
    if (hash == 0) hash = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < bytes.len; i++)
        hash = (hash ^ bytes.ptr[i]) * 0x100000001b3u;
    return hash;
}
static inline bool fl_same(jf_view a, jf_view b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

#endif
