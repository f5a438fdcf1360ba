/* SPDX-License-Identifier: Apache-2.0
 * JSON (RFC 8259): reading the arguments of a call, writing schemas and results. */
#ifndef TOOLS_NATIVE_JSON_H
#define TOOLS_NATIVE_JSON_H

#include <jackfield/json.h>

enum {
    JSON_NULL = JF_JSON_NULL,
    JSON_BOOL = JF_JSON_BOOL,
    JSON_NUMBER = JF_JSON_NUMBER,
    JSON_STRING = JF_JSON_STRING,
    JSON_ARRAY = JF_JSON_ARRAY,
    JSON_OBJECT = JF_JSON_OBJECT
};

typedef jf_json_value json_value;
typedef jf_json_walk json_members;

/** Reads a whole text. False: it is no JSON. */
bool json_parse(const uint8_t *text, size_t length, json_value *out);

/** Walks an object or array that was read. */
json_members json_walk(const json_value *container);
/** 1: a member; 0: the end; -1: no JSON. */
int json_next(json_members *it, json_value *key, json_value *value);
/** The same for an array. 1: an element; 0: the end; -1: no JSON. */
int json_item(json_members *it, json_value *value);

/** Whether a string is `text`. */
bool json_is(const json_value *string, const char *text);
/** Decodes a string into `to`, which has room for `string->len` bytes. SIZE_MAX: it has half a surrogate
 * pair. */
size_t json_decode(const json_value *string, char *to);
/** A number that is an integer of at most 64 bits ("5", "5.0", "5e0"). */
bool json_integer(const json_value *number, bool *negative, uint64_t *magnitude);
/** False: it does not fit in a double, or has more than JF_JSON_NUMBER_MOST characters. */
bool json_real(const json_value *number, double *out);
/** A string of decimal digits, perhaps with a minus, as an integer. */
bool json_digits(const json_value *string, bool *negative, uint64_t *magnitude);

/** Text that grows. `bytes` is from malloc; after a failure everything else is ignored. */
typedef struct text {
    uint8_t *bytes;
    size_t length, size;
    bool failed;
    bool borrowed; /**< `bytes` belongs to somebody else until it must grow */
} text;

/** Starts in memory of the caller's. */
text text_in(void *room, size_t size);
void text_free(text *it);
/** Makes room for so many bytes more. */
bool text_reserve(text *it, size_t more);
void text_bytes(text *it, const void *bytes, size_t length);
void text_put(text *it, const char *literal);
void text_unsigned(text *it, uint64_t value);
void text_integer(text *it, int64_t value);
/** The shortest spelling that reads back as the same double (float: as the same float). Must be finite. */
void text_real(text *it, double value, bool is_float);
/** A JSON string; what is no UTF-8 becomes U+FFFD. */
void text_quoted(text *it, const void *bytes, size_t length);
/** A JSON string of base64 (RFC 4648, with padding). */
void text_base64(text *it, const uint8_t *bytes, size_t length);

/** Decodes base64, padding optional, both alphabets. `to` has room for 3/4 of the length. SIZE_MAX: it is
 * none. */
size_t base64_decode(const json_value *string, uint8_t *to);

#endif
