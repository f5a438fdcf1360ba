/* SPDX-License-Identifier: Apache-2.0
 * Types as libffi describes them, and values of them as JSON. */
#include "ctype_ffi.h"

#include <math.h>
#include <string.h>

ffi_type *ffi_of(ctype type) {
    switch (type) {
    case T_VOID:
        return &ffi_type_void;
    case T_I8:
        return &ffi_type_sint8;
    case T_BOOL:
    case T_U8:
        return &ffi_type_uint8;
    case T_I16:
        return &ffi_type_sint16;
    case T_U16:
        return &ffi_type_uint16;
    case T_I32:
        return &ffi_type_sint32;
    case T_U32:
        return &ffi_type_uint32;
    case T_I64:
        return &ffi_type_sint64;
    case T_U64:
        return &ffi_type_uint64;
    case T_F32:
        return &ffi_type_float;
    case T_F64:
        return &ffi_type_double;
    default:
        return &ffi_type_pointer;
    }
}

bool is_not_finite(const void *at, ctype type) {
    return ctype_is_real(type) && !isfinite(cell_load_real(at, type));
}

void put_scalar(text *out, const void *at, ctype type, const enum_decl *names, shown_as as) {
    if (ctype_is_real(type)) {
        double value = cell_load_real(at, type);
        if (isfinite(value))
            text_real(out, value, type == T_F32);
        else
            text_put(out, "null");
        return;
    }
    int64_t value = cell_load(at, type);
    for (uint32_t i = 0; names != NULL && i < names->count; i++)
        if (names->values[i] == value) {
            text_quoted(out, names->names[i], strlen(names->names[i]));
            return;
        }
    if (type == T_BOOL || as == AS_BOOLEAN) {
        text_put(out, value != 0 ? "true" : "false");
        return;
    }
    bool is_signed = ctype_is_signed(type);
    uint64_t size = is_signed && value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    bool quoted = as == AS_STRING || (as == AS_AUTO && size > SAFE_INTEGER);
    if (quoted) text_put(out, "\"");
    if (is_signed)
        text_integer(out, value);
    else
        text_unsigned(out, (uint64_t)value);
    if (quoted) text_put(out, "\"");
}
