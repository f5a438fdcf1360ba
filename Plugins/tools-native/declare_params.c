/* SPDX-License-Identifier: Apache-2.0
 * Reading a declaration: the parameters of a tool, and what they say about each other. */
#include "declare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(role) (1u << (role))
#define EVERY 0xFFFFFFFFu
#define NUMBERS (BIT(P_SCALAR) | BIT(P_INOUT))
#define CONSTANTS (NUMBERS | BIT(P_ENUM) | BIT(P_TEXT))
#define POINTERS (BIT(P_TEXT) | BIT(P_BYTES) | BIT(P_HANDLE))

/** Which keys a parameter may have, by what it is. */
static const struct {
    const char *key;
    uint32_t roles;
} keys[] = {{"name", EVERY},
            {"type", EVERY},
            {"summary", EVERY},
            {"c", EVERY},
            {"default", CONSTANTS},
            {"value", BIT(P_SCALAR) | BIT(P_ENUM) | BIT(P_TEXT)},
            {"min", NUMBERS},
            {"max", NUMBERS | BIT(P_TEXT) | BIT(P_BYTES) | BIT(P_OUT_STRING)},
            {"as", NUMBERS | BIT(P_OUT_SCALAR)},
            {"pass", BIT(P_SCALAR)},
            {"optional", POINTERS | BIT(P_OUT_STRING) | BIT(P_OUT_HANDLE)},
            {"encoding", BIT(P_BYTES) | BIT(P_OUT_BYTES)},
            {"length", BIT(P_OUT_BYTES)},
            {"width", BIT(P_LENGTH)},
            {"by", BIT(P_LENGTH)},
            {"hidden", BIT(P_OUT_SCALAR) | BIT(P_OUT_STRING) | BIT(P_INOUT)},
            {"consumes", BIT(P_HANDLE)},
            {"destroy_on_error", BIT(P_OUT_HANDLE)},
            {"free", BIT(P_OUT_STRING)},
            {"error_text", BIT(P_OUT_STRING)},
            {NULL, 0}};

/** The types besides scalars. */
static const struct {
    const char *head; /**< with a colon where something follows */
    role role;
} heads[] = {{"in_text", P_TEXT},
             {"in_bytes", P_BYTES},
             {"len_of:", P_LENGTH},
             {"out_bytes:", P_OUT_BYTES},
             {"out_text:", P_OUT_TEXT},
             {"out_scalar:", P_OUT_SCALAR},
             {"inout:", P_INOUT},
             {"enum:", P_ENUM},
             {"struct:", P_RECORD},
             {"struct_in:", P_RECORD_IN},
             {"struct_out:", P_RECORD_OUT},
             {"struct_inout:", P_RECORD_INOUT},
             {"handle:", P_HANDLE},
             {"out_handle:", P_OUT_HANDLE},
             {"out_string", P_OUT_STRING},
             {"callback:", P_CALLBACK},
             {"null", P_NULL}};

#define HEADS (sizeof heads / sizeof *heads)

static bool unknown_type(reading *r, place at, const char *type) {
    const char *all[64] = {NULL};
    char room[80], head[48];
    uint32_t count = 0;
    for (; ctype_names()[count] != NULL; count++)
        all[count] = ctype_names()[count];
    for (size_t i = 0; i < HEADS; i++)
        all[count++] = heads[i].head;
    snprintf(head, sizeof head, "%.40s", type);
    if (strchr(head, ':') != NULL) strchr(head, ':')[1] = 0;
    return problem(r->list, at, "unknown type '%.60s'%s", type, nearest(room, sizeof room, head, all));
}

/** The scalar or enum after "out_scalar:" and "inout:". */
static void pointee(reading *r, param_decl *it, place at, const char *name) {
    if (strncmp(name, "enum:", 5) == 0) {
        it->enumeration = find_enum(r, at, name + 5);
        if (it->enumeration != NULL) it->type = it->enumeration->type;
    } else if (!ctype_named(name, &it->type, &it->spelling)) {
        (void)unknown_type(r, at, name);
    }
}

