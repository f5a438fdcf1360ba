/* SPDX-License-Identifier: Apache-2.0
 * Tests of the mock host's jf.config/1: the JSON reader that plugin tests rely on. */
#include "jf_check.h"
#include "jf_mock.h"

static jf_mock *mock;
static const jf_config_1 *json;

static void begin(void) {
    mock = jf_mock_new();
    json = jf_mock_json(mock);
}

static void end(void) {
    CHECK(jf_mock_blobs(mock) == 0, "%u blobs left", jf_mock_blobs(mock));
    CHECK(jf_mock_free(mock) == 0, "problems");
}

static int32_t find(const char *document, const char *pointer) {
    jf_view value;
    uint32_t kind;
    return json->find(json->context, jf_mock_view(document), jf_mock_view(pointer), &value, &kind);
}

static void expect(const char *document, const char *pointer, const char *wanted) {
    char *got = jf_mock_json_get(mock, document, pointer);
    CHECK(got != NULL && strcmp(got, wanted) == 0, "%s at \"%s\" is %s, wanted %s", document, pointer,
          got != NULL ? got : "absent", wanted);
    free(got);
}

TEST(accepts_and_refuses_documents) {
    begin();
    static const char *const good[] = {"null",
                                       " true ",
                                       "-0",
                                       "1e9",
                                       "0.5E-3",
                                       "\"\"",
                                       "[]",
                                       "{}",
                                       "[1,[2,{\"a\":[]}]]",
                                       "\"\\u00e9\\\"\\/\"",
                                       "\t{\n\"a\" : 1 , \"a\":2}\r\n",
                                       "\"\xc3\xa9\xf0\x9f\x98\x80\""};
    static const char *const bad[] = {"",
                                      " ",
                                      "nul",
                                      "01",
                                      "+1",
                                      "1.",
                                      ".5",
                                      "1e",
                                      "--1",
                                      "\"",
                                      "\"\\x\"",
                                      "\"\\u12g4\"",
                                      "\"\x01\"",
                                      "[1,]",
                                      "[1 2]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{a:1}",
                                      "{\"a\":1,}",
                                      "[",
                                      "]",
                                      "1 1",
                                      "\"\xff\"",
                                      "\"\xc0\xaf\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xf4\x90\x80\x80\"",
                                      "NaN",
                                      "\xef\xbb\xbf{}",
                                      "{} x",
                                      "'a'",
                                      "[1}"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        CHECK(find(good[i], "") == JF_OK, "refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(find(bad[i], "") == JF_E_INVALID, "accepted: %s", bad[i]);
    end();
}

TEST(limits_depth) {
    begin();
    char deep[301];
    memset(deep, '[', 150);
    memset(deep + 150, ']', 150);
    deep[300] = 0;
    CHECK(find(deep, "") == JF_E_INVALID, "150 levels were accepted");
    CHECK(find("[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "") == JF_OK, "20 levels were refused");
    end();
}

/* The examples of RFC 6901, section 5. */
TEST(follows_json_pointer) {
    begin();
    const char *document = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
                           "\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}";
    static const char *const pairs[][2] = {{"/foo", "[\"bar\",\"baz\"]"},
                                           {"/foo/0", "bar"},
                                           {"/", "0"},
                                           {"/a~1b", "1"},
                                           {"/c%d", "2"},
                                           {"/e^f", "3"},
                                           {"/g|h", "4"},
                                           {"/i\\j", "5"},
                                           {"/k\"l", "6"},
                                           {"/ ", "7"},
                                           {"/m~0n", "8"}};
    expect(document, "", document);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        expect(document, pairs[i][0], pairs[i][1]);
    expect("{\"a\\u0062\":{\"~1\":true}}", "/ab/~01", "true");
    expect("{\"a\":1,\"a\":2}", "/a", "1");
    static const char *const absent[] = {"/foo/2",   "/foo/00", "/foo/-", "/foo/x",
                                         "/foo/0/0", "/nope",   "/foo/"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        CHECK(find(document, absent[i]) == JF_ABSENT, "%s: %d", absent[i], (int)find(document, absent[i]));
    CHECK(find(document, "foo") == JF_E_INVALID, "a pointer begins with /");
    CHECK(find(document, "/m~2n") == JF_E_INVALID, "~2 is no escape");
    CHECK(find(document, "/m~") == JF_E_INVALID, "~ needs 0 or 1");
    end();
}

TEST(reports_kinds) {
    begin();
    const char *document = "[null,false,1,\"\",[],{}]";
    jf_view key, value;
    uint64_t at = 0;
    uint32_t kind = 0;
    for (uint32_t wanted = JF_JSON_NULL; wanted <= JF_JSON_OBJECT; wanted++) {
        CHECK(json->next(json->context, jf_mock_view(document), &at, &key, &value, &kind) == JF_OK,
              "ended early");
        CHECK(kind == wanted, "kind %u instead of %u", kind, wanted);
        CHECK(key.ptr == NULL, "an element has a key");
    }
    CHECK(json->next(json->context, jf_mock_view(document), &at, &key, &value, &kind) == JF_ABSENT, "no end");
    end();
}

TEST(walks_objects) {
    begin();
    const char *document = " { \"a\" : 1 , \"b\\u0062\" : [ 2 , 3 ] } ";
    jf_view key, value;
    uint64_t at = 0;
    uint32_t kind;
    CHECK(json->next(json->context, jf_mock_view(document), &at, &key, &value, &kind) == JF_OK, "first");
    CHECK(key.len == 1 && key.ptr[0] == 'a' && value.len == 1 && value.ptr[0] == '1', "the first member");
    CHECK(json->next(json->context, jf_mock_view(document), &at, &key, &value, &kind) == JF_OK, "second");
    CHECK(key.len == 7 && memcmp(key.ptr, "b\\u0062", 7) == 0, "keys stay raw");
    CHECK(value.len == 9 && memcmp(value.ptr, "[ 2 , 3 ]", 9) == 0, "values stay raw");
    CHECK(json->next(json->context, jf_mock_view(document), &at, &key, &value, &kind) == JF_ABSENT,
          "the end");
    at = 0;
    CHECK(json->next(json->context, jf_mock_view("{}"), &at, &key, &value, &kind) == JF_ABSENT, "empty");
    CHECK(json->next(json->context, jf_mock_view("[ ]"), &at, &key, &value, &kind) == JF_ABSENT, "empty");
    CHECK(json->next(json->context, jf_mock_view("7"), &at, &key, &value, &kind) == JF_E_INVALID, "a number");
    at = 1000;
    CHECK(json->next(json->context, jf_mock_view("[1]"), &at, &key, &value, &kind) == JF_E_INVALID, "cursor");
    end();
}

TEST(decodes_strings) {
    begin();
    expect("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "", "a\"\\/\b\f\n\r\tz");
    expect("\"\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\"", "", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    static const char *const bad[] = {"\"\\ud83d\"",        "\"\\ude00\"", "\"\\ud83dx\"",
                                      "\"\\ud83d\\u0041\"", "12",          "\"a"};
    jf_blob out;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(json->text(json->context, jf_mock_view(bad[i]), &out) == JF_E_INVALID, "decoded: %s", bad[i]);
    CHECK(json->text(json->context, jf_mock_view("\"a\\u0000b\""), &out) == JF_OK, "NUL");
    CHECK(out.len == 3 && out.ptr[1] == 0, "NUL is a character, length %llu", (unsigned long long)out.len);
    out.drop(out.owner);
    CHECK(json->text(json->context, jf_mock_view("\"\""), &out) == JF_OK && out.ptr != NULL && out.len == 0,
          "empty");
    out.drop(out.owner);
    end();
}

TEST(reads_numbers) {
    begin();
    static const struct {
        const char *text;
        int32_t status;
        int64_t value;
    } cases[] = {{"0", JF_OK, 0},
                 {"-0", JF_OK, 0},
                 {"9223372036854775807", JF_OK, INT64_MAX},
                 {"-9223372036854775808", JF_OK, INT64_MIN},
                 {"9223372036854775808", JF_E_INVALID, 0},
                 {"5.0", JF_OK, 5},
                 {"2e3", JF_OK, 2000},
                 {"1.5", JF_E_INVALID, 0},
                 {"1e30", JF_E_INVALID, 0},
                 {"\"1\"", JF_E_INVALID, 0},
                 {"true", JF_E_INVALID, 0},
                 {"1 2", JF_E_INVALID, 0},
                 {"", JF_E_INVALID, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = 0;
        int32_t status = json->integer(json->context, jf_mock_view(cases[i].text), &value);
        CHECK(status == cases[i].status && value == cases[i].value, "%s: %d, %lld", cases[i].text,
              (int)status, (long long)value);
    }
    double real = 0;
    CHECK(json->real(json->context, jf_mock_view("-2.5e-1"), &real) == JF_OK && real > -0.26 && real < -0.24,
          "%g", real);
    CHECK(json->real(json->context, jf_mock_view("1e999"), &real) == JF_E_INVALID, "infinity");
    CHECK(json->real(json->context, jf_mock_view("[1]"), &real) == JF_E_INVALID, "an array");
    end();
}

TEST(quotes_and_reads_back) {
    begin();
    static const char *const cases[][2] = {{"", "\"\""},
                                           {"a\"\\\n\t\x01", "\"a\\\"\\\\\\n\\t\\u0001\""},
                                           {"\xc3\xa9\x7f", "\"\xc3\xa9\x7f\""},
                                           {"x\xff\xc3", "\"x\xef\xbf\xbd\xef\xbf\xbd\""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jf_blob out = {0};
        CHECK(json->quote(json->context, jf_mock_view(cases[i][0]), &out) == JF_OK, "quote");
        char *got = jf_mock_take(&out);
        CHECK(strcmp(got, cases[i][1]) == 0, "%s instead of %s", got, cases[i][1]);
        CHECK(find(got, "") == JF_OK, "the quoted text is no JSON: %s", got);
        free(got);
    }
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)(i % 128);
    jf_blob quoted, back;
    json->quote(json->context, (jf_view){all, sizeof all}, &quoted);
    CHECK(json->text(json->context, (jf_view){quoted.ptr, quoted.len}, &back) == JF_OK, "not read back");
    CHECK(back.len == sizeof all && memcmp(back.ptr, all, sizeof all) == 0, "changed on the way");
    quoted.drop(quoted.owner);
    back.drop(back.owner);
    end();
}

TEST(resolves_secrets) {
    begin();
    jf_mock_set_secret(mock, "token", "s3cret");
    jf_blob out = {0};
    CHECK(json->secret(json->context, jf_mock_view("nope"), &out) == JF_ABSENT, "an unknown one");
    CHECK(json->secret(json->context, jf_mock_view("token"), &out) == JF_OK, "a known one");
    char *got = jf_mock_take(&out);
    CHECK(got != NULL && strcmp(got, "s3cret") == 0, "%s", got != NULL ? got : "absent");
    free(got);
    end();
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
