/* SPDX-License-Identifier: Apache-2.0
 * Reading a server's entry. The host has checked it against the schema; here is what a schema cannot say, and
 * the second look at the rest. */
#include "model.h"
#include "values.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000u

/** Where a declaration is wrong. */
typedef struct reader {
    set *it;
    jf_fault *why;
    const char *name; /**< of the composite */
} reader;

__attribute__((format(printf, 2, 3))) static bool wrong(const reader *at, const char *format, ...) {
    char words[180];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    refuse(at->why, JF_E_INVALID, 0, "composites.%.60s: %s", at->name, words);
    return false;
}

/** A string, decoded into the set's room; NULL: it is none, or holds a NUL. */
static const char *keep(set *it, const char *before, const json_value *string) {
    size_t first = strlen(before);
    if (string->kind != JSON_STRING || it->room_size - it->room_used < first + string->len + 1) return NULL;
    char *place = it->room + it->room_used;
    memcpy(place, before, first);
    size_t length = json_decode(string, place + first);
    if (length == SIZE_MAX || memchr(place, 0, first + length) != NULL) return NULL;
    place[first + length] = 0;
    it->room_used += first + length + 1;
    return place;
}

/** The place of a string in a list of words; `none` where it is not there. */
static int choice(const json_value *value, const char *const *words, int none) {
    for (int i = 0; words[i] != NULL; i++)
        if (value->kind == JSON_STRING && json_is(value, words[i])) return i;
    return none;
}

static bool is_true(const json_value *value) {
    return value->kind == JSON_BOOL && *value->ptr == 't';
}

/** `place`: how errors call it. */
static bool read_target(const reader *at, const char *place, const json_value *entry, target *out) {
    json_value key, value;
    json_members walk = json_walk(entry);
    uint64_t number = 0;
    *out = (target){.weight = 1};
    while (json_next(&walk, &key, &value) == 1) {
        if (json_is(&key, "server")) {
            out->server = keep(at->it, "", &value);
            out->path = keep(at->it, "/mcp/servers/", &value);
        } else if (json_is(&key, "endpoint")) {
            out->server = out->path = keep(at->it, "", &value);
        } else if (json_is(&key, "tool")) {
            out->tool = keep(at->it, "", &value);
        } else if (json_is(&key, "label")) {
            out->label = keep(at->it, "", &value);
        } else if (json_is(&key, "constants")) {
            out->constants = value;
        } else if (json_is(&key, "rename")) {
            out->rename = value;
        } else if (json_is(&key, "drop")) {
            out->drop = value;
        } else if (json_is(&key, "weight")) {
            if (value.kind != JSON_NUMBER || !json_real(&value, &out->weight) || out->weight <= 0)
                return wrong(at, "%s: weight must be above 0", place);
        } else if (json_is(&key, "timeout_ms")) {
            if (!value_count(&value, 3600000, &number))
                return wrong(at, "%s: timeout_ms must be 1 to 3600000", place);
            out->timeout_ns = number * MS;
        }
    }
    if (value_member(entry, "server", &value) && value_member(entry, "endpoint", &value))
        return wrong(at, "%s has both 'server' and 'endpoint'", place);
    if (out->path == NULL || out->tool == NULL)
        return wrong(at, "%s needs 'server' (or 'endpoint') and 'tool'", place);
    if (out->label == NULL) out->label = out->server;
    return true;
}

static bool read_targets(const reader *at, const json_value *list, composite *out) {
    char place[24];
    json_value entry;
    json_members walk = json_walk(list);
    out->targets = calloc(MOST_TARGETS, sizeof *out->targets);
    if (out->targets == NULL) return wrong(at, "out of memory");
    while (list->kind == JSON_ARRAY && json_item(&walk, &entry) == 1) {
        if (out->count == MOST_TARGETS) return wrong(at, "more than %u targets", MOST_TARGETS);
        snprintf(place, sizeof place, "targets[%u]", out->count);
        if (entry.kind != JSON_OBJECT || !read_target(at, place, &entry, &out->targets[out->count]))
            return at->why->text_len != 0 ? false : wrong(at, "%s is no object", place);
        for (uint32_t i = 0; i < out->count; i++)
            if (strcmp(out->targets[i].label, out->targets[out->count].label) == 0)
                return wrong(at, "targets[%u] and targets[%u] are both called '%.40s': give one a 'label'", i,
                             out->count, out->targets[i].label);
        out->count++;
    }
    return out->count > 0 || wrong(at, "it has no targets");
}

