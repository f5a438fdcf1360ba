// SPDX-License-Identifier: Apache-2.0
// C++ SDK: the grammar of JSON over a text with bounds: skipping, checking, decoding, numbers.
#ifndef JACKFIELD_JSON_SCAN_HPP
#define JACKFIELD_JSON_SCAN_HPP

#include <jackfield/core.hpp>

#include <charconv>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace jackfield {
namespace json {
namespace scan {

/** No position: the text is broken or over. */
constexpr size_t none = static_cast<size_t>(-1);
constexpr unsigned deepest = 128;

inline size_t space(std::string_view text, size_t at) noexcept {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t'))
        at++;
    return at;
}

inline bool digit(std::string_view text, size_t at) noexcept {
    return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

/** The end of the number at `at`. */
inline size_t number(std::string_view text, size_t at) noexcept {
    if (at < text.size() && text[at] == '-') at++;
    if (!digit(text, at)) return none;
    if (text[at] == '0')
        at++;
    else
        while (digit(text, at))
            at++;
    if (at < text.size() && text[at] == '.') {
        if (!digit(text, ++at)) return none;
        while (digit(text, at))
            at++;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) at++;
        if (!digit(text, at)) return none;
        while (digit(text, at))
            at++;
    }
    return at;
}

/** The end of the string at `at`, which stands on its opening quote. Contents are not checked. */
inline size_t string(std::string_view text, size_t at) noexcept {
    for (at++; at < text.size(); at++) {
        if (text[at] == '"') return at + 1;
        if (text[at] == '\\') at++;
    }
    return none;
}

inline size_t word(std::string_view text, size_t at) noexcept {
    for (std::string_view one :
         {std::string_view("true"), std::string_view("false"), std::string_view("null")})
        if (text.substr(at, one.size()) == one) return at + one.size();
    return none;
}

/** The end of the value at `at`, brackets counted but nothing checked: for texts that were checked before. */
inline size_t skip(std::string_view text, size_t at) noexcept {
    if (at >= text.size()) return none;
    if (text[at] == '"') return string(text, at);
    if (text[at] != '{' && text[at] != '[')
        return text[at] == '-' || digit(text, at) ? number(text, at) : word(text, at);
    for (size_t depth = 0; at < text.size(); at++) {
        switch (text[at]) {
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            if (--depth == 0) return at + 1;
            break;
        case '"':
            at = string(text, at);
            if (at == none) return none;
            at--;
            break;
        default:
            break;
        }
    }
    return none;
}

/** How many bytes the UTF-8 character at `at` has; 0: it is none (overlong, surrogate, cut, beyond U+10FFFF).
 */
inline size_t character(std::string_view text, size_t at) noexcept {
    auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    auto tail = [&](size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
    unsigned first = byte(at), second = byte(at + 1);
    if (first < 0x80) return at < text.size() ? 1 : 0;
    if (first >= 0xC2 && first <= 0xDF) return tail(at + 1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
        return tail(at + 1) && tail(at + 2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
        return tail(at + 1) && tail(at + 2) && tail(at + 3) ? 4 : 0;
    }
    return 0;
}

inline std::optional<uint32_t> hex4(std::string_view text, size_t at) noexcept {
    uint32_t value = 0;
    if (text.size() < 4 || at > text.size() - 4) return std::nullopt;
    for (size_t i = at; i < at + 4; i++) {
        char c = text[i];
        uint32_t nibble = c >= '0' && c <= '9'   ? static_cast<uint32_t>(c - '0')
                          : c >= 'a' && c <= 'f' ? static_cast<uint32_t>(c - 'a' + 10)
                          : c >= 'A' && c <= 'F' ? static_cast<uint32_t>(c - 'A' + 10)
                                                 : 16;
        if (nibble > 15) return std::nullopt;
        value = value << 4 | nibble;
    }
    return value;
}

/** The end of the string at `at`, checked byte for byte. */
inline size_t check_string(std::string_view text, size_t at) noexcept {
    for (at++; at < text.size();) {
        unsigned char c = static_cast<unsigned char>(text[at]);
        if (c == '"') return at + 1;
        if (c < 0x20) return none;
        if (c == '\\') {
            char next = at + 1 < text.size() ? text[at + 1] : '\0';
            if (next == 'u') {
                if (!hex4(text, at + 2)) return none;
                at += 6;
            } else {
                if (next == '\0' || std::strchr("\"\\/bfnrt", next) == nullptr) return none;
                at += 2;
            }
            continue;
        }
        size_t length = character(text, at);
        if (length == 0) return none;
        at += length;
    }
    return none;
}

/** The end of the value at `at` by the letter of RFC 8259; none: it is not JSON. */
inline size_t check(std::string_view text, size_t at, unsigned depth) noexcept {
    if (at >= text.size()) return none;
    char open = text[at];
    if (open == '"') return check_string(text, at);
    if (open == '-' || digit(text, at)) return number(text, at);
    if (open != '{' && open != '[') return word(text, at);
    if (depth == deepest) return none;
    char close = open == '{' ? '}' : ']';
    at = space(text, at + 1);
    if (at < text.size() && text[at] == close) return at + 1;
    while (at < text.size()) {
        if (open == '{') {
            at = text[at] == '"' ? check_string(text, at) : none;
            if (at == none) return none;
            at = space(text, at);
            if (at >= text.size() || text[at] != ':') return none;
            at = space(text, at + 1);
        }
        at = check(text, at, depth + 1);
        if (at == none) return none;
        at = space(text, at);
        if (at >= text.size()) return none;
        if (text[at] == close) return at + 1;
        if (text[at] != ',') return none;
        at = space(text, at + 1);
    }
    return none;
}

inline void append(std::string &out, uint32_t point) {
    auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
    if (point < 0x80) return put(point);
    if (point < 0x800) {
        put(0xC0 | point >> 6);
    } else if (point < 0x10000) {
        put(0xE0 | point >> 12);
        put(0x80 | (point >> 6 & 0x3F));
    } else {
        put(0xF0 | point >> 18);
        put(0x80 | (point >> 12 & 0x3F));
        put(0x80 | (point >> 6 & 0x3F));
    }
    put(0x80 | (point & 0x3F));
}

/** The text that a string's inside stands for. */
inline std::string decode(std::string_view raw) {
    std::string out;
    out.reserve(raw.size());
    for (size_t at = 0; at < raw.size();) {
        size_t plain = std::min(raw.find('\\', at), raw.size());
        out.append(raw.substr(at, plain - at));
        at = plain;
        if (at + 1 >= raw.size()) break;
        char c = raw[at + 1];
        at += 2;
        if (c != 'u') {
            out.push_back(c == 'b'   ? '\b'
                          : c == 'f' ? '\f'
                          : c == 'n' ? '\n'
                          : c == 'r' ? '\r'
                          : c == 't' ? '\t'
                                     : c);
            continue;
        }
        uint32_t point = hex4(raw, at).value_or(0xFFFD);
        at = std::min(at + 4, raw.size());
        if (point >= 0xD800 && point < 0xDC00 && raw.substr(at, 2) == "\\u") {
            uint32_t low = hex4(raw, at + 2).value_or(0);
            if (low >= 0xDC00 && low < 0xE000) {
                point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
                at += 6;
            }
        }
        append(out, point >= 0xD800 && point < 0xE000 ? 0xFFFD : point);
    }
    return out;
}

/** A number's value, whatever the locale says. Nothing: it is beyond what a double holds. */
inline std::optional<double> real(std::string_view raw) noexcept {
#if defined(__cpp_lib_to_chars) && !defined(JACKFIELD_WITHOUT_FLOAT_CHARS)
    double value = 0;
    auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
    if (error == std::errc::result_out_of_range) { /* too large, or so small that it is zero */
        size_t e = raw.find_first_of("eE"), first = raw.front() == '-' ? 1 : 0;
        bool small = e != std::string_view::npos ? raw[e + 1] == '-' : raw[first] == '0';
        return small ? std::optional<double>(0.0) : std::nullopt;
    }
    return error == std::errc() ? std::optional<double>(value) : std::nullopt;
#else
    char copy[400]; /* libraries without floating-point from_chars: strtod, which wants the locale's decimal
                       point */
    if (raw.size() >= sizeof copy) return std::nullopt;
    std::memcpy(copy, raw.data(), raw.size());
    copy[raw.size()] = '\0';
    if (char *point = std::strchr(copy, '.')) *point = std::localeconv()->decimal_point[0];
    double value = std::strtod(copy, nullptr);
    return value - value == 0 ? std::optional<double>(value) : std::nullopt;
#endif
}

/** The shortest spelling of a finite number that reads back equal. */
inline std::string spell(double value) {
    char buffer[64];
#if defined(__cpp_lib_to_chars) && !defined(JACKFIELD_WITHOUT_FLOAT_CHARS)
    auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
    return std::string(buffer, error == std::errc() ? end : buffer);
#else
    for (int digits = 15; digits <= 17; digits++) {
        std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
        if (digits == 17 || std::strtod(buffer, nullptr) == value) break;
    }
    if (char *point = std::strchr(buffer, std::localeconv()->decimal_point[0])) *point = '.';
    return buffer;
#endif
}

} // namespace scan
} // namespace json
} // namespace jackfield

#endif
