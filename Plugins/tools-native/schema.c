/* SPDX-License-Identifier: Apache-2.0
 * Tools as clients see them: names, annotations, JSON Schemas (2020-12) of arguments and results. */
#include "bind.h"

#include "ctype_ffi.h"

#include <string.h>

static void put_member(text *out, const char *key, const char *value) {
    if (value == NULL) return;
    text_put(out, ",\"");
    text_put(out, key);
    text_put(out, "\":");
    text_quoted(out, value, strlen(value));
}

/** Signed or unsigned 64-bit: JSON numbers up to 2^53 - 1 and strings of digits beyond. */
static void put_wide(text *out, const param_decl *param, ctype type) {
    bool is_signed = ctype_is_signed(type);
    text_put(out, "\"anyOf\":[{\"type\":\"integer\",\"minimum\":");
    int64_t least = is_signed ? -(int64_t)SAFE_INTEGER : 0;
    if (param != NULL && param->has_least && param->least > least) least = param->least;
    text_integer(out, least);
    text_put(out, ",\"maximum\":");
    text_unsigned(out, param != NULL && param->has_most && param->most < SAFE_INTEGER ? param->most
                                                                                      : SAFE_INTEGER);
    text_put(out, is_signed ? "},{\"type\":\"string\",\"pattern\":\"^-?[0-9]{1,19}$\"}]"
                            : "},{\"type\":\"string\",\"pattern\":\"^[0-9]{1,20}$\"}]");
}

static void put_names(text *out, const enum_decl *it) {
    text_put(out, "\"type\":\"string\",\"enum\":[");
    for (uint32_t i = 0; i < it->count; i++) {
        if (i > 0) text_put(out, ",");
        text_quoted(out, it->names[i], strlen(it->names[i]));
    }
    text_put(out, "]");
}

static void put_range(text *out, const param_decl *param, ctype type) {
    int64_t least;
    uint64_t most;
    ctype_range(type, &least, &most);
    if (param != NULL && param->has_least) least = param->least;
    if (param != NULL && param->has_most) most = param->most;
    text_put(out, "\"type\":\"integer\",\"minimum\":");
    text_integer(out, least);
    text_put(out, ",\"maximum\":");
    text_unsigned(out, most);
}

/** The members of a schema for a scalar that clients send. */
static void put_input_scalar(text *out, const param_decl *param, ctype type, const enum_decl *names) {
    if (names != NULL) {
        put_names(out, names);
    } else if (type == T_BOOL) {
        text_put(out, "\"type\":\"boolean\"");
    } else if (ctype_is_real(type)) {
        text_put(out, "\"type\":\"number\"");
        if (param != NULL && param->has_least) {
            text_put(out, ",\"minimum\":");
            text_real(out, param->least_real, false);
        }
        if (param != NULL && param->has_most) {
            text_put(out, ",\"maximum\":");
            text_real(out, param->most_real, false);
        }
    } else if (ctype_size(type) == 8 &&
               !(param != NULL && param->has_most && param->most <= SAFE_INTEGER &&
                 (!ctype_is_signed(type) || (param->has_least && param->least >= -(int64_t)SAFE_INTEGER)))) {
        put_wide(out, param, type);
    } else {
        put_range(out, param, type);
    }
}

/** The same for one that clients receive. */
static void put_output_scalar(text *out, ctype type, const enum_decl *names, shown_as as, bool in_record) {
    if (names != NULL)
        text_put(out, "\"type\":[\"string\",\"integer\"]");
    else if (type == T_BOOL || as == AS_BOOLEAN)
        text_put(out, "\"type\":\"boolean\"");
    else if (ctype_is_real(type))
        text_put(out, in_record ? "\"type\":[\"number\",\"null\"]" : "\"type\":\"number\"");
    else if (as == AS_STRING)
        text_put(out, "\"type\":\"string\"");
    else if (as == AS_AUTO && ctype_size(type) == 8)
        text_put(out, "\"type\":[\"integer\",\"string\"]");
    else
        text_put(out, "\"type\":\"integer\"");
}

static void put_text_input(text *out, uint64_t most) {
    text_put(out, "\"type\":\"string\",\"maxLength\":");
    text_unsigned(out, most);
}

