/* SPDX-License-Identifier: Apache-2.0
 * Plugin filter-schema: arguments and structured results fit what their tools declare. */
#include "schema.h"

#include <jackfield/log.h>

#define MOST_KEPT 256

JF_MANIFEST(
    "{\"id\":\"filter-schema\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
    "\"summary\":\"Arguments and structured results fit the schemas that tools declare.\","
    "\"facets\":[\"jf.filter/1\"],\"requires\":[],\"optional\":[\"jf.log/1\"],\"provides\":[],"
    "\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"filter\":{\"filter\":\"schema\",\"methods\":[\"tools/"
    "call\"],\"config\":{\"type\":\"object\",\"properties\":{"
    "\"arguments\":{\"type\":\"string\",\"enum\":[\"result\",\"error\",\"off\"],\"default\":\"result\","
    "\"description\":\"Arguments that do not fit: a failed result that the model reads, or an error\"},"
    "\"results\":{\"type\":\"string\",\"enum\":[\"result\",\"log\",\"off\"],\"default\":\"result\","
    "\"description\":\"Structured results that do not fit: a failed result instead, or a line in the log\"}"
    "},\"additionalProperties\":false}}}");

/** One compiled definition. */
typedef struct kept {
    uint64_t hash;
    jf_view definition; /**< a copy; absent: free */
    sc_schema input, output;
    bool has_input, has_output;
    char why[120]; /**< why one of them cannot be used; empty: both can */
} kept;

typedef struct schema_filter {
    kept all[MOST_KEPT];
    uint32_t next; /**< the one that goes when there is no room */
    bool arguments, refuses, results, logs;
} schema_filter;

static void forget(kept *it) {
    sc_free(&it->input);
    sc_free(&it->output);
    free((void *)(uintptr_t)it->definition.ptr);
    *it = (kept){0};
}

static void close_filter(void *filter) {
    schema_filter *it = filter;
    for (uint32_t i = 0; i < MOST_KEPT; i++)
        forget(&it->all[i]);
    free(it);
}

static int32_t open_filter(const jf_json_value *options, void **filter, jf_fault *why) {
    schema_filter *it = calloc(1, sizeof *it);
    if (it == NULL) return fl_refuse(why, JF_E_BUSY, "out of memory");
    it->arguments = !fl_says(options, "arguments", "off");
    it->refuses = fl_says(options, "arguments", "error");
    it->results = !fl_says(options, "results", "off");
    it->logs = fl_says(options, "results", "log");
    *filter = it;
    return JF_OK;
}

/* The compiled schemas of a tool; NULL: no memory. */
static kept *schemas(schema_filter *filter, jf_view definition) {
    uint64_t hash = fl_hash(definition, 0);
    for (uint32_t i = 0; i < MOST_KEPT; i++) {
        kept *it = &filter->all[i];
        if (it->hash == hash && it->definition.ptr != NULL && fl_same(it->definition, definition)) return it;
    }
    kept *it = &filter->all[filter->next++ % MOST_KEPT];
    forget(it);
    it->definition = fl_copy(definition);
    if (it->definition.ptr == NULL) return NULL;
    it->hash = hash;
    jf_json_value root, part;
    if (!jf_json_read(it->definition, &root)) return it;
    if (fl_member(&root, "inputSchema", &part))
        it->has_input = sc_compile(part, &it->input, it->why, sizeof it->why);
    if (it->why[0] == 0 && fl_member(&root, "outputSchema", &part))
        it->has_output = sc_compile(part, &it->output, it->why, sizeof it->why);
    return it;
}

/* A failed result that says why. */
static int32_t fail(const char *head, const fl_bytes *told, jf_blob *verdict, jf_fault *why) {
    fl_bytes out = {0}, text = {0};
    fl_add_text(&text, head);
    fl_add(&text, told->ptr, told->len);
    fl_begin(&out, JF_ANSWER);
    fl_add_text(&out, "{\"content\":[{\"type\":\"text\",\"text\":");
    fl_add_quoted(&out, fl_view(&text));
    fl_add_text(&out, "}],\"isError\":true}");
    out.failed = out.failed || text.failed;
    fl_free(&text);
    return fl_end(&out, verdict, why);
}

static int32_t request(void *filter, const jf_passage *passage, jf_blob *verdict, jf_fault *why) {
    schema_filter *it = filter;
    if (!it->arguments || passage->definition.ptr == NULL) return JF_OK;
    kept *by = schemas(it, passage->definition);
    if (by == NULL) return fl_refuse(why, JF_E_FAULT, "out of memory");
    if (!by->has_input) {
        if (by->why[0] == 0) return JF_OK;
        return fl_refuse(why, JF_E_FAULT, "the schema of tool %.*s cannot be used: %s",
                         (int)(passage->name.len < 80 ? passage->name.len : 80), passage->name.ptr, by->why);
    }
    fl_bytes told = {0};
    jf_view arguments =
        passage->arguments.ptr != NULL ? passage->arguments : (jf_view){(const uint8_t *)"{}", 2};
    int32_t status = JF_OK;
    switch (sc_check(&by->input, arguments, &told)) {
    case 1:
        break;
    case 0:
        if (it->refuses)
            status = fl_tell(why, JF_E_INVALID, "the arguments do not fit: %.*s",
                             (int)(told.len < 180 ? told.len : 180), told.ptr);
        else
            status = fail("the arguments do not fit the tool's input schema: ", &told, verdict, why);
        break;
    default:
        status = fl_refuse(why, JF_E_FAULT, "the arguments take too long to check");
    }
    fl_free(&told);
    return status;
}

static int32_t result(void *filter, const jf_passage *passage, jf_blob *verdict, jf_fault *why) {
    schema_filter *it = filter;
    jf_json_value root, structured;
    if (!it->results || passage->definition.ptr == NULL || (passage->flags & JF_PASSAGE_ERROR) != 0)
        return JF_OK;
    kept *by = schemas(it, passage->definition);
    if (by == NULL || !by->has_output) return JF_OK;
    if (!jf_json_read(passage->body, &root)) return fl_refuse(why, JF_E_FAULT, "the result cannot be read");
    fl_bytes told = {0};
    int fits = 0;
    if (fl_member(&root, "structuredContent", &structured))
        fits = sc_check(&by->output, jf_json_raw(&structured), &told);
    else
        fl_add_text(&told, "there is no structured content");
    int32_t status = JF_OK;
    if (fits < 0) status = fl_refuse(why, JF_E_FAULT, "the result takes too long to check");
    if (fits == 0 && it->logs) fl_warn("a result does not fit its output schema", passage, fl_view(&told));
    if (fits == 0 && !it->logs)
        status = fail("the tool's result does not fit its output schema: ", &told, verdict, why);
    fl_free(&told);
    return status;
}

const fl_kind fl_this = {"filter-schema", "schema", open_filter, close_filter, request, result};
