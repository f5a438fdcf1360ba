/* SPDX-License-Identifier: Apache-2.0
 * Drives a filter's table directly, and applies what it says. */
#ifndef TESTS_FILTER_DRIVE_H
#define TESTS_FILTER_DRIVE_H

#include "jf_check.h"
#include "jf_mock.h"

#include <jackfield/json.h>

/** A filter that is attached. */
typedef struct filter {
    jf_mock *mock;
    const jf_filter_1 *table;
    jf_ref handle;
} filter;

/** What came of a passage. */
typedef struct outcome {
    int32_t status;
    uint32_t decision;
    char text[8192]; /**< the body as it is now, or the answer; NUL-terminated */
    jf_spill spill;  /**< what is to be kept */
    char preview[8192];
} outcome;

static jf_view view(const char *text) {
    return (jf_view){(const uint8_t *)text, strlen(text)};
}

static inline int32_t try_attach(filter *it, const char *options) {
    return it->table->attach(jf_mock_self(it->mock), view("test"), view(options), &it->handle,
                             jf_mock_fault(it->mock));
}

static inline filter up(const char *options) {
    filter it = {.mock = jf_mock_new()};
    if (!jf_mock_up(it.mock, jf_check_plugin, "{}")) abort();
    it.table = jf_mock_facet(it.mock, JF_FILTER_1);
    CHECK(it.table != NULL && it.table->size == sizeof *it.table, "no table");
    CHECK(try_attach(&it, options) == JF_OK, "%s", jf_mock_why(it.mock));
    return it;
}

static inline void down(filter *it) {
    it->table->detach(jf_mock_self(it->mock), it->handle);
    CHECK(jf_mock_free(it->mock) == 0, "problems");
}

static const jf_principal test_nobody = {.size = sizeof test_nobody};

static inline jf_passage passage(const char *body) {
    return (jf_passage){.size = sizeof(jf_passage),
                        .principal = &test_nobody,
                        .call = 1,
                        .now_ms = 1000,
                        .kind = JF_TOOLS,
                        .method = view("tools/call"),
                        .server = view("s"),
                        .name = view("t"),
                        .shown = view("s__t"),
                        .body = view(body)};
}

/** Shows it a passage and applies its verdict. What comes out must be JSON. */
static inline outcome show(filter *it, const jf_passage *shown, bool result) {
    outcome out = {0};
    jf_blob blob = {0};
    jf_json_value read;
    out.status = (result ? it->table->result : it->table->request)(jf_mock_self(it->mock), 1, it->handle,
                                                                   shown, &blob, jf_mock_fault(it->mock));
    if (out.status != JF_OK) return out;
    if (blob.len == 0) {
        snprintf(out.text, sizeof out.text, "%.*s", (int)shown->body.len, shown->body.ptr);
        return out;
    }
    jf_verdict head;
    memcpy(&head, blob.ptr, sizeof head);
    out.decision = head.decision;
    size_t at = sizeof head, length = 0;
    uint64_t done = 0;
    if (head.decision == JF_ANSWER) {
        memcpy(out.text, blob.ptr + at, length = blob.len - at);
    } else {
        if (head.decision == JF_SPILL) {
            memcpy(&out.spill, blob.ptr + at, sizeof out.spill);
            memcpy(out.preview, blob.ptr + at + sizeof out.spill, out.spill.len);
            at += sizeof out.spill + (out.spill.len + 7) / 8 * 8;
            CHECK(jf_json_read(view(out.preview), &read) && read.kind == JF_JSON_OBJECT, "no JSON: %s",
                  out.preview);
        }
        for (uint32_t i = 0; i < head.count; i++) {
            jf_splice splice;
            memcpy(&splice, blob.ptr + at, sizeof splice);
            CHECK(splice.start >= done && splice.end >= splice.start && splice.end <= shown->body.len,
                  "splice %u", i);
            memcpy(out.text + length, shown->body.ptr + done, splice.start - done);
            length += splice.start - done;
            memcpy(out.text + length, blob.ptr + at + sizeof splice, splice.len);
            length += splice.len;
            done = splice.end;
            at += sizeof splice + (splice.len + 7) / 8 * 8;
        }
        CHECK(at == blob.len, "%zu of %zu bytes are splices", at, (size_t)blob.len);
        memcpy(out.text + length, shown->body.ptr + done, shown->body.len - done);
        length += shown->body.len - done;
    }
    out.text[length] = 0;
    CHECK(jf_json_read(view(out.text), &read) && read.kind == JF_JSON_OBJECT, "no JSON: %s", out.text);
    if (blob.drop != NULL) blob.drop(blob.owner);
    return out;
}

static inline outcome result_of(filter *it, const char *body) {
    jf_passage shown = passage(body);
    return show(it, &shown, true);
}

static inline outcome request_of(filter *it, const char *body) {
    jf_passage shown = passage(body);
    jf_json_value root, arguments;
    if (jf_json_read(shown.body, &root) && jf_json_find(&root, view("/arguments"), &arguments) == JF_OK)
        shown.arguments = jf_json_raw(&arguments);
    return show(it, &shown, false);
}

#define SAYS(GOT, WANTED) CHECK(strcmp((GOT).text, (WANTED)) == 0, "got %s (%d)", (GOT).text, (GOT).status)

#endif
