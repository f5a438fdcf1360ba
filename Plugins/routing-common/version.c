/* SPDX-License-Identifier: Apache-2.0
 * Reading versions (Semantic Versioning 2.0.0) and ranges (the grammar of npm's node-semver, without hyphen
 * ranges). */
#include "version.h"

#define MOST_MAJOR ((1u << 20) - 1)
#define MOST_MINOR ((1u << 21) - 1)
#define MOST_PATCH ((1u << 22) - 1)

/** A version of which the last parts may be missing. */
typedef struct partial {
    uint64_t part[3];
    uint32_t given; /**< 0: "*" */
    bool pre;
} partial;

typedef struct cursor {
    const uint8_t *at, *end;
} cursor;

static bool take(cursor *in, char byte) {
    if (in->at == in->end || *in->at != (uint8_t)byte) return false;
    in->at++;
    return true;
}

static void skip_space(cursor *in) {
    while (in->at < in->end && (*in->at == ' ' || *in->at == ','))
        in->at++;
}

static rt_version pack(uint64_t major, uint64_t minor, uint64_t patch, bool release) {
    if (major > MOST_MAJOR) major = MOST_MAJOR;
    if (minor > MOST_MINOR) minor = MOST_MINOR;
    if (patch > MOST_PATCH) patch = MOST_PATCH;
    return major << 44 | minor << 23 | patch << 1 | (release ? 1 : 0);
}

static bool is_word(uint8_t c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '.' || c == '-';
}

static bool read_partial(cursor *in, partial *out) {
    *out = (partial){0};
    if (!take(in, 'v')) take(in, 'V');
    bool wild = false;
    do {
        if (take(in, '*') || take(in, 'x') || take(in, 'X')) {
            wild = true;
            continue;
        }
        uint64_t number = 0;
        const uint8_t *start = in->at;
        for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++)
            number = number < 100000000 ? number * 10 + (*in->at - '0') : number;
        if (in->at == start || out->given == 3 || wild) return false;
        out->part[out->given++] = number;
    } while (take(in, '.'));
    if (out->given == 3 && take(in, '-')) {
        const uint8_t *start = in->at;
        while (in->at < in->end && is_word(*in->at))
            in->at++;
        if (in->at == start) return false;
        out->pre = true;
    }
    if (take(in, '+')) {
        while (in->at < in->end && is_word(*in->at))
            in->at++;
    }
    return true;
}

rt_version rt_version_read(jf_view text) {
    if (text.ptr == NULL || text.len == 0) return 0;
    cursor in = {text.ptr, text.ptr + text.len};
    partial it;
    if (!read_partial(&in, &it) || in.at != in.end || it.given == 0) return 0;
    rt_version version = pack(it.part[0], it.part[1], it.part[2], !it.pre);
    return version == 0 ? 1 : version;
}

/* The first version behind `it` when its part number `part` counts up: 1.2 gives 1.3. */
static rt_version bump(const partial *it, uint32_t part, bool release) {
    uint64_t next[3] = {0, 0, 0};
    for (uint32_t i = 0; i <= part; i++)
        next[i] = it->part[i] + (i == part ? 1 : 0);
    return pack(next[0], next[1], next[2], release);
}

enum { EQUAL, ABOVE, FROM, BELOW, UPTO, CARET, TILDE };

static int read_operator(cursor *in) {
    int it = EQUAL;
    if (take(in, '>'))
        it = take(in, '=') ? FROM : ABOVE;
    else if (take(in, '<'))
        it = take(in, '=') ? UPTO : BELOW;
    else if (take(in, '^'))
        it = CARET;
    else if (take(in, '~'))
        it = TILDE;
    else
        take(in, '=');
    skip_space(in);
    return it;
}

static void narrow(rt_version low, rt_version high, rt_version *from, rt_version *to) {
    if (low > *from) *from = low;
    if (high < *to) *to = high;
}

static bool read_comparator(cursor *in, rt_version *from, rt_version *to, rt_version named[2]) {
    int operation = read_operator(in);
    partial it;
    if (!read_partial(in, &it)) return false;
    if (it.given == 0) {
        if (operation == ABOVE || operation == BELOW) narrow(1, 1, from, to); /* nothing is beyond all */
        return true;
    }
    uint32_t last = it.given - 1;
    rt_version low = pack(it.part[0], it.part[1], it.part[2], !it.pre);
    rt_version start = pack(it.part[0], it.part[1], it.part[2], false);
    rt_version behind = it.given == 3 ? low + 1 : bump(&it, last, false);
    uint32_t fixed = last > 1 ? 1 : last;
    if (it.pre) named[named[0] == 0 ? 0 : 1] = low;
    switch (operation) {
    case ABOVE:
        narrow(it.given == 3 ? low + 1 : bump(&it, last, true), UINT64_MAX, from, to);
        break;
    case FROM:
        narrow(low, UINT64_MAX, from, to);
        break;
    case BELOW:
        narrow(1, start, from, to);
        break;
    case UPTO:
        narrow(1, behind, from, to);
        break;
    case CARET:
        for (fixed = 0; fixed < last && it.part[fixed] == 0;)
            fixed++;
        narrow(low, bump(&it, fixed, false), from, to);
        break;
    case TILDE:
        narrow(low, bump(&it, fixed, false), from, to);
        break;
    default:
        narrow(low, behind, from, to);
    }
    return true;
}

bool rt_range_read(jf_view text, rt_range *range) {
    *range = (rt_range){0};
    if (text.ptr == NULL) return false;
    cursor in = {text.ptr, text.ptr + text.len};
    do {
        if (range->count == RT_RANGE_PARTS) return false;
        rt_version from = 1, to = UINT64_MAX;
        skip_space(&in);
        if (in.at == in.end || *in.at == '|') return false;
        while (in.at < in.end && *in.at != '|') {
            if (!read_comparator(&in, &from, &to, range->parts[range->count].named)) return false;
            skip_space(&in);
        }
        range->parts[range->count].low = from;
        range->parts[range->count++].high = to;
        if (in.at == in.end) return true;
    } while (take(&in, '|') && take(&in, '|'));
    return false;
}
