/* SPDX-License-Identifier: Apache-2.0
 * Reading a declaration: tools and their results. */
#include "declare.h"

#include "denied.h"

#include <stdio.h>
#include <string.h>

/** What `returns` may be besides a scalar. */
static bool result_type(reading *r, tool_decl *tool, const char *type, place at) {
    static const char *const others[] = {
        "void", "text", "bytes:NAME", "enum:NAME", "struct:NAME", "struct_ref:NAME", "handle:NAME", NULL};
    result_decl *it = &tool->result;
    char room[80];
    it->type = T_POINTER;
    it->length_of = NONE;
    if (strcmp(type, "void") == 0) {
        it->type = T_VOID;
    } else if (ctype_named(type, &it->type, &it->spelling)) {
        it->role = R_SCALAR;
    } else if (strcmp(type, "text") == 0) {
        it->role = R_TEXT;
    } else if (strncmp(type, "bytes:", 6) == 0) {
        it->role = R_BYTES;
        it->length_of = param_named(tool, type + 6);
        if (it->length_of == NONE || tool->params[it->length_of].role != P_OUT_SCALAR ||
            !ctype_is_integer(tool->params[it->length_of].type))
            return problem(r->list, at, "'%.60s' must name an out_scalar of an integer type%s", type + 6,
                           param_nearest(tool, type + 6, room, sizeof room));
    } else if (strncmp(type, "enum:", 5) == 0) {
        it->role = R_ENUM;
        it->enumeration = find_enum(r, at, type + 5);
        if (it->enumeration != NULL) it->type = it->enumeration->type;
    } else if (strncmp(type, "struct:", 7) == 0) {
        it->role = R_RECORD;
        it->type = T_RECORD;
        it->record = find_record(r, at, type + 7);
    } else if (strncmp(type, "struct_ref:", 11) == 0) {
        it->role = R_RECORD_REF;
        it->record = find_record(r, at, type + 11);
    } else if (strncmp(type, "handle:", 7) == 0) {
        it->role = R_HANDLE;
        it->handle = find_handle(r, at, type + 7);
    } else {
        const char *near = nearest(room, sizeof room, type, others);
        if (*near == 0) near = nearest(room, sizeof room, type, ctype_names());
        return problem(r->list, at, "unknown type '%.60s' of a result%s", type, near);
    }
    return true;
}

/** Whether a convention fits what is returned. */
static void check_failure(reading *r, const result_decl *it, place at) {
    bool number = it->role == R_SCALAR || it->role == R_ENUM;
    bool pointer =
        it->role == R_TEXT || it->role == R_BYTES || it->role == R_RECORD_REF || it->role == R_HANDLE;
    bool is_integer = number && !ctype_is_real(it->type);
    switch (it->failure) {
    case FAIL_ERRNO:
        if (!is_integer && !pointer) problem(r->list, at, "'errno' needs an integer or a pointer as result");
        break;
    case FAIL_NEGATIVE:
        if (!number) problem(r->list, at, "'negative' needs a number as result");
        break;
    case FAIL_NEGATIVE_ERRNO:
    case FAIL_NONZERO:
    case FAIL_NONZERO_ERRNO:
    case FAIL_ZERO:
        if (!is_integer) problem(r->list, at, "this convention needs an integer as result");
        break;
    case FAIL_NULL:
        if (!pointer) problem(r->list, at, "'null' needs a pointer as result");
        break;
    case FAIL_NEVER:
    case FAIL_ERRNO_SET:
        break;
    }
    if ((it->failure == FAIL_NEGATIVE || it->failure == FAIL_NEGATIVE_ERRNO) && is_integer &&
        !ctype_is_signed(it->type))
        problem(r->list, at, "a result of type %s is never negative", ctype_name(it->type));
}

static void read_ok(reading *r, result_decl *it, const toml *table) {
    const toml *list = read_array(r, table, "ok");
    if (list == NULL) return;
    if (list->count > MOST_OK || (it->role != R_SCALAR && it->role != R_ENUM)) {
        problem(r->list, list->at, "'ok' is a list of at most %u integers, for integer results", MOST_OK);
        return;
    }
    for (const toml *one = list->first; one != NULL; one = one->next) {
        cell value = {.u64 = 0};
        if (!ctype_is_real(it->type) && read_cell(r, one, it->type, it->enumeration, &value))
            it->ok[it->ok_count++] = cell_load(&value, it->type);
    }
}

