/* SPDX-License-Identifier: Apache-2.0
 * The call itself, and what becomes of its results. */
#include "bind.h"

#include "ctype_ffi.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void frame_call(frame *it) {
    const bound_tool *tool = it->tool;
    void *values[MOST_PARAMS];
    for (uint32_t i = 0; i < tool->count; i++) {
        uint32_t param = tool->params[i];
        bool by_value = tool->decl->params[param].role == P_RECORD;
        values[i] = by_value ? it->cells[param].pointer : (void *)&it->cells[param];
    }
    it->called = true;
    errno = 0;
    /* ffi_call only reads the description; its signature is older than const. */
    ffi_call((ffi_cif *)(uintptr_t)&tool->cif, tool->function, it->result, values);
    it->error = errno;
}

/** An integer or bool that came back: libffi left it widened to a register. */
static int64_t returned(const frame *it) {
    ffi_arg wide;
    cell narrow = {.u64 = 0};
    memcpy(&wide, it->result, sizeof wide);
    cell_store(&narrow, it->tool->decl->result.type, (int64_t)wide);
    return cell_load(&narrow, it->tool->decl->result.type);
}

static void *returned_pointer(const frame *it) {
    void *pointer;
    memcpy(&pointer, it->result, sizeof pointer);
    return pointer;
}

static bool failed(const frame *it) {
    const result_decl *result = &it->tool->decl->result;
    bool pointer = result->type == T_POINTER, real = ctype_is_real(result->type);
    int64_t value = pointer || real || result->type == T_VOID || result->type == T_RECORD ? 0 : returned(it);
    for (uint32_t i = 0; i < result->ok_count; i++)
        if (result->ok[i] == value) return false;
    switch (result->failure) {
    case FAIL_NEVER:
        return false;
    case FAIL_ERRNO:
        return pointer ? returned_pointer(it) == NULL : value == cell_load(&(cell){.i64 = -1}, result->type);
    case FAIL_ERRNO_SET:
        return it->error != 0;
    case FAIL_NEGATIVE:
        return real ? cell_load_real(it->result, result->type) < 0 : value < 0;
    case FAIL_NEGATIVE_ERRNO:
        return value < 0;
    case FAIL_NONZERO:
    case FAIL_NONZERO_ERRNO:
        return value != 0;
    case FAIL_ZERO:
        return value == 0;
    case FAIL_NULL:
        return returned_pointer(it) == NULL;
    }
    return false;
}

/** The library's own words for a failure; NULL: it has none. */
static const char *explained(const frame *it, char *room, size_t size) {
    const result_decl *result = &it->tool->decl->result;
    const tool_decl *decl = it->tool->decl;
    for (uint32_t i = 0; i < decl->count; i++)
        if (decl->params[i].error_text && it->targets[i].pointer != NULL) return it->targets[i].pointer;
    if (it->tool->explain != NULL && result->explain_with != NONE) {
        const char *(*explain)(void *) = (const char *(*)(void *))it->tool->explain;
        bool is_out = decl->params[result->explain_with].role == P_OUT_HANDLE;
        void *handle =
            is_out ? it->targets[result->explain_with].pointer : it->cells[result->explain_with].pointer;
        return handle == NULL ? NULL : explain(handle);
    }
    if (it->tool->explain != NULL) {
        const char *(*explain)(long) = (const char *(*)(long))it->tool->explain;
        return explain((long)returned(it));
    }
    int number = 0;
    if (result->failure == FAIL_ERRNO || result->failure == FAIL_ERRNO_SET) number = it->error;
    if (result->failure == FAIL_NEGATIVE_ERRNO) number = (int)-returned(it);
    if (result->failure == FAIL_NONZERO_ERRNO) number = (int)returned(it);
    return number == 0 ? NULL : strerror_r(number, room, size);
}

void answer_failure(text *out, const char *message) {
    text_put(out, "{\"resultType\":\"complete\",\"isError\":true,\"content\":[{\"type\":\"text\",\"text\":");
    text_quoted(out, message, strlen(message));
    text_put(out, "}]}");
}

static void answer_failed(const frame *it, text *out) {
    const result_decl *result = &it->tool->decl->result;
    char message[1200], room[160], value[48] = "";
    const char *words = explained(it, room, sizeof room);
    bool number = (result->role == R_SCALAR || result->role == R_ENUM) && !ctype_is_real(result->type);
    if (number && result->failure != FAIL_ERRNO_SET)
        snprintf(value, sizeof value, ctype_is_signed(result->type) ? " (%lld)" : " (%llu)",
                 (long long)returned(it));
    snprintf(message, sizeof message, "%s failed%s%.900s%s", it->tool->decl->symbol,
             words == NULL ? "" : ": ", words == NULL ? "" : words, value);
    answer_failure(out, message);
}

/** Notes why a result cannot be shown; the first reason counts. */
__attribute__((format(printf, 2, 3))) static void bad(char *why, const char *format, ...) {
    if (*why != 0) return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, WHY_SIZE, format, arguments);
    va_end(arguments);
}

