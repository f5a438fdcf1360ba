/* SPDX-License-Identifier: Apache-2.0
 * Checking a value against a schema. Every look at a value is a step, and there are only so many. */
#include "schema.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/** Where a value stands. */
typedef struct path {
    const struct path *within;
    const jf_json_value *key; /**< NULL: an element */
    uint64_t index;
} path;

typedef struct checking {
    fl_bytes *told; /**< NULL: nobody wants to know why */
    uint32_t count;
    uint64_t steps;
    uint32_t depth;
    bool over; /**< too much work */
} checking;

static bool check(checking *it, const sc_node *node, const jf_json_value *value, const path *at);

/* ---- What is said ---- */

static void write_path(fl_bytes *out, const path *at) {
    char number[24];
    if (at == NULL) return;
    write_path(out, at->within);
    fl_add_text(out, "/");
    if (at->key != NULL) {
        fl_add(out, at->key->ptr, at->key->len < 100 ? at->key->len : 100);
    } else {
        snprintf(number, sizeof number, "%llu", (unsigned long long)at->index);
        fl_add_text(out, number);
    }
}

static bool wrong(checking *it, const path *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool wrong(checking *it, const path *at, const char *format, ...) {
    char text[300];
    if (it->told == NULL || it->count++ >= SC_MOST_TOLD) return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (it->told->len > 0) fl_add_text(it->told, "; ");
    write_path(it->told, at);
    fl_add_text(it->told, at != NULL ? " " : "it ");
    fl_add_text(it->told, text);
    return false;
}

/* Whether a value fits, without a word about it. */
static bool fits(checking *it, const sc_node *node, const jf_json_value *value) {
    fl_bytes *told = it->told;
    it->told = NULL;
    bool does = check(it, node, value, NULL);
    it->told = told;
    return does;
}

/* ---- Sameness ---- */

static bool next_like(const jf_json_value *object, const jf_json_value *key, jf_json_value *out) {
    jf_json_walk walk = jf_json_walk_of(object);
    jf_json_value name;
    jf_view text = fl_decode(key);
    bool found = false;
    while (!found && text.ptr != NULL && jf_json_next(&walk, &name, out) == 1)
        found = jf_json_is(&name, text);
    free((void *)(uintptr_t)text.ptr);
    return found;
}

static uint64_t members(const jf_json_value *container) {
    jf_json_walk walk = jf_json_walk_of(container);
    jf_json_value key, value;
    uint64_t count = 0;
    while (jf_json_next(&walk, &key, &value) == 1)
        count++;
    return count;
}

/* Recursion ends with JF_JSON_DEPTH. */
bool sc_equal(const jf_json_value *a, const jf_json_value *b, uint64_t *steps) {
    if (*steps == 0) return false;
    --*steps;
    if (a->kind != b->kind) return false;
    if (a->kind == JF_JSON_NUMBER) {
        double left, right;
        if (a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0) return true;
        return jf_json_real(a, &left) && jf_json_real(b, &right) && left == right;
    }
    if (a->kind == JF_JSON_STRING) {
        if (!a->escaped && !b->escaped) return a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0;
        jf_view text = fl_decode(a);
        bool same = text.ptr != NULL && jf_json_is(b, text);
        free((void *)(uintptr_t)text.ptr);
        return same;
    }
    if (a->kind != JF_JSON_OBJECT && a->kind != JF_JSON_ARRAY)
        return a->kind == JF_JSON_NULL || *a->ptr == *b->ptr;
    uint64_t count = members(a);
    if (count != members(b)) return false;
    *steps = *steps > count ? *steps - count : 0;
    jf_json_walk one = jf_json_walk_of(a), other = jf_json_walk_of(b);
    jf_json_value key, left, name, right;
    while (jf_json_next(&one, &key, &left) == 1) {
        if (a->kind == JF_JSON_ARRAY) {
            if (jf_json_next(&other, &name, &right) != 1) return false;
        } else {
            *steps = *steps > count ? *steps - count : 0;
            if (!next_like(b, &key, &right)) return false;
        }
        if (!sc_equal(&left, &right, steps)) return false;
    }
    return true;
}

/* ---- Kinds of values ---- */

static bool is_integer(const jf_json_value *value) {
    bool negative;
    uint64_t magnitude;
    double real;
    if (value->kind != JF_JSON_NUMBER) return false;
    return jf_json_integer(value, &negative, &magnitude) ||
           (jf_json_real(value, &real) && floor(real) == real);
}

static bool check_type(checking *it, const sc_node *node, const jf_json_value *value, const path *at) {
    static const char *const names[] = {
        [JF_JSON_NULL] = "null",     [JF_JSON_BOOL] = "boolean", [JF_JSON_NUMBER] = "number",
        [JF_JSON_STRING] = "string", [JF_JSON_ARRAY] = "array",  [JF_JSON_OBJECT] = "object"};
    if (node->types == 0 || (node->types >> value->kind & 1) != 0) return true;
    if ((node->types & SC_INTEGER) != 0 && is_integer(value)) return true;
    char wanted[100] = "";
    for (uint32_t kind = 0; kind < 32; kind++) {
        if ((node->types >> kind & 1) == 0) continue;
        const char *name = kind == 31 ? "integer" : names[kind];
        size_t length = strlen(wanted);
        snprintf(wanted + length, sizeof wanted - length, "%s%s", length > 0 ? " or " : "", name);
    }
    return wrong(it, at, "must be %s, not %s", wanted, names[value->kind]);
}

static bool check_number(checking *it, const sc_node *node, const jf_json_value *value, const path *at) {
    double number;
    if (node->bounds == 0) return true;
    if (!jf_json_real(value, &number)) return wrong(it, at, "is too large a number");
    bool good = true;
    if ((node->bounds & SC_MINIMUM) != 0 && number < node->minimum)
        good = wrong(it, at, "must be at least %.17g", node->minimum);
    if ((node->bounds & SC_MAXIMUM) != 0 && number > node->maximum)
        good = wrong(it, at, "must be at most %.17g", node->maximum);
    if ((node->bounds & SC_ABOVE) != 0 && number <= node->above)
        good = wrong(it, at, "must be more than %.17g", node->above);
    if ((node->bounds & SC_BELOW) != 0 && number >= node->below)
        good = wrong(it, at, "must be less than %.17g", node->below);
    if ((node->bounds & SC_MULTIPLE) != 0 && node->multiple > 0) {
        double times = number / node->multiple;
        /* 0.3 is a multiple of 0.1, though not of the double that stands for it */
        if (fabs(times - nearbyint(times)) > 1e-9 * fmax(1, fabs(times)))
            good = wrong(it, at, "must be a multiple of %.17g", node->multiple);
    }
    return good;
}

static uint64_t characters(const jf_json_value *string) {
    const uint8_t *from = string->ptr, *end = from + string->len;
    uint8_t room[4];
    uint64_t count = 0;
    for (; from < end; count++) {
        if (*from == '\\')
            jf_json_character(&from, end, room);
        else
            from += *from < 0x80 ? 1 : jf_json_utf8(from, end);
    }
    return count;
}

static bool check_string(checking *it, const sc_node *node, const jf_json_value *value, const path *at) {
    bool good = true;
    if (node->min_length > 0 || node->max_length != UINT64_MAX) {
        uint64_t length = characters(value);
        if (length < node->min_length)
            good = wrong(it, at, "must have at least %llu characters", (unsigned long long)node->min_length);
        if (length > node->max_length)
            good = wrong(it, at, "must have at most %llu characters", (unsigned long long)node->max_length);
    }
    if (node->pattern == NULL) return good;
    jf_view text = {value->ptr, value->len};
    if (value->escaped) text = fl_decode(value);
    if (text.ptr == NULL || !fl_pattern_matches(node->pattern, text))
        good = wrong(it, at, "has not the form it must have");
    if (value->escaped) free((void *)(uintptr_t)text.ptr);
    return good;
}

/* ---- Arrays and objects ---- */

static bool check_array(checking *it, const sc_node *node, const jf_json_value *value, const path *at) {
    jf_json_walk walk = jf_json_walk_of(value);
    jf_json_value key, element;
    uint64_t count = 0, contained = 0;
    bool good = true;
    while (!it->over && jf_json_next(&walk, &key, &element) == 1) {
        path here = {at, NULL, count};
        const sc_node *by = count < node->prefix.count ? node->prefix.all[count] : node->items;
        if (by != NULL && !check(it, by, &element, &here)) good = false;
        if (node->contains != NULL && fits(it, node->contains, &element)) contained++;
        if (node->unique) {
            jf_json_walk before = jf_json_walk_of(value);
            jf_json_value other;
            for (uint64_t i = 0; i < count && jf_json_next(&before, &key, &other) == 1; i++) {
                uint64_t cost = (jf_json_raw(&other).len + jf_json_raw(&element).len) / 64;
                it->steps = it->steps > cost ? it->steps - cost : 0;
                if (it->steps == 0) it->over = true;
                if (it->over) break;
                if (sc_equal(&element, &other, &it->steps)) {
                    good = wrong(it, &here, "stands there twice");
                    break;
                }
            }
        }
        count++;
        if (!good && it->told == NULL) return false;
    }
    if (count < node->min_items)
        good = wrong(it, at, "must have at least %llu elements", (unsigned long long)node->min_items);
    if (count > node->max_items)
        good = wrong(it, at, "must have at most %llu elements", (unsigned long long)node->max_items);
    if (node->contains != NULL && (contained < node->min_contains || contained > node->max_contains))
        good = wrong(it, at, "has %llu elements of a kind of which it must have another number",
                     (unsigned long long)contained);
    return good;
}

static bool check_member(checking *it, const sc_node *node, const jf_json_value *key,
                         const jf_json_value *value, const path *at) {
    path here = {at, key, 0};
    bool known = false, good = true;
    for (uint32_t i = 0; i < node->property_count; i++) {
        const sc_property *by = &node->properties[i];
        if (by->name.ptr != NULL) {
            if (!jf_json_is(key, by->name)) continue;
        } else {
            jf_view text = fl_decode(key);
            bool named = text.ptr != NULL && by->pattern != NULL && fl_pattern_matches(by->pattern, text);
            free((void *)(uintptr_t)text.ptr);
            if (!named) continue;
        }
        known = true;
        if (!check(it, by->node, value, &here)) good = false;
    }
    if (node->names != NULL && !fits(it, node->names, key))
        good = wrong(it, &here, "has a name that is not allowed");
    if (known || node->additional == NULL) return good;
    if (node->additional->never) return wrong(it, &here, "is not known here");
    return check(it, node->additional, value, &here) && good;
}

static bool has(const jf_json_value *object, jf_view name) {
    jf_json_walk walk = jf_json_walk_of(object);
    jf_json_value key, value;
    while (jf_json_next(&walk, &key, &value) == 1)
        if (jf_json_is(&key, name)) return true;
    return false;
}

static bool check_object(checking *it, const sc_node *node, const jf_json_value *value, const path *at) {
    jf_json_walk walk = jf_json_walk_of(value);
    jf_json_value key, member;
    uint64_t count = 0;
    bool good = true;
    for (; !it->over && jf_json_next(&walk, &key, &member) == 1; count++) {
        it->steps = it->steps > node->property_count ? it->steps - node->property_count : 0;
        if (!check_member(it, node, &key, &member, at)) good = false;
        if (!good && it->told == NULL) return false;
    }
    for (uint32_t i = 0; i < node->required.count; i++) {
        jf_view name = node->required.texts[i];
        it->steps = it->steps > count ? it->steps - count : 0;
        if (!has(value, name))
            good = wrong(it, at, "lacks \"%.*s\"", (int)(name.len < 100 ? name.len : 100), name.ptr);
    }
    for (uint32_t i = 0; i < node->dependent_count; i++)
        if (has(value, node->dependents[i].name) && !check(it, node->dependents[i].node, value, at))
            good = false;
    if (count < node->min_members)
        good = wrong(it, at, "must have at least %llu members", (unsigned long long)node->min_members);
    if (count > node->max_members)
        good = wrong(it, at, "must have at most %llu members", (unsigned long long)node->max_members);
    return good;
}

/* ---- Everything ---- */

static bool check_choice(checking *it, const sc_node *node, const jf_json_value *value, const path *at) {
    jf_json_value list, key, choice;
    if (node->value.ptr != NULL && jf_json_read(node->value, &choice) &&
        !sc_equal(value, &choice, &it->steps))
        return wrong(it, at, "must be %.*s", (int)(node->value.len < 200 ? node->value.len : 200),
                     node->value.ptr);
    if (node->choices.ptr == NULL || !jf_json_read(node->choices, &list)) return true;
    jf_json_walk walk = jf_json_walk_of(&list);
    while (jf_json_next(&walk, &key, &choice) == 1)
        if (sc_equal(value, &choice, &it->steps)) return true;
    return wrong(it, at, "must be one of %.*s", (int)(node->choices.len < 200 ? node->choices.len : 200),
                 node->choices.ptr);
}

static bool check_combined(checking *it, const sc_node *node, const jf_json_value *value, const path *at) {
    bool good = true;
    uint32_t fitting = 0;
    if (node->reference != NULL && !check(it, node->reference, value, at)) good = false;
    for (uint32_t i = 0; i < node->all_of.count; i++)
        if (!check(it, node->all_of.all[i], value, at)) good = false;
    for (uint32_t i = 0; i < node->any_of.count && fitting == 0; i++)
        fitting += fits(it, node->any_of.all[i], value);
    if (node->any_of.count > 0 && fitting == 0) good = wrong(it, at, "fits none of the forms it may have");
    fitting = 0;
    for (uint32_t i = 0; i < node->one_of.count && fitting < 2; i++)
        fitting += fits(it, node->one_of.all[i], value);
    if (node->one_of.count > 0 && fitting != 1)
        good = wrong(it, at, "fits %s of the forms it may have", fitting == 0 ? "none" : "more than one");
    if (node->not != NULL && fits(it, node->not, value)) good = wrong(it, at, "has a form it must not have");
    if (node->condition != NULL) {
        const sc_node *next = fits(it, node->condition, value) ? node->then : node->otherwise;
        if (next != NULL && !check(it, next, value, at)) good = false;
    }
    return good;
}

static bool check(checking *it, const sc_node *node, const jf_json_value *value, const path *at) {
    if (it->steps == 0 || it->depth == SC_MOST_DEPTH) it->over = true;
    if (it->over) return false;
    it->steps--;
    if (node->never) return wrong(it, at, "must not be here");
    if (!check_type(it, node, value, at)) return false;
    it->depth++;
    bool good = check_choice(it, node, value, at);
    if (value->kind == JF_JSON_NUMBER) good = check_number(it, node, value, at) && good;
    if (value->kind == JF_JSON_STRING) good = check_string(it, node, value, at) && good;
    if (value->kind == JF_JSON_ARRAY) good = check_array(it, node, value, at) && good;
    if (value->kind == JF_JSON_OBJECT) good = check_object(it, node, value, at) && good;
    good = check_combined(it, node, value, at) && good;
    it->depth--;
    return good && !it->over;
}

int sc_check(const sc_schema *schema, jf_view value, fl_bytes *told) {
    jf_json_value root;
    checking it = {.told = told, .steps = SC_MOST_STEPS};
    if (!jf_json_read(value, &root)) return -1;
    bool good = check(&it, schema->top, &root, NULL);
    if (it.over || it.steps == 0) return -1;
    if (it.count > SC_MOST_TOLD) fl_add_text(told, "; and more");
    return good ? 1 : 0;
}
