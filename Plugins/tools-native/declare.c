/* SPDX-License-Identifier: Apache-2.0
 * Reading a declaration: the file as a whole, and the members of its tables. */
#include "declare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *read_memory(reading *r, size_t size) {
    void *memory = arena_take(&r->it->memory, size);
    if (memory == NULL) problem(r->list, (place){0, 0}, "out of memory");
    return memory;
}

place read_place(const toml *table, const char *key) {
    const toml *member = toml_get(table, key);
    return member != NULL ? member->at : table->at;
}

void read_keys(reading *r, const toml *table, const char *what, const char *const *known) {
    for (const toml *it = table->first; it != NULL; it = it->next) {
        const char *const *one = known;
        char room[80];
        while (*one != NULL && strcmp(*one, it->key) != 0)
            one++;
        if (*one == NULL)
            problem(r->list, it->key_at, "unknown key '%.60s' in %s%s", it->key, what,
                    nearest(room, sizeof room, it->key, known));
    }
}

static const toml *of_kind(reading *r, const toml *table, const char *key, toml_kind kind) {
    const toml *member = toml_get(table, key);
    if (member == NULL || member->kind == kind) return member;
    problem(r->list, member->at, "'%s' must be %s, this is %s", key, toml_kind_name(kind),
            toml_kind_name(member->kind));
    return NULL;
}

const char *read_text(reading *r, const toml *table, const char *key) {
    const toml *member = of_kind(r, table, key, TOML_TEXT);
    return member == NULL ? NULL : member->text;
}

const char *read_required(reading *r, const toml *table, const char *key, const char *what) {
    const char *text = read_text(r, table, key);
    if (text != NULL && *text != 0) return text;
    if (text != NULL || toml_get(table, key) == NULL)
        problem(r->list, read_place(table, key), "%s needs '%s'", what, key);
    return NULL;
}

bool read_bool(reading *r, const toml *table, const char *key, bool standard) {
    const toml *member = of_kind(r, table, key, TOML_BOOL);
    return member == NULL ? standard : member->truth;
}

bool read_integer(reading *r, const toml *table, const char *key, int64_t least, int64_t most, int64_t *out) {
    const toml *member = of_kind(r, table, key, TOML_INTEGER);
    if (member == NULL) return false;
    if (member->integer < least || member->integer > most)
        return problem(r->list, member->at, "'%s' must be from %lld to %lld", key, (long long)least,
                       (long long)most);
    *out = member->integer;
    return true;
}

const toml *read_array(reading *r, const toml *table, const char *key) {
    return of_kind(r, table, key, TOML_ARRAY);
}

const char **read_texts(reading *r, const toml *table, const char *key, uint32_t *count) {
    const toml *list = read_array(r, table, key);
    *count = 0;
    if (list == NULL) return NULL;
    const char **texts = read_memory(r, (list->count + 1) * sizeof *texts);
    if (texts == NULL) return NULL;
    for (const toml *it = list->first; it != NULL; it = it->next) {
        if (it->kind == TOML_TEXT)
            texts[(*count)++] = it->text;
        else
            problem(r->list, it->at, "'%s' must hold texts, this is %s", key, toml_kind_name(it->kind));
    }
    return texts;
}

bool read_name(reading *r, place at, const char *name, const char *what) {
    size_t length = strlen(name);
    bool good = length > 0 && length <= 64 && (*name < '0' || *name > '9');
    for (const char *c = name; *c != 0; c++)
        good = good && ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                        *c == '_');
    if (good) return true;
    return problem(r->list, at,
                   "'%.70s' is no name for %s: a letter or _, then letters, digits and _, at most 64", name,
                   what);
}

uint32_t read_word(reading *r, const toml *table, const char *key, const char *const *words,
                   uint32_t standard) {
    const char *text = read_text(r, table, key);
    char room[80], list[160] = "";
    if (text == NULL) return standard;
    for (uint32_t i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], text) == 0) return i;
    for (uint32_t i = 0; words[i] != NULL; i++) {
        size_t at = strlen(list);
        snprintf(list + at, sizeof list - at, "%s%s", i == 0 ? "" : ", ", words[i]);
    }
    problem(r->list, read_place(table, key), "'%s' cannot be '%.40s'%s (one of: %s)", key, text,
            nearest(room, sizeof room, text, words), list);
    return standard;
}

