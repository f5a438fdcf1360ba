/* SPDX-License-Identifier: Apache-2.0
 * The TOML reader: strings and numbers. */
#include "toml_reader.h"

#include <stdlib.h>
#include <string.h>

/** Appends a code point as UTF-8; 0 when it is none, or a NUL. */
static size_t encode(char *out, uint32_t c) {
    if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return 0;
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t count = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = count - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(leads[count] | c);
    return count;
}

/** An escape, at its backslash. */
static bool escape(reader *it, char **out) {
    static const char from[] = "btnfr\"\\e", to[] = "\b\t\n\f\r\"\\\x1B";
    place at = toml_place(it);
    if (it->at + 1 >= it->end) return toml_fail(it, at, "the text has no end");
    char kind = it->at[1];
    const char *plain = strchr(from, kind);
    it->at += 2;
    if (plain != NULL && kind != 0) {
        *(*out)++ = to[plain - from];
        return true;
    }
    size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    uint32_t code = 0;
    if (digits == 0) return toml_fail(it, at, "this is no escape; a backslash itself is written \\\\");
    for (size_t i = 0; i < digits; i++, it->at++) {
        char c = it->at < it->end ? *it->at : 0;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit > 15) return toml_fail(it, at, "an escape lacks hexadecimal digits");
        code = code << 4 | digit;
    }
    size_t length = encode(*out, code);
    if (length == 0) return toml_fail(it, at, "an escape names no character that a text may hold");
    *out += length;
    return true;
}

/** A backslash at the end of a line, in a long text: it takes the blanks that follow with it. */
static bool folds(reader *it) {
    const char *c = it->at + 1;
    while (c < it->end && (*c == ' ' || *c == '\t'))
        c++;
    if (c < it->end && *c == '\r') c++;
    if (c == it->end || *c != '\n') return false;
    it->at = c;
    while (it->at < it->end && strchr(" \t\r\n", *it->at) != NULL && *it->at != 0) {
        if (*it->at == '\n')
            toml_newline(it);
        else
            it->at++;
    }
    return true;
}

/** UTF-8 as RFC 3629 has it: no overlong forms, no surrogates. */
static bool is_utf8(const char *text, const char *end) {
    for (const uint8_t *c = (const uint8_t *)text, *stop = (const uint8_t *)end; c < stop;) {
        if (*c < 0x80) {
            c++;
            continue;
        }
        size_t more = *c >= 0xF0 ? 3 : *c >= 0xE0 ? 2 : 1;
        if (*c < 0xC2 || *c > 0xF4 || (size_t)(stop - c) <= more) return false;
        if ((*c == 0xE0 && c[1] < 0xA0) || (*c == 0xED && c[1] > 0x9F) || (*c == 0xF0 && c[1] < 0x90) ||
            (*c == 0xF4 && c[1] > 0x8F))
            return false;
        for (size_t i = 1; i <= more; i++)
            if ((c[i] & 0xC0) != 0x80) return false;
        c += more + 1;
    }
    return true;
}

bool toml_string(reader *it, const char **out, bool long_form) {
    place start = toml_place(it);
    char quote = *it->at;
    bool is_long = it->end - it->at >= 3 && it->at[1] == quote && it->at[2] == quote;
    if (is_long && !long_form) return toml_fail(it, start, "a key cannot be a text over several lines");
    /* No form is longer decoded than it is here. */
    const char *last = it->at + 1;
    for (; last < it->end && (is_long || *last != '\n'); last++) {
        if (is_long && it->end - last >= 3 && last > it->at + 2 && memcmp(last, it->at, 3) == 0) {
            /* Up to two quotes may stand right before the end. */
            while (it->end - last > 3 && last[3] == quote)
                last++;
            break;
        }
        if (!is_long && *last == quote) break;
        if (*last == '\\' && quote == '"') last++;
    }
    if (last >= it->end || *last != quote) return toml_fail(it, start, "the text has no end");
    char *text = arena_room(it->memory, (size_t)(last - it->at) + 1), *to = text;
    if (text == NULL) return toml_fail(it, start, "out of memory");
    it->at += is_long ? 3 : 1;
    if (is_long && it->at < last && *it->at == '\r' && it->at[1] == '\n') it->at++;
    if (is_long && it->at < last && *it->at == '\n') toml_newline(it);
    while (it->at < last) {
        unsigned char c = (unsigned char)*it->at;
        if (c == '\\' && quote == '"') {
            if (is_long && folds(it)) continue;
            if (!escape(it, &to)) return false;
            continue;
        }
        bool crlf = is_long && c == '\r' && it->at[1] == '\n';
        if ((c < 0x20 && c != '\t' && !(is_long && c == '\n') && !crlf) || c == 0x7F)
            return toml_fail(it, toml_place(it), "a control character in a text: write it as an escape");
        *to++ = (char)c;
        if (c == '\n')
            toml_newline(it);
        else
            it->at++;
    }
    if (!is_utf8(text, to)) return toml_fail(it, start, "the text is not UTF-8");
    it->at = last + (is_long ? 3 : 1);
    *to = 0;
    *out = text;
    return true;
}