static void put_string(const frame *it, text *out, const char *name, const char *value, uint64_t own,
                       char *why) {
    uint64_t most = it->set->limits.result_bytes;
    if (own != 0 && own < most) most = own;
    size_t length = strnlen(value, most + 1);
    if (length > most) {
        bad(why, "%s is longer than the %llu bytes that are allowed", name, (unsigned long long)most);
        length = 0;
    }
    text_quoted(out, value, length);
}

static void put_bytes(text *out, const void *bytes, uint64_t length, bool as_text) {
    if (as_text)
        text_quoted(out, bytes, length);
    else
        text_base64(out, bytes, length);
}

static void put_record(text *out, const record_decl *it, const uint8_t *memory) {
    for (uint32_t i = 0; i < it->count; i++) {
        const field_decl *field = &it->fields[i];
        const uint8_t *at = memory + field->offset;
        text_put(out, i == 0 ? "{" : ",");
        text_quoted(out, field->name, strlen(field->name));
        text_put(out, ":");
        if (field->count == 0)
            put_scalar(out, at, field->type, field->enumeration, AS_AUTO);
        else if (field->is_text)
            text_quoted(out, at, strnlen((const char *)at, field->count));
        else
            text_base64(out, at, field->count);
    }
    text_put(out, "}");
}

/** A length that the library reported: never more than there is room for. */
static uint64_t reported(const frame *it, uint32_t index, char *why) {
    const param_decl *param = &it->tool->decl->params[index];
    uint64_t room = it->lengths[index], length = room;
    bool negative = false;
    if (param->length == LENGTH_RETURN) {
        length = (uint64_t)returned(it);
        negative = ctype_is_signed(it->tool->decl->result.type) && returned(it) < 0;
    } else if (param->length == LENGTH_PARAM) {
        const param_decl *of = &it->tool->decl->params[param->length_of];
        length = (uint64_t)cell_load(&it->targets[param->length_of], of->type);
        negative = ctype_is_signed(of->type) && (int64_t)length < 0;
    }
    if (negative || length > room) {
        bad(why, "%s: the library reports %lld bytes, there is room for %llu", param->name, (long long)length,
            (unsigned long long)room);
        return 0;
    }
    return length;
}

static void put_output(frame *it, uint32_t index, text *out, char *why) {
    const param_decl *param = &it->tool->decl->params[index];
    const void *pointer = it->cells[index].pointer;
    switch (param->role) {
    case P_OUT_SCALAR:
    case P_INOUT:
        if (is_not_finite(&it->targets[index], param->type))
            bad(why, "%s is not a finite number", param->name);
        put_scalar(out, &it->targets[index], param->type, param->enumeration, param->as);
        break;
    case P_OUT_BYTES:
        put_bytes(out, pointer, reported(it, index, why), param->as_text);
        break;
    case P_OUT_TEXT: {
        size_t length = strnlen(pointer, it->lengths[index]);
        if (length == it->lengths[index] && length != 0) bad(why, "%s has no end in its buffer", param->name);
        text_quoted(out, pointer, length);
        break;
    }
    case P_OUT_STRING:
        if (it->targets[index].pointer == NULL)
            text_put(out, "null");
        else
            put_string(it, out, param->name, it->targets[index].pointer, param->max, why);
        break;
    case P_OUT_HANDLE:
        if (it->targets[index].pointer == NULL) {
            if (!param->optional) bad(why, "the library made no %s", param->name);
            text_put(out, "null");
        } else if (!handles_add(&it->set->handles, param->handle, it->targets[index].pointer, it->principal,
                                it->principal_length, out)) {
            bad(why, "%s cannot be kept: too many are open", param->name);
        }
        break;
    case P_CALLBACK: {
        bool cut;
        const text *rows = sink_rows(it->sinks[index], &cut);
        text_put(out, "[");
        text_bytes(out, rows->bytes, rows->length);
        text_put(out, "]");
        if (rows->failed) out->failed = true;
        if (!cut) break;
        text_put(out, ",\"");
        text_put(out, param->name);
        text_put(out, "_truncated\":true");
        break;
    }
    default:
        put_record(out, param->record, pointer);
        break;
    }
}