/** A text of digits as an integer: for unsigned values that TOML's integers cannot hold. */
static bool digits_of(const char *text, bool *negative, uint64_t *magnitude) {
    *negative = *text == '-';
    if (*negative) text++;
    if (*text == 0 || strlen(text) > 20) return false;
    for (*magnitude = 0; *text != 0; text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (*text < '0' || *text > '9' || *magnitude > (UINT64_MAX - digit) / 10) return false;
        *magnitude = *magnitude * 10 + digit;
    }
    return true;
}

bool read_cell(reading *r, const toml *value, ctype type, const enum_decl *names, cell *out) {
    if (names != NULL && value->kind == TOML_TEXT) {
        for (uint32_t i = 0; i < names->count; i++) {
            if (strcmp(names->names[i], value->text) != 0) continue;
            cell_store(out, type, names->values[i]);
            return true;
        }
        char room[80];
        return problem(r->list, value->at, "enum '%s' has no '%.40s'%s", names->name, value->text,
                       nearest(room, sizeof room, value->text, names->names));
    }
    if (type == T_BOOL) {
        if (value->kind != TOML_BOOL) return problem(r->list, value->at, "this must be true or false");
        out->u8 = value->truth;
        return true;
    }
    if (ctype_is_real(type)) {
        if (value->kind != TOML_REAL && value->kind != TOML_INTEGER)
            return problem(r->list, value->at, "this must be a number");
        cell_store_real(out, type, value->kind == TOML_REAL ? value->real : (double)value->integer);
        return true;
    }
    bool negative = value->integer < 0;
    uint64_t magnitude = negative ? 0 - (uint64_t)value->integer : (uint64_t)value->integer;
    bool is_integer = value->kind == TOML_INTEGER ||
                      (value->kind == TOML_TEXT && digits_of(value->text, &negative, &magnitude));
    if (!is_integer) return problem(r->list, value->at, "this must be an integer");
    if (!ctype_fits(type, negative, magnitude))
        return problem(r->list, value->at, "%s%llu does not fit in %s", negative ? "-" : "",
                       (unsigned long long)magnitude, ctype_name(type));
    cell_store(out, type, negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude);
    return true;
}

static void read_library(reading *r, const toml *root) {
    static const char *const known[] = {"path", "sha256", "unpinned", "thread_safe", "headers", NULL};
    const toml *table = toml_get(root, "library");
    declaration *it = r->it;
    if (table == NULL || table->kind != TOML_TABLE) {
        problem(r->list, root->at, "[library] is missing: it says which library this is about");
        return;
    }
    read_keys(r, table, "[library]", known);
    it->library = read_required(r, table, "path", "[library]");
    it->library_at = read_place(table, "path");
    it->hash_at = read_place(table, "sha256");
    it->sha256 = read_text(r, table, "sha256");
    it->unpinned = read_bool(r, table, "unpinned", false);
    it->thread_safe = read_bool(r, table, "thread_safe", false);
    it->headers = read_texts(r, table, "headers", &it->header_count);
    if (it->sha256 != NULL && (strlen(it->sha256) != 64 || strspn(it->sha256, "0123456789abcdef") != 64))
        problem(r->list, it->hash_at, "'sha256' must be 64 digits 0-9a-f");
    if (it->sha256 != NULL && it->unpinned)
        problem(r->list, it->hash_at, "'sha256' and 'unpinned = true' contradict each other: keep one");
}

bool declaration_read(declaration *it, const char *bytes, size_t length, problems *list) {
    static const char *const known[] = {"library", "enum", "struct", "handle", "callback", "tool", NULL};
    memset(it, 0, sizeof *it);
    reading r = {it, list};
    uint32_t before = list->count;
    toml *root = toml_parse(&it->memory, bytes, length, list);
    if (root != NULL) {
        read_keys(&r, root, "the file", known);
        read_library(&r, root);
        read_enums(&r, toml_get(root, "enum"));
        read_records(&r, toml_get(root, "struct"));
        read_handles(&r, toml_get(root, "handle"));
        read_callbacks(&r, toml_get(root, "callback"));
        read_tools(&r, toml_get(root, "tool"));
        if (it->tool_count == 0 && list->count == before)
            problem(list, (place){0, 0}, "there is no [tool.NAME]: nothing would be offered");
    }
    if (list->count == before) return true;
    declaration_free(it);
    return false;
}

void declaration_free(declaration *it) {
    arena_end(&it->memory);
    memset(it, 0, sizeof *it);
}
