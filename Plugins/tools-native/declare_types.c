/* SPDX-License-Identifier: Apache-2.0
 * Reading a declaration: enums, structs, handles, callbacks. */
#include "declare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Walks the tables of [kind.*]: checks that they are tables with a name, counts them. */
static uint32_t named_tables(reading *r, const toml *table, const char *kind) {
    uint32_t count = 0;
    if (table == NULL) return 0;
    if (table->kind != TOML_TABLE) {
        problem(r->list, table->at, "'%s' must be tables: [%s.NAME]", kind, kind);
        return 0;
    }
    for (const toml *it = table->first; it != NULL; it = it->next) {
        if (it->kind != TOML_TABLE)
            problem(r->list, it->key_at, "[%s.%.60s] must be a table", kind, it->key);
        else if (read_name(r, it->key_at, it->key, kind))
            count++;
    }
    return count == table->count ? count : 0;
}

#define FIND(function, type, table, total, kind)                                                             \
    const type *function(reading *r, place at, const char *name) {                                           \
        const char *names[64] = {NULL};                                                                      \
        char room[80];                                                                                       \
        for (uint32_t i = 0; i < r->it->total; i++) {                                                        \
            if (strcmp(r->it->table[i].name, name) == 0) return &r->it->table[i];                            \
            if (i < 63) names[i] = r->it->table[i].name;                                                     \
        }                                                                                                    \
        problem(r->list, at, "there is no [" kind ".%.60s]%s", name,                                         \
                nearest(room, sizeof room, name, names));                                                    \
        return NULL;                                                                                         \
    }

FIND(find_enum, enum_decl, enums, enum_count, "enum")
FIND(find_record, record_decl, records, record_count, "struct")
FIND(find_handle, handle_decl, handles, handle_count, "handle")
FIND(find_callback, callback_decl, callbacks, callback_count, "callback")

/** An integer type by key; `standard` where it is absent. */
static ctype integer_type(reading *r, const toml *table, const char *key, ctype standard) {
    const char *name = read_text(r, table, key);
    ctype type = standard;
    char room[80];
    if (name == NULL) return standard;
    if (!ctype_named(name, &type, NULL)) {
        problem(r->list, read_place(table, key), "unknown type '%.40s'%s", name,
                nearest(room, sizeof room, name, ctype_names()));
        return standard;
    }
    if (ctype_is_integer(type)) return type;
    problem(r->list, read_place(table, key), "'%s' must be an integer type", key);
    return standard;
}

static void read_enum(reading *r, enum_decl *it, const toml *table) {
    static const char *const known[] = {"type", "c", "values", "constants", NULL};
    char what[90];
    it->at = table->at;
    it->name = table->key;
    snprintf(what, sizeof what, "[enum.%s]", it->name);
    read_keys(r, table, what, known);
    it->type = integer_type(r, table, "type", T_I32);
    it->c = read_text(r, table, "c");
    const toml *values = toml_get(table, "values"), *constants = toml_get(table, "constants");
    if (values == NULL || values->kind != TOML_TABLE || values->count == 0) {
        problem(r->list, read_place(table, "values"), "%s needs values = { name = number, ... }", what);
        return;
    }
    it->names = read_memory(r, (values->count + 1) * sizeof *it->names);
    it->values = read_memory(r, values->count * sizeof *it->values);
    it->constants = read_memory(r, values->count * sizeof *it->constants);
    if (it->names == NULL || it->values == NULL || it->constants == NULL) return;
    for (const toml *value = values->first; value != NULL; value = value->next) {
        cell number = {.u64 = 0};
        if (!read_cell(r, value, it->type, NULL, &number)) continue;
        it->names[it->count] = value->key;
        it->values[it->count++] = cell_load(&number, it->type);
    }
    if (constants == NULL) return;
    for (const toml *constant = constants->first; constant != NULL; constant = constant->next) {
        uint32_t i = 0;
        char room[80];
        while (i < it->count && strcmp(it->names[i], constant->key) != 0)
            i++;
        if (i == it->count)
            problem(r->list, constant->key_at, "values has no '%.40s'%s", constant->key,
                    nearest(room, sizeof room, constant->key, it->names));
        else if (constant->kind != TOML_TEXT)
            problem(r->list, constant->at, "a constant's C name must be a text");
        else
            it->constants[i] = constant->text;
    }
}