static void put_base64_input(text *out, uint64_t most) {
    text_put(out, "\"type\":\"string\",\"contentEncoding\":\"base64\",\"maxLength\":");
    text_unsigned(out, (most + 2) / 3 * 4);
}

static void put_bytes_output(text *out, bool as_text) {
    text_put(out, as_text ? "\"type\":\"string\"" : "\"type\":\"string\",\"contentEncoding\":\"base64\"");
}

static void put_record(text *out, const record_decl *it, bool input) {
    bool first = true;
    text_put(out, "\"type\":\"object\",\"properties\":{");
    for (uint32_t i = 0; i < it->count; i++) {
        const field_decl *field = &it->fields[i];
        if (input && field->fixed) continue;
        if (!first) text_put(out, ",");
        first = false;
        text_quoted(out, field->name, strlen(field->name));
        text_put(out, ":{");
        if (field->count != 0 && input && field->is_text)
            put_text_input(out, field->count - 1);
        else if (field->count != 0 && input)
            put_base64_input(out, field->count);
        else if (field->count != 0)
            put_bytes_output(out, field->is_text);
        else if (input)
            put_input_scalar(out, NULL, field->type, field->enumeration);
        else
            put_output_scalar(out, field->type, field->enumeration, AS_AUTO, true);
        if (input && field->has_default) {
            text_put(out, ",\"default\":");
            put_scalar(out, &field->value, field->type, field->enumeration, AS_AUTO);
        }
        text_put(out, "}");
    }
    text_put(out, "},\"required\":[");
    first = true;
    for (uint32_t i = 0; i < it->count; i++) {
        if (input && (it->fields[i].fixed || it->fields[i].has_default)) continue;
        if (!first) text_put(out, ",");
        first = false;
        text_quoted(out, it->fields[i].name, strlen(it->fields[i].name));
    }
    text_put(out, "],\"additionalProperties\":false");
}

static void put_input(text *out, const binding *set, const param_decl *it) {
    uint64_t most = set->limits.argument_bytes;
    if (it->max != 0 && it->max < most) most = it->max;
    text_quoted(out, it->name, strlen(it->name));
    text_put(out, ":{");
    switch (it->role) {
    case P_TEXT:
        put_text_input(out, most);
        break;
    case P_BYTES:
        if (it->as_text)
            put_text_input(out, most);
        else
            put_base64_input(out, most);
        break;
    case P_HANDLE:
        text_put(out, "\"type\":\"string\"");
        break;
    case P_RECORD:
    case P_RECORD_IN:
    case P_RECORD_INOUT:
        put_record(out, it->record, true);
        break;
    default:
        put_input_scalar(out, it, it->type, it->enumeration);
    }
    put_member(out, "description", it->summary);
    if (it->has_default) {
        text_put(out, ",\"default\":");
        if (it->role == P_TEXT)
            text_quoted(out, it->text, strlen(it->text));
        else
            put_scalar(out, &it->value, it->type, it->enumeration, AS_AUTO);
    }
    text_put(out, "}");
}

static void put_inputs(text *out, const binding *set, const tool_decl *tool) {
    bool first = true;
    text_put(out, ",\"inputSchema\":{\"type\":\"object\",\"properties\":{");
    for (uint32_t i = 0; i < tool->count; i++) {
        if (!tool->params[i].in) continue;
        if (!first) text_put(out, ",");
        first = false;
        put_input(out, set, &tool->params[i]);
    }
    text_put(out, "},\"required\":[");
    first = true;
    for (uint32_t i = 0; i < tool->count; i++) {
        const param_decl *it = &tool->params[i];
        if (!it->in || it->optional || it->has_default) continue;
        if (!first) text_put(out, ",");
        first = false;
        text_quoted(out, it->name, strlen(it->name));
    }
    text_put(out, "],\"additionalProperties\":false}");
}

static void put_rows(text *out, const callback_decl *it) {
    text_put(out, "\"type\":\"array\",\"items\":{\"type\":\"object\"");
    if (it->keys != NONE) text_put(out, ",\"additionalProperties\":{\"type\":[\"string\",\"null\"]}");
    text_put(out, "}");
}

