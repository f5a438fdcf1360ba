/* SPDX-License-Identifier: Apache-2.0
 * Reading and quoting JSON (RFC 8259) in C11, where it lies: nothing is allocated, copied or changed. A
 * convenience of the SDK and no part of the ABI: all of it is compiled into who includes it. Strings are
 * valid UTF-8 (Unicode 15, table 3-7). Nothing recurses; more than JF_JSON_DEPTH containers in each other are
 * refused. A name may stand twice in an object: walks show each member, JSON Pointers take the first. */
#ifndef JACKFIELD_JSON_H
#define JACKFIELD_JSON_H

#include <jackfield/config.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/** How many containers may be in each other; define another number before this header. */
#ifndef JF_JSON_DEPTH
#define JF_JSON_DEPTH 128
#endif
/** How many characters a number may have that is read as a double. */
#define JF_JSON_NUMBER_MOST 1000

/** A value where it stands; borrowed from the text. */
typedef struct jf_json_value {
    uint32_t kind;      /**< JF_JSON_* */
    bool escaped;       /**< a string with escapes in it */
    const uint8_t *ptr; /**< of a string without its quotes */
    uint64_t len;
} jf_json_value;

/* ---- Where things end; NULL: there is no such thing ---- */

static inline jf_view jf_json_bytes(jf_view text) {
    return text.ptr != NULL ? text : (jf_view){(const uint8_t *)"", 0};
}

