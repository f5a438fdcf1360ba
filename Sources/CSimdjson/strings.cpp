// SPDX-License-Identifier: Apache-2.0
// String and number values of the C shim: unescaping, what needs no escape, UTF-8, doubles.

#include "csimdjson.h"

#include "bytes.h"

#include <charconv>
#include <cmath>
#include <simdjson.h>

namespace {

uint8_t *put_utf8(uint8_t *out, uint32_t c) {
    if (c < 0x80) {
        *out++ = static_cast<uint8_t>(c);
    } else if (c < 0x800) {
        *out++ = static_cast<uint8_t>(0xC0 | (c >> 6));
        *out++ = static_cast<uint8_t>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = static_cast<uint8_t>(0xE0 | (c >> 12));
        *out++ = static_cast<uint8_t>(0x80 | ((c >> 6) & 0x3F));
        *out++ = static_cast<uint8_t>(0x80 | (c & 0x3F));
    } else {
        *out++ = static_cast<uint8_t>(0xF0 | (c >> 18));
        *out++ = static_cast<uint8_t>(0x80 | ((c >> 12) & 0x3F));
        *out++ = static_cast<uint8_t>(0x80 | ((c >> 6) & 0x3F));
        *out++ = static_cast<uint8_t>(0x80 | (c & 0x3F));
    }
    return out;
}

/** Decodes `\uXXXX` or a surrogate pair at p (behind the backslash); moves p behind it. */
bool take_unicode(const uint8_t *&p, const uint8_t *end, uint32_t &scalar) {
    if (end - p < 5) return false;
    const int32_t unit = csimdjson::hex4(p + 1);
    if (unit < 0) return false;
    p += 5;
    scalar = static_cast<uint32_t>(unit);
    if (scalar < 0xD800 || scalar > 0xDFFF) return true;
    if (scalar < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        const int32_t low = csimdjson::hex4(p + 2);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            p += 6;
            scalar = 0x10000 + ((scalar - 0xD800) << 10) + (static_cast<uint32_t>(low) - 0xDC00);
            return true;
        }
    }
    scalar = 0xFFFD;
    return true;
}

} // namespace

extern "C" {

ptrdiff_t csimdjson_unescape(const uint8_t *raw, size_t length, uint8_t *out) noexcept {
    const uint8_t *p = raw;
    const uint8_t *const end = raw + length;
    uint8_t *const first = out;
    while (p < end) {
        if (*p != '\\') {
            // Runs are mostly short between escapes and long behind the last one.
            const void *hit = std::memchr(p, '\\', static_cast<size_t>(end - p));
            const uint8_t *const stop = hit ? static_cast<const uint8_t *>(hit) : end;
            const auto run = static_cast<size_t>(stop - p);
            std::memmove(out, p, run);
            out += run;
            p = stop;
            continue;
        }
        if (++p == end) return -1;
        const uint8_t meaning = csimdjson::escape.value[*p];
        if (meaning == 0) return -1;
        if (meaning != 1) {
            *out++ = meaning;
            ++p;
            continue;
        }
        uint32_t scalar = 0;
        if (!take_unicode(p, end, scalar)) return -1;
        out = put_utf8(out, scalar);
    }
    return out - first;
}

size_t csimdjson_plain_prefix(const uint8_t *text, size_t length) noexcept {
    return csimdjson::plain_prefix(text, length);
}

int32_t csimdjson_is_utf8(const uint8_t *text, size_t length) noexcept {
    return simdjson::validate_utf8(reinterpret_cast<const char *>(text), length) ? 1 : 0;
}

int32_t csimdjson_double(const uint8_t *text, size_t length, double *value) noexcept {
    const char *const first = reinterpret_cast<const char *>(text);
    const auto [end, error] = std::from_chars(first, first + length, *value);
    if (error == std::errc() && end == first + length) return std::isfinite(*value) ? 1 : 0;
    if (error != std::errc::result_out_of_range) return 0;
    // Too large or too small: the decimal exponent of the first digit that counts tells which.
    size_t i = 0;
    const bool negative = length > 0 && text[0] == '-';
    if (negative) ++i;
    int64_t magnitude = 0;
    bool seen = false, fraction = false;
    for (; i < length && (csimdjson::is_digit(text[i]) || text[i] == '.'); ++i) {
        if (text[i] == '.') {
            fraction = true;
        } else if (seen) {
            if (!fraction) ++magnitude;
        } else {
            if (fraction) --magnitude;
            seen = text[i] != '0';
        }
    }
    int64_t exponent = 0;
    if (i < length && (text[i] | 0x20) == 'e') {
        ++i;
        const bool minus = i < length && text[i] == '-';
        if (i < length && (text[i] == '-' || text[i] == '+')) ++i;
        for (; i < length && csimdjson::is_digit(text[i]); ++i) {
            if (exponent < (int64_t{1} << 40)) exponent = exponent * 10 + (text[i] - '0');
        }
        if (minus) exponent = -exponent;
    }
    if (seen && magnitude + exponent > 0) return 0;
    *value = negative ? -0.0 : 0.0;
    return 1;
}

const char *csimdjson_kernel(void) noexcept {
    static const std::string name = simdjson::get_active_implementation()->name();
    return name.c_str();
}

} // extern "C"