static void put_output(text *out, const param_decl *it) {
    text_quoted(out, it->name, strlen(it->name));
    text_put(out, ":{");
    switch (it->role) {
    case P_OUT_BYTES:
    case P_OUT_TEXT:
        put_bytes_output(out, it->as_text);
        break;
    case P_OUT_STRING:
    case P_OUT_HANDLE:
        text_put(out, it->optional ? "\"type\":[\"string\",\"null\"]" : "\"type\":\"string\"");
        break;
    case P_RECORD_OUT:
    case P_RECORD_INOUT:
        put_record(out, it->record, false);
        break;
    case P_CALLBACK:
        put_rows(out, it->callback);
        break;
    default:
        put_output_scalar(out, it->type, it->enumeration, it->as, false);
    }
    put_member(out, "description", it->summary);
    text_put(out, "}");
    if (it->role != P_CALLBACK) return;
    text_put(out, ",\"");
    text_put(out, it->name);
    text_put(out, "_truncated\":{\"type\":\"boolean\"}");
}

static void put_returned(text *out, const result_decl *it) {
    text_quoted(out, it->name, strlen(it->name));
    text_put(out, ":{");
    bool is_null = it->optional && it->type == T_POINTER;
    switch (it->role) {
    case R_RECORD:
    case R_RECORD_REF:
        /* A struct that may be missing says so by anyOf, to keep the object's own schema simple. */
        if (is_null) text_put(out, "\"anyOf\":[{\"type\":\"null\"},{");
        put_record(out, it->record, false);
        if (is_null) text_put(out, "}]");
        break;
    case R_TEXT:
    case R_HANDLE:
    case R_BYTES:
        text_put(out, is_null ? "\"type\":[\"string\",\"null\"]" : "\"type\":\"string\"");
        if (it->role == R_BYTES && !it->as_text) text_put(out, ",\"contentEncoding\":\"base64\"");
        break;
    default:
        put_output_scalar(out, it->type, it->enumeration, it->as, false);
    }
    put_member(out, "description", it->summary);
    text_put(out, "}");
}

static void put_outputs(text *out, const tool_decl *tool) {
    bool shown = tool->result.role != R_VOID && !tool->result.hidden, any = shown;
    for (uint32_t i = 0; i < tool->count; i++)
        any = any || tool->params[i].out;
    if (!any) return;
    text_put(out, ",\"outputSchema\":{\"type\":\"object\",\"properties\":{");
    if (shown) put_returned(out, &tool->result);
    bool first = !shown;
    for (uint32_t i = 0; i < tool->count; i++) {
        if (!tool->params[i].out) continue;
        if (!first) text_put(out, ",");
        first = false;
        put_output(out, &tool->params[i]);
    }
    text_put(out, "},\"required\":[");
    if (shown) text_quoted(out, tool->result.name, strlen(tool->result.name));
    first = !shown;
    for (uint32_t i = 0; i < tool->count; i++) {
        if (!tool->params[i].out) continue;
        if (!first) text_put(out, ",");
        first = false;
        text_quoted(out, tool->params[i].name, strlen(tool->params[i].name));
    }
    text_put(out, "]}");
}

static void put_hints(text *out, const tool_decl *tool) {
    const struct {
        const char *name;
        int8_t value;
    } all[] = {{"readOnlyHint", tool->hints.read_only},
               {"destructiveHint", tool->hints.destructive},
               {"idempotentHint", tool->hints.idempotent},
               {"openWorldHint", tool->hints.open_world}};
    bool any = false;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].value < 0) continue;
        text_put(out, any ? ",\"" : ",\"annotations\":{\"");
        any = true;
        text_put(out, all[i].name);
        text_put(out, all[i].value != 0 ? "\":true" : "\":false");
    }
    if (any) text_put(out, "}");
}

void schema_write(const binding *set, text *out) {
    text_put(out, "[");
    for (uint32_t i = 0; i < set->decl.tool_count; i++) {
        const tool_decl *tool = &set->decl.tools[i];
        text_put(out, i == 0 ? "{\"name\":" : ",{\"name\":");
        text_quoted(out, tool->name, strlen(tool->name));
        put_member(out, "title", tool->title);
        put_member(out, "description", tool->summary);
        put_inputs(out, set, tool);
        put_outputs(out, tool);
        put_hints(out, tool);
        text_put(out, "}");
    }
    text_put(out, "]");
}
