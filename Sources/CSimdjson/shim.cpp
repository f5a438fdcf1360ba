// SPDX-License-Identifier: Apache-2.0
// The parser object: simdjson's stage 1 finds the structure and checks UTF-8, the walker checks the grammar.

#include "walker.h"

#include <cstdlib>
#include <memory>
#include <new>
#include <simdjson.h>

using csimdjson::frame;
using csimdjson::walk;

/** Index memory beyond this many bytes of text is given back after `patience` texts that did not need it. */
static constexpr size_t retained_bytes = size_t{1} << 20;
static constexpr uint32_t patience = 64;

struct csimdjson_parser {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> scanner;
    std::unique_ptr<frame[]> stack;
    csimdjson_node *nodes = nullptr;
    size_t node_capacity = 0;
    size_t text_capacity = 0;
    size_t max_bytes = 0;
    uint32_t max_depth = 0;
    uint32_t small_texts = 0;

    ~csimdjson_parser() { std::free(nodes); }
    bool reserve_text(size_t length);
    bool reserve_nodes(size_t count);
    void note_size(size_t length);
};

bool csimdjson_parser::reserve_text(size_t length) {
    if (length <= text_capacity) return true;
    size_t wanted = text_capacity * 2 > length ? text_capacity * 2 : length;
    if (wanted < 4096) wanted = 4096;
    if (wanted > max_bytes && length <= max_bytes) wanted = max_bytes;
    text_capacity = 0;
    if (scanner->set_capacity(wanted) != simdjson::SUCCESS) return false;
    text_capacity = wanted;
    return true;
}

/** The old nodes are dead by contract, so nothing is copied. */
bool csimdjson_parser::reserve_nodes(size_t count) {
    if (count <= node_capacity) return true;
    const size_t wanted = node_capacity * 2 > count ? node_capacity * 2 : count;
    std::free(nodes);
    nodes = static_cast<csimdjson_node *>(std::malloc(wanted * sizeof(csimdjson_node)));
    node_capacity = nodes ? wanted : 0;
    return nodes != nullptr;
}

/** One huge text must not pin its index for the life of the loop. */
void csimdjson_parser::note_size(size_t length) {
    if (length > retained_bytes || (text_capacity <= retained_bytes && node_capacity <= retained_bytes)) {
        small_texts = 0;
    } else if (++small_texts >= patience) {
        small_texts = 0;
        std::free(nodes);
        nodes = nullptr;
        node_capacity = 0;
        text_capacity = 0;
    }
}

/** Offset of the first byte that is not part of well-formed UTF-8 (RFC 3629), or `length`. */
static size_t first_bad_utf8(const uint8_t *p, size_t length) {
    size_t i = 0;
    while (i < length) {
        const uint8_t c = p[i];
        size_t more = 0;
        uint8_t low = 0x80, high = 0xBF;
        if (c < 0x80) {
            ++i;
            continue;
        }
        if (c >= 0xC2 && c <= 0xDF) {
            more = 1;
        } else if (c >= 0xE0 && c <= 0xEF) {
            more = 2;
            if (c == 0xE0) low = 0xA0;
            if (c == 0xED) high = 0x9F;
        } else if (c >= 0xF0 && c <= 0xF4) {
            more = 3;
            if (c == 0xF0) low = 0x90;
            if (c == 0xF4) high = 0x8F;
        } else {
            return i;
        }
        if (i + more >= length) return i;
        for (size_t k = 1; k <= more; ++k) {
            if (p[i + k] < low || p[i + k] > high) return i;
            low = 0x80;
            high = 0xBF;
        }
        i += more + 1;
    }
    return length;
}

/** Finds the first control character in a string, or the string that is never closed, or a backslash outside
 * strings, which hides the quote behind it from stage 1. */
