/* SPDX-License-Identifier: Apache-2.0
 * What the two halves of the TOML reader share. */
#ifndef TOOLS_NATIVE_TOML_READER_H
#define TOOLS_NATIVE_TOML_READER_H

#include "toml.h"

typedef struct reader {
    arena *memory;
    problems *list;
    const char *at, *end;
    const char *line_start;
    uint32_t line;
    bool failed;
} reader;

/** Where the reader stands. */
place toml_place(const reader *it);
/** Notes the first problem; always false. */
bool toml_fail(reader *it, place at, const char *what);
toml *toml_node(reader *it, toml_kind kind, place at);
/** Goes past a newline. */
void toml_newline(reader *it);
toml *toml_value(reader *it, uint32_t depth);
/** A string of any of the four forms; `long_form`: the two over several lines are allowed. */
bool toml_string(reader *it, const char **out, bool long_form);
/** A number, true or false. */
toml *toml_scalar(reader *it);

#endif
