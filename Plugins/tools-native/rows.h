/* SPDX-License-Identifier: Apache-2.0
 * Callbacks: functions made by libffi that a library may call, and that collect what it says as JSON rows. */
#ifndef TOOLS_NATIVE_ROWS_H
#define TOOLS_NATIVE_ROWS_H

#include "json.h"
#include "model.h"

typedef struct sink sink;

/** A function for the time of one call; NULL: none can be made here. `most`: bytes of all rows. [any] */
sink *sink_take(const callback_decl *decl, uint64_t most);
/** The function's address. */
void *sink_code(const sink *it);
/** The rows so far, without brackets, and whether they are not all. */
const text *sink_rows(const sink *it, bool *cut);
/** Gives it back. The function stays callable for ever: a library that calls too late gets `stop`. [any] */
void sink_give(sink *it);

/** How many functions exist in this process: they are kept and used again, never freed. */
uint32_t sink_count(void);

#endif
