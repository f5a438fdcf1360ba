/* SPDX-License-Identifier: Apache-2.0
 * What the parts that read a declaration share. */
#ifndef TOOLS_NATIVE_DECLARE_H
#define TOOLS_NATIVE_DECLARE_H

#include "model.h"
#include "toml.h"

typedef struct reading {
    declaration *it;
    problems *list;
} reading;

/** Zeroed memory of the declaration; NULL: the problem is noted. */
void *read_memory(reading *r, size_t size);
/** Notes every key of `table` that is not in `known`. `what` names the table in messages. */
void read_keys(reading *r, const toml *table, const char *what, const char *const *known);
/** Members by key. Absent: NULL, false, `standard`. Of a wrong kind: the same, and a problem. */
const char *read_text(reading *r, const toml *table, const char *key);
bool read_bool(reading *r, const toml *table, const char *key, bool standard);
bool read_integer(reading *r, const toml *table, const char *key, int64_t least, int64_t most, int64_t *out);
const toml *read_array(reading *r, const toml *table, const char *key);
/** A list of texts. */
const char **read_texts(reading *r, const toml *table, const char *key, uint32_t *count);
/** A required text. */
const char *read_required(reading *r, const toml *table, const char *key, const char *what);
/** An identifier: a letter or _, then letters, digits, _; at most 64. */
bool read_name(reading *r, place at, const char *name, const char *what);
/** A scalar's value in the file, checked against the type: an integer (also as a text of digits), a number,
 * true or false. */
bool read_cell(reading *r, const toml *value, ctype type, const enum_decl *names, cell *out);
/** One of `words`, which ends with NULL; its index. Absent: `standard`. */
uint32_t read_word(reading *r, const toml *table, const char *key, const char *const *words,
                   uint32_t standard);
/** A place for a message about a member: its value where it is there, else the table. */
place read_place(const toml *table, const char *key);

/** Finds what a "kind:NAME" type refers to; NULL: noted. */
const enum_decl *find_enum(reading *r, place at, const char *name);
const record_decl *find_record(reading *r, place at, const char *name);
const handle_decl *find_handle(reading *r, place at, const char *name);
const callback_decl *find_callback(reading *r, place at, const char *name);

/** [enum.*], [struct.*], [handle.*], [callback.*] */
void read_enums(reading *r, const toml *table);
void read_records(reading *r, const toml *table);
void read_handles(reading *r, const toml *table);
void read_callbacks(reading *r, const toml *table);
/** [tool.*] */
void read_tools(reading *r, const toml *table);
/** The parameters of one tool, and what they say about each other. */
void read_params(reading *r, tool_decl *tool, const toml *list);
/** `returns`, after the parameters. */
void read_result(reading *r, tool_decl *tool, const toml *table);

/** The parameter with this name; NONE. */
uint32_t param_named(const tool_decl *tool, const char *name);
/** "; did you mean" for a tool's parameters. */
const char *param_nearest(const tool_decl *tool, const char *name, char *room, size_t size);

#endif
