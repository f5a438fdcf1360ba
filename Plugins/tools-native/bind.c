/* SPDX-License-Identifier: Apache-2.0
 * Binding a declaration to its library. */
#include "bind.h"

#include "ctype_ffi.h"

#include <stdlib.h>
#include <string.h>

/** libffi's description of a struct: one element for each value, also of arrays. */
static bool describe_record(binding *set, const record_decl *it, problems *list) {
    ffi_type *out = &set->records[it->index];
    size_t count = 0, at = 0;
    for (uint32_t i = 0; i < it->count; i++)
        count += it->fields[i].count == 0 ? 1 : it->fields[i].count;
    ffi_type **elements = arena_take(&set->decl.memory, (count + 1) * sizeof(ffi_type *));
    if (elements == NULL) return problem(list, (place){0, 0}, "out of memory");
    for (uint32_t i = 0; i < it->count; i++)
        for (uint32_t j = 0; j < (it->fields[i].count == 0 ? 1 : it->fields[i].count); j++)
            elements[at++] = ffi_of(it->fields[i].type);
    *out = (ffi_type){0, 0, FFI_TYPE_STRUCT, elements};
    ffi_cif probe;
    ffi_type *arguments[1] = {out};
    if (ffi_prep_cif(&probe, FFI_DEFAULT_ABI, 1, &ffi_type_void, arguments) != FFI_OK ||
        out->size != it->size)
        return problem(list, it->at, "libffi cannot lay out struct '%s'", it->name);
    return true;
}

/** C's default argument promotions (C11 6.5.2.2 p6). */
static ctype promoted(ctype type) {
    if (type == T_F32) return T_F64;
    return ctype_size(type) < 4 && (ctype_is_integer(type) || type == T_BOOL) ? T_I32 : type;
}

static bool is_number(role kind) {
    return kind == P_SCALAR || kind == P_ENUM;
}

static bool prepare(binding *set, bound_tool *it, problems *list) {
    const tool_decl *decl = it->decl;
    uint32_t fixed = 0;
    for (uint32_t i = 0; i < decl->count; i++) {
        const param_decl *param = &decl->params[i];
        bool by_value = is_number(param->role) || (param->role == P_LENGTH && !param->by_pointer);
        it->passed_as[i] = by_value ? param->type : T_POINTER;
        if (i >= decl->fixed) it->passed_as[i] = promoted(it->passed_as[i]);
        if (!param->passed) continue;
        if (i < decl->fixed) fixed++;
        it->params[it->count] = (uint8_t)i;
        it->types[it->count++] =
            param->role == P_RECORD ? &set->records[param->record->index] : ffi_of(it->passed_as[i]);
        if (param->free == NULL) continue;
        it->releases[i] = library_releaser(&set->library, param->free, param->at, list);
    }
    const result_decl *result = &decl->result;
    ffi_type *type = result->role == R_RECORD ? &set->records[result->record->index] : ffi_of(result->type);
    ffi_status status = decl->fixed == NONE
                            ? ffi_prep_cif(&it->cif, FFI_DEFAULT_ABI, it->count, type, it->types)
                            : ffi_prep_cif_var(&it->cif, FFI_DEFAULT_ABI, fixed, it->count, type, it->types);
    if (status != FFI_OK)
        problem(list, decl->at, "libffi cannot call a function of the shape of '%s'", decl->name);
    it->function = library_function(&set->library, decl->symbol, decl->at, list);
    if (result->explain != NULL)
        it->explain = library_function(&set->library, result->explain, result->at, list);
    if (result->free != NULL) it->release = library_releaser(&set->library, result->free, result->at, list);
    return status == FFI_OK && it->function != NULL;
}

/** Callbacks are tried once, so that a host without executable memory says so now. */
static void try_callbacks(sink_pool *sinks, const declaration *it, problems *list) {
    for (uint32_t i = 0; i < it->callback_count; i++) {
        char why[WHY_SIZE] = "";
        sink *one = sink_take(sinks, &it->callbacks[i], 1, why, sizeof why);
        if (one == NULL)
            problem(list, it->callbacks[i].at, "callback '%s' cannot be made: %s", it->callbacks[i].name,
                    why);
        else
            sink_give(one);
    }
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const bound_tool *)a)->decl->name, ((const bound_tool *)b)->decl->name);
}

bool binding_make(binding *it, const char *folder, problems *list) {
    declaration *decl = &it->decl;
    uint32_t before = list->count;
    if (!library_open(&it->library, decl, folder, list)) return false;
    it->tools = calloc(decl->tool_count, sizeof *it->tools);
    it->records = arena_take(&decl->memory, (decl->record_count + 1) * sizeof *it->records);
    if (it->tools == NULL || it->records == NULL) return problem(list, (place){0, 0}, "out of memory");
    for (uint32_t i = 0; i < decl->record_count; i++)
        if (!describe_record(it, &decl->records[i], list)) return false;
    bool any = false;
    for (uint32_t i = 0; i < decl->tool_count; i++)
        it->tools[i].decl = &decl->tools[i];
    /* Sorted first: what is prepared points into itself. */
    qsort(it->tools, decl->tool_count, sizeof *it->tools, by_name);
    for (uint32_t i = 0; i < decl->tool_count; i++) {
        (void)prepare(it, &it->tools[i], list);
        any = any || decl->tools[i].blocking;
    }
    /* A library that is not known to be thread-safe is called by one thread at a time. */
    for (uint32_t i = 0; i < decl->tool_count; i++)
        it->tools[i].on_worker = it->tools[i].decl->blocking || (any && !decl->thread_safe);
    try_callbacks(it->sinks, decl, list);
    (void)handles_make(&it->handles, decl, &it->library, list);
    return list->count == before;
}

void binding_free(binding *it) {
    handles_free(&it->handles);
    free(it->tools);
    declaration_free(&it->decl);
    memset(it, 0, sizeof *it);
}

const bound_tool *binding_find(const binding *it, const char *name, size_t length) {
    uint32_t low = 0, high = it->decl.tool_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *other = it->tools[middle].decl->name;
        int order = strncmp(name, other, length);
        if (order == 0 && other[length] != 0) order = -1;
        if (order == 0) return &it->tools[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
