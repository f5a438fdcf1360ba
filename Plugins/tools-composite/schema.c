/* SPDX-License-Identifier: Apache-2.0
 * What the list of tools says: names, descriptions, input schemas. */
#include "model.h"
#include "values.h"

#include <stdio.h>
#include <string.h>

/** Whether an array of strings holds one. */
static bool holds(const json_value *array, const json_value *name) {
    json_value item;
    if (array->kind != JSON_ARRAY) return false;
    json_members walk = json_walk(array);
    while (json_item(&walk, &item) == 1)
        if (item.kind == JSON_STRING && value_same(&item, name)) return true;
    return false;
}

/** What the composite calls an argument of the target; false: it does not have it. */
static bool outer_name(const target *from, const json_value *inner, json_value *out) {
    json_value key, value;
    json_members walk;
    if (from->constants.kind == JSON_OBJECT) {
        walk = json_walk(&from->constants);
        while (json_next(&walk, &key, &value) == 1)
            if (value_same(&key, inner)) return false;
    }
    *out = *inner;
    if (from->rename.kind == JSON_OBJECT) {
        walk = json_walk(&from->rename);
        while (json_next(&walk, &key, &value) == 1) {
            if (value.kind == JSON_STRING && value_same(&value, inner)) {
                *out = key;
                return true;
            }
            /* The name means another argument here. */
            if (value_same(&key, inner)) return false;
        }
    }
    return !holds(&from->drop, inner);
}

static void derive_properties(const target *from, const json_value *properties, text *out) {
    json_value key, value, name;
    bool any = false;
    json_members walk = json_walk(properties);
    text_put(out, "{");
    while (json_next(&walk, &key, &value) == 1) {
        if (!outer_name(from, &key, &name)) continue;
        if (any) text_put(out, ",");
        value_put(out, &name);
        text_put(out, ":");
        value_put(out, &value);
        any = true;
    }
    text_put(out, "}");
}

static void derive_required(const target *from, const json_value *required, text *out) {
    json_value item, name;
    bool any = false;
    json_members walk = json_walk(required);
    text_put(out, "[");
    while (json_item(&walk, &item) == 1) {
        if (item.kind != JSON_STRING || !outer_name(from, &item, &name)) continue;
        if (any) text_put(out, ",");
        value_put(out, &name);
        any = true;
    }
    text_put(out, "]");
}

void schema_derive(const target *from, const json_value *schema, text *out) {
    json_value key, value;
    bool any = false;
    json_members walk = json_walk(schema);
    text_put(out, "{");
    while (json_next(&walk, &key, &value) == 1) {
        if (any) text_put(out, ",");
        value_put(out, &key);
        text_put(out, ":");
        if (json_is(&key, "properties") && value.kind == JSON_OBJECT)
            derive_properties(from, &value, out);
        else if (json_is(&key, "required") && value.kind == JSON_ARRAY)
            derive_required(from, &value, out);
        else
            value_put(out, &value);
        any = true;
    }
    text_put(out, "}");
}

/** A description for those who wrote none. */
static void describe(const composite *it, text *out) {
    static const char *const says[] = {"Asks %u tools and reports every answer",
                                       "Asks %u tools and merges their answers",
                                       "Asks %u tools and gives the first good answer",
                                       "Asks %u tools and takes a vote",
                                       "Asks %u tools at once and gives the first answer",
                                       "Asks one of %u tools, further ones when it is slow"};
    char words[100];
    text all = {0};
    snprintf(words, sizeof words, says[it->mode], it->count);
    text_put(&all, words);
    for (uint32_t i = 0; i < it->count && i < 8; i++) {
        text_put(&all, i == 0 ? ": " : ", ");
        text_put(&all, it->targets[i].label);
    }
    text_put(&all, it->count > 8 ? ", …" : ".");
    if (all.failed) out->failed = true;
    text_quoted(out, all.bytes, all.length);
    text_free(&all);
}

static void write_tool(const composite *it, text *out) {
    text_put(out, "{\"name\":");
    text_quoted(out, it->name, strlen(it->name));
    if (it->title.kind == JSON_STRING) {
        text_put(out, ",\"title\":");
        value_put(out, &it->title);
    }
    text_put(out, ",\"description\":");
    if (it->description.kind == JSON_STRING)
        value_put(out, &it->description);
    else
        describe(it, out);
    text_put(out, ",\"inputSchema\":");
    if (it->input_schema.kind == JSON_OBJECT)
        value_put(out, &it->input_schema);
    else if (it->schema != NULL)
        text_bytes(out, it->schema, it->schema_length);
    else
        text_put(out, "{\"type\":\"object\"}");
    if (it->annotations.kind == JSON_OBJECT) {
        text_put(out, ",\"annotations\":");
        value_put(out, &it->annotations);
    } else if ((it->mode == MODE_RACE || it->mode == MODE_HEDGE) && !it->allow_unsafe) {
        /* Only such targets are called. */
        text_put(out, ",\"annotations\":{\"destructiveHint\":false,\"idempotentHint\":true}");
    }
    text_put(out, "}");
}

void schema_write_tools(const set *it, text *out) {
    text_put(out, "[");
    for (uint32_t i = 0; i < it->count; i++) {
        if (i > 0) text_put(out, ",");
        write_tool(&it->composites[i], out);
    }
    text_put(out, "]");
}