/** Keys that mean something in some modes only: elsewhere they are mistakes. */
static bool check_modes(const reader *at, const json_value *entry, mode is) {
    static const char *const modes[] = {"all", "merge", "first", "vote", "race", "hedge", "batch"};
    static const struct {
        const char *key;
        uint32_t modes;
        const char *words;
    } keys[] = {{"items", 1u << MODE_MERGE, "merge"},
                {"unique", 1u << MODE_MERGE, "merge"},
                {"unique_by", 1u << MODE_MERGE, "merge"},
                {"vote", 1u << MODE_VOTE, "vote"},
                {"compare", 1u << MODE_VOTE, "vote"},
                {"otherwise", 1u << MODE_VOTE, "vote"},
                {"tie", 1u << MODE_VOTE, "vote"},
                {"delay_ms", 1u << MODE_HEDGE, "hedge"},
                {"percentile", 1u << MODE_HEDGE, "hedge"},
                {"quorum", 1u << MODE_ALL | 1u << MODE_MERGE | 1u << MODE_VOTE, "all, merge and vote"},
                {"argument", 1u << MODE_BATCH, "batch"},
                {"item", 1u << MODE_BATCH, "batch"},
                {"results", 1u << MODE_BATCH, "batch"},
                {"by", 1u << MODE_BATCH, "batch"},
                {"key", 1u << MODE_BATCH, "batch"},
                {"error", 1u << MODE_BATCH, "batch"},
                {"missing", 1u << MODE_BATCH, "batch"},
                {"window_ms", 1u << MODE_BATCH, "batch"},
                {"max", 1u << MODE_BATCH, "batch"},
                {"single", 1u << MODE_BATCH, "batch"}};
    json_value value;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if ((keys[i].modes & 1u << is) == 0 && value_member(entry, keys[i].key, &value))
            return wrong(at, "'%s' is for mode %s, and this is mode %s", keys[i].key, keys[i].words,
                         modes[is]);
    return true;
}

/** A JSON Pointer to one member, as the member's name: `it` is decoded in place. */
static bool one_member(char *it) {
    if (*it != '/' || strchr(it + 1, '/') != NULL || !value_is_pointer(it)) return false;
    char *out = it;
    for (const char *from = it + 1; *from != 0; from++) {
        char c = *from;
        if (c == '~') c = *++from == '0' ? '~' : '/';
        *out++ = c;
    }
    *out = 0;
    return true;
}

static bool pointer_at(const reader *at, const json_value *entry, const char *name, const char **out) {
    json_value value;
    if (!value_member(entry, name, &value)) return true;
    *out = keep(at->it, "", &value);
    return (*out != NULL && value_is_pointer(*out)) ||
           wrong(at, "%s must be a JSON Pointer, as in /answer/value", name);
}

static bool read_single(const reader *at, const json_value *entry, composite *out) {
    json_value single;
    if (!value_member(entry, "single", &single)) return true;
    out->count = 2;
    if (single.kind == JSON_OBJECT) return read_target(at, "single", &single, &out->targets[1]);
    return wrong(at, "single is no object");
}

/** batch: what the other modes do not have. The targets are read. */
static bool read_batch(const reader *at, const json_value *entry, composite *out) {
    static const char *const ways[] = {"order", "key", NULL}, *const kinds[] = {"error", "empty", NULL};
    batching *to = &out->batch;
    json_value value, argument = {0};
    uint64_t most = 50, window = 5;
    int by = 0, missing = 0;
    if (out->count != 1) return wrong(at, "mode batch has one target, the batch tool");
    if (!value_member(entry, "argument", &argument) || (to->argument = keep(at->it, "", &argument)) == NULL)
        return wrong(at, "mode batch needs 'argument', the batch tool's list");
    if (value_member(&out->targets[0].constants, to->argument, &value))
        return wrong(at, "'%.60s' is a constant and the list", to->argument);
    if (value_member(entry, "item", &value)) {
        char *item = (char *)keep(at->it, "", &value);
        if (item == NULL || !one_member(item))
            return wrong(at, "item must be a JSON Pointer to one argument, as in /id");
        to->item = item;
    }
    if (value_member(entry, "by", &value)) by = choice(&value, ways, -1);
    if (value_member(entry, "missing", &value)) missing = choice(&value, kinds, -1);
    if (by < 0) return wrong(at, "by must be order or key");
    if (missing < 0) return wrong(at, "missing must be error or empty");
    if (!pointer_at(at, entry, "results", &to->results) || !pointer_at(at, entry, "key", &to->key) ||
        !pointer_at(at, entry, "error", &to->error))
        return false;
    if ((by == 1) != (to->key != NULL)) return wrong(at, "'by: key' and 'key' need each other");
    if (value_member(entry, "max", &value) && (!value_count(&value, MOST_ITEMS, &most) || most < 2))
        return wrong(at, "max must be 2 to %u", MOST_ITEMS);
    if (value_member(entry, "window_ms", &value) && (!value_count(&value, 60000, &window) || window == 0))
        return wrong(at, "window_ms must be 1 to 60000");
    to->missing_empty = missing == 1;
    to->most = (uint32_t)most;
    to->window_ns = window * MS;
    return read_single(at, entry, out);
}

