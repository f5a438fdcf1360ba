// SPDX-License-Identifier: Apache-2.0
// Microbenchmark: the shim's full validation and index against simdjson on-demand and DOM. Build: see
// README.md.

#include "csimdjson.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <simdjson.h>
#include <string>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

/** Best of nine rounds, nanoseconds per run. */
double best_of(const std::function<void()> &run, size_t bytes) {
    const size_t repeat = 1 + 20'000'000 / (bytes + 500);
    double best = 1e18;
    for (int round = 0; round < 9; ++round) {
        const auto start = clock_type::now();
        for (size_t i = 0; i < repeat; ++i)
            run();
        const std::chrono::duration<double, std::nano> spent = clock_type::now() - start;
        const double each = spent.count() / static_cast<double>(repeat);
        if (each < best) best = each;
    }
    return best;
}

std::string request() {
    std::string text = R"({"jsonrpc":"2.0","id":42,"method":"tools/call","params":{"name":"search_tickets",)"
                       R"("arguments":{"query":"printer on fire","status":["open","pending"],"limit":25,)"
                       R"("include":{"comments":true,"history":false}},"_meta":{"progressToken":"p-17",)"
                       R"("io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1.4.2"},"note":")";
    while (text.size() < 364 - 4)
        text += 'x';
    return text + "\"}}}";
}

std::string long_string(size_t size) {
    std::string text = R"({"jsonrpc":"2.0","id":42,"result":{"content":[{"type":"text","text":")";
    while (text.size() < size - 5)
        text += "The quick brown fox jumps over the lazy dog. ";
    return text + "\"}]}}";
}

std::string escaped_string(size_t size, const char *piece) {
    std::string text = R"({"text":")";
    while (text.size() < size)
        text += piece;
    return text + "\"}";
}

std::string objects(size_t size) {
    std::string text = "[";
    for (int i = 0; text.size() < size; ++i) {
        text += (i ? "," : "") + (R"({"id":)" + std::to_string(i)) +
                R"(,"name":"item","price":12.5,"ok":true,"tags":["a","b"],"at":{"x":1,"y":-2}})";
    }
    return text + "]";
}

size_t tokens_in(const std::string &text) {
    const auto &active = simdjson::get_active_implementation();
    std::unique_ptr<simdjson::internal::dom_parser_implementation> scanner;
    if (active->create_dom_parser_implementation(text.size(), 1, scanner)) return 0;
    const auto *bytes = reinterpret_cast<const uint8_t *>(text.data());
    if (scanner->stage1(bytes, text.size(), simdjson::stage1_mode::regular)) return 0;
    return scanner->n_structural_indexes;
}

void measure(const char *name, const std::string &plain, uint32_t record_depth) {
    std::string text = plain;
    text.reserve(plain.size() + 64);
    const auto *bytes = reinterpret_cast<const uint8_t *>(text.data());
    csimdjson_parser *parser = csimdjson_parser_create(size_t{64} << 20, 128);
    csimdjson_result result;
    const double ours = best_of(
        [&] {
            if (csimdjson_parser_parse(parser, bytes, text.size(), record_depth, &result)) std::abort();
        },
        text.size());

    std::unique_ptr<simdjson::internal::dom_parser_implementation> scanner;
    if (simdjson::get_active_implementation()->create_dom_parser_implementation(text.size(), 1, scanner))
        std::abort();
    const double stage1 = best_of(
        [&] {
            if (scanner->stage1(bytes, text.size(), simdjson::stage1_mode::regular)) std::abort();
        },
        text.size());

    simdjson::ondemand::parser lazy;
    const double ondemand = best_of(
        [&] {
            // Looks at each top-level member, skips their values: the least an envelope scan needs.
            auto document = lazy.iterate(bytes, text.size(), text.capacity());
            if (simdjson::ondemand::object object; !document.get_object().get(object)) {
                for (auto field : object) {
                    simdjson::ondemand::raw_json_string key;
                    if (field.key().get(key)) std::abort();
                }
            } else if (simdjson::ondemand::array array; !document.get_array().get(array)) {
                for (auto element : array) {
                    if (element.error()) std::abort();
                }
            }
        },
        text.size());

    simdjson::dom::parser eager;
    const double dom = best_of(
        [&] {
            if (eager.parse(text.data(), text.size(), false).error()) std::abort();
        },
        text.size());
    const auto tokens = static_cast<double>(tokens_in(text));
    std::printf(
        "%-34s %9zu B %8.0f tokens | shim %11.1f ns (%5.2f ns/token) | stage 1 %11.1f | on-demand %11.1f | "
        "DOM %11.1f | %u nodes\n",
        name, text.size(), tokens, ours, ours / tokens, stage1, ondemand, dom, result.count);
    csimdjson_parser_destroy(parser);
}

} // namespace

int main() {
    std::printf("kernel %s\n", csimdjson_kernel());
    measure("request, depth 4", request(), 4);
    measure("request, depth 1", request(), 1);
    measure("one long string, depth 4", long_string(100'000), 4);
    measure("2 MB of small objects, depth 255", objects(2'000'000), 255);
    measure("2 MB of small objects, depth 4", objects(2'000'000), 4);
    measure("2 MB of small objects, depth 1", objects(2'000'000), 1);
    measure("100 KB of \\n", escaped_string(100'000, "\\n"), 4);
    measure("100 KB of \\u00e9", escaped_string(100'000, "\\u00e9"), 4);
    measure("100 KB, a \\\" each 9 bytes", escaped_string(100'000, "seven b\\\""), 4);
    return 0;
}