static int32_t explain_string(const uint8_t *p, size_t length, uint32_t &offset) {
    size_t open = length;
    for (size_t i = 0; i < length; ++i) {
        offset = static_cast<uint32_t>(i);
        if (open == length) {
            if (p[i] == '\\') return CSIMDJSON_SYNTAX;
            if (p[i] == '"') open = i;
        } else if (p[i] == '"') {
            open = length;
        } else if (p[i] < 0x20) {
            return CSIMDJSON_STRING;
        } else if (p[i] == '\\') {
            ++i;
        }
    }
    offset = static_cast<uint32_t>(open);
    return CSIMDJSON_STRING;
}

/** Stage 1 says what is wrong but not where; a failed text can afford a second look. */
static int32_t explain(simdjson::error_code error, const uint8_t *text, size_t length, uint32_t &offset) {
    offset = 0;
    switch (error) {
    case simdjson::EMPTY:
        offset = static_cast<uint32_t>(length);
        return CSIMDJSON_EMPTY;
    case simdjson::UTF8_ERROR:
        offset = static_cast<uint32_t>(first_bad_utf8(text, length));
        if (offset < length) return CSIMDJSON_UTF8;
        // The fallback kernel takes the rest of a character whose first byte was "escaped" for a stray one.
        for (offset = 0; offset + 1 < length; ++offset) {
            if (text[offset] == '\\' && text[offset + 1] >= 0x80) break;
        }
        return CSIMDJSON_ESCAPE;
    case simdjson::UNCLOSED_STRING:
    case simdjson::UNESCAPED_CHARS:
        return explain_string(text, length, offset);
    case simdjson::CAPACITY:
        return CSIMDJSON_TOO_LARGE;
    case simdjson::MEMALLOC:
        return CSIMDJSON_MEMORY;
    default:
        return CSIMDJSON_SYNTAX;
    }
}

extern "C" {

csimdjson_parser *csimdjson_parser_create(size_t max_bytes, uint32_t max_depth) noexcept {
    std::unique_ptr<csimdjson_parser> parser(new (std::nothrow) csimdjson_parser());
    if (!parser) return nullptr;
    const size_t ceiling = size_t{UINT32_MAX} - 4096;
    parser->max_bytes = max_bytes < ceiling ? max_bytes : ceiling;
    parser->max_depth = max_depth < 1024 ? max_depth : 1024;
    parser->stack.reset(new (std::nothrow) frame[parser->max_depth + 1]);
    if (!parser->stack) return nullptr;
    const auto error =
        simdjson::get_active_implementation()->create_dom_parser_implementation(64, 1, parser->scanner);
    if (error != simdjson::SUCCESS) return nullptr;
    return parser.release();
}

void csimdjson_parser_destroy(csimdjson_parser *parser) noexcept {
    delete parser;
}

int32_t csimdjson_parser_parse(csimdjson_parser *parser, const uint8_t *text, size_t length,
                               uint32_t record_depth, csimdjson_result *result) noexcept {
    *result = csimdjson_result{nullptr, 0, 0};
    if (length == 0) return CSIMDJSON_EMPTY;
    if (length > parser->max_bytes) {
        result->offset = static_cast<uint32_t>(parser->max_bytes);
        return CSIMDJSON_TOO_LARGE;
    }
    parser->note_size(length);
    if (!parser->reserve_text(length)) return CSIMDJSON_MEMORY;
    auto &scanner = *parser->scanner;
    const auto error = scanner.stage1(text, length, simdjson::stage1_mode::regular);
    if (error != simdjson::SUCCESS) return explain(error, text, length, result->offset);
    // Each value takes at least one structural index, so the walker needs no bounds check for nodes.
    if (!parser->reserve_nodes(size_t{scanner.n_structural_indexes} + 1)) return CSIMDJSON_MEMORY;
    csimdjson::input in{text,
                        static_cast<uint32_t>(length),
                        scanner.structural_indexes.get(),
                        scanner.n_structural_indexes,
                        record_depth,
                        parser->max_depth,
                        parser->nodes,
                        parser->stack.get()};
    const int32_t status = walk(in, *result);
    if (status == CSIMDJSON_OK) result->nodes = parser->nodes;
    return status;
}

} // extern "C"
