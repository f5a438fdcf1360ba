/* SPDX-License-Identifier: Apache-2.0
 * What is left of a structured result: members that are picked, without those that are dropped. */
#include "transform.h"

/** Where a walk is. */
typedef struct place {
    uint32_t level;
    uint32_t picks, drops; /**< bits of pointers that lead here */
    bool picked;           /**< all of it is wanted */
} place;

static bool leads(const tf_pointer *pointer, uint32_t level, const jf_json_value *key, uint64_t index) {
    jf_view token = pointer->tokens[level];
    if (token.len == 1 && *token.ptr == '*') return true;
    if (key->ptr != NULL) return jf_json_says(key, token, true);
    bool negative;
    uint64_t number;
    return jf_json_magnitude(token, &negative, &number) && !negative && number == index;
}

/* Those of `from` that lead on to a member or element; `ends`: one of them names it. */
static uint32_t follow(const tf_paths *paths, uint32_t from, const place *at, const jf_json_value *key,
                       uint64_t index, bool *ends) {
    uint32_t on = 0;
    for (uint32_t i = 0; i < paths->count; i++) {
        if ((from >> i & 1) == 0 || !leads(&paths->all[i], at->level, key, index)) continue;
        if (paths->all[i].count == at->level + 1)
            *ends = true;
        else
            on |= 1u << i;
    }
    return on;
}

/* Bounded by TF_MOST_TOKENS: beyond the last token of a pointer nothing is entered. */
static void reduce(const transform *it, const jf_json_value *value, place at, fl_bytes *out) {
    jf_json_walk walk = jf_json_walk_of(value);
    jf_json_value key, child;
    uint64_t index = 0;
    bool first = true;
    fl_add(out, walk.object ? "{" : "[", 1);
    for (; jf_json_next(&walk, &key, &child) == 1; index++) {
        place next = {.level = at.level + 1, .picked = at.picked};
        bool dropped = false;
        next.drops = follow(&it->drops, at.drops, &at, &key, index, &dropped);
        next.picks = follow(&it->picks, at.picks, &at, &key, index, &next.picked);
        if (dropped || !(next.picked || next.picks != 0)) continue;
        if (!first) fl_add(out, ",", 1);
        first = false;
        if (walk.object) {
            jf_view raw = jf_json_raw(&key);
            fl_add(out, raw.ptr, raw.len);
            fl_add(out, ":", 1);
        }
        bool enters = child.kind == JF_JSON_OBJECT || child.kind == JF_JSON_ARRAY;
        if (enters && (next.drops != 0 || !next.picked)) {
            reduce(it, &child, next, out);
        } else {
            jf_view raw = jf_json_raw(&child);
            fl_add(out, raw.ptr, raw.len);
        }
    }
    fl_add(out, walk.object ? "}" : "]", 1);
}

bool tf_reduce(const transform *it, const jf_json_value *value, fl_bytes *out) {
    if (value->kind != JF_JSON_OBJECT && value->kind != JF_JSON_ARRAY) return false;
    place at = {.picks = UINT32_MAX, .drops = UINT32_MAX, .picked = it->picks.count == 0};
    reduce(it, value, at, out);
    jf_view raw = jf_json_raw(value);
    return out->failed || !fl_same(fl_view(out), raw);
}
