/* SPDX-License-Identifier: Apache-2.0
 * The arguments of a call: checked, converted, laid out for libffi. Nothing of the library runs here. */
#include "bind.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t guard_bytes[GUARD] = {0xA5, 0x5A, 0xC3, 0x3C, 0x96, 0x69, 0xF0, 0x0F,
                                    0x5A, 0xA5, 0x3C, 0xC3, 0x69, 0x96, 0x0F, 0xF0};

__attribute__((format(printf, 2, 3))) static bool wrong(char *why, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, WHY_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static bool no_memory(char *why) {
    return wrong(why, "there is no memory for this call");
}

/** An integer argument: a number, or a string of digits. */
static bool integer_of(const json_value *given, ctype type, const char *name, int64_t *out, char *why) {
    bool negative;
    uint64_t magnitude;
    bool is_one =
        (given->kind == JSON_NUMBER && json_integer(given, &negative, &magnitude)) ||
        (given->kind == JSON_STRING && ctype_size(type) == 8 && json_digits(given, &negative, &magnitude));
    int64_t least;
    uint64_t most;
    ctype_range(type, &least, &most);
    if (!is_one || !ctype_fits(type, negative, magnitude))
        return wrong(why, "%s must be an integer from %lld to %llu", name, (long long)least,
                     (unsigned long long)most);
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

/** Any scalar, into memory of exactly its type's width (or of `passed`, which is wider). */
static bool scalar_of(const json_value *given, ctype type, ctype passed, const enum_decl *names,
                      const char *name, void *to, char *why) {
    if (names != NULL && given->kind == JSON_STRING) {
        for (uint32_t i = 0; i < names->count; i++)
            if (json_is(given, names->names[i])) {
                cell_store(to, passed, names->values[i]);
                return true;
            }
    }
    if (names != NULL) {
        char word[48], room[80];
        size_t length = given->kind == JSON_STRING && given->len < sizeof word ? given->len : 0;
        memcpy(word, given->ptr, length);
        word[length] = 0;
        return wrong(why, "%s must be one of the %u names in its schema ('%s' is one)%s", name, names->count,
                     names->names[0], nearest(room, sizeof room, word, names->names));
    }
    if (type == T_BOOL) {
        if (given->kind != JSON_BOOL) return wrong(why, "%s must be true or false", name);
        cell_store(to, passed, given->len == 4);
        return true;
    }
    if (ctype_is_real(type)) {
        double value;
        if (given->kind != JSON_NUMBER || !json_real(given, &value))
            return wrong(why, "%s must be a finite number", name);
        float narrow = (float)value;
        if (type == T_F32 && narrow - narrow != 0) return wrong(why, "%s is too large for a float", name);
        cell_store_real(to, passed, value);
        return true;
    }
    int64_t value;
    if (!integer_of(given, type, name, &value, why)) return false;
    cell_store(to, passed, value);
    return true;
}

static bool in_range(const param_decl *it, const void *at, ctype type, char *why) {
    if (!it->has_least && !it->has_most) return true;
    if (ctype_is_real(type)) {
        double value = cell_load_real(at, type);
        if (it->has_least && value < it->least_real)
            return wrong(why, "%s must be at least %.17g", it->name, it->least_real);
        if (it->has_most && value > it->most_real)
            return wrong(why, "%s must be at most %.17g", it->name, it->most_real);
        return true;
    }
    int64_t value = cell_load(at, type);
    bool is_signed = ctype_is_signed(type);
    bool low = it->has_least && (is_signed ? value < it->least : (uint64_t)value < (uint64_t)it->least);
    bool high = it->has_most && (!is_signed || value >= 0) && (uint64_t)value > it->most;
    if (low && it->least >= 0) return wrong(why, "%s must be at least %lld", it->name, (long long)it->least);
    if (low) return wrong(why, "%s must be at least %lld", it->name, (long long)it->least);
    if (high) return wrong(why, "%s must be at most %llu", it->name, (unsigned long long)it->most);
    return true;
}

/** A string's bytes, decoded, with a NUL behind them. */
static bool text_of(frame *it, const json_value *given, uint64_t most, bool nul_ok, const char *name,
                    char **out, uint64_t *length, char *why) {
    if (given->kind != JSON_STRING) return wrong(why, "%s must be a string", name);
    char *copy = arena_room(&it->memory, given->len + 1);
    if (copy == NULL) return no_memory(why);
    size_t got = json_decode(given, copy);
    if (got == SIZE_MAX) return wrong(why, "%s holds half of a surrogate pair", name);
    if (got > most)
        return wrong(why, "%s has %zu bytes, at most %llu are allowed", name, got, (unsigned long long)most);
    if (!nul_ok && memchr(copy, 0, got) != NULL)
        return wrong(why, "%s holds a NUL character, which a C text cannot", name);
    copy[got] = 0;
    *out = copy;
    *length = got;
    return true;
}

static bool bytes_of(frame *it, const json_value *given, uint64_t most, const char *name, char **out,
                     uint64_t *length, char *why) {
    json_value plain = *given;
    char *decoded = NULL;
    if (given->kind != JSON_STRING) return wrong(why, "%s must be a string of base64", name);
    if (given->escaped) {
        uint64_t count;
        if (!text_of(it, given, UINT64_MAX, true, name, &decoded, &count, why)) return false;
        plain = (json_value){JSON_STRING, false, (const uint8_t *)decoded, count};
    }
    uint8_t *copy = arena_room(&it->memory, plain.len / 4 * 3 + 4);
    if (copy == NULL) return no_memory(why);
    size_t got = base64_decode(&plain, copy);
    if (got == SIZE_MAX) return wrong(why, "%s is not base64", name);
    if (got > most)
        return wrong(why, "%s has %zu bytes, at most %llu are allowed", name, got, (unsigned long long)most);
    *out = (char *)copy;
    *length = got;
    return true;
}

/** One field of a struct. */
static bool field_of(frame *it, const field_decl *field, const json_value *given, const char *name,
                     uint8_t *to, char *why) {
    char *bytes = NULL, full[140];
    uint64_t length = 0;
    snprintf(full, sizeof full, "%s.%s", name, field->name);
    if (field->count == 0)
        return scalar_of(given, field->type, field->type, field->enumeration, full, to, why);
    bool good = field->is_text ? text_of(it, given, field->count - 1, false, full, &bytes, &length, why)
                               : bytes_of(it, given, field->count, full, &bytes, &length, why);
    if (good && length != 0) memcpy(to, bytes, length);
    return good;
}

static bool record_of(frame *it, const record_decl *record, const json_value *given, const char *name,
                      uint8_t *to, char *why) {
    bool seen[MOST_FIELDS] = {false};
    json_value key, value;
    int more;
    if (given->kind != JSON_OBJECT) return wrong(why, "%s must be an object", name);
    json_members walk = json_walk(given);
    while ((more = json_next(&walk, &key, &value)) == 1) {
        uint32_t i = 0;
        while (i < record->count && (record->fields[i].fixed || !json_is(&key, record->fields[i].name)))
            i++;
        if (i == record->count || seen[i])
            return wrong(why, "%s has no member '%.*s'%s", name, (int)(key.len < 60 ? key.len : 60),
                         (const char *)key.ptr, i < record->count ? " twice" : "");
        seen[i] = true;
        if (!field_of(it, &record->fields[i], &value, name, to + record->fields[i].offset, why)) return false;
    }
    for (uint32_t i = 0; i < record->count; i++) {
        const field_decl *field = &record->fields[i];
        if (field->fixed || (!seen[i] && field->has_default))
            memcpy(to + field->offset, &field->value, ctype_size(field->type));
        else if (!seen[i])
            return wrong(why, "%s.%s is missing", name, field->name);
    }
    return more == 0 || wrong(why, "%s is no JSON", name);
}

static uint64_t most_of(const frame *it, uint64_t own) {
    uint64_t most = it->set->limits.argument_bytes;
    return own != 0 && own < most ? own : most;
}

/** What the client gave, or what stands in for it. `given` NULL: left out. */
static bool take_input(frame *it, uint32_t index, const json_value *given, char *why) {
    const param_decl *param = &it->tool->decl->params[index];
    ctype passed = it->tool->passed_as[index];
    cell *to = &it->cells[index];
    char *bytes = NULL;
    bool good = true;
    if (given == NULL && !param->fixed && !param->has_default && !param->optional)
        return wrong(why, "%s is missing", param->name);
    switch (param->role) {
    case P_INOUT:
        to->pointer = &it->targets[index];
        to = &it->targets[index];
        passed = param->type;
        /* fall through */
    case P_SCALAR:
    case P_ENUM:
        if (given == NULL && ctype_is_real(param->type))
            cell_store_real(to, passed, cell_load_real(&param->value, param->type));
        else if (given == NULL)
            cell_store(to, passed, cell_load(&param->value, param->type));
        else
            good = scalar_of(given, param->type, passed, param->enumeration, param->name, to, why) &&
                   in_range(param, to, passed, why);
        return good;
    case P_TEXT:
        if (given == NULL) {
            /* A text of the declaration: copied, since C may write to what it is given. */
            bytes = param->text == NULL ? NULL : arena_text(&it->memory, param->text, strlen(param->text));
            if (param->text != NULL && bytes == NULL) return no_memory(why);
            it->lengths[index] = bytes == NULL ? 0 : strlen(bytes);
        } else {
            good = text_of(it, given, most_of(it, param->max), false, param->name, &bytes,
                           &it->lengths[index], why);
        }
        to->pointer = bytes;
        return good;
    case P_BYTES:
        if (given != NULL)
            good = param->as_text ? text_of(it, given, most_of(it, param->max), true, param->name, &bytes,
                                            &it->lengths[index], why)
                                  : bytes_of(it, given, most_of(it, param->max), param->name, &bytes,
                                             &it->lengths[index], why);
        to->pointer = bytes;
        return good;
    case P_HANDLE: {
        const char *what = NULL;
        if (given == NULL) return true;
        if (given->kind != JSON_STRING)
            return wrong(why, "%s must be a handle, which is a string", param->name);
        it->held[index] = handles_use(&it->set->handles, param->handle, given, it->principal,
                                      it->principal_length, param->consumes, &what);
        if (it->held[index] == NULL) return wrong(why, "%s %s", param->name, what);
        to->pointer = it->held[index]->pointer;
        return true;
    }
    default:
        return true;
    }
}

/** Memory that the library writes to, zeroed, with a guard behind it. */
static void *guarded(frame *it, uint64_t size) {
    uint8_t *memory = arena_take(&it->memory, size + GUARD);
    if (memory != NULL) memcpy(memory + size, guard_bytes, GUARD);
    return memory;
}

static bool take_record(frame *it, uint32_t index, const json_value *given, char *why) {
    const param_decl *param = &it->tool->decl->params[index];
    uint8_t *memory = guarded(it, param->record->size);
    if (memory == NULL) return no_memory(why);
    it->cells[index].pointer = memory;
    it->lengths[index] = param->record->size;
    if (!param->in) return true;
    if (given == NULL) return wrong(why, "%s is missing", param->name);
    return record_of(it, param->record, given, param->name, memory, why);
}

/** What the library fills in. */
static bool make_output(frame *it, uint32_t index, char *why) {
    const param_decl *param = &it->tool->decl->params[index];
    cell *to = &it->cells[index];
    uint64_t most = it->set->limits.result_bytes, size = param->capacity;
    switch (param->role) {
    case P_OUT_BYTES:
    case P_OUT_TEXT:
        if (param->capacity_of != NONE) {
            const param_decl *of = &it->tool->decl->params[param->capacity_of];
            int64_t asked =
                cell_load(&it->cells[param->capacity_of], it->tool->passed_as[param->capacity_of]);
            if (ctype_is_signed(of->type) && asked < 0)
                return wrong(why, "%s must not be negative", of->name);
            size = (uint64_t)asked;
            if (size > most) return wrong(why, "%s must be at most %llu", of->name, (unsigned long long)most);
        }
        to->pointer = guarded(it, size);
        it->lengths[index] = size;
        return to->pointer != NULL || no_memory(why);
    case P_OUT_HANDLE:
        if (!handles_room(&it->set->handles, param->handle))
            return wrong(why, "no more than %u handles of kind '%s' may be open: close one first",
                         param->handle->limit, param->handle->name);
        to->pointer = &it->targets[index];
        return true;
    case P_OUT_SCALAR:
    case P_OUT_STRING:
        to->pointer = &it->targets[index];
        return true;
    case P_CALLBACK:
        it->sinks[index] = sink_take(it->set->sinks, param->callback, most, why, WHY_SIZE);
        if (it->sinks[index] == NULL) return false;
        to->pointer = sink_code(it->sinks[index]);
        return true;
    default:
        return true;
    }
}

static bool make_length(frame *it, uint32_t index, char *why) {
    const param_decl *param = &it->tool->decl->params[index];
    uint64_t length = it->lengths[param->target];
    if (!ctype_fits(param->type, false, length))
        return wrong(why, "%s is longer than the function can be told",
                     it->tool->decl->params[param->target].name);
    if (param->by_pointer) {
        cell_store(&it->targets[index], param->type, (int64_t)length);
        it->cells[index].pointer = &it->targets[index];
    } else {
        cell_store(&it->cells[index], it->tool->passed_as[index], (int64_t)length);
    }
    return true;
}

/** Sorts the members of `arguments` by parameter. */
static bool collect(const tool_decl *decl, const json_value *arguments, json_value *values, bool *given,
                    char *why) {
    json_value key, value;
    int more;
    if (arguments->kind != JSON_OBJECT) return wrong(why, "the arguments must be an object");
    json_members walk = json_walk(arguments);
    while ((more = json_next(&walk, &key, &value)) == 1) {
        uint32_t i = 0;
        while (i < decl->count && (!decl->params[i].in || !json_is(&key, decl->params[i].name)))
            i++;
        if (i == decl->count) {
            const char *names[MOST_PARAMS + 1] = {NULL};
            char word[64], room[80];
            uint32_t count = 0;
            for (uint32_t j = 0; j < decl->count; j++)
                if (decl->params[j].in) names[count++] = decl->params[j].name;
            snprintf(word, sizeof word, "%.*s", (int)(key.len < 60 ? key.len : 60), (const char *)key.ptr);
            return wrong(why, "unknown argument '%s'%s", word, nearest(room, sizeof room, word, names));
        }
        if (given[i]) return wrong(why, "%s is there twice", decl->params[i].name);
        bool standard = decl->params[i].optional || decl->params[i].has_default;
        if (value.kind == JSON_NULL && standard) continue;
        given[i] = true;
        values[i] = value;
    }
    return more == 0 || wrong(why, "the arguments are no JSON");
}

bool frame_make(frame *it, binding *set, const bound_tool *tool, const json_value *arguments,
                const uint8_t *principal, size_t principal_length, char *why) {
    const tool_decl *decl = tool->decl;
    json_value values[MOST_PARAMS];
    bool given[MOST_PARAMS] = {false};
    memset(it, 0, offsetof(frame, room));
    arena_begin(&it->memory, it->room, sizeof it->room);
    it->set = set;
    it->tool = tool;
    it->principal = principal;
    it->principal_length = principal_length;
    if (!collect(decl, arguments, values, given, why)) return false;
    for (uint32_t i = 0; i < decl->count; i++) {
        const json_value *value = given[i] ? &values[i] : NULL;
        bool good = decl->params[i].record != NULL                ? take_record(it, i, value, why)
                    : decl->params[i].in || decl->params[i].fixed ? take_input(it, i, value, why)
                                                                  : true;
        if (!good) return false;
    }
    for (uint32_t i = 0; i < decl->count; i++)
        if (!make_output(it, i, why)) return false;
    for (uint32_t i = 0; i < decl->count; i++)
        if (decl->params[i].role == P_LENGTH && !make_length(it, i, why)) return false;
    const handle_decl *handle = decl->result.handle;
    if (handle != NULL && !handles_room(&set->handles, handle))
        return wrong(why, "no more than %u handles of kind '%s' may be open: close one first", handle->limit,
                     handle->name);
    /* libffi writes at least a whole register, however narrow the result. */
    size_t size = decl->result.role == R_RECORD ? decl->result.record->size : 0;
    it->result = arena_take(&it->memory, size < 32 ? 32 : size);
    return it->result != NULL || no_memory(why);
}
