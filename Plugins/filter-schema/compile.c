/* SPDX-License-Identifier: Apache-2.0
 * Reading a schema. References lead only within it; nothing is ever fetched. */
#include "schema.h"

#include <stdio.h>

typedef struct compiling {
    sc_schema *out;
    char *why;
    uint64_t size;
    uint32_t depth;
} compiling;

static sc_node *compile(compiling *it, const jf_json_value *source);

static void *wrong(compiling *it, const char *what) {
    if (it->why[0] == 0) snprintf(it->why, it->size, "%s", what);
    return NULL;
}

static bool says(const jf_json_value *key, const char *text) {
    return jf_json_is(key, (jf_view){(const uint8_t *)text, strlen(text)});
}

static uint32_t type_bit(const jf_json_value *name) {
    static const struct {
        const char *name;
        uint32_t bits;
    } types[] = {{"null", 1u << JF_JSON_NULL},     {"boolean", 1u << JF_JSON_BOOL},
                 {"object", 1u << JF_JSON_OBJECT}, {"array", 1u << JF_JSON_ARRAY},
                 {"number", 1u << JF_JSON_NUMBER}, {"string", 1u << JF_JSON_STRING},
                 {"integer", SC_INTEGER}};
    for (uint32_t i = 0; i < 7; i++)
        if (name->kind == JF_JSON_STRING && says(name, types[i].name)) return types[i].bits;
    return 0;
}

static uint32_t read_types(compiling *it, const jf_json_value *value) {
    jf_json_value key, name;
    uint32_t types = type_bit(value);
    if (value->kind == JF_JSON_ARRAY) {
        jf_json_walk walk = jf_json_walk_of(value);
        while (jf_json_next(&walk, &key, &name) == 1)
            types |= type_bit(&name);
    }
    if (types == 0) wrong(it, "a type that there is not");
    return types;
}

static bool read_list(compiling *it, const jf_json_value *value, sc_nodes *out) {
    jf_json_value key, element;
    if (value->kind != JF_JSON_ARRAY) return wrong(it, "a list of schemas that is no list") != NULL;
    jf_json_walk walk = jf_json_walk_of(value);
    while (jf_json_next(&walk, &key, &element) == 1) {
        sc_node **all = realloc(out->all, (out->count + 1) * sizeof *all);
        if (all == NULL) return wrong(it, "out of memory") != NULL;
        out->all = all;
        all[out->count] = compile(it, &element);
        if (all[out->count] == NULL) return false;
        out->count++;
    }
    return true;
}

/* Schemas by name, or by pattern. A pattern that RE2 does not know (a look-around) holds for nothing. */
static bool read_members(compiling *it, const jf_json_value *value, bool patterns, sc_property **list,
                         uint32_t *count) {
    jf_json_value key, element;
    if (value->kind != JF_JSON_OBJECT) return wrong(it, "properties that are no object") != NULL;
    jf_json_walk walk = jf_json_walk_of(value);
    while (jf_json_next(&walk, &key, &element) == 1) {
        sc_property *all = realloc(*list, (*count + 1) * sizeof *all);
        if (all == NULL) return wrong(it, "out of memory") != NULL;
        *list = all;
        sc_property *next = &all[*count];
        *next = (sc_property){.name = fl_decode(&key)};
        if (next->name.ptr == NULL) return wrong(it, "out of memory") != NULL;
        (*count)++;
        if (patterns) {
            next->pattern = fl_pattern_new(next->name, NULL, 0);
            free((void *)(uintptr_t)next->name.ptr);
            next->name = (jf_view){0};
        }
        next->node = compile(it, &element);
        if (next->node == NULL) return false;
    }
    return true;
}

static uint64_t read_count(const jf_json_value *value, uint64_t preset) {
    bool negative;
    uint64_t number;
    return jf_json_integer(value, &negative, &number) && !negative ? number : preset;
}

static sc_node *refer(compiling *it, const jf_json_value *value) {
    jf_json_value found;
    jf_view text = fl_decode(value);
    if (text.ptr == NULL) return wrong(it, "out of memory");
    sc_node *node = NULL;
    /* fragments are percent-encoded (RFC 6901, section 6); only what MCP servers write is decoded */
    if (text.len == 0 || text.ptr[0] != '#')
        wrong(it, "a $ref to somewhere else; only references within the schema are followed");
    else if (memchr(text.ptr, '%', text.len) != NULL ||
             jf_json_find(&it->out->root, (jf_view){text.ptr + 1, text.len - 1}, &found) != JF_OK)
        wrong(it, "a $ref that leads nowhere");
    else
        node = compile(it, &found);
    free((void *)(uintptr_t)text.ptr);
    return node;
}

static bool bound(sc_node *node, uint32_t bit, const jf_json_value *value, double *out) {
    if (jf_json_real(value, out)) node->bounds |= bit;
    return true;
}