static bool read_composite(reader *at, const json_value *entry, composite *out) {
    static const char *const modes[] = {"all", "merge", "first", "vote", "race", "hedge", "batch", NULL};
    static const char *const rules[] = {"majority", "weighted", "unanimous", NULL};
    static const char *const others[] = {"plurality", "first", NULL};
    json_value key, value, targets = {0};
    uint64_t timeout = 30000, delay = 100, percentile = 0, quorum = 0, concurrency = MOST_TARGETS;
    int is = -1;
    bool good = entry->kind == JSON_OBJECT;
    json_members walk = json_walk(entry);
    while (good && json_next(&walk, &key, &value) == 1) {
        if (json_is(&key, "mode")) is = choice(&value, modes, -1);
        if (json_is(&key, "targets")) targets = value;
        if (json_is(&key, "title")) out->title = value;
        if (json_is(&key, "description")) out->description = value;
        if (json_is(&key, "input_schema")) out->input_schema = value;
        if (json_is(&key, "annotations")) out->annotations = value;
        if (json_is(&key, "vote")) out->rule = (vote_rule)choice(&value, rules, VOTE_MAJORITY);
        if (json_is(&key, "otherwise")) out->plurality = choice(&value, others, -1) == 0;
        if (json_is(&key, "tie")) out->tie_first = choice(&value, others, -1) == 1;
        if (json_is(&key, "allow_unsafe")) out->allow_unsafe = is_true(&value);
        if (json_is(&key, "stop_at_quorum")) out->stop_at_quorum = is_true(&value);
        if (json_is(&key, "unique")) out->unique = is_true(&value);
        if (json_is(&key, "items")) good = good && (out->items = keep(at->it, "", &value)) != NULL;
        if (json_is(&key, "unique_by")) good = good && (out->unique_by = keep(at->it, "", &value)) != NULL;
        if (json_is(&key, "compare")) good = good && (out->compare = keep(at->it, "", &value)) != NULL;
        if (json_is(&key, "timeout_ms")) good = good && value_count(&value, 3600000, &timeout);
        if (json_is(&key, "delay_ms")) good = good && value_count(&value, 3600000, &delay);
        if (json_is(&key, "percentile")) good = good && value_count(&value, 99, &percentile);
        if (json_is(&key, "quorum")) good = good && value_count(&value, MOST_TARGETS, &quorum);
        if (json_is(&key, "concurrency")) good = good && value_count(&value, MOST_TARGETS, &concurrency);
    }
    if (is < 0) return wrong(at, "mode must be all, merge, first, vote, race, hedge or batch");
    if (!good || timeout == 0 || delay == 0 || concurrency == 0)
        return wrong(at, "a value has the wrong type or is out of range");
    out->mode = (mode)is;
    if (!check_modes(at, entry, out->mode) || !read_targets(at, &targets, out)) return false;
    if (out->mode == MODE_BATCH && !read_batch(at, entry, out)) return false;
    if (quorum > out->count)
        return wrong(at, "quorum is %u, but there are %u targets", (unsigned)quorum, out->count);
    if ((out->items != NULL && !value_is_pointer(out->items)) ||
        (out->compare != NULL && !value_is_pointer(out->compare)) ||
        (out->unique_by != NULL && !value_is_pointer(out->unique_by)))
        return wrong(at, "items, compare and unique_by are JSON Pointers, as in /answer/value");
    if (out->tie_first && !out->plurality) return wrong(at, "'tie: first' needs 'otherwise: plurality'");
    if (out->plurality && out->rule == VOTE_UNANIMOUS)
        return wrong(at, "'otherwise: plurality' is not for 'vote: unanimous'");
    if (out->unique_by != NULL) out->unique = true;
    bool all = out->mode == MODE_VOTE && out->rule == VOTE_UNANIMOUS;
    out->quorum = quorum != 0 ? (uint32_t)quorum : all ? out->count : 1;
    out->concurrency = (uint32_t)concurrency;
    out->percentile = (uint32_t)percentile;
    out->timeout_ns = timeout * MS;
    out->delay_ns = delay * MS;
    return true;
}

/** The composite of this set that a target is; `count`: none. */
static uint32_t callee(const set *it, const target *of) {
    uint32_t i = it->count;
    if (strcmp(of->server, it->name) == 0 ||
        (strncmp(of->path, "/mcp/servers/", 13) == 0 && strcmp(of->path + 13, it->name) == 0))
        for (i = 0; i < it->count && strcmp(it->composites[i].name, of->tool) != 0; i++) {
        }
    return i;
}