void read_enums(reading *r, const toml *table) {
    uint32_t count = named_tables(r, table, "enum");
    r->it->enums = count == 0 ? NULL : read_memory(r, count * sizeof *r->it->enums);
    if (r->it->enums == NULL) return;
    for (const toml *it = table->first; it != NULL; it = it->next)
        read_enum(r, &r->it->enums[r->it->enum_count++], it);
}

static void read_field(reading *r, field_decl *it, const toml *table) {
    static const char *const known[] = {"name", "type", "value", "default", NULL};
    char room[80];
    it->at = table->at;
    if (table->kind != TOML_TABLE) {
        problem(r->list, table->at, "a field must be a table: { name = \"x\", type = \"f64\" }");
        return;
    }
    read_keys(r, table, "a field", known);
    it->name = read_required(r, table, "name", "a field");
    const char *type = read_required(r, table, "type", "a field");
    place at = read_place(table, "type");
    it->type = T_I32;
    if (it->name != NULL) (void)read_name(r, read_place(table, "name"), it->name, "a field");
    if (type == NULL) return;
    bool is_text = strncmp(type, "text:", 5) == 0;
    if (is_text || strncmp(type, "bytes:", 6) == 0) {
        char *end;
        unsigned long count = strtoul(strchr(type, ':') + 1, &end, 10);
        if (*end != 0 || count == 0 || count > MOST_RECORD)
            problem(r->list, at, "'%.40s' needs a length from 1 to %u", type, MOST_RECORD);
        it->count = (uint32_t)(count > MOST_RECORD ? MOST_RECORD : count);
        it->type = is_text ? T_I8 : T_U8;
        it->is_text = is_text;
    } else if (strncmp(type, "enum:", 5) == 0) {
        it->enumeration = find_enum(r, at, type + 5);
        if (it->enumeration != NULL) it->type = it->enumeration->type;
    } else if (!ctype_named(type, &it->type, NULL)) {
        problem(r->list, at,
                "unknown type '%.40s' of a field%s (fields are scalars, enum:NAME, text:N or bytes:N)", type,
                nearest(room, sizeof room, type, ctype_names()));
    }
    const toml *value = toml_get(table, "value"), *other = toml_get(table, "default");
    it->fixed = value != NULL;
    it->has_default = other != NULL;
    if (value != NULL && other != NULL)
        problem(r->list, other->key_at, "a field has 'value' or 'default', not both");
    if (value == NULL) value = other;
    if (value != NULL && it->count != 0)
        problem(r->list, value->at, "text and bytes fields take no value here");
    else if (value != NULL)
        (void)read_cell(r, value, it->type, it->enumeration, &it->value);
}

/** Natural alignment, as every C compiler lays it out without packing attributes. */
static void lay_out(reading *r, record_decl *it) {
    it->alignment = 1;
    for (uint32_t i = 0; i < it->count; i++) {
        field_decl *field = &it->fields[i];
        size_t size = ctype_size(field->type), total = size * (field->count == 0 ? 1 : field->count);
        field->offset = (it->size + size - 1) / size * size;
        it->size = field->offset + total;
        if (size > it->alignment) it->alignment = size;
    }
    it->size = (it->size + it->alignment - 1) / it->alignment * it->alignment;
    if (it->size > MOST_RECORD)
        problem(r->list, it->at, "struct '%s' is larger than %u bytes", it->name, MOST_RECORD);
}

