/* SPDX-License-Identifier: Apache-2.0
 * Plugin filter-size: results no larger than what a model can take. */
#include "size.h"

#include <stdio.h>

JF_MANIFEST(
    "{\"id\":\"filter-size\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
    "\"summary\":\"Cuts results that are too large, hands them out in pages, or links to them.\","
    "\"facets\":[\"jf.filter/1\"],\"requires\":[],\"optional\":[\"jf.log/"
    "1\"],\"provides\":[],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"filter\":{\"filter\":\"size\",\"methods\":[\"tools/call\",\"resources/read\",\"prompts/get\"],"
    "\"links\":{\"action\":\"spill\"},"
    "\"config\":{\"type\":\"object\",\"properties\":{"
    "\"max_bytes\":{\"type\":\"integer\",\"minimum\":512,\"maximum\":1073741824,\"default\":1048576,"
    "\"description\":\"How large a result may be\"},"
    "\"max_items\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000,\"default\":0,"
    "\"description\":\"How many elements its content may have; 0: any number\"},"
    "\"action\":{\"type\":\"string\",\"enum\":[\"truncate\",\"page\",\"spill\"],\"default\":\"truncate\","
    "\"description\":\"page: the rest of a tool's content is kept and fetched with the argument _page; "
    "spill: a "
    "tool's result is kept as a resource, and a link takes its place\"},"
    "\"preview_bytes\":{\"type\":\"integer\",\"minimum\":64,\"maximum\":1048576,\"default\":1024,"
    "\"description\":\"spill: how much of the content stands in front of the link\"},"
    "\"keep_minutes\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1440,\"default\":10},"
    "\"keep_bytes\":{\"type\":\"integer\",\"minimum\":65536,\"maximum\":4294967296,\"default\":33554432,"
    "\"description\":\"How much is kept for all; the oldest goes first\"}"
    "},\"additionalProperties\":false}}}");

static int32_t open_filter(const jf_json_value *options, void **filter, jf_fault *why) {
    size_filter *it = calloc(1, sizeof *it);
    if (it == NULL) return fl_refuse(why, JF_E_BUSY, "out of memory");
    it->max_bytes = (uint64_t)fl_integer(options, "max_bytes", 1 << 20);
    it->max_items = (uint64_t)fl_integer(options, "max_items", 0);
    it->pages = fl_says(options, "action", "page");
    it->spills = fl_says(options, "action", "spill");
    it->preview_bytes = (uint64_t)fl_integer(options, "preview_bytes", 1024);
    it->keep_ms = (uint64_t)fl_integer(options, "keep_minutes", 10) * 60000;
    it->keep_bytes = (uint64_t)fl_integer(options, "keep_bytes", 32 << 20);
    *filter = it;
    return JF_OK;
}

/* What is said of what is not here. */
static void write_note(const size_filter *it, const jf_passage *passage, const sz_cut *cut, bool links,
                       fl_bytes *note) {
    char text[256], token[SZ_TOKEN + 1];
    if (links) {
        snprintf(text, sizeof text,
                 "[a part of %llu bytes: the whole is in the resource that is linked here]",
                 (unsigned long long)passage->body.len);
        fl_add_text(note, text);
        return;
    }
    if (cut->rest.len > 0) {
        bool kept =
            it->pages && passage->kind == JF_TOOLS && sz_keep(it, passage, fl_view(&cut->rest), token);
        if (kept)
            snprintf(text, sizeof text,
                     "[%llu more bytes: call the tool again with the argument \"_page\": \"%s\"]",
                     (unsigned long long)cut->rest.len, token);
        else
            snprintf(text, sizeof text, "[truncated: %llu bytes were left out; ask for less]",
                     (unsigned long long)cut->rest.len);
        fl_add_text(note, text);
    }
    if (cut->omitted > 0) {
        snprintf(text, sizeof text, "%s[%llu elements were left out, each too large]",
                 note->len > 0 ? " " : "", (unsigned long long)cut->omitted);
        fl_add_text(note, text);
    }
}

