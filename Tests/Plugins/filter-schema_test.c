/* SPDX-License-Identifier: Apache-2.0
 * filter-schema: keywords of JSON Schema 2020-12, references, bounds of work, what is said. */
#include "filter/drive.h"

static outcome against(const char *schema, const char *arguments) {
    char definition[3000], body[3000];
    filter it = up("{}");
    snprintf(definition, sizeof definition, "{\"name\":\"t\",\"inputSchema\":%s}", schema);
    snprintf(body, sizeof body, "{\"name\":\"t\",\"arguments\":%s}", arguments);
    jf_passage shown = passage(body);
    shown.definition = view(definition);
    shown.arguments = (jf_view){shown.body.ptr + 24, strlen(arguments)};
    outcome got = show(&it, &shown, false);
    down(&it);
    return got;
}

static void good(const char *schema, const char *arguments) {
    outcome got = against(schema, arguments);
    CHECK(got.status == JF_OK && got.decision == JF_PASS, "%s does not take %s: %s", schema, arguments,
          got.text);
}

static void bad(const char *schema, const char *arguments, const char *said) {
    outcome got = against(schema, arguments);
    CHECK(got.decision == JF_ANSWER && strstr(got.text, said) != NULL, "%s takes %s: %s (%d)", schema,
          arguments, got.text, got.status);
}

#define V(schema) "{\"properties\":{\"v\":" schema "}}"
#define A(value) "{\"v\":" value "}"

TEST(types) {
    good(V("{\"type\":\"integer\"}"), A("1"));
    good(V("{\"type\":\"integer\"}"), A("1.0"));
    bad(V("{\"type\":\"integer\"}"), A("1.5"), "/v must be integer, not number");
    bad(V("{\"type\":[\"string\",\"null\"]}"), A("1"), "must be null or string");
    good(V("{\"type\":[\"string\",\"null\"]}"), A("null"));
    bad(V("false"), A("1"), "must not be here");
    good(V("true"), A("1"));
}

TEST(objects) {
    bad("{\"required\":[\"a\",\"b\"]}", "{\"\\u0061\":1}", "lacks \\\"b\\\"");
    bad("{\"properties\":{\"a\":true},\"additionalProperties\":false}", "{\"a\":1,\"b\":2}",
        "/b is not known here");
    good("{\"patternProperties\":{\"^x-\":{\"type\":\"string\"}},\"additionalProperties\":false}",
         "{\"x-a\":\"1\"}");
    bad("{\"patternProperties\":{\"^x-\":{\"type\":\"string\"}}}", "{\"x-a\":1}", "/x-a must be string");
    bad("{\"additionalProperties\":{\"type\":\"null\"}}", "{\"a\":1}", "/a must be null");
    bad("{\"propertyNames\":{\"maxLength\":2}}", "{\"abc\":1}", "name that is not allowed");
    bad("{\"maxProperties\":1}", "{\"a\":1,\"b\":1}", "at most 1 members");
    bad("{\"dependentSchemas\":{\"a\":{\"required\":[\"b\"]}}}", "{\"a\":1}", "lacks");
}

TEST(arrays) {
    bad(V("{\"items\":{\"type\":\"string\"}}"), A("[\"a\",1]"), "/v/1 must be string");
    bad(V("{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}"), A("[\"a\",1]"),
        "/v/1 must not be here");
    bad(V("{\"uniqueItems\":true}"), A("[{\"a\":1,\"b\":2},{\"b\":2.0,\"a\":1}]"), "twice");
    good(V("{\"uniqueItems\":true}"), A("[1,\"1\",[1],true]"));
    bad(V("{\"contains\":{\"type\":\"null\"}}"), A("[1]"), "0 elements");
    good(V("{\"contains\":{\"type\":\"null\"},\"maxContains\":1}"), A("[1,null]"));
    bad(V("{\"minItems\":2,\"maxItems\":3}"), A("[1]"), "at least 2");
}

