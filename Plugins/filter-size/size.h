/* SPDX-License-Identifier: Apache-2.0
 * Plugin filter-size: cutting lists of content, and keeping the rest of them. */
#ifndef FILTER_SIZE_H
#define FILTER_SIZE_H

#include "filter.h"

#define SZ_MOST_KEPT 1024
#define SZ_TOKEN 32

/** One configured filter. */
typedef struct size_filter {
    uint64_t max_bytes, max_items, keep_bytes, keep_ms, preview_bytes;
    bool pages, spills;
} size_filter;

/** A list of content that was cut. */
typedef struct sz_cut {
    fl_bytes kept;       /**< elements, with commas between them */
    fl_bytes rest;       /**< what did not fit, the same */
    uint64_t kept_count; /**< elements in `kept` */
    uint64_t omitted;    /**< elements without text that are too large for any page */
    uint64_t text_end;   /**< where in `kept` the text ends that was cut; 0: none was */
} sz_cut;

/** Takes elements of an array until `budget` bytes or `most` elements (0: any number). */
void sz_cut_list(const jf_json_value *array, uint64_t budget, uint64_t most, sz_cut *out);
void sz_cut_free(sz_cut *cut);

/** Keeps the rest of a result for whoever asked for it; `token` gets its name. False: there is no room. */
bool sz_keep(const size_filter *by, const jf_passage *passage, jf_view rest, char token[SZ_TOKEN + 1]);
/** A copy of what is kept under a name for whoever asks, the caller's; absent: nothing. */
jf_view sz_kept(const jf_passage *passage, jf_view token);

#endif