/** Copies digits without their underscores, which must stand between digits. False: they do not. */
static bool plain_digits(const char *from, size_t length, char *to) {
    for (size_t i = 0; i < length; i++) {
        if (from[i] != '_') {
            *to++ = from[i];
            continue;
        }
        bool between = i > 0 && i + 1 < length && from[i - 1] != '_' && from[i + 1] != '_' &&
                       strchr("+-.", from[i - 1]) == NULL && strchr(".", from[i + 1]) == NULL;
        if (!between) return false;
    }
    *to = 0;
    return true;
}

static bool integer(const char *text, int64_t *out) {
    bool negative = *text == '-';
    const char *digits = text + (negative || *text == '+' ? 1 : 0);
    uint32_t base = 10;
    if (digits[0] == '0' && digits[1] != 0) {
        base = digits[1] == 'x' ? 16 : digits[1] == 'o' ? 8 : digits[1] == 'b' ? 2 : 0;
        if (base == 0 || digits != text || digits[2] == 0) return false;
        digits += 2;
    }
    if (*digits == 0) return false;
    uint64_t value = 0, most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    for (; *digits != 0; digits++) {
        char c = *digits;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 99;
        if (digit >= base || value > (most - digit) / base) return false;
        value = value * base + digit;
    }
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/** The form of a float: digits, then a fraction or an exponent or both. */
static bool is_real(const char *text) {
    if (*text == '+' || *text == '-') text++;
    if (strcmp(text, "inf") == 0 || strcmp(text, "nan") == 0) return true;
    size_t whole = strspn(text, "0123456789");
    if (whole == 0 || (whole > 1 && *text == '0')) return false;
    text += whole;
    bool is_one = false;
    if (*text == '.') {
        size_t part = strspn(text + 1, "0123456789");
        if (part == 0) return false;
        text += part + 1;
        is_one = true;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        if (*text == '+' || *text == '-') text++;
        size_t part = strspn(text, "0123456789");
        if (part == 0) return false;
        text += part;
        is_one = true;
    }
    return is_one && *text == 0;
}

toml *toml_scalar(reader *it) {
    place at = toml_place(it);
    const char *start = it->at;
    char word[80];
    while (it->at < it->end && strchr(" \t\r\n,]}#", *it->at) == NULL)
        it->at++;
    size_t length = (size_t)(it->at - start);
    toml *node = toml_node(it, TOML_BOOL, at);
    if (node == NULL) return NULL;
    if (length > 0 && length < sizeof word && plain_digits(start, length, word)) {
        node->truth = strcmp(word, "true") == 0;
        if (node->truth || strcmp(word, "false") == 0) return node;
        node->kind = TOML_INTEGER;
        if (integer(word, &node->integer)) return node;
        node->kind = TOML_REAL;
        if (is_real(word)) {
            node->real = strtod(word, NULL);
            return node;
        }
    }
    toml_fail(
        it, at,
        "this is no value: write texts in quotes, integers of at most 64 bits, true or false; dates are "
        "not known here");
    return NULL;
}