/** `text = "f"`: f(result); `text = "f:db"`: f(handle). */
static void read_explain(reading *r, tool_decl *tool, const toml *table) {
    result_decl *it = &tool->result;
    const char *text = read_text(r, table, "text");
    it->explain_with = NONE;
    if (text == NULL) return;
    const char *colon = strchr(text, ':');
    place at = read_place(table, "text");
    it->explain = text;
    if (colon == NULL) {
        if ((it->role != R_SCALAR && it->role != R_ENUM) || ctype_is_real(it->type))
            problem(r->list, at, "'text' needs an integer result, or \"FUNCTION:PARAMETER\" with a handle");
        return;
    }
    it->explain = arena_text(&r->it->memory, text, (size_t)(colon - text));
    if (it->explain == NULL) it->explain = "";
    it->explain_with = param_named(tool, colon + 1);
    role kind = it->explain_with == NONE ? P_NULL : tool->params[it->explain_with].role;
    if (kind != P_HANDLE && kind != P_OUT_HANDLE)
        problem(r->list, at, "'%.60s' must name a handle or out_handle parameter", colon + 1);
}

void read_result(reading *r, tool_decl *tool, const toml *table) {
    static const char *const known[] = {"type", "name", "summary", "as",       "error",    "ok", "text",
                                        "free", "max",  "hidden",  "optional", "encoding", "c",  NULL};
    static const char *const shown[] = {"auto", "integer", "string", "boolean", NULL};
    static const char *const encodings[] = {"base64", "text", NULL};
    static const char *const failures[] = {"none",           "errno",   "errno-set",     "negative",
                                           "negative-errno", "nonzero", "nonzero-errno", "zero",
                                           "null",           NULL};
    result_decl *it = &tool->result;
    it->explain_with = it->length_of = NONE;
    it->type = T_VOID;
    it->name = "result";
    if (table == NULL) return;
    it->at = table->at;
    if (table->kind != TOML_TABLE) {
        problem(r->list, table->at, "'returns' must be a table: { type = \"i32\" }");
        return;
    }
    read_keys(r, table, "'returns'", known);
    const char *type = read_required(r, table, "type", "'returns'"), *name = read_text(r, table, "name");
    if (type == NULL || !result_type(r, tool, type, read_place(table, "type"))) return;
    if (name != NULL && read_name(r, read_place(table, "name"), name, "a result")) it->name = name;
    it->summary = read_text(r, table, "summary");
    it->c = read_text(r, table, "c");
    it->as = (shown_as)read_word(r, table, "as", shown, AS_AUTO);
    if (it->as != AS_AUTO && (it->role != R_SCALAR || !ctype_is_integer(it->type)))
        problem(r->list, read_place(table, "as"), "'as' means something for integers only");
    it->failure = (failure)read_word(r, table, "error", failures, FAIL_NEVER);
    check_failure(r, it, read_place(table, "error"));
    read_ok(r, it, table);
    read_explain(r, tool, table);
    it->free = read_text(r, table, "free");
    if (it->free != NULL && it->role != R_TEXT && it->role != R_BYTES)
        problem(r->list, read_place(table, "free"), "'free' means something for texts and bytes only");
    int64_t most = 0;
    if (read_integer(r, table, "max", 1, 1 << 30, &most)) it->max = (uint64_t)most;
    it->hidden = read_bool(r, table, "hidden", false);
    it->optional = read_bool(r, table, "optional", false);
    it->as_text = read_word(r, table, "encoding", encodings, 0) == 1;
}

static int8_t read_hint(reading *r, const toml *table, const char *key) {
    return toml_get(table, key) == NULL ? -1 : (int8_t)read_bool(r, table, key, false);
}

/** A tool's name: what MCP allows everywhere. */
static void check_tool_name(reading *r, const toml *table) {
    size_t length = strlen(table->key);
    bool good = length > 0 && length <= 64;
    for (const char *c = table->key; *c != 0; c++)
        good = good && ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                        strchr("_-.", *c) != NULL);
    if (!good)
        problem(r->list, table->key_at,
                "'%.70s' is no name for a tool: letters, digits, _, - and ., at most 64", table->key);
}

