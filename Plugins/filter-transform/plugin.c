/* SPDX-License-Identifier: Apache-2.0
 * Plugin filter-transform: declared changes of arguments and results. */
#include "transform.h"

#define MEMBERS(TEXT) "{\"type\":\"object\",\"maxProperties\":64,\"description\":\"" TEXT "\"}"
#define POINTERS(TEXT)                                                                                       \
    "{\"type\":\"array\",\"maxItems\":32,\"items\":{\"type\":\"string\",\"pattern\":\"^/\"},"                \
    "\"description\":\"" TEXT "\"}"

JF_MANIFEST(
    "{\"id\":\"filter-transform\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
    "\"summary\":\"Declared changes of arguments and results.\","
    "\"facets\":[\"jf.filter/1\"],\"requires\":[],\"optional\":[\"jf.log/"
    "1\"],\"provides\":[],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"filter\":{\"filter\":\"transform\",\"config\":{\"type\":\"object\",\"properties\":{"
    "\"arguments\":{\"type\":\"object\",\"properties\":{"
    "\"rename\":{\"type\":\"object\",\"maxProperties\":64,\"additionalProperties\":{\"type\":\"string\"},"
    "\"description\":\"Old names and new ones\"},"
    "\"remove\":{\"type\":\"array\",\"maxItems\":256,\"items\":{\"type\":\"string\"}},"
    "\"set\":" MEMBERS(
        "Members and their values, whatever the client says") ","
                                                              "\"defaults\":" MEMBERS(
                                                                  "Members and their values "
                                                                  "where the client says "
                                                                  "nothing") "},"
                                                                             "\"additionalProp"
                                                                             "erties\":false},"
                                                                             "\"result\":{"
                                                                             "\"type\":"
                                                                             "\"object\","
                                                                             "\"properties\":{"
                                                                             "\"pick\""
                                                                             ":" POINTERS(
                                                                                 "All that is "
                                                                                 "left of a "
                                                                                 "structured "
                                                                                 "result") ","
                                                                                           "\""
                                                                                           "dr"
                                                                                           "op"
                                                                                           "\""
                                                                                           ":" POINTERS(
                                                                                               "What is "
                                                                                               "taken out of "
                                                                                               "it") "},"
                                                                                                     "\"addit"
                                                                                                     "ionalPr"
                                                                                                     "opertie"
                                                                                                     "s\":"
                                                                                                     "false},"
                                                                                                     "\"meta"
                                                                                                     "\":{"
                                                                                                     "\"type"
                                                                                                     "\":"
                                                                                                     "\"objec"
                                                                                                     "t\","
                                                                                                     "\"prope"
                                                                                                     "rties\""
                                                                                                     ":{"
                                                                                                     "\"subje"
                                                                                                     "ct\":{"
                                                                                                     "\"type"
                                                                                                     "\":"
                                                                                                     "\"boole"
                                                                                                     "an\","
                                                                                                     "\"defau"
                                                                                                     "lt\":"
                                                                                                     "false,"
                                                                                                     "\"descr"
                                                                                                     "iption"
                                                                                                     "\":"
                                                                                                     "\"Serve"
                                                                                                     "rs "
                                                                                                     "hear "
                                                                                                     "who "
                                                                                                     "asks, "
                                                                                                     "in "
                                                                                                     "jackfie"
                                                                                                     "ld/"
                                                                                                     "subject"
                                                                                                     "\"},"
                                                                                                     "\"tenan"
                                                                                                     "t\":{"
                                                                                                     "\"type"
                                                                                                     "\":"
                                                                                                     "\"boole"
                                                                                                     "an\","
                                                                                                     "\"defau"
                                                                                                     "lt\":"
                                                                                                     "false,"
                                                                                                     "\"descr"
                                                                                                     "iption"
                                                                                                     "\":"
                                                                                                     "\"And "
                                                                                                     "for "
                                                                                                     "which "
                                                                                                     "tenant,"
                                                                                                     " in "
                                                                                                     "jackfie"
                                                                                                     "ld/"
                                                                                                     "tenant"
                                                                                                     "\"},"
                                                                                                     "\"gatew"
                                                                                                     "ay\":{"
                                                                                                     "\"type"
                                                                                                     "\":"
                                                                                                     "\"strin"
                                                                                                     "g\","
                                                                                                     "\"maxLe"
                                                                                                     "ngth\":"
                                                                                                     "200,"
                                                                                                     "\"descr"
                                                                                                     "iption"
                                                                                                     "\":"
                                                                                                     "\"And "
                                                                                                     "through"
                                                                                                     " which "
                                                                                                     "gateway"
                                                                                                     ", in "
                                                                                                     "jackfie"
                                                                                                     "ld/"
                                                                                                     "gateway"
                                                                                                     "\"}"
                                                                                                     "},"
                                                                                                     "\"addit"
                                                                                                     "ionalPr"
                                                                                                     "opertie"
                                                                                                     "s\":"
                                                                                                     "false}}"
                                                                                                     ",\"addi"
                                                                                                     "tionalP"
                                                                                                     "roperti"
                                                                                                     "es\":"
                                                                                                     "false}}"
                                                                                                     "}");

