/* SPDX-License-Identifier: Apache-2.0
 * abi-libffi: shapes of functions (jackfield/callback.h) as libffi describes them. */
#ifndef ABI_LIBFFI_SHAPE_H
#define ABI_LIBFFI_SHAPE_H

#include <ffi.h>
#include <jackfield/callback.h>
#include <stdbool.h>

/** A shape, read. `types` is what a cif points into, so it must not move once there is one. */
typedef struct shape {
    ffi_type *result;
    ffi_type *types[JF_SHAPE_MOST];
    uint32_t count;
} shape;

/** Reads a shape. JF_OK, or JF_E_INVALID with `why`. */
int32_t shape_read(shape *out, jf_view text, jf_fault *why);
bool shape_equals(const shape *a, const shape *b);
/** Describes functions of the shape; `it` must stay where it is. False: libffi does not know how. */
bool shape_prepare(shape *it, ffi_cif *cif);
/** Hands libffi an answer that was written in the result's own width: it reads a whole register (ffi_arg). */
void shape_answer(const shape *it, uint64_t answer, void *result);

/** A closure, where it can be written and where it can be called. NULL: this process has none
 * (JF_E_UNSUPPORTED), `why` says so. */
ffi_closure *shape_closure(void **code, jf_fault *why);

#endif
