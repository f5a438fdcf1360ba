/* SPDX-License-Identifier: Apache-2.0
 * A declaration, read and checked: the library, and what of it becomes tools. Nothing here is loaded yet. */
#ifndef TOOLS_NATIVE_MODEL_H
#define TOOLS_NATIVE_MODEL_H

#include "arena.h"
#include "problems.h"
#include "types.h"

#define NONE UINT32_MAX
#define MOST_PARAMS 16u
#define MOST_FIELDS 32u
#define MOST_TOOLS 512u
#define MOST_RECORD 4096u /* bytes of a struct */

/** [enum.NAME]: names for integers. */
typedef struct enum_decl {
    place at;
    const char *name;
    const char *c; /**< how C spells the type; NULL: as its integer */
    ctype type;
    uint32_t count;
    const char **names;
    int64_t *values;
    const char **constants; /**< the C names, for check-signatures; NULL where not given */
} enum_decl;

/** A member of a struct. */
typedef struct field_decl {
    place at;
    const char *name;
    ctype type; /**< of one element */
    const enum_decl *enumeration;
    uint32_t count; /**< of a char array (text:N, bytes:N); 0: one value */
    bool is_text;   /**< text:N rather than bytes:N */
    bool fixed;     /**< `value`: not shown, always this */
    bool has_default;
    cell value;
    size_t offset;
} field_decl;

/** [struct.NAME]: a flat struct. */
typedef struct record_decl {
    place at;
    const char *name, *c;
    uint32_t index, count;
    field_decl *fields;
    size_t size, alignment;
} record_decl;

/** [handle.NAME]: an opaque pointer that stays here; clients hold references. */
typedef struct handle_decl {
    place at;
    const char *name, *c;
    const char *destroy; /**< the function that ends one */
    uint32_t index;
    uint32_t limit;
} handle_decl;

typedef enum row_role { ROW_SCALAR, ROW_TEXT, ROW_TEXTS, ROW_BYTES, ROW_IGNORED } row_role;

/** A parameter of a callback. */
typedef struct row_param {
    place at;
    const char *name;
    row_role role;
    ctype type;
    const enum_decl *enumeration;
    uint32_t length; /**< ROW_TEXTS, ROW_BYTES: the parameter that counts */
    bool hidden;
    const char *c;
} row_param;

/** [callback.NAME]: a function that the library calls; each call becomes a row of the result. */
typedef struct callback_decl {
    place at;
    const char *name, *c;
    ctype returns; /**< T_VOID or an integer type */
    int64_t go, stop;
    uint32_t count;
    row_param *params;
    uint32_t keys, values; /**< ROW_TEXTS that together are an object; NONE: by name */
    uint32_t limit;        /**< rows */
} callback_decl;

typedef enum role {
    P_SCALAR,
    P_ENUM,
    P_TEXT,
    P_BYTES,
    P_LENGTH,
    P_OUT_BYTES,
    P_OUT_TEXT,
    P_OUT_SCALAR,
    P_INOUT,
    P_RECORD,
    P_RECORD_IN,
    P_RECORD_OUT,
    P_RECORD_INOUT,
    P_HANDLE,
    P_OUT_HANDLE,
    P_OUT_STRING,
    P_CALLBACK,
    P_NULL
} role;

/** Where the length of out_bytes is found after the call. */
typedef enum length_source { LENGTH_ALL, LENGTH_RETURN, LENGTH_PARAM } length_source;

/** How 64-bit and other integers are shown. */
typedef enum shown_as { AS_AUTO, AS_INTEGER, AS_STRING, AS_BOOLEAN } shown_as;

