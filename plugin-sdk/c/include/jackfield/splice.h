/* SPDX-License-Identifier: Apache-2.0
 * Verdicts of filters (jf.filter/1): which bytes of a passage's body become others. A convenience of the SDK
 * and no part of the ABI.
 *
 *     jf_json_value query;
 *     jf_changes it = {.body = passage->body};
 *     if (jf_member(passage->arguments, "query", &query) && query.kind == JF_JSON_STRING)
 *         jf_change_text(&it, &query, text);
 *     return jf_changes_give(&it, 0, verdict);
 */
#ifndef JACKFIELD_SPLICE_H
#define JACKFIELD_SPLICE_H

#include <jackfield/filter.h>
#include <jackfield/text.h>

/** The member of an object by its name. False: there is none, or this is no object. */
static inline bool jf_member(jf_view object, const char *name, jf_json_value *out) {
    jf_json_value root, key;
    if (object.ptr == NULL || !jf_json_read(object, &root) || root.kind != JF_JSON_OBJECT) return false;
    jf_json_walk walk = jf_json_walk_of(&root);
    while (jf_json_next(&walk, &key, out) == 1)
        if (jf_json_is(&key, jf_view_of(name))) return true;
    return false;
}

/** Changes of one body, in any order, at most JF_CHANGES_MOST; begin with the body and zeros. */
#ifndef JF_CHANGES_MOST
#define JF_CHANGES_MOST 64
#endif
typedef struct jf_changes {
    jf_view body;
    uint32_t count;
    bool failed; /**< too many, no memory, or a place that is not in the body */
    struct {
        uint64_t start, end; /**< in the body */
        uint64_t at, len;    /**< in `texts` */
    } each[JF_CHANGES_MOST];
    jf_text texts;
} jf_changes;

/** Replaces a part of the body, which points into it (jf_json_raw of a value), by JSON. */
static inline void jf_change(jf_changes *it, jf_view part, jf_view json) {
    uint64_t start = (uint64_t)((uintptr_t)part.ptr - (uintptr_t)it->body.ptr);
    if (it->count == JF_CHANGES_MOST || start > it->body.len || part.len > it->body.len - start) {
        it->failed = true;
        return;
    }
    it->each[it->count].start = start;
    it->each[it->count].end = start + part.len;
    it->each[it->count].at = it->texts.len;
    it->each[it->count].len = json.len;
    it->count++;
    jf_text_add(&it->texts, json);
}

/** Replaces a value by a string. */
static inline void jf_change_text(jf_changes *it, const jf_json_value *value, jf_view text) {
    jf_text quoted = {0};
    jf_text_quote(&quoted, text);
    if (quoted.failed) it->failed = true;
    jf_change(it, jf_json_raw(value), (jf_view){quoted.bytes, quoted.len});
    jf_text_drop(&quoted);
}

/** Adds a member at the end of an object of the body, which has none of that name. */
static inline void jf_change_add(jf_changes *it, const jf_json_value *object, const char *name,
                                 jf_view json) {
    jf_text member = {0};
    const uint8_t *end = object->ptr + object->len - 1;
    bool is_empty = jf_json_blanks(object->ptr + 1, end) == end;
    for (uint32_t i = 0; i < it->count; i++) /* another one was added to it */
        if (it->body.ptr + it->each[i].start == end) is_empty = false;
    if (!is_empty) jf_text_put(&member, ",");
    jf_text_quote(&member, jf_view_of(name));
    jf_text_put(&member, ":");
    jf_text_add(&member, json);
    if (member.failed) it->failed = true;
    jf_change(it, (jf_view){end, 0}, (jf_view){member.bytes, member.len});
    jf_text_drop(&member);
}

/* The changes as splices, and forgotten. False: they overlap, or went wrong. */
static inline bool jf_changes_write(jf_changes *it, jf_text *out) {
    uint64_t done = 0;
    bool failed = it->failed || it->texts.failed;
    for (uint32_t left = it->count; left > 0 && !failed; left--) {
        uint32_t next = 0; /* the first in the body of those that are left */
        for (uint32_t i = 1; i < left; i++)
            if (it->each[i].start < it->each[next].start ||
                (it->each[i].start == it->each[next].start && it->each[i].at < it->each[next].at))
                next = i;
        jf_splice splice = {it->each[next].start, it->each[next].end, it->each[next].len};
        static const uint8_t zeros[8] = {0};
        failed = splice.start < done;
        done = splice.end;
        jf_text_add(out, (jf_view){(const uint8_t *)&splice, sizeof splice});
        jf_text_add(out, (jf_view){it->texts.bytes + it->each[next].at, splice.len});
        jf_text_add(out, (jf_view){zeros, (8 - splice.len % 8) % 8});
        it->each[next] = it->each[left - 1];
    }
    jf_text_drop(&it->texts);
    it->count = 0;
    return !failed;
}

/** The verdict, and the changes forgotten. `memory` of a request comes back with its result and its end; 0:
 * none. JF_OK: where nothing changes and nothing is to be remembered, *verdict stays absent. JF_E_FAULT: the
 * changes overlap, or went wrong. */
static inline int32_t jf_changes_give(jf_changes *it, uint64_t memory, jf_blob *verdict) {
    jf_text out = {0};
    jf_verdict head = {it->count > 0 ? JF_SPLICE : JF_PASS, it->count, memory};
    jf_text_add(&out, (jf_view){(const uint8_t *)&head, sizeof head});
    bool is_good = jf_changes_write(it, &out);
    if (!is_good || (head.count == 0 && memory == 0)) {
        jf_text_drop(&out);
        return is_good ? JF_OK : JF_E_FAULT;
    }
    return jf_text_give(&out, verdict);
}

/** The verdict that a tool's result is kept for `ttl_ms`: `result` is a result object whose `content` gets
 * the link, and the changes hold where the result cannot be kept, or where `most` bytes are kept already. */
static inline int32_t jf_spill_give(jf_changes *it, uint64_t ttl_ms, uint64_t most, jf_view result,
                                    jf_blob *verdict) {
    static const uint8_t zeros[8] = {0};
    jf_text out = {0};
    jf_verdict head = {JF_SPILL, it->count, 0};
    jf_spill spill = {ttl_ms, most, result.len};
    jf_text_add(&out, (jf_view){(const uint8_t *)&head, sizeof head});
    jf_text_add(&out, (jf_view){(const uint8_t *)&spill, sizeof spill});
    jf_text_add(&out, result);
    jf_text_add(&out, (jf_view){zeros, (8 - result.len % 8) % 8});
    if (!jf_changes_write(it, &out)) {
        jf_text_drop(&out);
        return JF_E_FAULT;
    }
    return jf_text_give(&out, verdict);
}

/** A verdict that answers in the server's place: `result` is a result object. JF_OK, or JF_E_BUSY. */
static inline int32_t jf_answer_give(jf_view result, uint64_t memory, jf_blob *verdict) {
    jf_text out = {0};
    jf_verdict head = {JF_ANSWER, 0, memory};
    jf_text_add(&out, (jf_view){(const uint8_t *)&head, sizeof head});
    jf_text_add(&out, result);
    return jf_text_give(&out, verdict);
}

#endif