/** A symbol that could end, replace or reconfigure the process is not for tools. */
static void check_symbol(reading *r, place at, const char *symbol) {
    if (symbol == NULL || !symbol_denied(symbol)) return;
    problem(r->list, at, "'%.60s' is not allowed as a tool: it would act on the gateway's own process",
            symbol);
}

/** Results are an object, so their names differ. */
static void check_results(reading *r, const tool_decl *it) {
    bool shown = it->result.role != R_VOID && !it->result.hidden;
    for (uint32_t i = 0; i < it->count; i++) {
        const param_decl *param = &it->params[i];
        if (shown && param->out && strcmp(param->name, it->result.name) == 0)
            problem(r->list, param->at, "'%s' is also the name of what is returned: give 'returns' a 'name'",
                    param->name);
        if (param->role == P_OUT_BYTES && param->length == LENGTH_RETURN &&
            (it->result.role != R_SCALAR || !ctype_is_integer(it->result.type)))
            problem(r->list, param->at, "length = \"return\" needs an integer result");
        if (param->free != NULL) check_symbol(r, param->at, param->free);
        if (param->role == P_OUT_STRING && param->free == NULL && !param->optional)
            problem(r->list, param->at, "out_string needs 'free', or optional = true");
    }
}

static void read_tool(reading *r, tool_decl *it, const toml *table) {
    static const char *const known[] = {"symbol",      "title",      "summary",    "params",
                                        "returns",     "fixed",      "blocking",   "read_only",
                                        "destructive", "idempotent", "open_world", NULL};
    char what[90];
    snprintf(what, sizeof what, "[tool.%.64s]", table->key);
    check_tool_name(r, table);
    read_keys(r, table, what, known);
    it->at = table->at;
    it->name = table->key;
    it->symbol = read_text(r, table, "symbol");
    if (it->symbol == NULL) it->symbol = it->name;
    check_symbol(r, read_place(table, "symbol"), it->symbol);
    it->title = read_text(r, table, "title");
    it->summary = read_required(r, table, "summary", what);
    uint32_t before = r->list->count;
    read_params(r, it, read_array(r, table, "params"));
    int64_t fixed = 0;
    it->fixed = NONE;
    if (read_integer(r, table, "fixed", 1, MOST_PARAMS, &fixed)) it->fixed = (uint32_t)fixed;
    if (it->fixed != NONE && it->fixed > it->count)
        problem(r->list, read_place(table, "fixed"),
                "'fixed' is how many of the %u parameters are not variadic", it->count);
    it->blocking = read_bool(r, table, "blocking", false);
    it->hints = (hints){read_hint(r, table, "read_only"), read_hint(r, table, "destructive"),
                        read_hint(r, table, "idempotent"), read_hint(r, table, "open_world")};
    if (r->list->count != before) return;
    read_result(r, it, toml_get(table, "returns"));
    if (r->list->count != before) return;
    check_results(r, it);
    check_symbol(r, it->result.at, it->result.free);
    check_symbol(r, it->result.at, it->result.explain);
}

void read_tools(reading *r, const toml *table) {
    if (table == NULL) return;
    if (table->kind != TOML_TABLE || table->count > MOST_TOOLS) {
        problem(r->list, table->at, "'tool' must be tables: [tool.NAME], at most %u", MOST_TOOLS);
        return;
    }
    r->it->tools = table->count == 0 ? NULL : read_memory(r, table->count * sizeof *r->it->tools);
    if (r->it->tools == NULL) return;
    for (const toml *it = table->first; it != NULL; it = it->next) {
        if (it->kind != TOML_TABLE) {
            problem(r->list, it->key_at, "[tool.%.64s] must be a table", it->key);
            continue;
        }
        tool_decl *tool = &r->it->tools[r->it->tool_count];
        tool->index = r->it->tool_count++;
        read_tool(r, tool, it);
    }
    for (uint32_t i = 0; i < r->it->handle_count; i++)
        check_symbol(r, r->it->handles[i].at, r->it->handles[i].destroy);
}