#define FREE(view) free((void *)(uintptr_t)(view).ptr)

static void free_entries(tf_entries *entries) {
    for (uint32_t i = 0; i < entries->count; i++) {
        FREE(entries->all[i].name);
        FREE(entries->all[i].value);
    }
}

static void close_filter(void *filter) {
    transform *it = filter;
    free_entries(&it->defaults);
    free_entries(&it->constants);
    free_entries(&it->renames);
    fl_list_free(&it->removals);
    fl_list_free(&it->picks.texts);
    fl_list_free(&it->drops.texts);
    FREE(it->gateway);
    free(it);
}

static bool read_entries(const jf_json_value *options, const char *name, bool texts, tf_entries *out) {
    jf_json_value object, key, value;
    if (!fl_member(options, name, &object) || object.kind != JF_JSON_OBJECT) return true;
    jf_json_walk walk = jf_json_walk_of(&object);
    while (jf_json_next(&walk, &key, &value) == 1) {
        if (out->count == TF_MOST_MEMBERS) return false;
        tf_entry *entry = &out->all[out->count++];
        entry->name = fl_decode(&key);
        if (texts && value.kind != JF_JSON_STRING) return false;
        entry->value = texts ? fl_decode(&value) : fl_copy(jf_json_raw(&value));
        if (entry->name.ptr == NULL || entry->value.ptr == NULL) return false;
    }
    return true;
}

static bool read_paths(const jf_json_value *options, const char *name, tf_paths *out) {
    if (!fl_texts(options, name, &out->texts) || out->texts.count > TF_MOST_POINTERS) return false;
    for (; out->count < out->texts.count; out->count++) {
        tf_pointer *pointer = &out->all[out->count];
        jf_view text = out->texts.texts[out->count];
        const uint8_t *at = text.ptr, *end = at + text.len;
        while (at < end && *at == '/') {
            const uint8_t *token = ++at;
            for (; at < end && *at != '/'; at++)
                if (*at == '~' && (end - at < 2 || (at[1] != '0' && at[1] != '1'))) return false;
            if (pointer->count == TF_MOST_TOKENS) return false;
            pointer->tokens[pointer->count++] = (jf_view){token, (uint64_t)(at - token)};
        }
        if (at != end || pointer->count == 0) return false;
    }
    return true;
}

