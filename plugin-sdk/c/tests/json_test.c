/* SPDX-License-Identifier: Apache-2.0
 * Tests of jackfield/json.h. What jf.config/1 has of it is tested with the mock host (testing/c/tests). */
#define JF_JSON_DEPTH 4
#include "jf_check.h"

#include <jackfield/json.h>

static jf_view view(const char *text) {
    return (jf_view){(const uint8_t *)text, strlen(text)};
}

static jf_json_value read_good(const char *text) {
    jf_json_value value = {0};
    CHECK(jf_json_read(view(text), &value), "refused: %s", text);
    return value;
}

TEST(bounds_depth) {
    jf_json_value value;
    CHECK(jf_json_read(view("[{\"a\":[[1,{}],2]}]"), &value) == false, "five containers in each other");
    CHECK(jf_json_read(view("[{\"a\":[[1],[]]},[]]"), &value), "four, many times");
    CHECK(jf_json_read(view("[[[[]]]]"), &value) && !jf_json_read(view("[[[[[]]]]]"), &value), "empty ones");
    enum { MANY = 1 << 20 };
    char *deep = malloc(MANY + 1);
    memset(deep, '[', MANY);
    deep[MANY] = 0;
    CHECK(!jf_json_read(view(deep), &value), "a million are refused, and no stack is used up");
    free(deep);
}

TEST(refuses_what_is_cut) {
    static const char whole[] = "{\"a\":[1.5e+3,\"\\u00e9\\n\xc3\xa9\",{}],\"b\":null,\"c\":[true,false]}";
    jf_json_value value;
    for (uint64_t length = 0; length < sizeof whole - 1; length++) {
        char *exact = malloc(length + 1); /* the sanitizers see a byte too far */
        memcpy(exact, whole, length);
        CHECK(!jf_json_read((jf_view){(uint8_t *)exact, length}, &value), "accepted: %.*s", (int)length,
              exact);
        free(exact);
    }
    CHECK(jf_json_read(view(whole), &value) && value.kind == JF_JSON_OBJECT, "the whole");
    CHECK(!jf_json_read((jf_view){NULL, 0}, &value), "nothing");
}

TEST(walks_members_and_elements) {
    jf_json_value root = read_good(" {\"a\" : 1, \"b\":[2,\"x\"] ,\"a\":{}}"), key, value, none;
    static const char *const names[] = {"a", "b", "a"}, *const raw[] = {"1", "[2,\"x\"]", "{}"};
    jf_json_walk walk = jf_json_walk_of(&root);
    for (int i = 0; i < 3; i++) {
        REQUIRE(jf_json_next(&walk, &key, &value) == 1, "member %d", i);
        CHECK(jf_json_is(&key, view(names[i])), "name %d", i);
        jf_view text = jf_json_raw(&value);
        CHECK(text.len == strlen(raw[i]) && memcmp(text.ptr, raw[i], text.len) == 0, "value %d", i);
    }
    CHECK(jf_json_next(&walk, &key, &value) == 0 && jf_json_next(&walk, &key, &value) == 0, "the end");
    root = read_good("[1,\"two\"]");
    walk = jf_json_walk_of(&root);
    CHECK(jf_json_next(&walk, &none, &value) == 1 && none.ptr == NULL, "an element has no name");
    CHECK(jf_json_next(&walk, &none, &value) == 1 && value.kind == JF_JSON_STRING && value.len == 3, "two");
    CHECK(jf_json_raw(&value).len == 5, "the quotes belong to it");
    CHECK(jf_json_next(&walk, &none, &value) == 0, "the end");
    walk = (jf_json_walk){0};
    CHECK(jf_json_next(&walk, &none, &value) == -1, "a walk over nothing");
}