/** Takes `type` apart. */
static bool read_type(reading *r, param_decl *it, const toml *table) {
    const char *type = read_required(r, table, "type", "a parameter"), *rest = NULL;
    place at = read_place(table, "type");
    if (type == NULL) return false;
    it->type = T_I32;
    if (ctype_named(type, &it->type, &it->spelling)) {
        it->role = P_SCALAR;
        it->in = true;
        return true;
    }
    for (size_t i = 0; rest == NULL && i < HEADS; i++) {
        size_t length = strlen(heads[i].head);
        bool open_end = heads[i].head[length - 1] == ':';
        if (strncmp(type, heads[i].head, length) != 0 || (!open_end && type[length] != 0)) continue;
        it->role = heads[i].role;
        rest = type + length;
    }
    if (rest == NULL) return unknown_type(r, at, type);
    switch (it->role) {
    case P_TEXT:
    case P_BYTES:
        it->in = true;
        break;
    case P_OUT_SCALAR:
    case P_INOUT:
        pointee(r, it, at, rest);
        it->in = it->role == P_INOUT;
        it->out = true;
        break;
    case P_ENUM:
        it->enumeration = find_enum(r, at, rest);
        if (it->enumeration != NULL) it->type = it->enumeration->type;
        it->in = true;
        break;
    case P_RECORD:
    case P_RECORD_IN:
    case P_RECORD_OUT:
    case P_RECORD_INOUT:
        it->record = find_record(r, at, rest);
        it->in = it->role != P_RECORD_OUT;
        it->out = it->role == P_RECORD_OUT || it->role == P_RECORD_INOUT;
        break;
    case P_HANDLE:
    case P_OUT_HANDLE:
        it->handle = find_handle(r, at, rest);
        it->in = it->role == P_HANDLE;
        it->out = !it->in;
        break;
    case P_CALLBACK:
        it->callback = find_callback(r, at, rest);
        it->out = true;
        break;
    case P_OUT_BYTES:
    case P_OUT_TEXT:
    case P_OUT_STRING:
        it->out = true;
        break;
    default:
        break;
    }
    return true;
}

/** Keys that are unknown, and known ones that mean nothing for this kind. */
static void check_keys(reading *r, const param_decl *it, const toml *table) {
    const char *known[sizeof keys / sizeof *keys];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        known[i] = keys[i].key;
    read_keys(r, table, "a parameter", known);
    for (size_t i = 0; keys[i].key != NULL; i++) {
        const toml *member = toml_get(table, keys[i].key);
        if (member != NULL && (keys[i].roles & BIT(it->role)) == 0)
            problem(r->list, member->key_at, "'%s' means nothing for a parameter of this type", keys[i].key);
    }
}

/** A bound of a number; kept as an integer or a double, whichever the type is. */
static void read_bound(reading *r, param_decl *it, const toml *table, const char *key, bool is_least) {
    const toml *member = toml_get(table, key);
    cell value = {.u64 = 0};
    if (member == NULL || !(BIT(it->role) & NUMBERS)) return;
    if (it->type == T_BOOL || it->enumeration != NULL) {
        problem(r->list, member->key_at, "'%s' means nothing for this type", key);
        return;
    }
    if (!read_cell(r, member, it->type, NULL, &value)) return;
    if (is_least) {
        it->has_least = true;
        it->least = ctype_is_real(it->type) ? 0 : cell_load(&value, it->type);
        it->least_real = ctype_is_real(it->type) ? cell_load_real(&value, it->type) : 0;
        if (it->type == T_U64 && value.u64 > (uint64_t)INT64_MAX)
            problem(r->list, member->at, "'min' must be at most %lld", (long long)INT64_MAX);
    } else {
        it->has_most = true;
        it->most = ctype_is_real(it->type) ? 0 : (uint64_t)cell_load(&value, it->type);
        it->most_real = ctype_is_real(it->type) ? cell_load_real(&value, it->type) : 0;
        if (ctype_is_signed(it->type) && cell_load(&value, it->type) < 0)
            problem(r->list, member->at, "'max' must not be negative");
    }
}

