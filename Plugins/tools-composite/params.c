/* SPDX-License-Identifier: Apache-2.0
 * What a target is asked: the composite's arguments with constants, renames and drops. */
#include "asking.h"
#include "values.h"

#include <string.h>

static bool has_key(const json_value *object, const json_value *name) {
    json_value key, value;
    if (object->kind != JSON_OBJECT) return false;
    json_members walk = json_walk(object);
    while (json_next(&walk, &key, &value) == 1)
        if (value_same(&key, name)) return true;
    return false;
}

static bool has_item(const json_value *array, const json_value *name) {
    json_value item;
    if (array->kind != JSON_ARRAY) return false;
    json_members walk = json_walk(array);
    while (json_item(&walk, &item) == 1)
        if (item.kind == JSON_STRING && value_same(&item, name)) return true;
    return false;
}

/** The target's name for an argument; false: it does not get it. */
static bool inner_name(const target *to, const json_value *outer, json_value *out) {
    json_value key, value;
    bool taken = false;
    *out = *outer;
    if (has_item(&to->drop, outer)) return false;
    if (to->rename.kind == JSON_OBJECT) {
        json_members walk = json_walk(&to->rename);
        while (json_next(&walk, &key, &value) == 1) {
            if (value.kind != JSON_STRING) continue;
            if (value_same(&key, outer)) {
                *out = value;
                return !has_key(&to->constants, &value);
            }
            taken = taken || value_same(&value, outer);
        }
    }
    /* The name belongs to an argument that is called something else here. */
    return !taken && !has_key(&to->constants, outer);
}

void params_arguments(const asking *from, const target *to, const list_argument *list, text *out) {
    json_value key, value, name;
    bool any = false;
    text_put(out, "{");
    if (to->constants.kind == JSON_OBJECT) {
        json_members walk = json_walk(&to->constants);
        while (json_next(&walk, &key, &value) == 1) {
            if (any) text_put(out, ",");
            value_put(out, &key);
            text_put(out, ":");
            value_put(out, &value);
            any = true;
        }
    }
    json_members walk = json_walk(&from->arguments);
    while ((list == NULL || list->without != NULL) && json_next(&walk, &key, &value) == 1) {
        if (list != NULL && json_is(&key, list->without)) continue;
        if (!inner_name(to, &key, &name) || (list != NULL && json_is(&name, list->name))) continue;
        if (any) text_put(out, ",");
        value_put(out, &name);
        text_put(out, ":");
        value_put(out, &value);
        any = true;
    }
    if (list != NULL) {
        if (any) text_put(out, ",");
        text_quoted(out, list->name, strlen(list->name));
        text_put(out, ":[");
        text_bytes(out, list->items->bytes, list->items->length);
        text_put(out, "]");
    }
    text_put(out, "}");
}

bool params_write(const asking *from, const target *to, const list_argument *list, text *out) {
    static const char *const names[] = {",\"traceparent\":", ",\"tracestate\":", ",\"baggage\":"};
    text_put(out, "{\"name\":");
    text_quoted(out, to->tool, strlen(to->tool));
    text_put(out, ",\"arguments\":");
    params_arguments(from, to, list, out);
    text_put(out, ",\"_meta\":{\"" DEPTH_KEY "\":");
    text_unsigned(out, from->depth);
    for (int i = 0; i < 3; i++) {
        if (from->trace[i].kind != JSON_STRING) continue;
        text_put(out, names[i]);
        value_put(out, &from->trace[i]);
    }
    text_put(out, "}}");
    return !out->failed;
}
