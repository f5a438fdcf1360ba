/* SPDX-License-Identifier: Apache-2.0
 * Which endpoints are meant: reading a selector, and matching it. */
#include "selector.h"

bool rt_same(jf_view left, jf_view right) {
    return left.len == right.len && (left.len == 0 || memcmp(left.ptr, right.ptr, left.len) == 0);
}

bool rt_glob(jf_view pattern, jf_view text) {
    uint64_t p = 0, t = 0, star = UINT64_MAX, from = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star != UINT64_MAX) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

jf_view *rt_option_texts(rt_options *options, jf_view in, const char *pointer, uint32_t most,
                         uint32_t *count) {
    uint32_t kind, number = 0;
    uint64_t cursor = 0;
    jf_view list = rt_option(options, in, pointer, &kind), value;
    *count = 0;
    if (kind == 0) return NULL;
    if (kind != JF_JSON_ARRAY || rt_option_count(options, list) > most) {
        rt_option_wrong(options, "%s must be a list of at most %u strings", pointer + 1, most);
        return NULL;
    }
    jf_view *texts = rt_keep(options->server, most * sizeof *texts);
    if (texts == NULL) {
        options->status = rt_refuse(options->server->host, options->why, JF_E_BUSY, "out of memory");
        return NULL;
    }
    while (number < most && rt_option_next(options, list, &cursor, NULL, &value, &kind))
        texts[number++] = rt_option_decode(options, value, pointer + 1);
    *count = number;
    return texts;
}

static jf_view quoted(rt_options *options, jf_view key) {
    /* a member's name comes raw, without its quotes, which stand around it in the document */
    return rt_option_decode(options, (jf_view){key.ptr - 1, key.len + 2}, "a label's name");
}

void rt_option_selector(rt_options *options, jf_view in, rt_selector *out) {
    *out = (rt_selector){0};
    jf_view range = rt_option_text(options, in, "/version");
    if (range.ptr != NULL && !rt_range_read(range, &out->range))
        rt_option_wrong(options, "version: '%.*s' is no range; write for instance '>=1.2 <2'",
                        (int)(range.len < 40 ? range.len : 40), (const char *)range.ptr);
    out->names = rt_option_texts(options, in, "/endpoints", 64, &out->name_count);
    uint32_t tags, kind, most = 16;
    jf_view *tag = rt_option_texts(options, in, "/tags", most, &tags);
    jf_view labels = rt_option(options, in, "/labels", &kind), key, value;
    if (kind != 0 && (kind != JF_JSON_OBJECT || rt_option_count(options, labels) > most))
        rt_option_wrong(options, "labels must be a mapping of at most %u names to strings", most);
    if (options->status != JF_OK || (tags == 0 && kind == 0)) return;
    out->labels = rt_keep(options->server, 2 * most * sizeof *out->labels);
    if (out->labels == NULL) {
        options->status = rt_refuse(options->server->host, options->why, JF_E_BUSY, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < tags; i++)
        out->labels[out->label_count++] = (jf_pair){tag[i], {(const uint8_t *)"", 0}};
    uint64_t cursor = 0;
    while (out->label_count < 2 * most && rt_option_next(options, labels, &cursor, &key, &value, &kind))
        out->labels[out->label_count++] =
            (jf_pair){quoted(options, key), rt_option_decode(options, value, "a label")};
}

static bool has_label(const jf_endpoint *endpoint, const jf_pair *wanted) {
    for (uint64_t i = 0; i < endpoint->label_count; i++) {
        const jf_pair *label = &endpoint->labels[i];
        if (!rt_same(label->name, wanted->name)) continue;
        if (rt_same(label->value, wanted->value) || (wanted->value.len == 1 && wanted->value.ptr[0] == '*'))
            return true;
    }
    return false;
}

bool rt_selects(const rt_selector *selector, const jf_endpoint *endpoint, bool extended) {
    if (selector->range.count > 0 && (!RT_TOLD(extended, endpoint, version) ||
                                      !rt_range_has(&selector->range, rt_version_read(endpoint->version))))
        return false;
    if (selector->label_count > 0 && !RT_TOLD(extended, endpoint, label_count)) return false;
    for (uint32_t i = 0; i < selector->label_count; i++) {
        if (!has_label(endpoint, &selector->labels[i])) return false;
    }
    bool named = selector->name_count == 0;
    for (uint32_t i = 0; i < selector->name_count && !named; i++)
        named = rt_glob(selector->names[i], endpoint->name);
    return named;
}
