/* SPDX-License-Identifier: Apache-2.0
 * Reading JSON: the SDK's reader, compiled once for all files of a plugin. */
#define JF_JSON_DEPTH 64
#include "json.h"

bool json_parse(const uint8_t *text, size_t length, json_value *out) {
    return jf_json_read((jf_view){text, length}, out);
}

json_members json_walk(const json_value *container) {
    return jf_json_walk_of(container);
}

int json_next(json_members *it, json_value *key, json_value *value) {
    return it->object ? jf_json_next(it, key, value) : -1;
}

int json_item(json_members *it, json_value *value) {
    json_value none;
    return it->object ? -1 : jf_json_next(it, &none, value);
}

bool json_is(const json_value *string, const char *text) {
    return jf_json_is(string, (jf_view){(const uint8_t *)text, strlen(text)});
}

size_t json_decode(const json_value *string, char *to) {
    return jf_json_decode(string, (uint8_t *)to);
}

bool json_integer(const json_value *number, bool *negative, uint64_t *magnitude) {
    return jf_json_integer(number, negative, magnitude);
}

bool json_real(const json_value *number, double *out) {
    return jf_json_real(number, out);
}

bool json_digits(const json_value *string, bool *negative, uint64_t *magnitude) {
    return jf_json_magnitude((jf_view){string->ptr, string->len}, negative, magnitude);
}
