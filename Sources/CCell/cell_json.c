/* SPDX-License-Identifier: Apache-2.0
 * Cell: jf.config/1, a strict JSON reader (RFC 8259) with JSON Pointer (RFC 6901). It reads here what the
 * gateway would read there, so that configurations need no round trips; only secrets are asked for. */
#define _GNU_SOURCE
#include "cell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 128

/** A position in a JSON text. */
typedef struct cursor {
    const uint8_t *at, *end;
} cursor;

static cursor cursor_of(jf_view view) {
    static const uint8_t none[1];
    const uint8_t *start = view.ptr != NULL ? view.ptr : none;
    return (cursor){start, start + (view.ptr != NULL ? view.len : 0)};
}

static void skip_space(cursor *in) {
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
        in->at++;
}

static bool take(cursor *in, uint8_t byte) {
    if (in->at == in->end || *in->at != byte) return false;
    in->at++;
    return true;
}

/* The length of the well-formed UTF-8 sequence at `at` (Unicode 15, table 3-7), 0 where there is none. */
static unsigned utf8_length(const uint8_t *at, const uint8_t *end) {
    uint8_t first = *at, low = 0x80, high = 0xbf;
    unsigned length = first < 0x80   ? 1
                      : first < 0xc2 ? 0
                      : first < 0xe0 ? 2
                      : first < 0xf0 ? 3
                      : first < 0xf5 ? 4
                                     : 0;
    if (length == 0 || (size_t)(end - at) < length) return 0;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
    for (unsigned i = 1; i < length; i++, low = 0x80, high = 0xbf) {
        if (at[i] < low || at[i] > high) return 0;
    }
    return length;
}

static int hex(uint8_t digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

static bool skip_string(cursor *in) {
    if (!take(in, '"')) return false;
    while (in->at < in->end) {
        uint8_t byte = *in->at;
        if (byte == '"') {
            in->at++;
            return true;
        }
        if (byte < 0x20) return false;
        if (byte != '\\') {
            unsigned length = utf8_length(in->at, in->end);
            if (length == 0) return false;
            in->at += length;
            continue;
        }
        if (++in->at == in->end || memchr("\"\\/bfnrtu", *in->at, 9) == NULL) return false;
        if (*in->at++ != 'u') continue;
        for (int i = 0; i < 4; i++, in->at++) {
            if (in->at == in->end || hex(*in->at) < 0) return false;
        }
    }
    return false;
}

static bool skip_digits(cursor *in) {
    const uint8_t *start = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        in->at++;
    return in->at > start;
}

static bool skip_number(cursor *in) {
    take(in, '-');
    if (!take(in, '0') && !skip_digits(in)) return false;
    if (take(in, '.') && !skip_digits(in)) return false;
    if (take(in, 'e') || take(in, 'E')) {
        if (!take(in, '+')) take(in, '-');
        return skip_digits(in);
    }
    return true;
}

static bool skip_word(cursor *in, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(in->end - in->at) < length || memcmp(in->at, word, length) != 0) return false;
    in->at += length;
    return true;
}

static bool skip_value(cursor *in, unsigned depth, uint32_t *kind);

static bool skip_members(cursor *in, unsigned depth, uint8_t close, bool keys) {
    uint32_t kind;
    in->at++;
    skip_space(in);
    if (take(in, close)) return true;
    do {
        skip_space(in);
        if (keys) {
            if (!skip_string(in)) return false;
            skip_space(in);
            if (!take(in, ':')) return false;
        }
        if (!skip_value(in, depth + 1, &kind)) return false;
        skip_space(in);
    } while (take(in, ','));
    return take(in, close);
}

static bool skip_value(cursor *in, unsigned depth, uint32_t *kind) {
    skip_space(in);
    if (in->at == in->end || depth > MAX_DEPTH) return false;
    switch (*in->at) {
    case '{':
        *kind = JF_JSON_OBJECT;
        return skip_members(in, depth, '}', true);
    case '[':
        *kind = JF_JSON_ARRAY;
        return skip_members(in, depth, ']', false);
    case '"':
        *kind = JF_JSON_STRING;
        return skip_string(in);
    case 't':
        *kind = JF_JSON_BOOL;
        return skip_word(in, "true");
    case 'f':
        *kind = JF_JSON_BOOL;
        return skip_word(in, "false");
    case 'n':
        *kind = JF_JSON_NULL;
        return skip_word(in, "null");
    default:
        *kind = JF_JSON_NUMBER;
        return skip_number(in);
    }
}