static void read_record(reading *r, record_decl *it, const toml *table) {
    static const char *const known[] = {"c", "fields", NULL};
    char what[90];
    it->at = table->at;
    it->name = table->key;
    snprintf(what, sizeof what, "[struct.%s]", it->name);
    read_keys(r, table, what, known);
    it->c = read_text(r, table, "c");
    const toml *fields = read_array(r, table, "fields");
    if (fields == NULL || fields->count == 0 || fields->count > MOST_FIELDS) {
        problem(r->list, read_place(table, "fields"), "%s needs fields = [ ... ], 1 to %u of them", what,
                MOST_FIELDS);
        return;
    }
    it->fields = read_memory(r, fields->count * sizeof *it->fields);
    if (it->fields == NULL) return;
    uint32_t before = r->list->count;
    for (const toml *field = fields->first; field != NULL; field = field->next) {
        read_field(r, &it->fields[it->count], field);
        const char *name = it->fields[it->count].name;
        for (uint32_t i = 0; i < it->count && name != NULL; i++)
            if (it->fields[i].name != NULL && strcmp(it->fields[i].name, name) == 0)
                problem(r->list, field->at, "field '%s' is there twice", name);
        it->count++;
    }
    if (r->list->count == before) lay_out(r, it);
}

void read_records(reading *r, const toml *table) {
    uint32_t count = named_tables(r, table, "struct");
    r->it->records = count == 0 ? NULL : read_memory(r, count * sizeof *r->it->records);
    if (r->it->records == NULL) return;
    for (const toml *it = table->first; it != NULL; it = it->next) {
        r->it->records[r->it->record_count].index = r->it->record_count;
        read_record(r, &r->it->records[r->it->record_count++], it);
    }
}

void read_handles(reading *r, const toml *table) {
    static const char *const known[] = {"destroy", "limit", "c", NULL};
    uint32_t count = named_tables(r, table, "handle");
    r->it->handles = count == 0 ? NULL : read_memory(r, count * sizeof *r->it->handles);
    if (r->it->handles == NULL) return;
    for (const toml *it = table->first; it != NULL; it = it->next) {
        handle_decl *handle = &r->it->handles[r->it->handle_count];
        int64_t limit = 16;
        char what[90];
        snprintf(what, sizeof what, "[handle.%s]", it->key);
        read_keys(r, it, what, known);
        handle->at = read_place(it, "destroy");
        handle->name = it->key;
        handle->index = r->it->handle_count++;
        handle->destroy = read_required(r, it, "destroy", what);
        handle->c = read_text(r, it, "c");
        (void)read_integer(r, it, "limit", 1, 4096, &limit);
        handle->limit = (uint32_t)limit;
    }
}

static void read_row_param(reading *r, row_param *it, const toml *table) {
    static const char *const known[] = {"name", "type", "hidden", "c", NULL};
    static const char *const types[] = {"text", "texts:COUNT", "bytes:COUNT", "pointer", "enum:NAME", NULL};
    char room[80];
    it->at = table->at;
    it->length = NONE;
    if (table->kind != TOML_TABLE) {
        problem(r->list, table->at, "a parameter must be a table: { name = \"x\", type = \"text\" }");
        return;
    }
    read_keys(r, table, "a callback's parameter", known);
    const char *type = read_required(r, table, "type", "a callback's parameter");
    it->name = read_text(r, table, "name");
    it->c = read_text(r, table, "c");
    it->hidden = read_bool(r, table, "hidden", false);
    if (it->name != NULL) (void)read_name(r, read_place(table, "name"), it->name, "a parameter");
    if (type == NULL) return;
    if (strcmp(type, "pointer") == 0) {
        it->role = ROW_IGNORED;
        it->type = T_POINTER;
    } else if (strcmp(type, "text") == 0) {
        it->role = ROW_TEXT;
        it->type = T_POINTER;
    } else if (strncmp(type, "texts:", 6) == 0 || strncmp(type, "bytes:", 6) == 0) {
        it->role = type[0] == 't' ? ROW_TEXTS : ROW_BYTES;
        it->type = T_POINTER;
    } else if (strncmp(type, "enum:", 5) == 0) {
        it->enumeration = find_enum(r, read_place(table, "type"), type + 5);
        it->type = it->enumeration == NULL ? T_I32 : it->enumeration->type;
    } else if (!ctype_named(type, &it->type, NULL)) {
        problem(r->list, read_place(table, "type"),
                "unknown type '%.40s' of a callback's parameter%s (scalars, %s, %s, %s, %s or %s)", type,
                nearest(room, sizeof room, type, ctype_names()), types[0], types[1], types[2], types[3],
                types[4]);
    }
    if (it->name == NULL && it->role != ROW_IGNORED)
        problem(r->list, it->at, "a callback's parameter needs 'name'");
}

