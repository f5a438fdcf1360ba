/* SPDX-License-Identifier: Apache-2.0
 * libFuzzer target, the half in C: everything that jackfield/json.h does, on one text. */
#define JF_JSON_DEPTH 24
#include <jackfield/json.h>

#define REQUIRE(condition)                                                                                   \
    if (!(condition)) abort()

static void check_string(const jf_json_value *string) {
    uint8_t *decoded = malloc(string->len + 1), *quoted = malloc(6 * string->len + 2);
    uint64_t length = jf_json_decode(string, decoded);
    if (length != UINT64_MAX) {
        jf_view text = {decoded, length};
        jf_json_value again;
        REQUIRE(length <= string->len && jf_json_is(string, text));
        uint64_t size = jf_json_quote(text, quoted);
        REQUIRE(size <= 6 * length + 2 && jf_json_read((jf_view){quoted, size}, &again));
        REQUIRE(again.kind == JF_JSON_STRING && jf_json_is(&again, text));
    }
    free(decoded);
    free(quoted);
}

static void check_number(const jf_json_value *number) {
    double real;
    int64_t integer;
    if (!jf_json_int64(number, &integer)) return;
    REQUIRE(jf_json_real(number, &real) && real == (double)integer);
}

static uint64_t walk_all(const jf_json_value *value) {
    jf_json_value key, inner, found;
    uint64_t count = 1;
    if (value->kind == JF_JSON_STRING) check_string(value);
    if (value->kind == JF_JSON_NUMBER) check_number(value);
    if (value->kind < JF_JSON_ARRAY) return 1;
    jf_json_walk walk = jf_json_walk_of(value);
    int more;
    while ((more = jf_json_next(&walk, &key, &inner)) == 1) {
        count += walk_all(&inner);
        if (key.ptr == NULL) continue;
        check_string(&key);
        jf_view raw = {key.ptr, key.len};
        uint8_t pointer[64] = "/";
        if (key.escaped || raw.len > 60 || memchr(raw.ptr, '~', raw.len) || memchr(raw.ptr, '/', raw.len))
            continue;
        memcpy(pointer + 1, raw.ptr, raw.len);
        REQUIRE(jf_json_find(value, (jf_view){pointer, raw.len + 1}, &found) == JF_OK);
    }
    REQUIRE(more == 0);
    return count;
}

/** How many values are in the text; 0: it is no JSON. */
uint64_t sdk_json_values(const uint8_t *bytes, uint64_t size);

uint64_t sdk_json_values(const uint8_t *bytes, uint64_t size) {
    static const char document[] = "{\"a\":[1,{\"~/\":\"\\u0041\"}],\"\":null}";
    jf_json_value value, found;
    jf_view text = {bytes, size};
    REQUIRE(jf_json_read((jf_view){(const uint8_t *)document, sizeof document - 1}, &value));
    (void)jf_json_find(&value, text, &found);
    uint8_t *quoted = malloc(6 * size + 2);
    REQUIRE(jf_json_read((jf_view){quoted, jf_json_quote(text, quoted)}, &found));
    free(quoted);
    return jf_json_read(text, &value) ? walk_all(&value) : 0;
}
