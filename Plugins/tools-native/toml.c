/* SPDX-License-Identifier: Apache-2.0
 * The TOML reader: structure. Strings and numbers are in toml_values.c. */
#include "toml_reader.h"

#include <string.h>

const toml *toml_get(const toml *table, const char *key) {
    if (table == NULL || table->kind != TOML_TABLE) return NULL;
    for (const toml *it = table->first; it != NULL; it = it->next)
        if (strcmp(it->key, key) == 0) return it;
    return NULL;
}

const char *toml_kind_name(toml_kind kind) {
    static const char *const names[] = {"a text",        "an integer", "a number",
                                        "true or false", "an array",   "a table"};
    return names[kind];
}

place toml_place(const reader *it) {
    place at = {it->line, 1};
    for (const char *c = it->line_start; c < it->at; c++)
        if (((unsigned char)*c & 0xC0) != 0x80) at.column++;
    return at;
}

bool toml_fail(reader *it, place at, const char *what) {
    if (!it->failed) problem(it->list, at, "%s", what);
    it->failed = true;
    return false;
}

toml *toml_node(reader *it, toml_kind kind, place at) {
    toml *node = arena_take(it->memory, sizeof *node);
    if (node == NULL) {
        toml_fail(it, at, "out of memory");
        return NULL;
    }
    node->kind = kind;
    node->at = node->key_at = at;
    return node;
}

void toml_newline(reader *it) {
    it->at++;
    it->line++;
    it->line_start = it->at;
}

static void blanks(reader *it) {
    while (it->at < it->end && (*it->at == ' ' || *it->at == '\t'))
        it->at++;
}

/** Skips a comment; control characters in it are errors of the file. */
static bool comment(reader *it) {
    if (it->at == it->end || *it->at != '#') return true;
    for (; it->at < it->end && *it->at != '\n'; it->at++) {
        unsigned char c = (unsigned char)*it->at;
        bool crlf = c == '\r' && it->at + 1 < it->end && it->at[1] == '\n';
        if ((c < 0x20 && c != '\t' && !crlf) || c == 0x7F)
            return toml_fail(it, toml_place(it), "a control character in a comment");
    }
    return true;
}

/** At the end of a line: a comment, then a newline or the end of the file. */
static bool line_end(reader *it) {
    blanks(it);
    if (!comment(it)) return false;
    if (it->at < it->end && *it->at == '\r' && it->at + 1 < it->end && it->at[1] == '\n') it->at++;
    if (it->at == it->end) return true;
    if (*it->at != '\n')
        return toml_fail(it, toml_place(it), "there is more on this line than one thing: begin a new line");
    toml_newline(it);
    return true;
}

/** Between the parts of arrays and inline tables: blanks, newlines and comments. */
static bool gap(reader *it) {
    for (;;) {
        blanks(it);
        if (!comment(it)) return false;
        if (it->at < it->end && *it->at == '\n')
            toml_newline(it);
        else if (it->at + 1 < it->end && *it->at == '\r' && it->at[1] == '\n')
            it->at++;
        else
            return true;
    }
}