static int32_t open_filter(const jf_json_value *options, void **filter, jf_fault *why) {
    jf_json_value part;
    transform *it = calloc(1, sizeof *it);
    if (it == NULL) return fl_refuse(why, JF_E_BUSY, "out of memory");
    const char *wrong = NULL;
    if (fl_member(options, "arguments", &part)) {
        if (!read_entries(&part, "rename", true, &it->renames)) wrong = "arguments.rename";
        if (!fl_texts(&part, "remove", &it->removals)) wrong = "arguments.remove";
        if (!read_entries(&part, "set", false, &it->constants)) wrong = "arguments.set";
        if (!read_entries(&part, "defaults", false, &it->defaults)) wrong = "arguments.defaults";
    }
    if (fl_member(options, "result", &part)) {
        if (!read_paths(&part, "pick", &it->picks)) wrong = "result.pick";
        if (!read_paths(&part, "drop", &it->drops)) wrong = "result.drop";
    }
    if (fl_member(options, "meta", &part)) {
        it->subject = fl_flag(&part, "subject", false);
        it->tenant = fl_flag(&part, "tenant", false);
        it->gateway = fl_text(&part, "gateway");
    }
    it->changes_arguments =
        it->renames.count + it->removals.count + it->constants.count + it->defaults.count > 0;
    it->changes_meta = it->subject || it->tenant || it->gateway.ptr != NULL;
    if (wrong != NULL) {
        close_filter(it);
        return fl_refuse(why, JF_E_INVALID, "%s: at most 64 members, or 32 JSON Pointers of 32 tokens",
                         wrong);
    }
    *filter = it;
    return JF_OK;
}

/* ---- Requests ---- */

static const tf_entry *entry_of(const tf_entries *entries, const jf_json_value *key) {
    for (uint32_t i = 0; i < entries->count; i++)
        if (jf_json_is(key, entries->all[i].name)) return &entries->all[i];
    return NULL;
}

static bool has_member(const jf_json_value *object, jf_view name) {
    jf_json_value key, value;
    if (object == NULL) return false;
    jf_json_walk walk = jf_json_walk_of(object);
    while (jf_json_next(&walk, &key, &value) == 1)
        if (jf_json_is(&key, name)) return true;
    return false;
}

static void member(fl_bytes *out, jf_view name, jf_view value) {
    if (out->len > 1) fl_add(out, ",", 1);
    fl_add_quoted(out, name);
    fl_add(out, ":", 1);
    fl_add(out, value.ptr, value.len);
}

static void write_arguments(const transform *it, const jf_json_value *arguments, fl_bytes *out) {
    jf_json_value key, value;
    fl_add(out, "{", 1);
    if (arguments != NULL) {
        jf_json_walk walk = jf_json_walk_of(arguments);
        while (jf_json_next(&walk, &key, &value) == 1) {
            if (fl_has(&it->removals, &key) || entry_of(&it->constants, &key) != NULL) continue;
            const tf_entry *renamed = entry_of(&it->renames, &key);
            if (renamed == NULL) {
                if (out->len > 1) fl_add(out, ",", 1);
                jf_view raw = jf_json_raw(&key);
                fl_add(out, raw.ptr, raw.len);
                fl_add(out, ":", 1);
                raw = jf_json_raw(&value);
                fl_add(out, raw.ptr, raw.len);
                continue;
            }
            /* what the client says under the new name counts */
            bool is_set = false;
            for (uint32_t i = 0; i < it->constants.count; i++)
                is_set = is_set || fl_same(it->constants.all[i].name, renamed->value);
            if (!is_set && !has_member(arguments, renamed->value))
                member(out, renamed->value, jf_json_raw(&value));
        }
    }
    for (uint32_t i = 0; i < it->constants.count; i++)
        member(out, it->constants.all[i].name, it->constants.all[i].value);
    fl_bytes so_far = {0};
    fl_add(&so_far, out->ptr, out->len);
    fl_add(&so_far, "}", 1);
    jf_json_value made;
    bool is_read = !so_far.failed && jf_json_read(fl_view(&so_far), &made);
    for (uint32_t i = 0; i < it->defaults.count && is_read; i++)
        if (!has_member(&made, it->defaults.all[i].name))
            member(out, it->defaults.all[i].name, it->defaults.all[i].value);
    out->failed = out->failed || !is_read;
    fl_free(&so_far);
    fl_add(out, "}", 1);
}

static void told(fl_bytes *out, const char *name, jf_view text) {
    fl_bytes quoted = {0};
    fl_add_quoted(&quoted, text);
    member(out, (jf_view){(const uint8_t *)name, strlen(name)}, fl_view(&quoted));
    out->failed = out->failed || quoted.failed;
    fl_free(&quoted);
}

