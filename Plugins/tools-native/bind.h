/* SPDX-License-Identifier: Apache-2.0
 * A declaration bound to its library: functions, libffi's descriptions of them, and the frame of one call. */
#ifndef TOOLS_NATIVE_BIND_H
#define TOOLS_NATIVE_BIND_H

#include "handles.h"
#include "json.h"
#include "library.h"
#include "rows.h"

#include <ffi.h>

/** The limits of a set, from its configuration. */
typedef struct limits {
    uint64_t argument_bytes, result_bytes;
} limits;

/** A tool as it can be called. Prepared once, on the lane; read by every thread afterwards. */
typedef struct bound_tool {
    const tool_decl *decl;
    native_fn function, explain, release;
    native_fn releases[MOST_PARAMS]; /**< P_OUT_STRING: `free` */
    ffi_cif cif;
    ffi_type *types[MOST_PARAMS]; /**< by position in the call */
    uint8_t params[MOST_PARAMS];  /**< the parameter at each position */
    ctype passed_as[MOST_PARAMS]; /**< by parameter: wider than declared behind `fixed` (C11 6.5.2.2) */
    uint32_t count;               /**< positions */
    bool on_worker;
} bound_tool;

typedef struct binding {
    declaration decl;
    library library;
    limits limits;
    bound_tool *tools; /**< by name, in order */
    ffi_type *records; /**< by index */
    handle_table handles;
    sink_pool *sinks; /**< the instance's */
} binding;

/** Loads the library and prepares every tool; `decl`, `limits` and `sinks` are set. False: `list` says why;
 * binding_free is still to be called. */
bool binding_make(binding *it, const char *folder, problems *list);
/** Destroys what handles are left. No call may be running. */
void binding_free(binding *it);
/** NULL: no such tool. */
const bound_tool *binding_find(const binding *it, const char *name, size_t length);

#define FRAME_ROOM 2048

/** One call. Not copyable: it points into itself. */
typedef struct frame {
    binding *set;
    const bound_tool *tool;
    cell cells[MOST_PARAMS];        /**< what is passed */
    cell targets[MOST_PARAMS];      /**< what it points at, where that is a scalar or a pointer */
    uint64_t lengths[MOST_PARAMS];  /**< bytes given, or room for bytes, without guards */
    handle_slot *held[MOST_PARAMS]; /**< handles in use */
    sink *sinks[MOST_PARAMS];
    void *result;
    int error; /**< errno after the call */
    bool called, succeeded;
    const uint8_t *principal;
    size_t principal_length;
    arena memory;
    uint8_t room[FRAME_ROOM];
} frame;

#define WHY_SIZE 480

/** Checks the arguments of a call and lays them out. The frame keeps nothing of `arguments` but `principal`,
 * which the caller may move. False: `why` (WHY_SIZE) says what is wrong, for the client. */
bool frame_make(frame *it, binding *set, const bound_tool *tool, const json_value *arguments,
                const uint8_t *principal, size_t principal_length, char *why);
/** Calls the function. May block as long as it does. */
void frame_call(frame *it);
/** Makes the CallToolResult. False: out of memory, or `why` says how the library broke the process's memory.
 */
bool frame_answer(frame *it, text *out, char *why);
/** Gives back whatever frame_make and frame_call took. */
void frame_end(frame *it);

/** A CallToolResult for a failure that the model can act on. */
void answer_failure(text *out, const char *message);

/** The array of tools for tools/list. */
void schema_write(const binding *set, text *out);

/** Bytes behind each buffer that the library writes to; they must not change. */
#define GUARD 16u
extern const uint8_t guard_bytes[GUARD];

#endif
