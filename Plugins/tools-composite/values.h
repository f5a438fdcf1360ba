/* SPDX-License-Identifier: Apache-2.0
 * Looking into JSON values and comparing them. */
#ifndef TOOLS_COMPOSITE_VALUES_H
#define TOOLS_COMPOSITE_VALUES_H

#include <json.h>

/** The member of an object; false: it has none, or it is no object. */
bool value_member(const json_value *object, const char *name, json_value *out);
/** By JSON Pointer (RFC 6901, as a NUL-terminated string); "" is the value itself. */
bool value_find(const json_value *root, const char *pointer, json_value *out);
/** Whether a NUL-terminated string is a JSON Pointer. */
bool value_is_pointer(const char *pointer);
/** Whether two strings are the same text. */
bool value_same(const json_value *a, const json_value *b);
/** Writes a value as it stands, strings with their quotes. */
void value_put(text *out, const json_value *it);
/** Writes the canonical form: no blanks, members in the order of their names' bytes, numbers and strings in
 * one spelling. Values that are equal have equal forms. False: out of memory. */
bool value_canonical(text *out, const json_value *it);
/** A number without a fraction, from 0 to `most`. */
bool value_count(const json_value *it, uint64_t most, uint64_t *out);
/** The length of the longest beginning of at most `most` bytes that does not cut a character. */
size_t value_cut(const void *bytes, size_t length, size_t most);

#endif
