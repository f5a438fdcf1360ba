/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target of filters that change JSON: what the redactor leaves must be JSON of the same kind that can be
 * looked through again, what the size filter cuts two lists.
 */
#include "redact.h"
#include "size.h"

static redact by;

const fl_kind fl_this = {"fuzz", "fuzz", NULL, NULL, NULL, NULL};

int32_t fl_refuse(jf_fault *why, int32_t code, const char *format, ...) {
    (void)why, (void)format;
    return code;
}

/** A body, as it becomes. */
typedef struct changed {
    jf_view from;
    uint64_t done, count;
    fl_bytes to;
} changed;

static void take(void *context, uint64_t start, uint64_t end, jf_view bytes, const char *name) {
    changed *it = context;
    (void)name;
    if (start < it->done || end < start || end > it->from.len) abort();
    fl_add(&it->to, it->from.ptr + it->done, start - it->done);
    fl_add(&it->to, bytes.ptr, bytes.len);
    it->done = end;
    it->count++;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    for (; rd_names[by.count] != NULL; by.count++)
        if (!rd_known(rd_names[by.count], &by.detectors[by.count], NULL)) abort();
    by.replacement = (jf_view){(const uint8_t *)"#", 1};
    return 0;
}

static void redacted(jf_view body, uint32_t kind) {
    changed once = {.from = body}, again = {0};
    jf_json_value root;
    if (rd_walk(&by, body, NULL, 0, take, &once) != JF_OK) return;
    fl_add(&once.to, body.ptr + once.done, body.len - once.done);
    jf_view left = fl_view(&once.to);
    if (!jf_json_read(left, &root) || root.kind != kind) abort();
    again.from = left;
    if (rd_walk(&by, left, NULL, 0, take, &again) != JF_OK) abort();
    fl_free(&once.to);
    fl_free(&again.to);
}

static void cut(const jf_json_value *root, uint64_t budget) {
    sz_cut it = {0};
    jf_json_value read;
    if (root->kind != JF_JSON_ARRAY) return;
    sz_cut_list(root, budget, 3, &it);
    for (uint32_t i = 0; i < 2; i++) {
        fl_bytes list = {0};
        const fl_bytes *part = i == 0 ? &it.kept : &it.rest;
        fl_add(&list, "[", 1);
        fl_add(&list, part->ptr, part->len);
        fl_add(&list, "]", 1);
        if (!jf_json_read(fl_view(&list), &read)) abort();
        fl_free(&list);
    }
    sz_cut_free(&it);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    jf_view body = {data, size};
    jf_json_value root;
    if (size == 0 || !jf_json_read(body, &root)) return 0;
    redacted(body, root.kind);
    cut(&root, size / 2 + 16);
    cut(&root, 64);
    return 0;
}