/* The elements of a list as they are left, with the note. */
static void write_list(const size_filter *it, const jf_passage *passage, const sz_cut *cut, bool links,
                       fl_bytes *out) {
    fl_bytes note = {0}, quoted = {0};
    write_note(it, passage, cut, links, &note);
    fl_add_quoted(&quoted, fl_view(&note));
    fl_add(out, "[", 1);
    if (passage->kind != JF_TOOLS && cut->text_end > 0 && quoted.len > 2) {
        /* only content has room for an element that says so */
        fl_add(out, cut->kept.ptr, cut->text_end);
        fl_add_text(out, "\\n");
        fl_add(out, quoted.ptr + 1, quoted.len - 2);
        fl_add(out, cut->kept.ptr + cut->text_end, cut->kept.len - cut->text_end);
    } else {
        fl_add(out, cut->kept.ptr, cut->kept.len);
        if (passage->kind == JF_TOOLS && note.len > 0) {
            fl_add_text(out,
                        cut->kept.len > 0 ? ",{\"type\":\"text\",\"text\":" : "{\"type\":\"text\",\"text\":");
            fl_add(out, quoted.ptr, quoted.len);
            fl_add(out, "}", 1);
        }
    }
    fl_add(out, "]", 1);
    out->failed = out->failed || note.failed || quoted.failed || cut->kept.failed || cut->rest.failed;
    fl_free(&note);
    fl_free(&quoted);
}

/** Room for the note. */
#define NOTE 256

/* A result, and what of it may have to go; NULL: it has none. */
typedef struct sz_parts {
    const jf_json_value *root, *list, *structured;
} sz_parts;

/* A result with `room` for its list, without its structure where that is dropped. */
static void write_result(const size_filter *it, const jf_passage *passage, const sz_parts *parts,
                         uint64_t room, bool drops, bool fails, bool links, fl_bytes *made) {
    static const char structure[] = "structuredContent", error[] = "isError";
    jf_json_value key, value;
    sz_cut cut = {0};
    if (parts->list != NULL) sz_cut_list(parts->list, room, it->max_items, &cut);
    fl_add(made, "{", 1);
    jf_json_walk walk = jf_json_walk_of(parts->root);
    while (jf_json_next(&walk, &key, &value) == 1) {
        if (drops && jf_json_is(&key, (jf_view){(const uint8_t *)structure, sizeof structure - 1})) continue;
        if (fails && jf_json_is(&key, (jf_view){(const uint8_t *)error, sizeof error - 1})) continue;
        if (made->len > 1) fl_add(made, ",", 1);
        jf_view raw = jf_json_raw(&key);
        fl_add(made, raw.ptr, raw.len);
        fl_add(made, ":", 1);
        raw = jf_json_raw(&value);
        if (parts->list != NULL && raw.ptr == parts->list->ptr)
            write_list(it, passage, &cut, links, made);
        else
            fl_add(made, raw.ptr, raw.len);
    }
    if (fails) fl_add_text(made, made->len > 1 ? ",\"isError\":true" : "\"isError\":true");
    if (drops && parts->list == NULL) {
        if (made->len > 1) fl_add(made, ",", 1);
        fl_add_text(made, "\"content\":[{\"type\":\"text\",\"text\":\"[the structured result is too large ");
        fl_add_text(made, links ? "to stand here]\"}]" : "and was left out; ask for less]\"}]");
    }
    fl_add(made, "}", 1);
    sz_cut_free(&cut);
}

