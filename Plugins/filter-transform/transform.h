/* SPDX-License-Identifier: Apache-2.0
 * Plugin filter-transform: what it changes. */
#ifndef FILTER_TRANSFORM_H
#define FILTER_TRANSFORM_H

#include "filter.h"

#define TF_MOST_POINTERS 32
#define TF_MOST_TOKENS 32
#define TF_MOST_MEMBERS 64

/** A JSON Pointer, its tokens still escaped; `*` stands for any member or element. */
typedef struct tf_pointer {
    jf_view tokens[TF_MOST_TOKENS];
    uint32_t count;
} tf_pointer;

/** Pointers into a structured result. */
typedef struct tf_paths {
    fl_list texts;
    tf_pointer all[TF_MOST_POINTERS];
    uint32_t count;
} tf_paths;

/** A member's name and what belongs to it: raw JSON, or another name. */
typedef struct tf_entry {
    jf_view name, value;
} tf_entry;

typedef struct tf_entries {
    tf_entry all[TF_MOST_MEMBERS];
    uint32_t count;
} tf_entries;

/** One configured filter. */
typedef struct transform {
    tf_entries defaults, constants, renames;
    fl_list removals;
    tf_paths picks, drops;
    jf_view gateway; /**< absent: not told */
    bool subject, tenant, changes_arguments, changes_meta;
} transform;

/** Writes a value as `picks` and `drops` leave it. False: it stays as it is. */
bool tf_reduce(const transform *it, const jf_json_value *value, fl_bytes *out);

#endif