static bool is_bare(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/** One part of a key. */
static const char *key_part(reader *it) {
    place at = toml_place(it);
    const char *text = NULL;
    if (it->at < it->end && (*it->at == '"' || *it->at == '\'')) {
        if (!toml_string(it, &text, false)) return NULL;
    } else {
        const char *start = it->at;
        while (it->at < it->end && is_bare(*it->at))
            it->at++;
        if (it->at == start) {
            toml_fail(it, at, "a key is missing here");
            return NULL;
        }
        text = arena_text(it->memory, start, (size_t)(it->at - start));
        if (text == NULL) toml_fail(it, at, "out of memory");
    }
    return text;
}

static void append(toml *container, toml *node) {
    if (container->last == NULL)
        container->first = node;
    else
        container->last->next = node;
    container->last = node;
    container->count++;
}

static toml *member(toml *table, const char *key) {
    for (toml *it = table->first; it != NULL; it = it->next)
        if (strcmp(it->key, key) == 0) return it;
    return NULL;
}

/** Makes an empty table under a key. */
static toml *make_table(reader *it, toml *parent, const char *key, place at) {
    toml *table = toml_node(it, TOML_TABLE, at);
    if (table == NULL) return NULL;
    table->key = key;
    append(parent, table);
    return table;
}

/** key = value, where the key may be dotted. */
static bool pair(reader *it, toml *table, uint32_t depth) {
    for (uint32_t dots = 0;; dots++) {
        place at = toml_place(it);
        const char *key = key_part(it);
        if (key == NULL) return false;
        blanks(it);
        toml *old = member(table, key);
        if (it->at < it->end && *it->at == '.') {
            it->at++;
            blanks(it);
            if (dots > TOML_DEPTH) return toml_fail(it, at, "a key has too many parts");
            if (old != NULL && (old->kind != TOML_TABLE || !old->dotted))
                return toml_fail(it, at, "this key has a value already, nothing can be added to it");
            if (old == NULL && (old = make_table(it, table, key, at)) == NULL) return false;
            old->dotted = true;
            table = old;
            continue;
        }
        if (old != NULL) return toml_fail(it, at, "this key is there twice");
        if (it->at == it->end || *it->at != '=') return toml_fail(it, toml_place(it), "'=' is missing here");
        it->at++;
        blanks(it);
        toml *value = toml_value(it, depth);
        if (value == NULL) return false;
        value->key = key;
        value->key_at = at;
        append(table, value);
        return true;
    }
}

static toml *array(reader *it, uint32_t depth) {
    toml *node = toml_node(it, TOML_ARRAY, toml_place(it));
    if (node == NULL) return NULL;
    node->closed = true;
    it->at++;
    for (;;) {
        if (!gap(it)) return NULL;
        if (it->at < it->end && *it->at == ']') break;
        toml *value = toml_value(it, depth + 1);
        if (value == NULL || !gap(it)) return NULL;
        append(node, value);
        if (it->at < it->end && *it->at == ']') break;
        if (it->at == it->end || *it->at != ',') {
            toml_fail(it, toml_place(it), "',' or ']' is missing here");
            return NULL;
        }
        it->at++;
    }
    it->at++;
    return node;
}

static toml *inline_table(reader *it, uint32_t depth) {
    toml *node = toml_node(it, TOML_TABLE, toml_place(it));
    if (node == NULL) return NULL;
    it->at++;
    for (;;) {
        if (!gap(it)) return NULL;
        if (it->at < it->end && *it->at == '}') break;
        if (!pair(it, node, depth + 1) || !gap(it)) return NULL;
        if (it->at < it->end && *it->at == '}') break;
        if (it->at == it->end || *it->at != ',') {
            toml_fail(it, toml_place(it), "',' or '}' is missing here");
            return NULL;
        }
        it->at++;
    }
    it->at++;
    node->closed = true;
    return node;
}

toml *toml_value(reader *it, uint32_t depth) {
    place at = toml_place(it);
    if (depth > TOML_DEPTH) {
        toml_fail(it, at, "values are nested too deeply");
        return NULL;
    }
    if (it->at == it->end || *it->at == '\n' || *it->at == '#') {
        toml_fail(it, at, "a value is missing here");
        return NULL;
    }
    if (*it->at == '[') return array(it, depth);
    if (*it->at == '{') return inline_table(it, depth);
    if (*it->at == '"' || *it->at == '\'') {
        toml *node = toml_node(it, TOML_TEXT, at);
        return node != NULL && toml_string(it, &node->text, true) ? node : NULL;
    }
    return toml_scalar(it);
}

/** [table] and [[array of tables]]. Answers the table that the following lines fill. */
static toml *header(reader *it, toml *root) {
    place start = toml_place(it);
    bool many = it->at + 1 < it->end && it->at[1] == '[';
    it->at += many ? 2 : 1;
    toml *table = root;
    for (uint32_t dots = 0;; dots++) {
        blanks(it);
        place at = toml_place(it);
        const char *key = key_part(it);
        if (key == NULL) return NULL;
        blanks(it);
        bool final = it->at == it->end || *it->at != '.';
        toml *old = member(table, key);
        if (dots >= TOML_DEPTH || (old != NULL && (old->closed || old->dotted))) {
            toml_fail(it, at, dots >= TOML_DEPTH ? "a name has too many parts" : "this has a value already");
            return NULL;
        }
        if (final && many) {
            if (old == NULL) {
                old = toml_node(it, TOML_ARRAY, at);
                if (old == NULL) return NULL;
                old->key = key;
                append(table, old);
            }
            toml *element = old->kind == TOML_ARRAY ? toml_node(it, TOML_TABLE, start) : NULL;
            if (element == NULL) {
                toml_fail(it, at, "this has a value already that is no array of tables");
                return NULL;
            }
            append(old, element);
            table = element;
        } else {
            if (old != NULL && old->kind == TOML_ARRAY && !final) old = old->last;
            if (old != NULL && (old->kind != TOML_TABLE || (final && old->named))) {
                toml_fail(it, at,
                          old->kind == TOML_TABLE ? "this table is there twice" : "this has a value already");
                return NULL;
            }
            if (old == NULL && (old = make_table(it, table, key, at)) == NULL) return NULL;
            table = old;
        }
        if (final) break;
        it->at++;
    }
    table->named = true;
    for (int i = 0; i < (many ? 2 : 1); i++) {
        if (it->at == it->end || *it->at != ']') {
            toml_fail(it, toml_place(it), "']' is missing here");
            return NULL;
        }
        it->at++;
    }
    return line_end(it) ? table : NULL;
}

toml *toml_parse(arena *memory, const char *bytes, size_t length, problems *list) {
    reader it = {memory, list, bytes, bytes + length, bytes, 1, false};
    place start = {1, 1};
    if (length > TOML_LARGEST) {
        problem(list, (place){0, 0}, "the file is larger than %u bytes", TOML_LARGEST);
        return NULL;
    }
    if (length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) it.at = it.line_start = bytes + 3;
    toml *root = toml_node(&it, TOML_TABLE, start), *table = root;
    while (table != NULL && !it.failed) {
        if (!gap(&it)) break;
        if (it.at == it.end) return root;
        if (*it.at == '[')
            table = header(&it, root);
        else if (pair(&it, table, 0))
            (void)line_end(&it);
    }
    return NULL;
}
