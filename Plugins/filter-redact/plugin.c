/* SPDX-License-Identifier: Apache-2.0
 * Plugin filter-redact: takes secrets and personal data out of requests and results. */
#include "redact.h"

#include <stdio.h>

#define NAMES                                                                                                \
    "\"private-key\",\"jwt\",\"aws-key\",\"github-token\",\"slack-token\",\"google-key\",\"openai-key\","    \
    "\"bearer\",\"email\",\"iban\",\"us-ssn\",\"credit-card\""

JF_MANIFEST(
    "{\"id\":\"filter-redact\",\"version\":\"1.0.0\",\"abi\":\"1.1\","
    "\"summary\":\"Takes secrets and personal data out of requests and results.\","
    "\"facets\":[\"jf.filter/1\"],\"requires\":[],\"optional\":[\"jf.log/"
    "1\"],\"provides\":[],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"filter\":{\"filter\":\"redact\",\"config\":{\"type\":\"object\",\"properties\":{"
    "\"detect\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[" NAMES "]},"
    "\"description\":\"What is looked for; left out: all kinds of secrets, no personal data\"},"
    "\"patterns\":{\"type\":\"array\",\"maxItems\":32,\"items\":{\"type\":\"object\",\"properties\":{"
    "\"name\":{\"type\":\"string\",\"pattern\":\"^[a-z0-9-]{1,40}$\"},"
    "\"pattern\":{\"type\":\"string\",\"maxLength\":1000,\"description\":\"RE2; a group is what is "
    "taken out\"}},\"required\":[\"name\",\"pattern\"],\"additionalProperties\":false},"
    "\"description\":\"What else is looked for\"},"
    "\"members\":{\"type\":\"array\",\"maxItems\":256,\"items\":{\"type\":\"string\"},"
    "\"description\":\"Members of these names are masked wherever they stand\"},"
    "\"pointers\":{\"type\":\"array\",\"maxItems\":64,\"items\":{\"type\":\"string\",\"pattern\":\"^/\"},"
    "\"description\":\"JSON Pointers into params or the result, masked always; * is any element\"},"
    "\"direction\":{\"type\":\"string\",\"enum\":[\"request\",\"result\",\"both\"],\"default\":\"result\"},"
    "\"action\":{\"type\":\"string\",\"enum\":[\"replace\",\"hash\",\"block\"],\"default\":\"replace\","
    "\"description\":\"hash: the same secret becomes the same token\"},"
    "\"replacement\":{\"type\":\"string\",\"maxLength\":200,\"default\":\"[redacted:{name}]\"},"
    "\"salt\":{\"type\":\"string\",\"minLength\":8,\"maxLength\":200,\"description\":\"For hash\"}"
    "},\"additionalProperties\":false}}}");

static void close_filter(void *filter) {
    redact *it = filter;
    for (uint32_t i = 0; i < it->count; i++)
        fl_pattern_free(it->detectors[i].pattern);
    for (uint32_t i = 0; i < it->name_count; i++)
        free((void *)(uintptr_t)it->names[i].ptr);
    fl_list_free(&it->members);
    fl_list_free(&it->pointers);
    free((void *)(uintptr_t)it->replacement.ptr);
    if (it->salt.ptr != NULL) memset((void *)(uintptr_t)it->salt.ptr, 0, it->salt.len);
    free((void *)(uintptr_t)it->salt.ptr);
    free(it);
}

static int32_t add_known(redact *it, const char *name, jf_fault *why) {
    if (it->count == RD_MOST_PATTERNS) return fl_refuse(why, JF_E_INVALID, "too many detectors");
    if (!rd_known(name, &it->detectors[it->count], why)) return why != NULL ? why->code : JF_E_INVALID;
    it->count++;
    return JF_OK;
}

static int32_t read_detectors(redact *it, const jf_json_value *options, jf_fault *why) {
    jf_json_value list;
    fl_list names;
    int32_t status = JF_OK;
    if (!fl_member(options, "detect", &list)) {
        /* the first eight are secrets */
        for (uint32_t i = 0; i < 8 && status == JF_OK; i++)
            status = add_known(it, rd_names[i], why);
        return status;
    }
    if (!fl_texts(options, "detect", &names)) status = fl_refuse(why, JF_E_BUSY, "out of memory");
    for (uint32_t i = 0; i < names.count && status == JF_OK; i++)
        status = add_known(it, (const char *)names.texts[i].ptr, why);
    fl_list_free(&names);
    return status;
}