/* What clients say of it themselves is nothing to go by. */
static bool is_told(const jf_json_value *key) {
    static const char *const names[] = {"jackfield/subject", "jackfield/tenant", "jackfield/gateway"};
    for (uint32_t i = 0; i < 3; i++)
        if (jf_json_is(key, (jf_view){(const uint8_t *)names[i], strlen(names[i])})) return true;
    return false;
}

static void write_meta(const transform *it, const jf_passage *passage, const jf_json_value *meta,
                       fl_bytes *out) {
    jf_json_value key, value;
    fl_add(out, "{", 1);
    if (meta != NULL) {
        jf_json_walk walk = jf_json_walk_of(meta);
        while (jf_json_next(&walk, &key, &value) == 1) {
            if (is_told(&key)) continue;
            if (out->len > 1) fl_add(out, ",", 1);
            jf_view raw = jf_json_raw(&key);
            fl_add(out, raw.ptr, raw.len);
            fl_add(out, ":", 1);
            raw = jf_json_raw(&value);
            fl_add(out, raw.ptr, raw.len);
        }
    }
    const jf_principal *who = passage->principal;
    if (it->subject && who->id != 0) told(out, "jackfield/subject", who->subject);
    if (it->tenant && who->tenant.len > 0) told(out, "jackfield/tenant", who->tenant);
    if (it->gateway.ptr != NULL) told(out, "jackfield/gateway", it->gateway);
    fl_add(out, "}", 1);
}

/** A change of one member of params: in the place of its value, or at the end. */
typedef struct change {
    uint64_t start, end;
    fl_bytes bytes;
} change;

static bool plan(const jf_passage *passage, const jf_json_value *found, const char *name, fl_bytes *value,
                 change *out) {
    if (found != NULL) {
        *out = (change){fl_start(passage->body, found), fl_stop(passage->body, found), *value};
        return !fl_same(jf_json_raw(found), fl_view(value));
    }
    uint64_t end = passage->body.len;
    while (end > 0 && passage->body.ptr[end - 1] != '}')
        end--;
    *out = (change){end - 1, end - 1, {0}};
    bool empty = true;
    for (uint64_t i = 1; i < end - 1 && empty; i++)
        empty = strchr(" \t\r\n", passage->body.ptr[i]) != NULL && passage->body.ptr[i] != 0;
    fl_add_text(&out->bytes, empty ? "\"" : ",\"");
    fl_add_text(&out->bytes, name);
    fl_add_text(&out->bytes, "\":");
    fl_add(&out->bytes, value->ptr, value->len);
    fl_free(value);
    return true;
}

static int32_t request(void *filter, const jf_passage *passage, jf_blob *verdict, jf_fault *why) {
    const transform *it = filter;
    jf_json_value params, arguments, meta;
    bool named = passage->kind != JF_RESOURCES && passage->method.len != 19; /* completion/complete */
    if (!jf_json_read(passage->body, &params) || params.kind != JF_JSON_OBJECT)
        return fl_refuse(why, JF_E_FAULT, "the parameters cannot be read");
    change changes[2];
    uint32_t count = 0;
    if (it->changes_arguments && named) {
        bool has = fl_member(&params, "arguments", &arguments);
        if (has && arguments.kind != JF_JSON_OBJECT)
            return fl_tell(why, JF_E_INVALID, "params.arguments must be an object");
        fl_bytes value = {0};
        write_arguments(it, has ? &arguments : NULL, &value);
        if (plan(passage, has ? &arguments : NULL, "arguments", &value, &changes[count]) &&
            (has || value.failed || it->constants.count + it->defaults.count > 0))
            count++;
        else
            fl_free(&changes[count].bytes);
    }
    if (it->changes_meta) {
        bool has = fl_member(&params, "_meta", &meta) && meta.kind == JF_JSON_OBJECT;
        fl_bytes value = {0};
        write_meta(it, passage, has ? &meta : NULL, &value);
        if (has || value.len > 2) {
            if (plan(passage, has ? &meta : NULL, "_meta", &value, &changes[count]))
                count++;
            else
                fl_free(&changes[count].bytes);
        } else {
            fl_free(&value);
        }
    }
    if (count == 0) return JF_OK;
    if (count == 2 && changes[1].start < changes[0].start) {
        change first = changes[1];
        changes[1] = changes[0];
        changes[0] = first;
    }
    /* both at the end of empty parameters: the second needs a comma */
    fl_bytes out = {0};
    fl_begin(&out, JF_SPLICE);
    for (uint32_t i = 0; i < count; i++) {
        out.failed = out.failed || changes[i].bytes.failed;
        if (i == 1 && changes[0].start == changes[1].start && changes[1].bytes.len > 0 &&
            changes[1].bytes.ptr[0] == '"') {
            fl_bytes with = {0};
            fl_add(&with, ",", 1);
            fl_add(&with, changes[1].bytes.ptr, changes[1].bytes.len);
            fl_splice(&out, changes[i].start, changes[i].end, fl_view(&with));
            fl_free(&with);
        } else if (!out.failed) {
            fl_splice(&out, changes[i].start, changes[i].end, fl_view(&changes[i].bytes));
        }
    }
    for (uint32_t i = 0; i < count; i++)
        fl_free(&changes[i].bytes);
    return fl_end(&out, verdict, why);
}

