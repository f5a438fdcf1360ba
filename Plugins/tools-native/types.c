/* SPDX-License-Identifier: Apache-2.0
 * The C types that declarations may name. */
#include "types.h"

#include <limits.h>
#include <string.h>

#define CHAR_TYPE (CHAR_MIN < 0 ? T_I8 : T_U8)

static const char *const all_names[] = {"i8",     "u8",     "i16",   "u16",   "i32",    "u32",   "i64",
                                        "u64",    "f32",    "f64",   "bool",  "char",   "schar", "uchar",
                                        "short",  "ushort", "int",   "uint",  "long",   "ulong", "llong",
                                        "ullong", "size",   "ssize", "float", "double", NULL};

static const struct {
    ctype type;
    const char *spelling;
} all[] = {{T_I8, NULL},
           {T_U8, NULL},
           {T_I16, NULL},
           {T_U16, NULL},
           {T_I32, NULL},
           {T_U32, NULL},
           {T_I64, NULL},
           {T_U64, NULL},
           {T_F32, NULL},
           {T_F64, NULL},
           {T_BOOL, NULL},
           {CHAR_TYPE, "char"},
           {T_I8, "signed char"},
           {T_U8, "unsigned char"},
           {T_I16, "short"},
           {T_U16, "unsigned short"},
           {T_I32, "int"},
           {T_U32, "unsigned int"},
           {T_I64, "long"},
           {T_U64, "unsigned long"},
           {T_I64, "long long"},
           {T_U64, "unsigned long long"},
           {T_U64, "unsigned long"},
           {T_I64, "long"},
           {T_F32, NULL},
           {T_F64, NULL}};

_Static_assert(sizeof(long) == 8 && sizeof(int) == 4 && sizeof(void *) == 8, "64-bit Linux only");
_Static_assert(sizeof all / sizeof *all == sizeof all_names / sizeof *all_names - 1, "one row for each name");

bool ctype_named(const char *name, ctype *type, const char **spelling) {
    for (size_t i = 0; all_names[i] != NULL; i++) {
        if (strcmp(all_names[i], name) != 0) continue;
        *type = all[i].type;
        if (spelling != NULL) *spelling = all[i].spelling;
        return true;
    }
    return false;
}

const char *const *ctype_names(void) {
    return all_names;
}

const char *ctype_name(ctype type) {
    static const char *const names[] = {"void", "i8",  "u8",  "i16", "u16",  "i32",     "u32",
                                        "i64",  "u64", "f32", "f64", "bool", "pointer", "struct"};
    return names[type];
}

size_t ctype_size(ctype type) {
    static const uint8_t sizes[] = {0, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 1, 8, 0};
    return sizes[type];
}

bool ctype_is_integer(ctype type) {
    return type >= T_I8 && type <= T_U64;
}

bool ctype_is_signed(ctype type) {
    return type == T_I8 || type == T_I16 || type == T_I32 || type == T_I64;
}

bool ctype_is_real(ctype type) {
    return type == T_F32 || type == T_F64;
}

void ctype_range(ctype type, int64_t *least, uint64_t *most) {
    uint32_t bits = (uint32_t)ctype_size(type) * 8;
    if (ctype_is_signed(type)) {
        *most = ((uint64_t)1 << (bits - 1)) - 1;
        *least = -(int64_t)*most - 1;
    } else {
        *most = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
        *least = 0;
    }
    if (type == T_BOOL) *most = 1;
}

bool ctype_fits(ctype type, bool negative, uint64_t magnitude) {
    int64_t least;
    uint64_t most;
    ctype_range(type, &least, &most);
    return negative ? magnitude <= 0 - (uint64_t)least : magnitude <= most;
}

void cell_store(void *at, ctype type, int64_t value) {
    cell it = {.u64 = 0};
    switch (ctype_size(type)) {
    case 1:
        it.u8 = (uint8_t)value;
        break;
    case 2:
        it.u16 = (uint16_t)value;
        break;
    case 4:
        it.u32 = (uint32_t)value;
        break;
    default:
        it.i64 = value;
        break;
    }
    memcpy(at, &it, ctype_size(type));
}

int64_t cell_load(const void *at, ctype type) {
    cell it = {.u64 = 0};
    memcpy(&it, at, ctype_size(type));
    switch (type) {
    case T_I8:
        return it.i8;
    case T_I16:
        return it.i16;
    case T_I32:
        return it.i32;
    case T_U8:
        return it.u8;
    case T_U16:
        return it.u16;
    case T_U32:
        return it.u32;
    case T_BOOL:
        return it.u8 != 0;
    default:
        return it.i64;
    }
}

void cell_store_real(void *at, ctype type, double value) {
    float narrow = (float)value;
    if (type == T_F32)
        memcpy(at, &narrow, sizeof narrow);
    else
        memcpy(at, &value, sizeof value);
}

double cell_load_real(const void *at, ctype type) {
    cell it = {.u64 = 0};
    memcpy(&it, at, ctype_size(type));
    return type == T_F32 ? (double)it.f32 : it.f64;
}