static int32_t result(void *filter, const jf_passage *passage, jf_blob *verdict, jf_fault *why) {
    const size_filter *it = filter;
    jf_json_value root, value, list, structured, unused;
    jf_view body = passage->body;
    if (body.len <= it->max_bytes && it->max_items == 0) return JF_OK;
    const char *name = passage->kind == JF_TOOLS     ? "content"
                       : passage->kind == JF_PROMPTS ? "messages"
                                                     : "contents";
    if (!jf_json_read(body, &root) || root.kind != JF_JSON_OBJECT)
        return fl_refuse(why, JF_E_FAULT, "the result cannot be read");
    bool has_list = fl_member(&root, name, &list) && list.kind == JF_JSON_ARRAY;
    bool has_structured = fl_member(&root, "structuredContent", &structured);
    uint64_t count = 0;
    if (has_list && it->max_items != 0) {
        jf_json_walk walk = jf_json_walk_of(&list);
        while (count <= it->max_items && jf_json_next(&walk, &unused, &value) == 1)
            count++;
    }
    if (body.len <= it->max_bytes && (it->max_items == 0 || count <= it->max_items)) return JF_OK;
    if (!has_list && !has_structured)
        return fl_tell(why, JF_E_DENIED, "the result is larger than %llu bytes",
                       (unsigned long long)it->max_bytes);
    const sz_parts parts = {&root, has_list ? &list : NULL, has_structured ? &structured : NULL};
    uint64_t around = body.len - (has_list ? jf_json_raw(&list).len : 0);
    bool drops = has_structured && around > it->max_bytes / 2;
    if (drops) around -= jf_json_raw(&structured).len;
    if (around + NOTE > it->max_bytes)
        return fl_tell(why, JF_E_DENIED, "the result is larger than %llu bytes",
                       (unsigned long long)it->max_bytes);
    bool links = it->spills && passage->kind == JF_TOOLS && (passage->flags & JF_PASSAGE_LINKS) != 0;
    fl_bytes made = {0}, preview = {0}, out = {0};
    /* A tool with an output schema that leaves its structure out has failed, as far as clients can tell. */
    write_result(it, passage, &parts, it->max_bytes - around - NOTE, drops, drops, false, &made);
    fl_begin(&out, links ? JF_SPILL : JF_SPLICE);
    if (links) {
        jf_json_value tool;
        bool has_schema = passage->definition.ptr != NULL && jf_json_read(passage->definition, &tool) &&
                          fl_member(&tool, "outputSchema", &unused);
        drops = has_structured && (!has_list || jf_json_raw(&structured).len > it->preview_bytes);
        write_result(it, passage, &parts, it->preview_bytes, drops, drops && has_schema, true, &preview);
        fl_spill(&out, it->keep_ms, it->keep_bytes, fl_view(&preview));
    }
    out.failed = out.failed || made.failed || preview.failed;
    if (!out.failed) fl_splice(&out, 0, body.len, fl_view(&made));
    fl_free(&made);
    fl_free(&preview);
    return fl_end(&out, verdict, why);
}

/* The argument _page: what is kept, as far as it fits. */
static int32_t request(void *filter, const jf_passage *passage, jf_blob *verdict, jf_fault *why) {
    const size_filter *it = filter;
    jf_json_value arguments, page, list;
    if (!it->pages || passage->kind != JF_TOOLS || passage->arguments.ptr == NULL) return JF_OK;
    if (!jf_json_read(passage->arguments, &arguments) || !fl_member(&arguments, "_page", &page)) return JF_OK;
    fl_bytes out = {0}, whole = {0};
    jf_view rest = {0};
    if (page.kind == JF_JSON_STRING && !page.escaped) rest = sz_kept(passage, (jf_view){page.ptr, page.len});
    fl_begin(&out, JF_ANSWER);
    if (rest.ptr == NULL) {
        fl_add_text(
            &out, "{\"content\":[{\"type\":\"text\",\"text\":\"this page is not kept any more: call the tool "
                  "again without _page\"}],\"isError\":true}");
        return fl_end(&out, verdict, why);
    }
    fl_add(&whole, "[", 1);
    fl_add(&whole, rest.ptr, rest.len);
    fl_add(&whole, "]", 1);
    free((void *)(uintptr_t)rest.ptr);
    if (whole.failed || !jf_json_read(fl_view(&whole), &list)) {
        fl_free(&whole);
        fl_free(&out);
        return fl_refuse(why, JF_E_FAULT, "a kept page cannot be read");
    }
    sz_cut cut = {0};
    sz_cut_list(&list, it->max_bytes - NOTE, it->max_items, &cut);
    fl_add_text(&out, "{\"content\":");
    write_list(it, passage, &cut, false, &out);
    fl_add(&out, "}", 1);
    sz_cut_free(&cut);
    fl_free(&whole);
    return fl_end(&out, verdict, why);
}

const fl_kind fl_this = {"filter-size", "size", open_filter, free, request, result};
