/* SPDX-License-Identifier: Apache-2.0
 * Tables, functions and statements. */
#ifndef STORE_POSTGRES_SCHEMA_H
#define STORE_POSTGRES_SCHEMA_H

/** The version of the tables and functions below. */
enum { SCHEMA_VERSION = 1 };

/** SQL in pieces, up to a NULL, in which {s} and {n} stand for the schema. */
extern const char *const schema_create[];
/** Prepares the statements by the names jf_get, jf_put, ... */
extern const char *const schema_prepare[];

/** The pieces joined, with {s} and {n} filled in, to be freed; NULL: no memory. */
char *schema_text(const char *const *parts, const char *schema);

#endif
