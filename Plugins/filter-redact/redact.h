/* SPDX-License-Identifier: Apache-2.0
 * Plugin filter-redact: what it looks for, and how it takes it out of JSON. */
#ifndef FILTER_REDACT_H
#define FILTER_REDACT_H

#include "filter.h"
#include "pattern.h"

#define RD_MOST_PATTERNS 64
/** Finds in one string; a string with more is replaced whole. */
#define RD_MOST_FOUND 4096
/** JSON in strings is looked through this deep. */
#define RD_MOST_NESTED 3

/** Something that is looked for. */
typedef struct rd_detector {
    const char *name;    /**< NUL-terminated; what stands in the replacement */
    fl_pattern *pattern; /**< NULL: `find` alone */
    /** Finds from `from` on without an expression. */
    bool (*find)(jf_view text, uint64_t from, uint64_t *start, uint64_t *end);
    /** Whether what the expression found is one; may make it shorter. */
    bool (*check)(jf_view text, uint64_t start, uint64_t *end);
} rd_detector;

/** One configured filter. */
typedef struct redact {
    rd_detector detectors[RD_MOST_PATTERNS];
    uint32_t count;
    jf_view names[RD_MOST_PATTERNS]; /**< of own patterns, kept */
    uint32_t name_count;
    fl_list members;  /**< names of members that are always masked */
    fl_list pointers; /**< JSON Pointers that are always masked */
    jf_view replacement, salt;
    bool hashes, blocks, requests, results;
} redact;

/** A detector of our own by name; false: there is none. */
bool rd_known(const char *name, rd_detector *out, jf_fault *why);
/** The names of all of them; NULL ends the list. */
extern const char *const rd_names[];

/** What was found in one string. */
typedef struct rd_found {
    uint64_t start, end;
    const char *name;
} rd_found;

/** Looks through decoded text. Returns how many were found, in ascending order and apart from each other. */
uint32_t rd_search(const redact *it, jf_view text, rd_found *found, uint32_t most);
/** Writes what stands for a secret. */
void rd_mask(const redact *it, jf_view secret, const char *name, fl_bytes *out);

/** Called for each part of a text that is to be replaced: [start, end) by JSON `bytes`. */
typedef void (*rd_take)(void *context, uint64_t start, uint64_t end, jf_view bytes, const char *name);
/** Looks through a JSON text. `skip`: members of the top that stay. JF_OK, or JF_E_INVALID: no JSON that can
 * be looked through. */
int32_t rd_walk(const redact *it, jf_view json, const char *const *skip, uint32_t nested, rd_take take,
                void *context);

#endif
