/* SPDX-License-Identifier: Apache-2.0
 * A slow, bytewise RFC 8259 reader that shares no code with the shim: what the fuzzer compares it with. */
#ifndef JSON_FUZZ_REFERENCE_H
#define JSON_FUZZ_REFERENCE_H

#include <cstdint>
#include <string_view>
#include <vector>

/** What a value looks like to the reference: enough to check a node. */
struct reference_value {
    size_t start, end, count, depth, key, key_end;
    char first;
};

/** Recursive descent over `text`; `values` lists every value in document order. */
class reference_reader {
  public:
    reference_reader(std::string_view text, size_t max_depth) : t(text), limit(max_depth) {}

    bool accepts() {
        if (!utf8()) return false;
        space();
        if (!value(0, 0, 0)) return false;
        space();
        return i == t.size();
    }

    std::vector<reference_value> values;

  private:
    std::string_view t;
    size_t limit;
    size_t i = 0;

    int peek() const { return i < t.size() ? static_cast<unsigned char>(t[i]) : -1; }
    bool take(int c) {
        if (peek() != c) return false;
        ++i;
        return true;
    }
    void space() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')
            ++i;
    }
    bool word(std::string_view w) {
        if (t.substr(i, w.size()) != w) return false;
        i += w.size();
        return true;
    }
    bool digits() {
        const size_t first = i;
        while (peek() >= '0' && peek() <= '9')
            ++i;
        return i > first;
    }
    bool number() {
        take('-');
        if (!take('0') && !digits()) return false;
        if (take('.') && !digits()) return false;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            return digits();
        }
        return true;
    }
    bool string() {
        if (!take('"')) return false;
        while (peek() >= 0x20) {
            if (take('"')) return true;
            if (!take('\\')) {
                ++i;
                continue;
            }
            const int c = peek();
            if (c < 0 || std::string_view("\"\\/bfnrtu").find(static_cast<char>(c)) == std::string_view::npos)
                return false;
            ++i;
            for (int k = 0; c == 'u' && k < 4; ++k, ++i) {
                const int h = peek();
                if (!((h >= '0' && h <= '9') || (h >= 'a' && h <= 'f') || (h >= 'A' && h <= 'F')))
                    return false;
            }
        }
        return false;
    }
    bool value(size_t depth, size_t key, size_t key_end) {
        const size_t self = values.size();
        const char first = peek() < 0 ? '\0' : t[i];
        values.push_back({i, 0, 0, depth, key, key_end, first});
        bool good = false;
        if (first == '{' || first == '[') {
            good = depth < limit && container(self, depth, first == '{');
        } else if (first == '"') {
            good = string();
        } else if (first == 't' || first == 'f' || first == 'n') {
            good = word("true") || word("false") || word("null");
        } else {
            good = number();
        }
        values[self].end = i;
        return good;
    }
    bool container(size_t self, size_t depth, bool object) {
        const char close = object ? '}' : ']';
        ++i;
        space();
        if (take(close)) return true;
        do {
            size_t key = 0, key_end = 0;
            space();
            if (object) {
                key = i + 1;
                if (!string()) return false;
                key_end = i - 1;
                space();
                if (!take(':')) return false;
                space();
            }
            ++values[self].count;
            if (!value(depth + 1, key, key_end)) return false;
            space();
        } while (take(','));
        return take(close);
    }
    bool tail(size_t at, int low = 0x80, int high = 0xBF) const {
        if (at >= t.size()) return false;
        const int c = static_cast<unsigned char>(t[at]);
        return c >= low && c <= high;
    }
    /** The table of RFC 3629 section 4. */
    bool utf8() const {
        for (size_t k = 0; k < t.size();) {
            const int c = static_cast<unsigned char>(t[k]);
            if (c < 0x80) {
                k += 1;
            } else if (c >= 0xC2 && c <= 0xDF && tail(k + 1)) {
                k += 2;
            } else if (c >= 0xE0 && c <= 0xEF &&
                       tail(k + 1, c == 0xE0 ? 0xA0 : 0x80, c == 0xED ? 0x9F : 0xBF) && tail(k + 2)) {
                k += 3;
            } else if (c >= 0xF0 && c <= 0xF4 &&
                       tail(k + 1, c == 0xF0 ? 0x90 : 0x80, c == 0xF4 ? 0x8F : 0xBF) && tail(k + 2) &&
                       tail(k + 3)) {
                k += 4;
            } else {
                return false;
            }
        }
        return true;
    }
};

#endif