/** Walks what a composite calls. `marks`: 1 on the way, 2 done. */
static bool acyclic(reader *at, uint32_t index, uint8_t *marks) {
    composite *it = &at->it->composites[index];
    marks[index] = 1;
    for (uint32_t i = 0; i < it->count; i++) {
        uint32_t next = callee(at->it, &it->targets[i]);
        if (next == at->it->count || marks[next] == 2) continue;
        at->name = it->name;
        if (marks[next] == 1)
            return wrong(at, "targets[%u] calls '%.60s', which leads back here: calls would never end", i,
                         it->targets[i].tool);
        if (!acyclic(at, next, marks)) return false;
    }
    marks[index] = 2;
    return true;
}

/** The endpoints of all targets, each once. */
static bool collect_paths(set *it) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < it->count; i++)
        most += it->composites[i].count;
    it->paths = calloc(most, sizeof *it->paths);
    if (it->paths == NULL) return false;
    for (uint32_t i = 0; i < it->count; i++)
        for (uint32_t j = 0; j < it->composites[i].count; j++) {
            const char *path = it->composites[i].targets[j].path;
            uint32_t at = 0;
            while (at < it->path_count && strcmp(it->paths[at], path) != 0)
                at++;
            if (at == it->path_count) it->paths[it->path_count++] = path;
        }
    return true;
}

static bool read_limits(set *it, const json_value *root, reader *at) {
    const struct {
        const char *name;
        uint64_t standard, least, most;
    } numbers[] = {{"max_calls", 1000, 1, 100000},
                   {"max_depth", 3, 1, 8},
                   {"max_answer_bytes", 262144, 1024, 4194304},
                   {"max_total_bytes", 1048576, 1024, 16777216},
                   {"refresh_ms", 60000, 0, 86400000}};
    uint64_t values[5];
    json_value value;
    for (size_t i = 0; i < 5; i++) {
        values[i] = numbers[i].standard;
        if (value_member(root, numbers[i].name, &value) &&
            (!value_count(&value, numbers[i].most, &values[i]) || values[i] < numbers[i].least)) {
            refuse(at->why, JF_E_INVALID, 0, "%s must be %llu to %llu", numbers[i].name,
                   (unsigned long long)numbers[i].least, (unsigned long long)numbers[i].most);
            return false;
        }
    }
    it->max_calls = (uint32_t)values[0];
    it->max_depth = (uint32_t)values[1];
    it->max_answer_bytes = values[2];
    it->max_total_bytes = values[3];
    it->refresh_ns = values[4] * MS;
    return true;
}

bool declare_set(set *it, jf_fault *why) {
    reader at = {it, why, "?"};
    json_value root, list = {0}, key, value;
    why->text_len = 0;
    if (!json_parse(it->config, strlen((char *)it->config), &root) ||
        !value_member(&root, "composites", &list) || list.kind != JSON_OBJECT) {
        refuse(why, JF_E_INVALID, 0, "'composites' is missing: an object of tools by name");
        return false;
    }
    it->composites = calloc(MOST_COMPOSITES, sizeof *it->composites);
    it->room_size = 3 * root.len + 64;
    it->room = malloc(it->room_size);
    if (it->composites == NULL || it->room == NULL) {
        refuse(why, JF_E_BUSY, 0, "tools-composite: out of memory");
        return false;
    }
    if (!read_limits(it, &root, &at)) return false;
    json_members walk = json_walk(&list);
    while (json_next(&walk, &key, &value) == 1) {
        if (it->count == MOST_COMPOSITES) return wrong(&at, "more than %u composites", MOST_COMPOSITES);
        composite *next = &it->composites[it->count];
        next->name = at.name = keep(it, "", &key);
        it->count++;
        if (next->name == NULL) {
            at.name = "?";
            return wrong(&at, "this name cannot be used");
        }
        if (!read_composite(&at, &value, next)) return false;
    }
    if (it->count == 0) return wrong(&at, "there must be at least one tool");
    uint8_t marks[MOST_COMPOSITES] = {0};
    for (uint32_t i = 0; i < it->count; i++)
        if (marks[i] == 0 && !acyclic(&at, i, marks)) return false;
    if (collect_paths(it)) return true;
    refuse(why, JF_E_BUSY, 0, "tools-composite: out of memory");
    return false;
}

void set_free(set *it) {
    for (uint32_t i = 0; it->composites != NULL && i < it->count; i++) {
        free(it->composites[i].targets);
        free(it->composites[i].schema);
    }
    free(it->composites);
    free(it->paths);
    free(it->room);
    free(it->config);
    free(it->name);
    free(it);
}

void set_release(set *it) {
    if (--it->references == 0) set_free(it);
}
