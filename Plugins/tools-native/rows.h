/* SPDX-License-Identifier: Apache-2.0
 * Callbacks: functions of jf.callback/1 that a library may call, and that collect what it says as JSON rows.
 */
#ifndef TOOLS_NATIVE_ROWS_H
#define TOOLS_NATIVE_ROWS_H

#include "json.h"
#include "model.h"

#include <jackfield/callback.h>

typedef struct sink sink;
typedef struct sink_pool sink_pool;

/** The callbacks of an instance, made with jf.callback/1. NULL without memory; without `service` (NULL) it
 * gives none. */
sink_pool *sinks_make(const jf_callback_1 *service);
/** Ends all leases but those of calls that never returned, whose memory stays. What a library still holds
 * answers `stop`. */
void sinks_end(sink_pool *pool);

/** A function for the time of one call; NULL: `why` (of `size` bytes) says why there is none. `most`: bytes
 * of all rows. [any] */
sink *sink_take(sink_pool *pool, const callback_decl *decl, uint64_t most, char *why, size_t size);
/** The function's address. */
void *sink_code(const sink *it);
/** The rows so far, without brackets, and whether they are not all. */
const text *sink_rows(const sink *it, bool *cut);
/** Gives it back. The function stays callable for ever: a library that calls too late gets `stop`. [any] */
void sink_give(sink *it);

#endif
