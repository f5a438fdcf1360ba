// SPDX-License-Identifier: Apache-2.0
// Grammar check and node recording over structural indexes (RFC 8259).
//
// What stage 1 promises: an index for each of {}[]:, outside strings, for each opening quote and for the
// first byte of any other run; strings are closed and free of control characters; all of the text is UTF-8.
// So between the end of a token and the next index there is white space only, provided that the token itself
// ends where white space or the next index begins, which is what `ends_token` checks.

#include "walker.h"

#include "bytes.h"

namespace csimdjson {
namespace {

struct walker {
    const uint8_t *const text;
    const uint32_t length;
    uint32_t next_backslash; // first backslash at or behind the last position searched from; length: none
    uint32_t fault = 0;

    walker(const uint8_t *t, uint32_t n) : text(t), length(n), next_backslash(find_backslash(0)) {}

    uint32_t find_backslash(uint32_t from) const {
        if (from >= length) return length;
        const void *hit = std::memchr(text + from, '\\', length - from);
        return hit ? static_cast<uint32_t>(static_cast<const uint8_t *>(hit) - text) : length;
    }

    bool ends_token(uint32_t at, uint32_t limit) const { return at == limit || is_space(text[at]); }

    /** Checks the escapes in [from, close), the first of which is at `from`. */
    bool check_escapes(uint32_t from, uint32_t close) {
        uint32_t skip = from;
        for (uint32_t block = from; block < close; block += 64) {
            uint64_t mask = block_equal(text + block, '\\');
            if (close - block < 64) mask &= (uint64_t{1} << (close - block)) - 1;
            while (mask) {
                const uint32_t at = block + static_cast<uint32_t>(__builtin_ctzll(mask));
                mask &= mask - 1;
                if (at < skip) continue; // the second half of `\\`
                const uint8_t meaning = escape.value[text[at + 1]];
                // A closing quote is no hexadecimal digit, so hex4 cannot succeed across it.
                if (meaning == 0 || (meaning == 1 && hex4(text + at + 2) < 0)) {
                    fault = at;
                    return false;
                }
                skip = at + 2;
            }
        }
        return true;
    }

    /** `open` is at the opening quote, `limit` at the next index. Finds the closing quote, checks escapes. */
    int32_t string(uint32_t open, uint32_t limit, uint32_t &close, bool &escaped) {
        close = limit - 1;
        while (text[close] != '"' && close > open)
            --close;
        if (close == open) {
            fault = open;
            return CSIMDJSON_STRING;
        }
        escaped = false;
        if (__builtin_expect(next_backslash < close, 0)) {
            if (next_backslash < open) next_backslash = find_backslash(open);
            if (next_backslash < close) {
                escaped = true;
                if (!check_escapes(next_backslash, close)) return CSIMDJSON_ESCAPE;
                next_backslash = after_string(close + 1);
            }
        }
        return CSIMDJSON_OK;
    }

    /** Where strings with escapes are neighbours, the next backslash is near: look there without a call. */
    uint32_t after_string(uint32_t from) const {
        if (length - from < 64) return find_backslash(from);
        const uint64_t mask = block_equal(text + from, '\\');
        if (mask) return from + static_cast<uint32_t>(__builtin_ctzll(mask));
        return find_backslash(from + 64);
    }

    /** RFC 8259 section 6. */
    bool number(uint32_t start, uint32_t limit, uint32_t &end, bool &integer) {
        const uint8_t *p = text + start;
        const uint8_t *const stop = text + limit;
        integer = true;
        if (*p == '-') ++p;
        if (p < stop && *p == '0') {
            ++p;
        } else if (!digits(p, stop)) {
            return bad_number(p);
        }
        if (p < stop && *p == '.') {
            integer = false;
            ++p;
            if (!digits(p, stop)) return bad_number(p);
        }
        if (p < stop && (*p | 0x20) == 'e') {
            integer = false;
            ++p;
            if (p < stop && (*p == '+' || *p == '-')) ++p;
            if (!digits(p, stop)) return bad_number(p);
        }
        end = static_cast<uint32_t>(p - text);
        return ends_token(end, limit) || bad_number(p);
    }

    static bool digits(const uint8_t *&p, const uint8_t *stop) {
        const uint8_t *const first = p;
        while (p < stop && is_digit(*p))
            ++p;
        return p != first;
    }

    bool bad_number(const uint8_t *p) {
        fault = static_cast<uint32_t>(p - text);
        return false;
    }