static void read_standard(reading *r, param_decl *it, const toml *table) {
    const toml *value = toml_get(table, "value"), *other = toml_get(table, "default");
    if (value != NULL && other != NULL)
        problem(r->list, other->key_at, "a parameter has 'value' or 'default', not both");
    it->fixed = value != NULL;
    it->has_default = value == NULL && other != NULL;
    if (value == NULL) value = other;
    if (value == NULL) return;
    if (it->fixed) it->in = false;
    if (it->role == P_TEXT) {
        it->text = value->text;
        if (value->kind != TOML_TEXT) problem(r->list, value->at, "this must be a text");
    } else {
        (void)read_cell(r, value, it->type, it->enumeration, &it->value);
    }
}

/** The capacity of out_bytes and out_text: a number, or the name of an argument (resolved later). */
static void read_capacity(reading *r, param_decl *it, const toml *table) {
    const char *rest = strchr(read_text(r, table, "type"), ':') + 1;
    char *end;
    it->capacity_of = NONE;
    if (*rest < '0' || *rest > '9') return;
    it->capacity = strtoull(rest, &end, 10);
    if (*end != 0 || it->capacity == 0 || it->capacity > (1u << 30))
        problem(r->list, read_place(table, "type"), "a capacity must be from 1 to %u bytes", 1u << 30);
}

static void read_param(reading *r, param_decl *it, const toml *table) {
    static const char *const shown[] = {"auto", "integer", "string", "boolean", NULL};
    static const char *const encodings[] = {"base64", "text", NULL}, *const ways[] = {"value", "pointer",
                                                                                      NULL};
    it->at = table->at;
    it->target = it->capacity_of = it->length_of = NONE;
    it->passed = true;
    if (table->kind != TOML_TABLE) {
        problem(r->list, table->at, "a parameter must be a table: { name = \"x\", type = \"i32\" }");
        return;
    }
    it->name = read_text(r, table, "name");
    if (it->name != NULL) (void)read_name(r, read_place(table, "name"), it->name, "a parameter");
    if (!read_type(r, it, table)) return;
    check_keys(r, it, table);
    it->summary = read_text(r, table, "summary");
    it->c = read_text(r, table, "c");
    if (BIT(it->role) & CONSTANTS) read_standard(r, it, table);
    read_bound(r, it, table, "min", true);
    read_bound(r, it, table, "max", false);
    int64_t most = 0;
    if ((BIT(it->role) & NUMBERS) == 0 && read_integer(r, table, "max", 1, 1 << 30, &most))
        it->max = (uint64_t)most;
    it->as = (shown_as)read_word(r, table, "as", shown, AS_AUTO);
    it->passed = read_bool(r, table, "pass", true);
    it->optional = read_bool(r, table, "optional", it->role == P_OUT_STRING);
    it->as_text = read_word(r, table, "encoding", encodings, 0) == 1 || it->role == P_OUT_TEXT;
    it->consumes = read_bool(r, table, "consumes", false);
    it->destroy = read_bool(r, table, "destroy_on_error", false);
    it->error_text = read_bool(r, table, "error_text", false);
    it->free = read_text(r, table, "free");
    if (read_bool(r, table, "hidden", false) || it->error_text) it->out = false;
    if (it->role == P_OUT_BYTES || it->role == P_OUT_TEXT) read_capacity(r, it, table);
    if (it->role == P_LENGTH) {
        const char *width = read_text(r, table, "width");
        it->type = T_U64;
        it->spelling = width == NULL ? "unsigned long" : NULL;
        if (width != NULL && (!ctype_named(width, &it->type, &it->spelling) || !ctype_is_integer(it->type)))
            problem(r->list, read_place(table, "width"), "'width' must be an integer type, this is '%.40s'",
                    width);
        it->by_pointer = read_word(r, table, "by", ways, 0) == 1;
    }
    if (it->optional && it->has_default)
        problem(r->list, it->at, "a parameter is 'optional' or has a 'default', not both");
    if (it->name == NULL && (it->in || it->out))
        problem(r->list, it->at, "this parameter needs 'name': clients see it");
}

uint32_t param_named(const tool_decl *tool, const char *name) {
    for (uint32_t i = 0; i < tool->count; i++)
        if (tool->params[i].name != NULL && strcmp(tool->params[i].name, name) == 0) return i;
    return NONE;
}