/* ---- Results ---- */

/* Text that is the structured result once more (MCP 2025-06-18, Structured Content). */
static void reduce_text(const transform *it, jf_view body, const jf_json_value *text, fl_bytes *out) {
    jf_view plain = fl_decode(text);
    jf_json_value root;
    if (plain.ptr == NULL) {
        out->failed = true;
        return;
    }
    if (plain.len > 1 && (*plain.ptr == '{' || *plain.ptr == '[') && jf_json_read(plain, &root)) {
        fl_bytes less = {0}, quoted = {0};
        if (tf_reduce(it, &root, &less)) {
            fl_add_quoted(&quoted, fl_view(&less));
            out->failed = out->failed || less.failed || quoted.failed;
            if (!out->failed) fl_splice(out, fl_start(body, text), fl_stop(body, text), fl_view(&quoted));
        }
        fl_free(&less);
        fl_free(&quoted);
    }
    FREE(plain);
}

static int32_t result(void *filter, const jf_passage *passage, jf_blob *verdict, jf_fault *why) {
    const transform *it = filter;
    jf_json_value root, key, value, unused, element, text;
    if (it->picks.count + it->drops.count == 0 || (passage->flags & JF_PASSAGE_ERROR) != 0) return JF_OK;
    if (!jf_json_read(passage->body, &root) || root.kind != JF_JSON_OBJECT)
        return fl_refuse(why, JF_E_FAULT, "the result cannot be read");
    fl_bytes out = {0};
    fl_begin(&out, JF_SPLICE);
    jf_json_walk walk = jf_json_walk_of(&root);
    while (jf_json_next(&walk, &key, &value) == 1) {
        if (jf_json_is(&key, (jf_view){(const uint8_t *)"structuredContent", 17})) {
            fl_bytes less = {0};
            if (tf_reduce(it, &value, &less)) {
                out.failed = out.failed || less.failed;
                if (!out.failed)
                    fl_splice(&out, fl_start(passage->body, &value), fl_stop(passage->body, &value),
                              fl_view(&less));
            }
            fl_free(&less);
        } else if (jf_json_is(&key, (jf_view){(const uint8_t *)"content", 7}) &&
                   value.kind == JF_JSON_ARRAY) {
            jf_json_walk elements = jf_json_walk_of(&value);
            while (jf_json_next(&elements, &unused, &element) == 1)
                if (fl_member(&element, "text", &text) && text.kind == JF_JSON_STRING)
                    reduce_text(it, passage->body, &text, &out);
        }
    }
    if (!out.failed && ((jf_verdict *)(void *)out.ptr)->count == 0) {
        fl_free(&out);
        return JF_OK;
    }
    return fl_end(&out, verdict, why);
}

const fl_kind fl_this = {"filter-transform", "transform", open_filter, close_filter, request, result};
