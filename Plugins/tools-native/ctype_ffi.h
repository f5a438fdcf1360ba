/* SPDX-License-Identifier: Apache-2.0
 * Types as libffi describes them, and values of them as JSON. */
#ifndef TOOLS_NATIVE_CTYPE_FFI_H
#define TOOLS_NATIVE_CTYPE_FFI_H

#include "json.h"
#include "model.h"

#include <ffi.h>

/** libffi's description of everything but structs. */
ffi_type *ffi_of(ctype type);
/** Writes a value in memory as JSON; an infinite or undefined number as null. `names` may be NULL. */
void put_scalar(text *out, const void *at, ctype type, const enum_decl *names, shown_as as);
/** Whether a value in memory is a number that JSON cannot say. */
bool is_not_finite(const void *at, ctype type);
/** Integers from here on are spelt as strings: not every JSON reader keeps them. */
#define SAFE_INTEGER 9007199254740991ull

#endif
