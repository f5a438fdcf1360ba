/* SPDX-License-Identifier: Apache-2.0
 * The C types that declarations may name. 64-bit Linux only (LP64): long has 64 bits. */
#ifndef TOOLS_NATIVE_TYPES_H
#define TOOLS_NATIVE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ctype {
    T_VOID,
    T_I8,
    T_U8,
    T_I16,
    T_U16,
    T_I32,
    T_U32,
    T_I64,
    T_U64,
    T_F32,
    T_F64,
    T_BOOL,
    T_POINTER,
    T_RECORD
} ctype;

/** A value of exactly its type's width, at the place where C expects it. */
typedef union cell {
    int8_t i8;
    uint8_t u8;
    int16_t i16;
    uint16_t u16;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f32;
    double f64;
    bool truth;
    void *pointer;
} cell;

/** A type by its name in declarations. False: there is none. `spelling` (may be NULL) receives how C spells
 * it, where the name says so ("ulong": "unsigned long"), else NULL. */
bool ctype_named(const char *name, ctype *type, const char **spelling);
/** All names, ending with NULL. */
const char *const *ctype_names(void);
/** "u32", ... */
const char *ctype_name(ctype type);
/** In bytes; 0 for T_VOID and T_RECORD. */
size_t ctype_size(ctype type);
bool ctype_is_integer(ctype type);
bool ctype_is_signed(ctype type);
bool ctype_is_real(ctype type);

/** The range of an integer type; `most` does not fit in an int64_t for T_U64. */
void ctype_range(ctype type, int64_t *least, uint64_t *most);

/** Writes an integer at exactly its width. Unsigned 64-bit values come as their bits. */
void cell_store(void *at, ctype type, int64_t value);
/** Reads an integer or bool at exactly its width, widened; unsigned 64-bit values as their bits. */
int64_t cell_load(const void *at, ctype type);
/** The same for f32 and f64. */
void cell_store_real(void *at, ctype type, double value);
double cell_load_real(const void *at, ctype type);

/** Whether an integer, given as sign and magnitude, fits in the type. */
bool ctype_fits(ctype type, bool negative, uint64_t magnitude);

#endif