/* The document's one value without the white space around it. */
static bool whole(jf_view document, jf_view *value, uint32_t *kind) {
    cursor in = cursor_of(document);
    skip_space(&in);
    const uint8_t *start = in.at;
    if (!skip_value(&in, 0, kind)) return false;
    *value = (jf_view){start, (uint64_t)(in.at - start)};
    skip_space(&in);
    return in.at == in.end;
}

/* ---- Blobs ---- */

typedef struct blob {
    uint64_t size;
    uint8_t bytes[];
} blob;

static void drop_blob(void *owner) {
    free(owner);
}

static void drop_secret(void *owner) {
    blob *it = owner;
    explicit_bzero(it->bytes, it->size);
    free(it);
}

static blob *new_blob(uint64_t capacity) {
    return malloc(sizeof(blob) + capacity + 1);
}

static int32_t give_blob(blob *it, uint64_t size, jf_blob *out) {
    it->size = size;
    *out = (jf_blob){it->bytes, size, it, drop_blob};
    return JF_OK;
}

/* ---- Strings ---- */

static unsigned put_utf8(uint8_t *to, uint32_t scalar) {
    if (scalar < 0x80) {
        to[0] = (uint8_t)scalar;
        return 1;
    }
    if (scalar < 0x800) {
        to[0] = (uint8_t)(0xc0 | scalar >> 6);
        to[1] = (uint8_t)(0x80 | (scalar & 0x3f));
        return 2;
    }
    if (scalar < 0x10000) {
        to[0] = (uint8_t)(0xe0 | scalar >> 12);
        to[1] = (uint8_t)(0x80 | (scalar >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (scalar & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | scalar >> 18);
    to[1] = (uint8_t)(0x80 | (scalar >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (scalar >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (scalar & 0x3f));
    return 4;
}

static uint32_t hex4(const uint8_t *at) {
    return (uint32_t)(hex(at[0]) << 12 | hex(at[1]) << 8 | hex(at[2]) << 4 | hex(at[3]));
}

/* Decodes what stands between the quotes, already known to be a well-formed string. UTF-8 never grows: six
 * bytes of escape give at most three. Returns the length, or -1 for a lone surrogate, which no UTF-8 can
 * express. */
static int64_t decode(const uint8_t *at, const uint8_t *end, uint8_t *to) {
    uint8_t *start = to;
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        uint8_t escape = at[1];
        at += 2;
        if (escape != 'u') {
            const char *from = "\"\\/bfnrt", *into = "\"\\/\b\f\n\r\t";
            *to++ = (uint8_t)into[strchr(from, escape) - from];
            continue;
        }
        uint32_t scalar = hex4(at);
        at += 4;
        if (scalar >= 0xdc00 && scalar < 0xe000) return -1;
        if (scalar >= 0xd800 && scalar < 0xdc00) {
            if (end - at < 6 || at[0] != '\\' || at[1] != 'u') return -1;
            uint32_t low = hex4(at + 2);
            if (low < 0xdc00 || low >= 0xe000) return -1;
            scalar = 0x10000 + ((scalar - 0xd800) << 10) + (low - 0xdc00);
            at += 6;
        }
        to += put_utf8(to, scalar);
    }
    return to - start;
}

static int32_t text(void *context, jf_view value, jf_blob *out) {
    (void)context;
    jf_view string;
    uint32_t kind;
    if (!whole(value, &string, &kind) || kind != JF_JSON_STRING) return JF_E_INVALID;
    blob *it = new_blob(string.len);
    if (it == NULL) return JF_E_BUSY;
    int64_t length = decode(string.ptr + 1, string.ptr + string.len - 1, it->bytes);
    if (length >= 0) return give_blob(it, (uint64_t)length, out);
    free(it);
    return JF_E_INVALID;
}

static int32_t quote(void *context, jf_view value, jf_blob *out) {
    (void)context;
    cursor in = cursor_of(value);
    blob *it = new_blob(value.len * 6 + 2);
    if (it == NULL) return JF_E_BUSY;
    uint8_t *to = it->bytes;
    *to++ = '"';
    while (in.at < in.end) {
        uint8_t byte = *in.at;
        const char *from = "\"\\\b\f\n\r\t", *into = "\"\\bfnrt";
        const char *short_escape = byte != 0 ? strchr(from, byte) : NULL;
        unsigned length = utf8_length(in.at, in.end);
        if (short_escape != NULL) {
            *to++ = '\\';
            *to++ = (uint8_t)into[short_escape - from];
        } else if (byte < 0x20) {
            to += sprintf((char *)to, "\\u%04x", byte);
        } else if (length == 0) {
            to += put_utf8(to, 0xfffd);
            length = 1;
        } else {
            memcpy(to, in.at, length);
            to += length;
        }
        in.at += length;
    }
    *to++ = '"';
    return give_blob(it, (uint64_t)(to - it->bytes), out);
}

/* ---- Finding and walking ---- */

/* Whether a key, raw between its quotes, equals a pointer token with ~0 and ~1 undone. */
static bool same_key(jf_view key, const uint8_t *token, size_t token_length) {
    if (memchr(key.ptr, '\\', key.len) == NULL)
        return key.len == token_length && memcmp(key.ptr, token, token_length) == 0;
    uint8_t *buffer = malloc(key.len + 1);
    if (buffer == NULL) return false;
    int64_t length = decode(key.ptr, key.ptr + key.len, buffer);
    bool same = length >= 0 && (size_t)length == token_length && memcmp(buffer, token, token_length) == 0;
    free(buffer);
    return same;
}

static int32_t next(void *context, jf_view container, uint64_t *position, jf_view *key, jf_view *value,
                    uint32_t *kind) {
    (void)context;
    cursor in = cursor_of(container);
    jf_view all;
    uint32_t outer;
    if (*position == 0) { /* later calls trust the first */
        if (!whole(container, &all, &outer)) return JF_E_INVALID;
        if (outer != JF_JSON_OBJECT && outer != JF_JSON_ARRAY) return JF_E_INVALID;
    } else if (*position > container.len) {
        return JF_E_INVALID;
    }
    skip_space(&in);
    bool object = in.at < in.end && *in.at == '{';
    in.at = *position == 0 ? in.at + 1 : container.ptr + *position;
    skip_space(&in);
    if (*position != 0 && take(&in, ',')) skip_space(&in);
    *key = (jf_view){NULL, 0};
    if (in.at == in.end || *in.at == '}' || *in.at == ']') return JF_ABSENT;
    if (object) {
        const uint8_t *start = in.at + 1;
        if (!skip_string(&in)) return JF_E_INVALID;
        *key = (jf_view){start, (uint64_t)(in.at - start - 1)};
        skip_space(&in);
        if (!take(&in, ':')) return JF_E_INVALID;
        skip_space(&in);
    }
    const uint8_t *start = in.at;
    if (!skip_value(&in, 0, kind)) return JF_E_INVALID;
    *value = (jf_view){start, (uint64_t)(in.at - start)};
    *position = (uint64_t)(in.at - container.ptr);
    return JF_OK;
}

/* One step of a pointer: a member by name (the first of that name), or an element by index. */
static int32_t step(jf_view *value, uint32_t *kind, const uint8_t *token, size_t length) {
    if (*kind != JF_JSON_OBJECT && *kind != JF_JSON_ARRAY) return JF_ABSENT;
    uint64_t wanted = 0, at = 0, cursor_position = 0;
    bool object = *kind == JF_JSON_OBJECT;
    if (!object) {
        if (length == 0 || length > 18 || (length > 1 && token[0] == '0')) return JF_ABSENT;
        for (size_t i = 0; i < length; i++) {
            if (token[i] < '0' || token[i] > '9') return JF_ABSENT;
            wanted = wanted * 10 + (uint64_t)(token[i] - '0');
        }
    }
    jf_view key, member;
    uint32_t member_kind;
    int32_t status;
    while ((status = next(NULL, *value, &cursor_position, &key, &member, &member_kind)) == JF_OK) {
        if (object ? same_key(key, token, length) : at++ == wanted) {
            *value = member;
            *kind = member_kind;
            return JF_OK;
        }
    }
    return status;
}

static int32_t find(void *context, jf_view document, jf_view pointer, jf_view *value, uint32_t *kind) {
    (void)context;
    if (!whole(document, value, kind)) return JF_E_INVALID;
    cursor in = cursor_of(pointer);
    if (in.at < in.end && *in.at != '/') return JF_E_INVALID;
    uint8_t *token = malloc(pointer.len + 1);
    if (token == NULL) return JF_E_BUSY;
    int32_t status = JF_OK;
    while (status == JF_OK && take(&in, '/')) {
        size_t length = 0;
        while (in.at < in.end && *in.at != '/' && status == JF_OK) {
            uint8_t byte = *in.at++;
            if (byte == '~') {
                if (take(&in, '0'))
                    byte = '~';
                else if (take(&in, '1'))
                    byte = '/';
                else
                    status = JF_E_INVALID;
            }
            token[length++] = byte;
        }
        if (status == JF_OK) status = step(value, kind, token, length);
    }
    free(token);
    return status;
}

/* ---- Numbers ---- */

static int32_t number(jf_view value, double *out, jf_view *raw) {
    uint32_t kind;
    if (!whole(value, raw, &kind) || kind != JF_JSON_NUMBER || raw->len > 1000) return JF_E_INVALID;
    char copy[1001];
    memcpy(copy, raw->ptr, raw->len);
    copy[raw->len] = 0;
    *out = strtod(copy, NULL);
    return *out - *out == 0 ? JF_OK : JF_E_INVALID; /* neither infinite nor NaN */
}

static int32_t real(void *context, jf_view value, double *out) {
    (void)context;
    jf_view raw;
    double read;
    int32_t status = number(value, &read, &raw);
    if (status == JF_OK) *out = read;
    return status;
}

/* 5, 5.0 and 5e0 are all integers to JSON Schema; the latter two are taken as far as a double is exact. */
static int32_t integer(void *context, jf_view value, int64_t *out) {
    (void)context;
    jf_view raw;
    double read;
    if (number(value, &read, &raw) != JF_OK) return JF_E_INVALID;
    for (uint64_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] != '.' && raw.ptr[i] != 'e' && raw.ptr[i] != 'E') continue;
        if (read > 9007199254740992.0 || read < -9007199254740992.0) return JF_E_INVALID;
        if ((double)(int64_t)read != read) return JF_E_INVALID;
        *out = (int64_t)read;
        return JF_OK;
    }
    char copy[1001];
    memcpy(copy, raw.ptr, raw.len);
    copy[raw.len] = 0;
    errno = 0;
    long long parsed = strtoll(copy, NULL, 10);
    if (errno != 0) return JF_E_INVALID;
    *out = parsed;
    return JF_OK;
}

/* ---- Secrets and the table ---- */

static int32_t secret(void *context, jf_view name, jf_blob *out) {
    cell_waiting waiting;
    jf_fault why;
    (void)context;
    if ((cell_here.settings.services & CELL_SERVICE_SECRETS) == 0) return JF_ABSENT;
    cell_writer *frame = cell_ask_out(&waiting, CELL_SECRET, 0);
    if (frame == NULL) return JF_E_BUSY;
    cell_put_view(frame, name);
    int32_t status = cell_ask(&waiting, frame);
    if (status != JF_OK) return status;
    status = waiting.frame.head.status;
    cell_get_fault(&waiting.frame, &why);
    jf_view bytes = cell_get_view(&waiting.frame);
    if (status == JF_OK) {
        blob *it = new_blob(bytes.len);
        if (it != NULL && bytes.len > 0) memcpy(it->bytes, bytes.ptr, bytes.len);
        status = it != NULL ? give_blob(it, bytes.len, out) : JF_E_BUSY;
        if (it != NULL) out->drop = drop_secret;
        /* The packet's own bytes; larger ones are mapped read-only. */
        if (bytes.len <= CELL_INLINE_MOST) explicit_bzero((void *)(uintptr_t)bytes.ptr, bytes.len);
    }
    cell_packet_free(waiting.packet);
    return status;
}

const jf_config_1 cell_config_table = {.size = sizeof(jf_config_1),
                                       .find = find,
                                       .next = next,
                                       .text = text,
                                       .integer = integer,
                                       .real = real,
                                       .quote = quote,
                                       .secret = secret};
