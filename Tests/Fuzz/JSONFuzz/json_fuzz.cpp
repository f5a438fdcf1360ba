// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: the shim against the reference reader, with exact padding, at several depths. See
// README.md.

#include "csimdjson.h"
#include "reference.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                             \
            std::abort();                                                                                    \
        }                                                                                                    \
    } while (0)

namespace {

constexpr uint32_t max_depth = 24;

/** A heap copy with exactly the promised padding, so that AddressSanitizer sees every byte too far. */
struct padded {
    std::unique_ptr<uint8_t[]> bytes;
    padded(const uint8_t *data, size_t size, const char *padding)
        : bytes(new uint8_t[size + CSIMDJSON_PADDING]) {
        if (size) std::memcpy(bytes.get(), data, size);
        const size_t period = std::strlen(padding);
        for (size_t i = 0; i < CSIMDJSON_PADDING; ++i)
            bytes[size + i] = period ? static_cast<uint8_t>(padding[i % period]) : uint8_t{0};
    }
};

void check_string(const uint8_t *raw, size_t length, bool escaped) {
    REQUIRE((std::memchr(raw, '\\', length) != nullptr) == escaped);
    // Exact copies: neither side may touch a byte more.
    std::unique_ptr<uint8_t[]> in(new uint8_t[length]), out(new uint8_t[length]);
    if (length) std::memcpy(in.get(), raw, length);
    const ptrdiff_t written = csimdjson_unescape(in.get(), length, out.get());
    REQUIRE(written >= 0 && static_cast<size_t>(written) <= length);
    REQUIRE(csimdjson_is_utf8(out.get(), static_cast<size_t>(written)) == 1);
    REQUIRE(escaped ||
            (static_cast<size_t>(written) == length && csimdjson_plain_prefix(in.get(), length) == length));
}

void check_number(const uint8_t *raw, size_t length, bool integer) {
    const std::string text(reinterpret_cast<const char *>(raw), length);
    REQUIRE(integer == (text.find_first_of(".eE") == std::string::npos));
    std::unique_ptr<uint8_t[]> in(new uint8_t[length]);
    std::memcpy(in.get(), raw, length);
    double value = 0;
    const bool finite = csimdjson_double(in.get(), length, &value) == 1;
    const double expected = std::strtod(text.c_str(), nullptr);
    REQUIRE(finite == static_cast<bool>(std::isfinite(expected)));
    // Below the smallest normal double the two libraries may round to zero differently.
    REQUIRE(!finite || value == expected || std::fabs(expected) < 2.3e-308);
}

void check_nodes(const uint8_t *text, const csimdjson_result &result,
                 const std::vector<reference_value> &values, uint32_t record_depth) {
    uint32_t at = 0;
    for (const reference_value &value : values) {
        if (value.depth > record_depth) continue;
        REQUIRE(at < result.count);
        const csimdjson_node &node = result.nodes[at++];
        REQUIRE(node.start == value.start && node.end == value.end && node.count == value.count);
        REQUIRE(node.depth == value.depth && node.key == value.key && node.key_end == value.key_end);
        REQUIRE(node.next >= at && node.next <= result.count);
        REQUIRE(node.next == result.count || result.nodes[node.next].depth <= node.depth);
        REQUIRE(node.next == at || result.nodes[at].depth == node.depth + 1);
        if (node.key != 0)
            check_string(text + node.key, node.key_end - node.key, node.flags & CSIMDJSON_KEY_ESCAPED);
        switch (value.first) {
        case '{':
            REQUIRE(node.kind == CSIMDJSON_OBJECT);
            break;
        case '[':
            REQUIRE(node.kind == CSIMDJSON_ARRAY);
            break;
        case '"':
            REQUIRE(node.kind == CSIMDJSON_STR);
            check_string(text + node.start + 1, node.end - node.start - 2, node.flags & CSIMDJSON_ESCAPED);
            break;
        case 't':
            REQUIRE(node.kind == CSIMDJSON_BOOL && (node.flags & CSIMDJSON_TRUE));
            break;
        case 'f':
            REQUIRE(node.kind == CSIMDJSON_BOOL && !(node.flags & CSIMDJSON_TRUE));
            break;
        case 'n':
            REQUIRE(node.kind == CSIMDJSON_NULL);
            break;
        default:
            REQUIRE(node.kind == CSIMDJSON_NUM);
            check_number(text + node.start, node.end - node.start, node.flags & CSIMDJSON_INTEGER);
        }
        if (node.kind >= CSIMDJSON_ARRAY)
            REQUIRE(((node.flags & CSIMDJSON_UNRECORDED) != 0) == (node.depth == record_depth));
    }
    REQUIRE(at == result.count);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static csimdjson_parser *const parser = csimdjson_parser_create(1 << 20, max_depth);
    reference_reader reference({reinterpret_cast<const char *>(data), size}, max_depth);
    const bool good = reference.accepts();
    int32_t first_status = -1;
    // Padding that would continue a number, a string, a literal or the structure.
    const char *const paddings[] = {"", "0123", "\"]}", "ue,null", "\\\"", "\xC3"};
    const uint32_t depths[] = {0, 1, 2, 3, 4, 255};
    for (int round = 0; round < 6; ++round) {
        const padded copy(data, size, paddings[round]);
        csimdjson_result result;
        const int32_t status = csimdjson_parser_parse(parser, copy.bytes.get(), size, depths[round], &result);
        REQUIRE((status == CSIMDJSON_OK) == good);
        REQUIRE(result.offset <= size);
        if (first_status < 0) first_status = status;
        REQUIRE(status == first_status);
        if (good) check_nodes(copy.bytes.get(), result, reference.values, depths[round]);
    }
    // Anything may be offered for unescaping.
    std::unique_ptr<uint8_t[]> in(new uint8_t[size]), out(new uint8_t[size]);
    if (size) std::memcpy(in.get(), data, size);
    (void)csimdjson_unescape(in.get(), size, out.get());
    REQUIRE(csimdjson_plain_prefix(in.get(), size) <= size);
    return 0;
}