static bool read_keyword(compiling *it, sc_node *node, const jf_json_value *key, const jf_json_value *value) {
    static const struct {
        const char *name;
        size_t place;
    } schemas[] = {{"additionalProperties", offsetof(sc_node, additional)},
                   {"propertyNames", offsetof(sc_node, names)},
                   {"items", offsetof(sc_node, items)},
                   {"contains", offsetof(sc_node, contains)},
                   {"not", offsetof(sc_node, not )},
                   {"if", offsetof(sc_node, condition)},
                   {"then", offsetof(sc_node, then)},
                   {"else", offsetof(sc_node, otherwise)}},
      lists[] = {{"prefixItems", offsetof(sc_node, prefix)},
                 {"allOf", offsetof(sc_node, all_of)},
                 {"anyOf", offsetof(sc_node, any_of)},
                 {"oneOf", offsetof(sc_node, one_of)}},
      counts[] = {{"minLength", offsetof(sc_node, min_length)},
                  {"maxLength", offsetof(sc_node, max_length)},
                  {"minItems", offsetof(sc_node, min_items)},
                  {"maxItems", offsetof(sc_node, max_items)},
                  {"minProperties", offsetof(sc_node, min_members)},
                  {"maxProperties", offsetof(sc_node, max_members)},
                  {"minContains", offsetof(sc_node, min_contains)},
                  {"maxContains", offsetof(sc_node, max_contains)}};
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
        if (says(key, schemas[i].name)) {
            sc_node *inner = compile(it, value);
            memcpy((uint8_t *)node + schemas[i].place, &inner, sizeof inner);
            return inner != NULL;
        }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (says(key, lists[i].name))
            return read_list(it, value, (sc_nodes *)(void *)((uint8_t *)node + lists[i].place));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (says(key, counts[i].name)) {
            uint64_t *place = (uint64_t *)(void *)((uint8_t *)node + counts[i].place);
            *place = read_count(value, *place);
            return true;
        }
    if (says(key, "type")) return (node->types = read_types(it, value)) != 0;
    if (says(key, "$ref")) return (node->reference = refer(it, value)) != NULL;
    if (says(key, "properties"))
        return read_members(it, value, false, &node->properties, &node->property_count);
    if (says(key, "patternProperties"))
        return read_members(it, value, true, &node->properties, &node->property_count);
    if (says(key, "dependentSchemas"))
        return read_members(it, value, false, &node->dependents, &node->dependent_count);
    if (says(key, "enum") && value->kind == JF_JSON_ARRAY) node->choices = jf_json_raw(value);
    if (says(key, "const")) node->value = jf_json_raw(value);
    if (says(key, "uniqueItems")) node->unique = value->kind == JF_JSON_BOOL && *value->ptr == 't';
    if (says(key, "minimum")) return bound(node, SC_MINIMUM, value, &node->minimum);
    if (says(key, "maximum")) return bound(node, SC_MAXIMUM, value, &node->maximum);
    if (says(key, "exclusiveMinimum")) return bound(node, SC_ABOVE, value, &node->above);
    if (says(key, "exclusiveMaximum")) return bound(node, SC_BELOW, value, &node->below);
    if (says(key, "multipleOf")) return bound(node, SC_MULTIPLE, value, &node->multiple);
    if (says(key, "pattern") && value->kind == JF_JSON_STRING) {
        jf_view text = fl_decode(value);
        if (text.ptr == NULL) return wrong(it, "out of memory") != NULL;
        fl_pattern_free(node->pattern);
        node->pattern = fl_pattern_new(text, NULL, 0);
        free((void *)(uintptr_t)text.ptr);
    }
    return true;
}

static sc_node *compile(compiling *it, const jf_json_value *source) {
    sc_schema *out = it->out;
    jf_view raw = jf_json_raw(source);
    /* also what ends references that lead back */
    for (uint32_t i = 0; i < out->count; i++)
        if (out->nodes[i]->source == raw.ptr) return out->nodes[i];
    if (source->kind != JF_JSON_OBJECT && source->kind != JF_JSON_BOOL)
        return wrong(it, "a schema that is no schema");
    if (out->count == SC_MOST_NODES || it->depth == SC_MOST_DEPTH) return wrong(it, "too much in it");
    if (out->count % 64 == 0) {
        sc_node **nodes = realloc(out->nodes, (out->count + 64) * sizeof *nodes);
        if (nodes == NULL) return wrong(it, "out of memory");
        out->nodes = nodes;
    }
    sc_node *node = calloc(1, sizeof *node);
    if (node == NULL) return wrong(it, "out of memory");
    node->source = raw.ptr;
    node->max_length = node->max_items = node->max_members = node->max_contains = UINT64_MAX;
    node->min_contains = 1;
    out->nodes[out->count++] = node;
    if (source->kind == JF_JSON_BOOL) {
        node->never = *source->ptr == 'f';
        return node;
    }
    jf_json_walk walk = jf_json_walk_of(source);
    jf_json_value key, value;
    it->depth++;
    while (jf_json_next(&walk, &key, &value) == 1)
        if (!read_keyword(it, node, &key, &value)) return NULL;
    it->depth--;
    if (!fl_texts(source, "required", &node->required)) return wrong(it, "out of memory");
    return node;
}

bool sc_compile(jf_json_value source, sc_schema *out, char *why, uint64_t size) {
    compiling it = {out, why, size, 0};
    *out = (sc_schema){.root = source};
    why[0] = 0;
    out->top = compile(&it, &source);
    if (out->top != NULL) return true;
    sc_free(out);
    return false;
}

static void free_members(sc_property *list, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        free((void *)(uintptr_t)list[i].name.ptr);
        fl_pattern_free(list[i].pattern);
    }
    free(list);
}

void sc_free(sc_schema *schema) {
    for (uint32_t i = 0; i < schema->count; i++) {
        sc_node *node = schema->nodes[i];
        free_members(node->properties, node->property_count);
        free_members(node->dependents, node->dependent_count);
        fl_list_free(&node->required);
        fl_pattern_free(node->pattern);
        free(node->prefix.all);
        free(node->all_of.all);
        free(node->any_of.all);
        free(node->one_of.all);
        free(node);
    }
    free(schema->nodes);
    *schema = (sc_schema){0};
}