static inline const uint8_t *jf_json_blanks(const uint8_t *at, const uint8_t *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

/** The length of the valid UTF-8 sequence at `at`, which is before `end`; 0: there is none. */
static inline uint32_t jf_json_utf8(const uint8_t *at, const uint8_t *end) {
    uint8_t first = *at, low = 0x80, high = 0xbf;
    uint32_t length = first < 0x80   ? 1
                      : first < 0xc2 ? 0
                      : first < 0xe0 ? 2
                      : first < 0xf0 ? 3
                      : first < 0xf5 ? 4
                                     : 0;
    if ((uint64_t)(end - at) < length) return 0;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
    for (uint32_t i = 1; i < length; i++, low = 0x80, high = 0xbf)
        if (at[i] < low || at[i] > high) return 0;
    return length;
}

/** Four hexadecimal digits; UINT32_MAX: they are not there. */
static inline uint32_t jf_json_hex(const uint8_t *at, const uint8_t *end) {
    uint32_t value = 0;
    if (end - at < 4) return UINT32_MAX;
    for (const uint8_t *stop = at + 4; at < stop; at++) {
        uint32_t digit = *at >= '0' && *at <= '9'   ? *at - 0u - '0'
                         : *at >= 'a' && *at <= 'f' ? *at - 'a' + 10u
                         : *at >= 'A' && *at <= 'F' ? *at - 'A' + 10u
                                                    : 16u;
        if (digit > 15) return UINT32_MAX;
        value = value << 4 | digit;
    }
    return value;
}

/** From behind the opening quote to the closing one. */
static inline const uint8_t *jf_json_string_end(const uint8_t *at, const uint8_t *end, bool *escaped) {
    while (at < end && *at != '"') {
        if (*at < 0x20) return NULL;
        if (*at != '\\') {
            uint32_t length = *at < 0x80 ? 1 : jf_json_utf8(at, end);
            if (length == 0) return NULL;
            at += length;
            continue;
        }
        *escaped = true;
        if (++at == end || memchr("\"\\/bfnrtu", *at, 9) == NULL) return NULL;
        if (*at++ != 'u') continue;
        if (jf_json_hex(at, end) == UINT32_MAX) return NULL;
        at += 4;
    }
    return at < end ? at : NULL;
}

static inline const uint8_t *jf_json_digits_end(const uint8_t *at, const uint8_t *end) {
    const uint8_t *start = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at > start ? at : NULL;
}

static inline const uint8_t *jf_json_number_end(const uint8_t *at, const uint8_t *end) {
    if (at < end && *at == '-') at++;
    at = at < end && *at == '0' ? at + 1 : jf_json_digits_end(at, end);
    if (at != NULL && at < end && *at == '.') at = jf_json_digits_end(at + 1, end);
    if (at == NULL || at == end || (*at != 'e' && *at != 'E')) return at;
    if (++at < end && (*at == '+' || *at == '-')) at++;
    return jf_json_digits_end(at, end);
}

static inline const uint8_t *jf_json_word_end(const uint8_t *at, const uint8_t *end, const char *word) {
    size_t length = strlen(word);
    return (uint64_t)(end - at) >= length && memcmp(at, word, length) == 0 ? at + length : NULL;
}

/** What is neither object nor array; `at` is before `end`. */
static inline const uint8_t *jf_json_scalar_end(const uint8_t *at, const uint8_t *end) {
    bool escaped;
    switch (*at) {
    case '"':
        at = jf_json_string_end(at + 1, end, &escaped);
        return at != NULL ? at + 1 : NULL;
    case 't':
        return jf_json_word_end(at, end, "true");
    case 'f':
        return jf_json_word_end(at, end, "false");
    case 'n':
        return jf_json_word_end(at, end, "null");
    default:
        return jf_json_number_end(at, end);
    }
}

/** From a member's name to behind its colon. */
static inline const uint8_t *jf_json_name_end(const uint8_t *at, const uint8_t *end) {
    bool escaped;
    if (at == end || *at != '"' || (at = jf_json_string_end(at + 1, end, &escaped)) == NULL) return NULL;
    at = jf_json_blanks(at + 1, end);
    return at < end && *at == ':' ? at + 1 : NULL;
}

/** A value with all that is in it. */
static inline const uint8_t *jf_json_value_end(const uint8_t *at, const uint8_t *end) {
    uint8_t closing[JF_JSON_DEPTH];
    uint32_t depth = 0;
    for (;;) {
        at = jf_json_blanks(at, end);
        if (depth > 0 && closing[depth - 1] == '}') {
            if ((at = jf_json_name_end(at, end)) == NULL) return NULL;
            at = jf_json_blanks(at, end);
        }
        if (at == end) return NULL;
        if (*at == '{' || *at == '[') {
            if (depth == JF_JSON_DEPTH) return NULL;
            closing[depth++] = *at == '{' ? '}' : ']';
            at = jf_json_blanks(at + 1, end);
            if (at == end) return NULL;
            if (*at != closing[depth - 1]) continue;
        } else if ((at = jf_json_scalar_end(at, end)) == NULL) {
            return NULL;
        }
        for (; depth > 0; depth--) {
            at = jf_json_blanks(at, end);
            if (at == end) return NULL;
            if (*at == ',') break;
            if (*at++ != closing[depth - 1]) return NULL;
        }
        if (depth == 0) return at;
        at++;
    }
}

/* ---- Values ---- */

/** Reads the value that comes next; what follows it is not looked at. Returns the place behind it. */
static inline const uint8_t *jf_json_take(const uint8_t *at, const uint8_t *end, jf_json_value *out) {
    at = jf_json_blanks(at, end);
    if (at == end) return NULL;
    *out = (jf_json_value){JF_JSON_NUMBER, false, at, 0};
    if (*at == '"') {
        out->kind = JF_JSON_STRING;
        out->ptr = at + 1;
        at = jf_json_string_end(at + 1, end, &out->escaped);
        if (at == NULL) return NULL;
        out->len = (uint64_t)(at - out->ptr);
        return at + 1;
    }
    switch (*at) {
    case '{':
        out->kind = JF_JSON_OBJECT;
        break;
    case '[':
        out->kind = JF_JSON_ARRAY;
        break;
    case 't':
    case 'f':
        out->kind = JF_JSON_BOOL;
        break;
    case 'n':
        out->kind = JF_JSON_NULL;
        break;
    default:
        break;
    }
    at = out->kind < JF_JSON_ARRAY ? jf_json_scalar_end(at, end) : jf_json_value_end(at, end);
    if (at != NULL) out->len = (uint64_t)(at - out->ptr);
    return at;
}

/** Reads a text that is one value. False: it is no JSON. */
static inline bool jf_json_read(jf_view text, jf_json_value *out) {
    text = jf_json_bytes(text);
    const uint8_t *end = text.ptr + text.len, *at = jf_json_take(text.ptr, end, out);
    return at != NULL && jf_json_blanks(at, end) == end;
}

/** The text of a value, with the quotes of a string. */
static inline jf_view jf_json_raw(const jf_json_value *value) {
    if (value->kind != JF_JSON_STRING) return (jf_view){value->ptr, value->len};
    return (jf_view){value->ptr - 1, value->len + 2};
}

/* ---- Walking ---- */

/** A place in an object or array. */
typedef struct jf_json_walk {
    const uint8_t *at, *end;
    bool object, started;
} jf_json_walk;

/** Begins a walk over an object or array that was read. */
static inline jf_json_walk jf_json_walk_of(const jf_json_value *container) {
    return (jf_json_walk){container->ptr + 1, container->ptr + container->len,
                          container->kind == JF_JSON_OBJECT, false};
}

/** The next member or element (whose key is all zero). 1: here it is; 0: the end; -1: no JSON. */
static inline int jf_json_next(jf_json_walk *it, jf_json_value *key, jf_json_value *value) {
    const uint8_t *at = jf_json_blanks(it->at, it->end), *end = it->end;
    it->at = end;
    if (at == end) return -1;
    if (*at == (it->object ? '}' : ']')) {
        it->at = at;
        return 0;
    }
    if (it->started && *at++ != ',') return -1;
    it->started = true;
    *key = (jf_json_value){0};
    if (it->object) {
        at = jf_json_take(at, end, key);
        if (at == NULL || key->kind != JF_JSON_STRING) return -1;
        at = jf_json_blanks(at, end);
        if (at == end || *at++ != ':') return -1;
    }
    at = jf_json_take(at, end, value);
    if (at == NULL) return -1;
    it->at = at;
    return 1;
}

/* ---- Strings ---- */

/** Decodes what comes next in a string that was read, as UTF-8, at most four bytes. 0: half a surrogate pair.
 */
static inline uint32_t jf_json_character(const uint8_t **from, const uint8_t *end, uint8_t *to) {
    static const char escapes[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
    const uint8_t *at = *from;
    if (*at != '\\') {
        *to = *at;
        *from = at + 1;
        return 1;
    }
    *from = at + 2;
    if (at[1] != 'u') {
        *to = (uint8_t)plain[strchr(escapes, at[1]) - escapes];
        return 1;
    }
    uint32_t code = jf_json_hex(at + 2, end);
    *from = at += 6;
    if (code >= 0xd800 && code < 0xe000) {
        uint32_t low = end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? jf_json_hex(at + 2, end) : 0;
        if (code >= 0xdc00 || low < 0xdc00 || low >= 0xe000) return 0;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        *from = at + 6;
    }
    uint32_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (uint32_t i = length; i > 1; i--, code >>= 6)
        to[i - 1] = (uint8_t)(0x80 | (code & 0x3f));
    to[0] = (uint8_t)(lead[length] | code);
    return length;
}

/** Decodes a string into `to`, which has room for `string->len` bytes: it never grows. Returns the length;
 * UINT64_MAX: it has half a surrogate pair, which no UTF-8 can express. */
static inline uint64_t jf_json_decode(const jf_json_value *string, uint8_t *to) {
    const uint8_t *at = string->ptr, *end = at + string->len;
    uint8_t *start = to, room[4];
    if (!string->escaped) {
        if (string->len > 0) memcpy(to, at, string->len);
        return string->len;
    }
    while (at < end) {
        uint32_t length = jf_json_character(&at, end, room);
        if (length == 0) return UINT64_MAX;
        for (uint32_t i = 0; i < length; i++)
            *to++ = room[i];
    }
    return (uint64_t)(to - start);
}

/** Whether a string says `text`; in a `token` of a JSON Pointer ~0 and ~1 stand for ~ and /. */
static inline bool jf_json_says(const jf_json_value *string, jf_view text, bool token) {
    const uint8_t *at = string->ptr, *end = at + string->len, *other = text.ptr, *stop = other + text.len;
    if (!string->escaped && !token)
        return string->len == text.len && (text.len == 0 || memcmp(at, other, text.len) == 0);
    while (at < end) {
        uint8_t room[4];
        uint32_t length = jf_json_character(&at, end, room);
        if (length == 0) return false;
        for (uint32_t i = 0; i < length; i++) {
            if (other == stop) return false;
            uint8_t wanted = *other++;
            if (token && wanted == '~') wanted = *other++ == '0' ? '~' : '/';
            if (room[i] != wanted) return false;
        }
    }
    return other == stop;
}

/** Whether a string says `text`. */
static inline bool jf_json_is(const jf_json_value *string, jf_view text) {
    return jf_json_says(string, jf_json_bytes(text), false);
}

/* ---- Finding ---- */

/** What a token of a JSON Pointer, whose escapes are in order, names in a value. JF_ABSENT: nothing. */
static inline int32_t jf_json_enter(const jf_json_value *within, jf_view token, jf_json_value *out) {
    uint64_t wanted = 0;
    if (within->kind != JF_JSON_OBJECT && within->kind != JF_JSON_ARRAY) return JF_ABSENT;
    jf_json_walk walk = jf_json_walk_of(within);
    if (!walk.object) {
        if (token.len == 0 || token.len > 18 || (token.len > 1 && token.ptr[0] == '0')) return JF_ABSENT;
        for (uint64_t i = 0; i < token.len; i++) {
            if (token.ptr[i] < '0' || token.ptr[i] > '9') return JF_ABSENT;
            wanted = wanted * 10 + (uint64_t)(token.ptr[i] - '0');
        }
    }
    jf_json_value key;
    int found;
    while ((found = jf_json_next(&walk, &key, out)) == 1)
        if (walk.object ? jf_json_says(&key, token, true) : wanted-- == 0) return JF_OK;
    return found == 0 ? JF_ABSENT : JF_E_INVALID;
}

/** Finds a value by JSON Pointer (RFC 6901; "" is `root`). JF_ABSENT: there is none; JF_E_INVALID: no
 * pointer. */
static inline int32_t jf_json_find(const jf_json_value *root, jf_view pointer, jf_json_value *out) {
    pointer = jf_json_bytes(pointer);
    const uint8_t *at = pointer.ptr, *end = at + pointer.len;
    *out = *root;
    if (at < end && *at != '/') return JF_E_INVALID;
    while (at < end) {
        const uint8_t *token = ++at;
        for (; at < end && *at != '/'; at++)
            if (*at == '~' && (end - at < 2 || (at[1] != '0' && at[1] != '1'))) return JF_E_INVALID;
        jf_json_value within = *out;
        int32_t status = jf_json_enter(&within, (jf_view){token, (uint64_t)(at - token)}, out);
        if (status != JF_OK) return status;
    }
    return JF_OK;
}

/* ---- Numbers ---- */

/** A number as a double. False: it is none, it is too large, or it has more than JF_JSON_NUMBER_MOST
 * characters. */
static inline bool jf_json_real(const jf_json_value *number, double *out) {
    char copy[JF_JSON_NUMBER_MOST + 1];
    if (number->kind != JF_JSON_NUMBER || number->len > JF_JSON_NUMBER_MOST) return false;
    memcpy(copy, number->ptr, number->len);
    copy[number->len] = 0;
    double value = strtod(copy, NULL);
    if (value - value != 0) return false; /* infinite */
    *out = value;
    return true;
}

/** Decimal digits, perhaps with a minus, of at most 64 bits. */
static inline bool jf_json_magnitude(jf_view digits, bool *negative, uint64_t *magnitude) {
    uint64_t i = 0, value = 0;
    *negative = digits.len > 0 && digits.ptr[0] == '-';
    if (*negative) i = 1;
    if (digits.len == i || digits.len - i > 20) return false;
    for (; i < digits.len; i++) {
        uint64_t digit = (uint64_t)digits.ptr[i] - '0';
        if (digit > 9 || value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *magnitude = value;
    return true;
}

/** A number that is an integer of at most 64 bits and a sign. As JSON Schema has it 5.0 and 5e0 are integers
 * too; those are taken as far as a double is exact. */
static inline bool jf_json_integer(const jf_json_value *number, bool *negative, uint64_t *magnitude) {
    double real;
    if (number->kind != JF_JSON_NUMBER) return false;
    if (jf_json_magnitude((jf_view){number->ptr, number->len}, negative, magnitude)) return true;
    if (jf_json_digits_end(number->ptr + *negative, number->ptr + number->len) == number->ptr + number->len)
        return false; /* too many digits */
    if (!jf_json_real(number, &real) || real > 9007199254740992.0 || real < -9007199254740992.0) return false;
    if ((double)(int64_t)real != real) return false;
    *negative = real < 0;
    *magnitude = (uint64_t)(real < 0 ? -real : real);
    return true;
}

/** The same in an int64_t. */
static inline bool jf_json_int64(const jf_json_value *number, int64_t *out) {
    bool negative;
    uint64_t magnitude;
    if (!jf_json_integer(number, &negative, &magnitude)) return false;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0)) return false;
    *out = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

/* ---- Writing ---- */

/** How many bytes from `at` on may stand in a string as they are. */
static inline uint64_t jf_json_plain(const uint8_t *at, const uint8_t *end) {
    const uint8_t *start = at;
    while (at < end && *at >= 0x20 && *at != '"' && *at != '\\') {
        uint32_t length = *at < 0x80 ? 1 : jf_json_utf8(at, end);
        if (length == 0) break;
        at += length;
    }
    return (uint64_t)(at - start);
}

/** Writes what stands for a byte that may not: at most six bytes. What is no UTF-8 becomes U+FFFD. */
static inline uint32_t jf_json_escape(uint8_t byte, uint8_t *to) {
    static const char from[] = "\"\\\b\f\n\r\t", into[] = "\"\\bfnrt", digits[] = "0123456789abcdef";
    const char *found = byte != 0 ? strchr(from, byte) : NULL;
    if (byte >= 0x80) {
        memcpy(to, "\xef\xbf\xbd", 3);
        return 3;
    }
    to[0] = '\\';
    if (found != NULL) {
        to[1] = (uint8_t)into[found - from];
        return 2;
    }
    memcpy(to + 1, "u00", 3);
    to[4] = (uint8_t)digits[byte >> 4];
    to[5] = (uint8_t)digits[byte & 15];
    return 6;
}

/** Writes text as a string with its quotes into `to`, which has room for `6 * text.len + 2` bytes. Returns
 * the length. */
static inline uint64_t jf_json_quote(jf_view text, uint8_t *to) {
    text = jf_json_bytes(text);
    const uint8_t *at = text.ptr, *end = at + text.len;
    uint8_t *start = to;
    *to++ = '"';
    while (at < end) {
        uint64_t plain = jf_json_plain(at, end);
        memcpy(to, at, plain);
        to += plain;
        at += plain;
        if (at < end) to += jf_json_escape(*at++, to);
    }
    *to++ = '"';
    return (uint64_t)(to - start);
}

/* ---- jf.config/1, for who offers it: the slots that need neither memory nor a context ---- */

static inline int32_t jf_json_config_find(void *context, jf_view document, jf_view pointer, jf_view *value,
                                          uint32_t *kind) {
    jf_json_value root, found;
    (void)context;
    int32_t status = jf_json_read(document, &root) ? jf_json_find(&root, pointer, &found) : JF_E_INVALID;
    if (status != JF_OK) return status;
    *value = jf_json_raw(&found);
    *kind = found.kind;
    return JF_OK;
}

static inline int32_t jf_json_config_next(void *context, jf_view container, uint64_t *cursor, jf_view *key,
                                          jf_view *value, uint32_t *kind) {
    jf_json_value whole, name, found;
    jf_json_walk walk;
    (void)context;
    if (*cursor == 0) { /* later calls trust the first */
        if (!jf_json_read(container, &whole)) return JF_E_INVALID;
        if (whole.kind != JF_JSON_OBJECT && whole.kind != JF_JSON_ARRAY) return JF_E_INVALID;
        walk = jf_json_walk_of(&whole);
    } else {
        if (container.ptr == NULL || *cursor > container.len) return JF_E_INVALID;
        const uint8_t *end = container.ptr + container.len, *start = jf_json_blanks(container.ptr, end);
        walk = (jf_json_walk){container.ptr + *cursor, end, start < end && *start == '{', true};
    }
    int more = jf_json_next(&walk, &name, &found);
    if (more != 1) return more == 0 ? JF_ABSENT : JF_E_INVALID;
    *cursor = (uint64_t)(walk.at - container.ptr);
    *key = (jf_view){name.ptr, name.len};
    *value = jf_json_raw(&found);
    *kind = found.kind;
    return JF_OK;
}

static inline int32_t jf_json_config_integer(void *context, jf_view value, int64_t *out) {
    jf_json_value number;
    (void)context;
    return jf_json_read(value, &number) && jf_json_int64(&number, out) ? JF_OK : JF_E_INVALID;
}

static inline int32_t jf_json_config_real(void *context, jf_view value, double *out) {
    jf_json_value number;
    (void)context;
    return jf_json_read(value, &number) && jf_json_real(&number, out) ? JF_OK : JF_E_INVALID;
}

#endif
