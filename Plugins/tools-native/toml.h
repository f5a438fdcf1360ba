/* SPDX-License-Identifier: Apache-2.0
 * TOML (toml.io, 1.0) as far as declarations need it: everything but dates and times; inline tables may span
 * lines and end with a comma, as in TOML 1.1. Every value knows its place. */
#ifndef TOOLS_NATIVE_TOML_H
#define TOOLS_NATIVE_TOML_H

#include "arena.h"
#include "problems.h"

#define TOML_DEPTH 16u
#define TOML_LARGEST 1048576u

typedef enum toml_kind { TOML_TEXT, TOML_INTEGER, TOML_REAL, TOML_BOOL, TOML_ARRAY, TOML_TABLE } toml_kind;

/** A value. Tables and arrays hold their values as a list in the order of the file. */
typedef struct toml {
    toml_kind kind;
    place at;        /**< the value */
    place key_at;    /**< its key, for members of tables */
    const char *key; /**< NUL-terminated, without a NUL inside; NULL in arrays */
    struct toml *next;
    struct toml *first, *last;
    uint32_t count;
    bool closed;      /**< an inline table or array: nothing may be added later */
    bool named;       /**< a table that had a [header] of its own */
    bool dotted;      /**< a table that dotted keys made: only they may add to it */
    const char *text; /**< NUL-terminated, without a NUL inside */
    int64_t integer;
    double real;
    bool truth;
} toml;

/** Parses a file's bytes. NULL: `list` says why. The nodes live as long as `memory`. */
toml *toml_parse(arena *memory, const char *bytes, size_t length, problems *list);

/** A member by key; NULL when there is none. */
const toml *toml_get(const toml *table, const char *key);
/** "a text", "an integer", ... for messages. */
const char *toml_kind_name(toml_kind kind);

#endif