static uint32_t row_named(const callback_decl *it, const char *name) {
    for (uint32_t i = 0; i < it->count; i++)
        if (it->params[i].name != NULL && strcmp(it->params[i].name, name) == 0) return i;
    return NONE;
}

static uint32_t texts_named(reading *r, const callback_decl *it, const toml *table, const char *key) {
    const char *name = read_text(r, table, key);
    if (name == NULL) return NONE;
    uint32_t found = row_named(it, name);
    if (found != NONE && it->params[found].role == ROW_TEXTS) return found;
    problem(r->list, read_place(table, key), "'%s' must name a parameter of type texts:COUNT", key);
    return NONE;
}

static void read_callback(reading *r, callback_decl *it, const toml *table) {
    static const char *const known[] = {"returns", "go",    "stop", "params", "keys",
                                        "values",  "limit", "c",    NULL};
    char what[90];
    int64_t limit = 1000;
    it->at = table->at;
    it->name = table->key;
    it->stop = 1;
    it->keys = it->values = NONE;
    snprintf(what, sizeof what, "[callback.%s]", it->name);
    read_keys(r, table, what, known);
    it->c = read_text(r, table, "c");
    it->returns = integer_type(r, table, "returns", T_VOID);
    (void)read_integer(r, table, "go", INT32_MIN, INT32_MAX, &it->go);
    (void)read_integer(r, table, "stop", INT32_MIN, INT32_MAX, &it->stop);
    (void)read_integer(r, table, "limit", 1, 1000000, &limit);
    it->limit = (uint32_t)limit;
    const toml *list = read_array(r, table, "params");
    if (list == NULL || list->count == 0 || list->count > MOST_PARAMS) {
        problem(r->list, read_place(table, "params"), "%s needs params = [ ... ], 1 to %u of them", what,
                MOST_PARAMS);
        return;
    }
    it->params = read_memory(r, list->count * sizeof *it->params);
    if (it->params == NULL) return;
    for (const toml *param = list->first; param != NULL; param = param->next)
        read_row_param(r, &it->params[it->count++], param);
    const toml *param = list->first;
    for (uint32_t i = 0; i < it->count; i++, param = param->next) {
        row_param *one = &it->params[i];
        if (one->role != ROW_TEXTS && one->role != ROW_BYTES) continue;
        const char *type = read_text(r, param, "type");
        one->length = type == NULL ? NONE : row_named(it, strchr(type, ':') + 1);
        if (one->length == NONE || !ctype_is_integer(it->params[one->length].type))
            problem(r->list, read_place(param, "type"),
                    "'%.40s' must name the integer parameter that counts it", type == NULL ? "" : type);
    }
    it->keys = texts_named(r, it, table, "keys");
    it->values = texts_named(r, it, table, "values");
    if ((it->keys == NONE) != (it->values == NONE))
        problem(r->list, it->at, "%s needs 'keys' and 'values' together, or neither", what);
}

void read_callbacks(reading *r, const toml *table) {
    uint32_t count = named_tables(r, table, "callback");
    r->it->callbacks = count == 0 ? NULL : read_memory(r, count * sizeof *r->it->callbacks);
    if (r->it->callbacks == NULL) return;
    for (const toml *it = table->first; it != NULL; it = it->next)
        read_callback(r, &r->it->callbacks[r->it->callback_count++], it);
}
