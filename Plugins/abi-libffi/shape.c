/* SPDX-License-Identifier: Apache-2.0
 * abi-libffi: shapes of functions (jackfield/callback.h) as libffi describes them. */
#include "shape.h"

#include <jackfield/host.h>

#include <string.h>

/* A jf_view by value. Its size stands here, so that libffi writes nothing into it on whatever thread. */
static ffi_type *view_members[] = {&ffi_type_pointer, &ffi_type_uint64, NULL};
static ffi_type view_type = {
    .size = sizeof(jf_view), .alignment = 8, .type = FFI_TYPE_STRUCT, .elements = view_members};

static const struct {
    const char *name;
    ffi_type *type;
} words[] = {{"i8", &ffi_type_sint8},       {"u8", &ffi_type_uint8},   {"i16", &ffi_type_sint16},
             {"u16", &ffi_type_uint16},     {"i32", &ffi_type_sint32}, {"u32", &ffi_type_uint32},
             {"i64", &ffi_type_sint64},     {"u64", &ffi_type_uint64}, {"f32", &ffi_type_float},
             {"f64", &ffi_type_double},     {"view", &view_type},      {"void", &ffi_type_void},
             {"pointer", &ffi_type_pointer}};

/* The type whose name is at *at; NULL: none is. */
static ffi_type *take_type(jf_view text, uint64_t *at) {
    uint64_t length = 0;
    while (*at + length < text.len && strchr("(),", text.ptr[*at + length]) == NULL)
        length++;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i].name) != length || memcmp(words[i].name, text.ptr + *at, length) != 0) continue;
        *at += length;
        return words[i].type;
    }
    return NULL;
}

static bool take(jf_view text, uint64_t *at, char wanted) {
    if (*at >= text.len || text.ptr[*at] != (uint8_t)wanted) return false;
    (*at)++;
    return true;
}

static int32_t wrong(jf_view text, uint64_t at, const char *what, jf_fault *why) {
    return jf_fault_set(why, JF_E_INVALID, 0, "the shape '%.*s' is wrong at byte %llu: %s",
                        (int)(text.len < 80 ? text.len : 80), (const char *)text.ptr, (unsigned long long)at,
                        what);
}

int32_t shape_read(shape *out, jf_view text, jf_fault *why) {
    static const char no_type[] =
        "a type is missing: void i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 pointer view";
    uint64_t at = 0;
    *out = (shape){0};
    if (text.ptr == NULL || text.len == 0 || memchr(text.ptr, 0, text.len) != NULL)
        return jf_fault_set(why, JF_E_INVALID, 0, "a shape is missing, such as i32(pointer,u64)");
    out->result = take_type(text, &at);
    if (out->result == NULL) return wrong(text, at, no_type, why);
    if (out->result == &view_type) return wrong(text, 0, "a view can be a parameter only", why);
    if (!take(text, &at, '(')) return wrong(text, at, "'(' is missing", why);
    if (take(text, &at, ')'))
        return at == text.len ? JF_OK : wrong(text, at, "nothing may follow its ')'", why);
    do {
        uint64_t start = at;
        ffi_type *type = take_type(text, &at);
        if (type == NULL) return wrong(text, at, no_type, why);
        if (type == &ffi_type_void) return wrong(text, start, "void can be the result only", why);
        if (out->count == JF_SHAPE_MOST) return wrong(text, start, "it has more than 16 parameters", why);
        out->types[out->count++] = type;
    } while (take(text, &at, ','));
    if (!take(text, &at, ')')) return wrong(text, at, "',' or ')' is missing", why);
    return at == text.len ? JF_OK : wrong(text, at, "nothing may follow its ')'", why);
}

bool shape_equals(const shape *a, const shape *b) {
    return a->result == b->result && a->count == b->count &&
           memcmp(a->types, b->types, a->count * sizeof a->types[0]) == 0;
}

bool shape_prepare(shape *it, ffi_cif *cif) {
    return ffi_prep_cif(cif, FFI_DEFAULT_ABI, it->count, it->result, it->types) == FFI_OK;
}

void shape_answer(const shape *it, uint64_t answer, void *result) {
    ffi_arg wide = answer;
    switch (it->result->type) {
    case FFI_TYPE_VOID:
        return;
    case FFI_TYPE_FLOAT:
        memcpy(result, &answer, sizeof(float));
        return;
    case FFI_TYPE_SINT8:
        wide = (ffi_arg)(ffi_sarg)(int8_t)answer;
        break;
    case FFI_TYPE_SINT16:
        wide = (ffi_arg)(ffi_sarg)(int16_t)answer;
        break;
    case FFI_TYPE_SINT32:
        wide = (ffi_arg)(ffi_sarg)(int32_t)answer;
        break;
    case FFI_TYPE_UINT8:
        wide = (uint8_t)answer;
        break;
    case FFI_TYPE_UINT16:
        wide = (uint16_t)answer;
        break;
    case FFI_TYPE_UINT32:
        wide = (uint32_t)answer;
        break;
    default:
        break;
    }
    memcpy(result, &wide, sizeof wide);
}

ffi_closure *shape_closure(void **code, jf_fault *why) {
    ffi_closure *closure = ffi_closure_alloc(sizeof *closure, code);
    if (closure == NULL)
        jf_fault_set(
            why, JF_E_UNSUPPORTED, 0,
            "this process may not make functions at run time: libffi found no memory that may be executed; "
            "allow it (SELinux execmem, MemoryDenyWriteExecute of systemd, system call filters), or do "
            "without");
    return closure;
}