static int32_t read_patterns(redact *it, const jf_json_value *options, jf_fault *why) {
    jf_json_value list, key, entry;
    char reason[160];
    if (!fl_member(options, "patterns", &list) || list.kind != JF_JSON_ARRAY) return JF_OK;
    jf_json_walk walk = jf_json_walk_of(&list);
    while (jf_json_next(&walk, &key, &entry) == 1) {
        if (it->count == RD_MOST_PATTERNS) return fl_refuse(why, JF_E_INVALID, "too many patterns");
        jf_view name = fl_text(&entry, "name");
        if (name.ptr == NULL) return fl_refuse(why, JF_E_INVALID, "a pattern has no name");
        it->names[it->name_count++] = name;
        jf_view text = fl_text(&entry, "pattern");
        if (text.ptr == NULL) return fl_refuse(why, JF_E_INVALID, "pattern %s has no expression", name.ptr);
        rd_detector *by = &it->detectors[it->count];
        *by = (rd_detector){.name = (const char *)name.ptr,
                            .pattern = fl_pattern_new(text, reason, sizeof reason)};
        free((void *)(uintptr_t)text.ptr);
        if (by->pattern == NULL) return fl_refuse(why, JF_E_INVALID, "pattern %s: %s", name.ptr, reason);
        it->count++;
    }
    return JF_OK;
}

static int32_t open_filter(const jf_json_value *options, void **filter, jf_fault *why) {
    redact *it = calloc(1, sizeof *it);
    if (it == NULL) return fl_refuse(why, JF_E_BUSY, "out of memory");
    int32_t status = read_detectors(it, options, why);
    if (status == JF_OK) status = read_patterns(it, options, why);
    if (status == JF_OK &&
        !(fl_texts(options, "members", &it->members) && fl_texts(options, "pointers", &it->pointers)))
        status = fl_refuse(why, JF_E_BUSY, "out of memory");
    it->requests = fl_says(options, "direction", "request") || fl_says(options, "direction", "both");
    it->results = !fl_says(options, "direction", "request");
    it->hashes = fl_says(options, "action", "hash");
    it->blocks = fl_says(options, "action", "block");
    it->salt = fl_text(options, "salt");
    it->replacement = fl_text(options, "replacement");
    if (it->replacement.ptr == NULL)
        it->replacement = fl_copy((jf_view){(const uint8_t *)"[redacted:{name}]", 17});
    if (status == JF_OK && it->hashes && it->salt.len < 8)
        status = fl_refuse(why, JF_E_INVALID, "action hash needs a salt of at least 8 characters");
    if (status != JF_OK) {
        close_filter(it);
        return status;
    }
    *filter = it;
    return JF_OK;
}

/** Splices as they come. */
typedef struct taking {
    fl_bytes verdict;
    const char *first;
} taking;

static void take(void *context, uint64_t start, uint64_t end, jf_view bytes, const char *name) {
    taking *it = context;
    if (it->first == NULL) {
        it->first = name;
        fl_begin(&it->verdict, JF_SPLICE);
    }
    fl_splice(&it->verdict, start, end, bytes);
}

static int32_t look(const redact *it, const jf_passage *passage, const char *const *skip, jf_blob *verdict,
                    jf_fault *why) {
    taking found = {0};
    int32_t status = rd_walk(it, passage->body, skip, 0, take, &found);
    if (status != JF_OK) {
        fl_free(&found.verdict);
        return fl_refuse(why, JF_E_FAULT,
                         status == JF_E_INVALID ? "this cannot be looked through: nested too deep"
                                                : "out of memory");
    }
    if (found.first == NULL) return JF_OK;
    if (!it->blocks) return fl_end(&found.verdict, verdict, why);
    char kind[64];
    snprintf(kind, sizeof kind, "%s", found.first);
    fl_free(&found.verdict);
    return fl_tell(why, JF_E_DENIED, "the %s contains something that may not pass here: %s",
                   skip != NULL ? "request" : "result", kind);
}

static int32_t request(void *filter, const jf_passage *passage, jf_blob *verdict, jf_fault *why) {
    static const char *const addressed[] = {"name", "uri", "ref", "_meta", NULL};
    redact *it = filter;
    return it->requests ? look(it, passage, addressed, verdict, why) : JF_OK;
}

static int32_t result(void *filter, const jf_passage *passage, jf_blob *verdict, jf_fault *why) {
    redact *it = filter;
    return it->results ? look(it, passage, NULL, verdict, why) : JF_OK;
}

const fl_kind fl_this = {"filter-redact", "redact", open_filter, close_filter, request, result};