static void put_result(frame *it, text *out, char *why) {
    const result_decl *result = &it->tool->decl->result;
    void *pointer = result->type == T_POINTER ? returned_pointer(it) : NULL;
    if (result->type == T_POINTER && pointer == NULL) {
        if (!result->optional) bad(why, "%s returned nothing", it->tool->decl->symbol);
        text_put(out, "null");
        return;
    }
    cell narrow = {.u64 = 0};
    switch (result->role) {
    case R_SCALAR:
    case R_ENUM:
        if (ctype_is_real(result->type)) {
            if (is_not_finite(it->result, result->type)) bad(why, "%s is not a finite number", result->name);
            memcpy(&narrow, it->result, ctype_size(result->type));
        } else {
            cell_store(&narrow, result->type, returned(it));
        }
        put_scalar(out, &narrow, result->type, result->enumeration, result->as);
        break;
    case R_TEXT:
        put_string(it, out, result->name, pointer, result->max, why);
        break;
    case R_BYTES: {
        const param_decl *of = &it->tool->decl->params[result->length_of];
        int64_t length = cell_load(&it->targets[result->length_of], of->type);
        uint64_t most = it->set->limits.result_bytes;
        if (result->max != 0 && result->max < most) most = result->max;
        if ((ctype_is_signed(of->type) && length < 0) || (uint64_t)length > most) {
            bad(why, "%s has %lld bytes, at most %llu are allowed", result->name, (long long)length,
                (unsigned long long)most);
            length = 0;
        }
        put_bytes(out, pointer, (uint64_t)length, result->as_text);
        break;
    }
    case R_RECORD:
        put_record(out, result->record, it->result);
        break;
    case R_RECORD_REF:
        put_record(out, result->record, pointer);
        break;
    case R_HANDLE:
        if (!handles_add(&it->set->handles, result->handle, pointer, it->principal, it->principal_length,
                         out))
            bad(why, "%s cannot be kept: too many are open", result->name);
        break;
    case R_VOID:
        break;
    }
}

/** Whether the library wrote past a buffer; then nothing in this process can be relied on any more. */
static bool intact(const frame *it, char *why) {
    const tool_decl *decl = it->tool->decl;
    for (uint32_t i = 0; i < decl->count; i++) {
        role kind = decl->params[i].role;
        bool written = kind == P_OUT_BYTES || kind == P_OUT_TEXT || decl->params[i].record != NULL;
        if (!written || memcmp((uint8_t *)it->cells[i].pointer + it->lengths[i], guard_bytes, GUARD) == 0)
            continue;
        snprintf(why, WHY_SIZE,
                 "%s wrote past '%s': the declaration does not fit the library, memory is corrupt, restart",
                 decl->symbol, decl->params[i].name == NULL ? "?" : decl->params[i].name);
        return false;
    }
    return true;
}

static bool was_cut(const frame *it) {
    bool cut = false;
    for (uint32_t i = 0; i < it->tool->decl->count && !cut; i++)
        if (it->sinks[i] != NULL) (void)sink_rows(it->sinks[i], &cut);
    return cut;
}

/** Handles that a failed call has made all the same. */
static void destroy_made(frame *it) {
    for (uint32_t i = 0; i < it->tool->decl->count; i++) {
        const param_decl *param = &it->tool->decl->params[i];
        if (param->role == P_OUT_HANDLE && param->destroy && it->targets[i].pointer != NULL)
            handles_destroy(&it->set->handles, param->handle, it->targets[i].pointer);
    }
}

bool frame_answer(frame *it, text *out, char *why) {
    const tool_decl *decl = it->tool->decl;
    uint8_t room[1024];
    text fields = text_in(room, sizeof room);
    char reason[WHY_SIZE] = "";
    if (!intact(it, why)) return false;
    /* A callback that had enough ended the call: that is no failure. */
    if (failed(it) && !was_cut(it)) {
        answer_failed(it, out);
        destroy_made(it);
        return !out->failed;
    }
    it->succeeded = true;
    bool any = false;
    if (decl->result.role != R_VOID && !decl->result.hidden) {
        text_put(&fields, "{");
        text_quoted(&fields, decl->result.name, strlen(decl->result.name));
        text_put(&fields, ":");
        put_result(it, &fields, reason);
        any = true;
    }
    for (uint32_t i = 0; i < decl->count; i++) {
        if (!decl->params[i].out) continue;
        text_put(&fields, any ? "," : "{");
        text_quoted(&fields, decl->params[i].name, strlen(decl->params[i].name));
        text_put(&fields, ":");
        put_output(it, i, &fields, reason);
        any = true;
    }
    if (any) text_put(&fields, "}");
    if (*reason != 0) {
        answer_failure(out, reason);
    } else if (text_reserve(out, 2 * fields.length + 160)) {
        text_put(out, "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":");
        text_quoted(out, any ? (const char *)fields.bytes : "done", any ? fields.length : 4);
        text_put(out, any ? "}],\"structuredContent\":" : "}]");
        text_bytes(out, fields.bytes, any ? fields.length : 0);
        text_put(out, "}");
    }
    if (fields.failed) out->failed = true;
    text_free(&fields);
    return !out->failed;
}

void frame_end(frame *it) {
    const tool_decl *decl = it->tool->decl;
    for (uint32_t i = 0; i < decl->count; i++) {
        const param_decl *param = &decl->params[i];
        if (it->sinks[i] != NULL) sink_give(it->sinks[i]);
        if (it->held[i] != NULL)
            handles_done(&it->set->handles, it->held[i], param->consumes && it->succeeded);
        if (it->called && it->tool->releases[i] != NULL && it->targets[i].pointer != NULL)
            ((void (*)(void *))it->tool->releases[i])(it->targets[i].pointer);
    }
    if (it->called && it->tool->release != NULL && returned_pointer(it) != NULL)
        ((void (*)(void *))it->tool->release)(returned_pointer(it));
    arena_end(&it->memory);
}