    bool literal(uint32_t start, uint32_t limit, const char *word, uint32_t size) {
        fault = start;
        return limit - start >= size && std::memcmp(text + start, word, size) == 0 &&
               ends_token(start + size, limit);
    }
};

} // namespace

int32_t walk(const input &in, csimdjson_result &result) noexcept {
    const uint8_t *const text = in.text;
    const uint32_t *token = in.index;
    const uint32_t *const last = in.index + in.count;
    const uint32_t record = in.record_depth;
    csimdjson_node *const nodes = in.nodes;
    frame *const stack = in.stack;
    walker w(text, in.length);

    uint32_t recorded = 0; // nodes so far
    uint32_t depth = 0;    // open containers = depth of the value at hand
    uint32_t count = 0;    // members or elements so far in the innermost container
    uint32_t key = 0, key_end = 0;
    uint32_t at = 0, limit = 0;
    uint8_t key_flag = 0;
    int32_t status = CSIMDJSON_OK;

    const auto add = [&](uint32_t start, uint32_t end, uint8_t kind, unsigned flags) {
        if (depth > record) return;
        csimdjson_node &node = nodes[recorded++];
        node.start = start;
        node.end = end;
        node.next = recorded;
        node.count = 0;
        node.key = key;
        node.key_end = key_end;
        node.kind = kind;
        node.flags = static_cast<uint8_t>(flags | key_flag);
        node.depth = static_cast<uint16_t>(depth);
    };

value:
    if (token == last) goto truncated;
    at = *token++;
    limit = *token;
    if (text[at] == '"') {
        uint32_t close = 0;
        bool escaped = false;
        status = w.string(at, limit, close, escaped);
        if (status != CSIMDJSON_OK) goto fault;
        add(at, close + 1, CSIMDJSON_STR, escaped ? CSIMDJSON_ESCAPED : 0u);
        goto after_value;
    }
    switch (text[at]) {
    case '{':
    case '[': {
        if (depth >= in.max_depth) {
            status = CSIMDJSON_DEPTH;
            goto here;
        }
        const bool object = text[at] == '{';
        frame &open = stack[depth];
        open.node = depth <= record ? recorded : no_node;
        open.count = count;
        open.object = object;
        add(at, at, object ? CSIMDJSON_OBJECT : CSIMDJSON_ARRAY, depth >= record ? CSIMDJSON_UNRECORDED : 0u);
        ++depth;
        count = 0;
        if (token == last) goto truncated;
        if (object) {
            if (text[*token] != '}') goto member;
        } else {
            key = key_end = 0;
            key_flag = 0;
            if (text[*token] != ']') {
                count = 1;
                goto value;
            }
        }
        at = *token++;
        goto close;
    }
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': {
        uint32_t end = 0;
        bool integer = false;
        status = CSIMDJSON_NUMBER;
        if (!w.number(at, limit, end, integer)) goto fault;
        add(at, end, CSIMDJSON_NUM, integer ? CSIMDJSON_INTEGER : 0u);
        goto after_value;
    }
    case 't':
        status = CSIMDJSON_LITERAL;
        if (!w.literal(at, limit, "true", 4)) goto fault;
        add(at, at + 4, CSIMDJSON_BOOL, CSIMDJSON_TRUE);
        goto after_value;
    case 'f':
        status = CSIMDJSON_LITERAL;
        if (!w.literal(at, limit, "false", 5)) goto fault;
        add(at, at + 5, CSIMDJSON_BOOL, 0);
        goto after_value;
    case 'n':
        status = CSIMDJSON_LITERAL;
        if (!w.literal(at, limit, "null", 4)) goto fault;
        add(at, at + 4, CSIMDJSON_NULL, 0);
        goto after_value;
    default:
        goto syntax;
    }

member : {
    if (token == last) goto truncated;
    at = *token++;
    if (text[at] != '"') goto syntax;
    bool escaped = false;
    status = w.string(at, *token, key_end, escaped);
    if (status != CSIMDJSON_OK) goto fault;
    key = at + 1;
    key_flag = escaped ? CSIMDJSON_KEY_ESCAPED : 0;
    ++count;
    if (token == last) goto truncated;
    at = *token++;
    if (text[at] != ':') goto syntax;
    goto value;
}

close : {
    // `at` is at the closing bracket of the innermost container.
    const frame &open = stack[--depth];
    if (open.node != no_node) {
        csimdjson_node &node = nodes[open.node];
        node.end = at + 1;
        node.next = recorded;
        node.count = count;
    }
    count = open.count;
}

after_value:
    if (depth == 0) goto finished;
    if (token == last) goto truncated;
    at = *token++;
    if (stack[depth - 1].object) {
        if (text[at] == ',') goto member;
        if (text[at] == '}') goto close;
    } else {
        if (text[at] == ',') {
            ++count;
            key = key_end = 0;
            key_flag = 0;
            goto value;
        }
        if (text[at] == ']') goto close;
    }

syntax:
    status = CSIMDJSON_SYNTAX;
here:
    result.offset = at;
    return status;
fault:
    result.offset = w.fault;
    return status;
truncated:
    result.offset = in.length;
    return CSIMDJSON_TRUNCATED;
finished:
    if (token != last) {
        result.offset = *token;
        return CSIMDJSON_TRAILING;
    }
    result.count = recorded;
    return CSIMDJSON_OK;
}

} // namespace csimdjson