TEST(numbers_and_strings) {
    bad(V("{\"minimum\":3}"), A("2"), "at least 3");
    bad(V("{\"exclusiveMaximum\":3}"), A("3"), "less than 3");
    good(V("{\"multipleOf\":0.1}"), A("0.3"));
    bad(V("{\"multipleOf\":2}"), A("3"), "multiple of 2");
    bad(V("{\"maxLength\":2}"), A("\"\\ud83d\\ude00\xc3\xa9x\""), "at most 2");
    good(V("{\"maxLength\":3,\"minLength\":3}"), A("\"\\ud83d\\ude00\xc3\xa9x\""));
    bad(V("{\"pattern\":\"^[a-c]+$\"}"), A("\"d\""), "form");
    good(V("{\"pattern\":\"^[a-c]+$\"}"), A("\"\\u0061\""));
    good(V("{\"pattern\":\"(?=x)\"}"), A("\"not known to RE2\""));
    bad(V("{\"enum\":[1,{\"a\":[2]}]}"), A("{\"a\":[3]}"), "one of");
    good(V("{\"enum\":[1,{\"a\":[2]}]}"), A("{\"a\":[2.0]}"));
    bad(V("{\"const\":null}"), A("0"), "must be null");
}

TEST(combinations) {
    bad(V("{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}"), A("2"), "none of the forms");
    good(V("{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}"), A("3"));
    bad(V("{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}"), A("2"), "more than one");
    bad(V("{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}"), A("3"), "at most 2");
    bad(V("{\"not\":{\"type\":\"null\"}}"), A("null"), "must not have");
    bad("{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"required\":[\"c\"]}}",
        "{\"a\":1}", "lacks \\\"b\\\"");
    bad("{\"if\":{\"required\":[\"a\"]},\"then\":{\"required\":[\"b\"]},\"else\":{\"required\":[\"c\"]}}",
        "{}", "lacks \\\"c\\\"");
}

TEST(references) {
    const char *tree = "{\"$ref\":\"#/$defs/"
                       "node\",\"$defs\":{\"node\":{\"type\":\"object\",\"properties\":{\"next\":{\"$ref\":"
                       "\"#/$defs/node\"},"
                       "\"n\":{\"type\":\"integer\"}}}}}";
    good(tree, "{\"next\":{\"next\":{\"n\":1}}}");
    bad(tree, "{\"next\":{\"next\":{\"n\":\"x\"}}}", "/next/next/n must be integer");
    CHECK(against("{\"$ref\":\"https://example.com/s\"}", "{}").status == JF_E_FAULT, "fetched?");
    CHECK(against("{\"$ref\":\"#/nowhere\"}", "{}").status == JF_E_FAULT, "found?");
    CHECK(against("{\"$ref\":\"#\"}", "{}").status == JF_E_FAULT, "endless");
    CHECK(against("{\"type\":\"strnig\"}", "{}").status == JF_E_FAULT, "a type");
    CHECK(against("{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", "{}").status == JF_E_FAULT, "endless");
}

TEST(results) {
    filter it = up("{\"results\":\"result\"}");
    jf_passage shown = passage("{\"structuredContent\":{\"sum\":\"3\"},\"content\":[]}");
    shown.definition = view("{\"outputSchema\":{\"properties\":{\"sum\":{\"type\":\"integer\"}}}}");
    outcome got = show(&it, &shown, true);
    CHECK(got.decision == JF_ANSWER && strstr(got.text, "/sum must be integer") != NULL, "%s", got.text);
    shown.body = view("{\"content\":[]}");
    CHECK(show(&it, &shown, true).decision == JF_ANSWER, "no structure, and passed");
    shown.flags = JF_PASSAGE_ERROR;
    CHECK(show(&it, &shown, true).decision == JF_PASS, "a failure needs no structure");
    shown.flags = 0;
    shown.body = view("{\"structuredContent\":{\"sum\":3}}");
    CHECK(show(&it, &shown, true).decision == JF_PASS, "refused");
    down(&it);
}

TEST(errors_instead_and_many_definitions) {
    filter it = up("{\"arguments\":\"error\"}");
    char definition[200];
    for (int i = 0; i < 600; i++) {
        snprintf(definition, sizeof definition, "{\"inputSchema\":{\"required\":[\"a%d\"]}}", i % 300);
        jf_passage shown = passage("{}");
        shown.definition = view(definition);
        CHECK(show(&it, &shown, false).status == JF_E_INVALID, "passed");
    }
    CHECK(strstr(jf_mock_why(it.mock), "\"a299\"") != NULL, "%s", jf_mock_why(it.mock));
    down(&it);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
