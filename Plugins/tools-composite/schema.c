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

/** What an item may be: the element of the list argument. */
static bool item_schema(const composite *of, const json_value *properties, json_value *out) {
    json_value list;
    return value_member(properties, of->batch.argument, &list) && value_member(&list, "items", out);
}

/** The batch tool's other arguments, and the one that goes into the list. */
static void put_item_properties(const composite *of, const json_value *properties, text *out) {
    const target *to = &of->targets[0];
    json_value key, value, name;
    text_put(out, "\"properties\":{");
    text_quoted(out, of->batch.item, strlen(of->batch.item));
    text_put(out, ":");
    if (item_schema(of, properties, &value))
        value_put(out, &value);
    else
        text_put(out, "{}");
    json_members walk = json_walk(properties);
    while (properties->kind == JSON_OBJECT && json_next(&walk, &key, &value) == 1) {
        if (json_is(&key, of->batch.argument) || !outer_name(to, &key, &name) ||
            json_is(&name, of->batch.item))
            continue;
        text_put(out, ",");
        value_put(out, &name);
        text_put(out, ":");
        value_put(out, &value);
    }
    text_put(out, "},\"required\":[");
    text_quoted(out, of->batch.item, strlen(of->batch.item));
}

void schema_derive_item(const composite *of, const json_value *schema, text *out) {
    json_value properties = {0}, required, item, name, type;
    if (!value_member(schema, "properties", &properties)) properties.kind = JSON_NULL;
    if (of->batch.item == NULL) {
        bool whole = item_schema(of, &properties, &item) && value_member(&item, "type", &type) &&
                     type.kind == JSON_STRING && json_is(&type, "object");
        if (whole)
            value_put(out, &item);
        else
            text_put(out, "{\"type\":\"object\"}");
        return;
    }
    text_put(out, "{\"type\":\"object\",");
    put_item_properties(of, &properties, out);
    if (value_member(schema, "required", &required) && required.kind == JSON_ARRAY) {
        json_members walk = json_walk(&required);
        while (json_item(&walk, &item) == 1) {
            if (item.kind != JSON_STRING || json_is(&item, of->batch.argument) ||
                !outer_name(&of->targets[0], &item, &name) || json_is(&name, of->batch.item))
                continue;
            text_put(out, ",");
            value_put(out, &name);
        }
    }
    text_put(out, "]");
    /* References lead to what is defined beside. */
    static const char *const kept[] = {"$schema", "$defs", "definitions"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (!value_member(schema, kept[i], &item)) continue;
        text_put(out, ",");
        text_quoted(out, kept[i], strlen(kept[i]));
        text_put(out, ":");
        value_put(out, &item);
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
                                       "Asks one of %u tools, further ones when it is slow",
                                       "Makes one call of many"};
    char words[100];
    text all = {0};
    snprintf(words, sizeof words, says[it->mode], it->count);
    text_put(&all, words);
    /* A batch goes to one tool; the other takes what is alone. */
    uint32_t count = it->mode == MODE_BATCH ? 1 : it->count;
    for (uint32_t i = 0; i < count && i < 8; i++) {
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