const char *param_nearest(const tool_decl *tool, const char *name, char *room, size_t size) {
    const char *all[MOST_PARAMS + 1] = {NULL};
    uint32_t count = 0;
    for (uint32_t i = 0; i < tool->count; i++)
        if (tool->params[i].name != NULL) all[count++] = tool->params[i].name;
    return nearest(room, size, name, all);
}

/** "len_of:data": the parameter that it measures. */
static void resolve_length(reading *r, tool_decl *tool, uint32_t index, const toml *table) {
    param_decl *it = &tool->params[index];
    const char *name = strchr(read_text(r, table, "type"), ':') + 1;
    place at = read_place(table, "type");
    char room[80];
    it->target = param_named(tool, name);
    if (it->target == NONE) {
        problem(r->list, at, "there is no parameter '%.60s'%s", name,
                param_nearest(tool, name, room, sizeof room));
        return;
    }
    param_decl *of = &tool->params[it->target];
    bool is_out = of->role == P_OUT_BYTES || of->role == P_OUT_TEXT;
    if (!is_out && of->role != P_TEXT && of->role != P_BYTES) {
        problem(r->list, at, "'%s' has no length: it must be in_text, in_bytes, out_bytes or out_text", name);
        return;
    }
    if (it->by_pointer && of->role == P_OUT_BYTES) {
        of->length = LENGTH_PARAM;
        of->length_of = index;
    }
}

/** What sizes out_bytes and out_text, before the call and after it. */
static void resolve_out(reading *r, tool_decl *tool, uint32_t index, const toml *table) {
    param_decl *it = &tool->params[index];
    place at = read_place(table, "type");
    char room[80];
    if (it->capacity == 0) {
        const char *name = strchr(read_text(r, table, "type"), ':') + 1;
        it->capacity_of = param_named(tool, name);
        if (it->capacity_of == NONE) {
            problem(r->list, at, "there is no parameter '%.60s' to say the capacity%s", name,
                    param_nearest(tool, name, room, sizeof room));
        } else {
            const param_decl *of = &tool->params[it->capacity_of];
            if (of->role != P_SCALAR || !ctype_is_integer(of->type))
                problem(r->list, at, "the capacity '%s' must be an integer parameter", name);
        }
    }
    const char *length = read_text(r, table, "length");
    if (length == NULL || it->role != P_OUT_BYTES) return;
    at = read_place(table, "length");
    if (it->length == LENGTH_PARAM) {
        problem(r->list, at, "a len_of parameter by pointer says the length already");
    } else if (strcmp(length, "return") == 0) {
        it->length = LENGTH_RETURN;
    } else if (strcmp(length, "all") != 0) {
        it->length = LENGTH_PARAM;
        it->length_of = param_named(tool, length);
        if (it->length_of == NONE || tool->params[it->length_of].role != P_OUT_SCALAR ||
            !ctype_is_integer(tool->params[it->length_of].type))
            problem(r->list, at, "'length' must be \"return\", \"all\" or an out_scalar of an integer type%s",
                    param_nearest(tool, length, room, sizeof room));
    }
}

void read_params(reading *r, tool_decl *tool, const toml *list) {
    tool->params = NULL;
    if (list == NULL || list->count == 0) return;
    if (list->count > MOST_PARAMS) {
        problem(r->list, list->at, "a function may have at most %u parameters here", MOST_PARAMS);
        return;
    }
    tool->params = read_memory(r, list->count * sizeof *tool->params);
    if (tool->params == NULL) return;
    uint32_t before = r->list->count;
    for (const toml *it = list->first; it != NULL; it = it->next) {
        param_decl *param = &tool->params[tool->count];
        read_param(r, param, it);
        if (param->name != NULL && param_named(tool, param->name) != NONE)
            problem(r->list, it->at, "parameter '%s' is there twice", param->name);
        tool->count++;
    }
    if (r->list->count != before) return;
    const toml *it = list->first;
    for (uint32_t i = 0; i < tool->count; i++, it = it->next)
        if (tool->params[i].role == P_LENGTH) resolve_length(r, tool, i, it);
    it = list->first;
    for (uint32_t i = 0; i < tool->count; i++, it = it->next)
        if (tool->params[i].role == P_OUT_BYTES || tool->params[i].role == P_OUT_TEXT)
            resolve_out(r, tool, i, it);
}