typedef struct param_decl {
    place at;
    const char *name, *summary, *c;
    role role;
    ctype type; /**< the scalar, or what the pointer points at */
    const char *spelling;
    const enum_decl *enumeration;
    const record_decl *record;
    const handle_decl *handle;
    const callback_decl *callback;
    bool in, out;     /**< an argument of the tool; a field of its result */
    bool fixed;       /**< `value`: a constant, no argument */
    bool has_default; /**< `default`: the argument may be left out */
    bool optional;    /**< texts, bytes, handles: left out means NULL */
    bool passed;      /**< false: an argument that only sizes something else */
    bool by_pointer;  /**< P_LENGTH: a pointer to the length */
    bool as_text;     /**< bytes shown as text, not as base64 */
    bool consumes;    /**< P_HANDLE: the call ends it */
    bool destroy;     /**< P_OUT_HANDLE: made although the call failed, and then to be destroyed */
    bool error_text;  /**< P_OUT_STRING: what it says is the error's text */
    shown_as as;
    cell value;       /**< `value` or `default` of scalars */
    const char *text; /**< the same of texts */
    uint64_t max;     /**< texts, bytes: in bytes; 0: the set's limit */
    bool has_least, has_most;
    int64_t least; /**< integers */
    uint64_t most;
    double least_real, most_real;
    uint32_t target;      /**< P_LENGTH: of which parameter */
    uint64_t capacity;    /**< P_OUT_*: in bytes, where no argument says so */
    uint32_t capacity_of; /**< P_OUT_*: the argument that says so; NONE */
    length_source length;
    uint32_t length_of; /**< LENGTH_PARAM: which */
    const char *free;   /**< P_OUT_STRING: the function that takes it back */
} param_decl;

typedef enum result_role {
    R_VOID,
    R_SCALAR,
    R_ENUM,
    R_TEXT,
    R_BYTES,
    R_RECORD,
    R_RECORD_REF,
    R_HANDLE
} result_role;

/** What means failure. */
typedef enum failure {
    FAIL_NEVER,
    FAIL_ERRNO,          /**< -1 or NULL, errno says why */
    FAIL_ERRNO_SET,      /**< errno is not 0 afterwards */
    FAIL_NEGATIVE,       /**< < 0 */
    FAIL_NEGATIVE_ERRNO, /**< < 0, and the negated value is an errno */
    FAIL_NONZERO,
    FAIL_NONZERO_ERRNO, /**< the value is an errno */
    FAIL_ZERO,
    FAIL_NULL
} failure;

#define MOST_OK 8u

typedef struct result_decl {
    place at;
    const char *name, *summary, *c;
    result_role role;
    ctype type;
    const char *spelling;
    const enum_decl *enumeration;
    const record_decl *record;
    const handle_decl *handle;
    shown_as as;
    failure failure;
    int64_t ok[MOST_OK]; /**< values that are no failure whatever `failure` says */
    uint32_t ok_count;
    const char *explain;   /**< a function that turns the value into a text */
    uint32_t explain_with; /**< the handle that it takes instead; NONE: the value */
    const char *free;      /**< R_TEXT, R_BYTES: the function that takes it back */
    uint32_t length_of;    /**< R_BYTES: the out parameter that counts */
    uint64_t max;
    bool hidden, optional, as_text;
} result_decl;

/** Annotations: -1 not said, 0 false, 1 true. */
typedef struct hints {
    int8_t read_only, destructive, idempotent, open_world;
} hints;

typedef struct tool_decl {
    place at;
    const char *name, *symbol, *title, *summary;
    uint32_t index, count;
    param_decl *params;
    uint32_t fixed; /**< parameters before the variadic ones; NONE: not variadic */
    result_decl result;
    hints hints;
    bool blocking;
} tool_decl;

typedef struct declaration {
    arena memory;
    const char *library; /**< path or soname */
    place library_at, hash_at;
    const char *sha256; /**< 64 lower-case digits; NULL where unpinned */
    bool unpinned, thread_safe;
    uint32_t header_count;
    const char **headers; /**< for check-signatures */
    uint32_t tool_count, enum_count, record_count, handle_count, callback_count;
    tool_decl *tools;
    enum_decl *enums;
    record_decl *records;
    handle_decl *handles;
    callback_decl *callbacks;
} declaration;

/** Reads a declaration file's bytes. False: `list` says what is wrong, nothing is left behind. */
bool declaration_read(declaration *it, const char *bytes, size_t length, problems *list);
void declaration_free(declaration *it);

#endif
