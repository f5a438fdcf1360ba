/* SPDX-License-Identifier: Apache-2.0
 * Regular expressions in linear time: the C face of RE2. Nothing here throws across the border. */
#include "pattern.h"

#include <cstdio>
#include <new>
#include <re2/re2.h>

struct fl_pattern {
    RE2 expression;
    int groups;

    explicit fl_pattern(const re2::StringPiece &text, const RE2::Options &options)
        : expression(text, options), groups(expression.NumberOfCapturingGroups()) {}
};

extern "C" fl_pattern *fl_pattern_new(jf_view expression, char *why, uint64_t size) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(8 << 20);
    auto *it = new (std::nothrow)
        fl_pattern({reinterpret_cast<const char *>(expression.ptr), expression.len}, options);
    if (it != nullptr && it->expression.ok()) return it;
    if (why != nullptr && size > 0)
        std::snprintf(why, size, "%s", it != nullptr ? it->expression.error().c_str() : "out of memory");
    delete it;
    return nullptr;
}

extern "C" void fl_pattern_free(fl_pattern *pattern) {
    delete pattern;
}

extern "C" bool fl_pattern_find(const fl_pattern *pattern, jf_view text, uint64_t from, uint64_t *start,
                                uint64_t *end) {
    const re2::StringPiece whole(reinterpret_cast<const char *>(text.ptr), text.len);
    re2::StringPiece found[2];
    int wanted = pattern->groups > 0 ? 2 : 1;
    if (!pattern->expression.Match(whole, from, text.len, RE2::UNANCHORED, found, wanted)) return false;
    const re2::StringPiece &part = wanted == 2 && found[1].data() != nullptr ? found[1] : found[0];
    *start = static_cast<uint64_t>(part.data() - whole.data());
    *end = *start + part.size();
    return true;
}

extern "C" bool fl_pattern_matches(const fl_pattern *pattern, jf_view text) {
    return pattern->expression.Match({reinterpret_cast<const char *>(text.ptr), text.len}, 0, text.len,
                                     RE2::UNANCHORED, nullptr, 0);
}