TEST(finds_by_pointer) {
    jf_json_value root = read_good("{\"a~/\\u0062\":[0,{\"\":true}],\"a\":1,\"a\":2}"), found;
    CHECK(jf_json_find(&root, view("/a~0~1b/1/"), &found) == JF_OK && found.kind == JF_JSON_BOOL, "escapes");
    CHECK(jf_json_find(&root, view("/a"), &found) == JF_OK && *found.ptr == '1', "the first of a name");
    static const char *const absent[] = {"/b", "/a/0", "/a~0~1b/2", "/a~0~1b/01", "/a~0~1b/-", "/a~0"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        CHECK(jf_json_find(&root, view(absent[i]), &found) == JF_ABSENT, "%s", absent[i]);
    static const char *const bad[] = {"a", "/~", "/~2", "/a~0~1b/~"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(jf_json_find(&root, view(bad[i]), &found) == JF_E_INVALID, "%s", bad[i]);
}

TEST(compares_and_decodes) {
    jf_json_value string = read_good("\"\\ud83d\\ude00\\u00e9\\tx\"");
    uint8_t room[64];
    CHECK(jf_json_decode(&string, room) == 8 && memcmp(room, "\xf0\x9f\x98\x80\xc3\xa9\tx", 8) == 0,
          "decoded");
    CHECK(jf_json_is(&string, (jf_view){room, 8}) && !jf_json_is(&string, (jf_view){room, 7}), "the same");
    string = read_good("\"\\ud83d\"");
    CHECK(jf_json_decode(&string, room) == UINT64_MAX && !jf_json_is(&string, view("")), "half a pair");
    string = read_good("\"\"");
    CHECK(jf_json_decode(&string, room) == 0 && jf_json_is(&string, (jf_view){NULL, 0}), "empty");
}

TEST(reads_numbers_exactly) {
    static const struct {
        const char *text;
        bool good, negative;
        uint64_t magnitude;
    } cases[] = {{"18446744073709551615", true, false, UINT64_MAX},
                 {"18446744073709551616", false, false, 0},
                 {"-18446744073709551615", true, true, UINT64_MAX},
                 {"9007199254740993", true, false, 9007199254740993u},
                 {"9007199254740993.0", true, false, 9007199254740992u}, /* as exact as a double */
                 {"1e16", false, false, 0},
                 {"-5.0", true, true, 5},
                 {"-0.0", true, false, 0},
                 {"12.5", false, false, 0},
                 {"1e400", false, false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        jf_json_value number = read_good(cases[i].text);
        bool negative = false;
        uint64_t magnitude = 0;
        bool good = jf_json_integer(&number, &negative, &magnitude);
        CHECK(good == cases[i].good, "%s: %d", cases[i].text, good);
        if (good)
            CHECK(negative == cases[i].negative && magnitude == cases[i].magnitude, "%s: %llu", cases[i].text,
                  (unsigned long long)magnitude);
    }
    int64_t value;
    jf_json_value least = read_good("-9223372036854775808"), less = read_good("-9223372036854775809");
    CHECK(jf_json_int64(&least, &value) && value == INT64_MIN, "the least");
    CHECK(!jf_json_int64(&less, &value), "less than the least");
    char digits[JF_JSON_NUMBER_MOST + 2] = "0.";
    double real;
    memset(digits + 2, '1', JF_JSON_NUMBER_MOST - 1);
    digits[JF_JSON_NUMBER_MOST + 1] = 0;
    jf_json_value longer = read_good(digits);
    CHECK(!jf_json_real(&longer, &real), "more characters than are read");
    longer.len--;
    CHECK(jf_json_real(&longer, &real) && real > 0.11 && real < 0.12, "as many as are read");
}

TEST(quotes) {
    static const char odd[] = "a\"\\\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\xff\xed\xa0\x80";
    static const char wanted[] =
        "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd"
        "\xef\xbf\xbd\xef\xbf\xbd\"";
    uint8_t room[6 * sizeof odd + 2];
    uint64_t length = jf_json_quote(view(odd), room);
    CHECK(length == sizeof wanted - 1 && memcmp(room, wanted, length) == 0, "%.*s", (int)length,
          (char *)room);
    CHECK(jf_json_quote((jf_view){NULL, 0}, room) == 2, "nothing has quotes too");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
