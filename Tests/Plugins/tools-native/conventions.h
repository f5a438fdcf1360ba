/* SPDX-License-Identifier: Apache-2.0
 * Failures, handles, callbacks, schemas, and arguments that are refused. */
#include "fixture.h"

TEST(conventions_of_failure) {
    jf_ref set;
    jf_mock *mock = started(&set);
    gives(mock, set, "fails_errno", "{\"e\":0}", "/result", "0");
    refuses(mock, set, "fails_errno", "{\"e\":2}", "fails_errno failed: No such file or directory (-1)");
    gives(mock, set, "sets_errno", "{\"e\":0}", "/result", "1");
    refuses(mock, set, "sets_errno", "{\"e\":33}", "out of domain");
    gives(mock, set, "negative", "{\"v\":3}", "/result", "3");
    refuses(mock, set, "negative", "{\"v\":-3}", "gives failed (-3)");
    refuses(mock, set, "negative_errno", "{\"v\":-13}", "Permission denied (-13)");
    refuses(mock, set, "nonzero", "{\"v\":3}", "third kind (3)");
    gives(mock, set, "nonzero", "{\"v\":101}", "/result", "101");
    refuses(mock, set, "nonzero_errno", "{\"v\":12}", "Cannot allocate memory (12)");
    refuses(mock, set, "zero", "{\"v\":0}", "gives failed (0)");
    gives(mock, set, "zero", "{\"v\":1}", "/result", "1");
    refuses(mock, set, "fails_loud", "{\"code\":4}", "fails_loud failed: too bad (4)");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(arguments_are_checked_before_anything_is_called) {
    static const struct {
        const char *tool, *arguments, *part;
    } cases[] = {{"same_i8", "{\"v\":128}", "from -128 to 127"},
                 {"same_i8", "{\"v\":-129}", "from -128 to 127"},
                 {"same_u8", "{\"v\":-1}", "from 0 to 255"},
                 {"same_u8", "{\"v\":1.5}", "must be an integer"},
                 {"same_u8", "{\"v\":\"1\"}", "must be an integer"},
                 {"same_u8", "{\"v\":null}", "must be an integer"},
                 {"same_u8", "{\"v\":[1]}", "must be an integer"},
                 {"same_u8", "{}", "v is missing"},
                 {"same_u8", "{\"v\":1,\"v\":2}", "v is there twice"},
                 {"same_u8", "{\"w\":1}", "unknown argument 'w'"},
                 {"sum", "{\"dtaa\":\"\"}", "did you mean 'data'?"},
                 {"same_u16", "{\"v\":2}", "at least 3"},
                 {"same_u16", "{\"v\":60001}", "at most 60000"},
                 {"same_i32", "{\"v\":-8}", "at least -7"},
                 {"same_i64", "{\"v\":9223372036854775808}", "from -9223372036854775808"},
                 {"same_i64", "{\"v\":\"-9223372036854775809\"}", "must be an integer"},
                 {"same_u64", "{\"v\":\"18446744073709551616\"}", "must be an integer"},
                 {"same_u64", "{\"v\":1e17}", "must be an integer"},
                 {"negate", "{\"v\":1}", "true or false"},
                 {"twice", "{\"v\":\"1\"}", "finite number"},
                 {"twice", "{\"v\":1e301}", "at most"},
                 {"box_get", "{\"box\":5}", "must be a handle"}};
    jf_ref set;
    jf_mock *mock = started(&set);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuses(mock, set, cases[i].tool, cases[i].arguments, cases[i].part);
    jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, "same_i9", "{}");
    CHECK(jf_mock_op_at(mock, op).status == JF_E_INVALID, "an unknown tool");
    op = jf_mock_request(mock, set, JF_MOCK_CALL, "same_", "{}");
    CHECK(jf_mock_op_at(mock, op).status == JF_E_INVALID, "a part of a name");
    op = jf_mock_request(mock, set, JF_MOCK_CALL, "same_u8", "{\"v\":1");
    CHECK(jf_mock_op_at(mock, op).status == JF_E_INVALID, "no JSON");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

/** Makes a box and answers its reference as an argument object, to be freed. */
static char *new_box(jf_mock *mock, jf_ref set, const char *value) {
    char arguments[60];
    snprintf(arguments, sizeof arguments, "{\"value\":%s}", value);
    const char *answer = call_tool(mock, set, "box_new", arguments);
    char *reference = answer == NULL ? NULL : jf_mock_json_get(mock, answer, "/structuredContent/box");
    char *object = malloc(200);
    snprintf(object, 200, "{\"box\":\"%s\"}", reference == NULL ? "?" : reference);
    free(reference);
    return object;
}

TEST(handles_live_until_they_are_destroyed) {
    jf_ref set;
    jf_mock *mock = started(&set);
    char *a = new_box(mock, set, "5"), *b = new_box(mock, set, "6");
    gives(mock, set, "box_get", a, "/result", "5");
    gives(mock, set, "box_get", b, "/result", "6");
    gives(mock, set, "box_get", "{}", "/result", "-1");
    const char *answer = call_tool(mock, set, "box_free", a);
    CHECK(answer != NULL && !is_error(answer), "%s", answer == NULL ? "?" : answer);
    refuses(mock, set, "box_get", a, "no handle that is open");
    refuses(mock, set, "box_free", a, "no handle that is open");
    /* The place is used again, the old reference does not mean the new box. */
    char *c = new_box(mock, set, "7");
    refuses(mock, set, "box_get", a, "no handle that is open");
    gives(mock, set, "box_get", c, "/result", "7");
    refuses(mock, set, "box_get", "{\"box\":\"box-0.1-0000000000000000\"}", "no handle that is open");
    refuses(mock, set, "box_get", "{\"box\":\"\"}", "no handle that is open");
    refuses(mock, set, "box_get", "{\"box\":\"other-0.1-0\"}", "no handle that is open");
    /* A destroy that fails keeps the handle. */
    char *d = new_box(mock, set, "13");
    refuses(mock, set, "box_new", "{\"value\":1}", "no more than 3 handles of kind 'box'");
    refuses(mock, set, "box_open", "{\"value\":1}", "no more than 3 handles of kind 'box'");
    refuses(mock, set, "box_free", d, "box_free failed (1)");
    gives(mock, set, "box_get", d, "/result", "14");
    gives(mock, set, "box_count", "{}", "/result", "3");
    jf_mock_close_set(mock, set);
    int (*count)(void) = (int (*)(void))native("box_count");
    CHECK(count() == 0, "%d boxes are left", count());
    free(a), free(b), free(c), free(d);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(handles_made_by_a_call_that_failed_are_destroyed) {
    jf_ref set;
    jf_mock *mock = started(&set);
    refuses(mock, set, "box_open", "{\"value\":-3}", "box_open failed (1)");
    refuses(mock, set, "box_new", "{\"value\":-3}", "box_new failed");
    gives(mock, set, "box_count", "{}", "/result", "0");
    CHECK(!is_error(call_tool(mock, set, "box_open", "{\"value\":3}")), "box_open");
    gives(mock, set, "box_count", "{}", "/result", "1");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(handles_belong_to_who_opened_them) {
    jf_ref set;
    jf_mock *mock = started(&set);
    const jf_toolset_1 *toolset = jf_mock_toolset(mock);
    jf_request request = {.size = sizeof request};
    char config[200];
    snprintf(config, sizeof config, "{\"declarations\":\"%s/library.toml\"}", folder);
    REQUIRE(toolset->open(jf_mock_self(mock), 77, jf_mock_view("mine"), jf_mock_view(config), &request.set,
                          jf_mock_fault(mock)) == JF_OK,
            "%s", jf_mock_why(mock));
    jf_blob result = {0};
    request.name = jf_mock_view("box_new");
    request.arguments = jf_mock_view("{\"value\":8}");
    request.principal = jf_mock_view("ann");
    REQUIRE(toolset->call(jf_mock_self(mock), 1, &request, &result, jf_mock_fault(mock)) == JF_OK, "%s",
            jf_mock_why(mock));
    char *json = jf_mock_take(&result), *box = jf_mock_json_get(mock, json, "/structuredContent/box");
    char arguments[200];
    snprintf(arguments, sizeof arguments, "{\"box\":\"%s\"}", box == NULL ? "?" : box);
    static const char *const who[] = {"ann", "bob", "an", NULL};
    for (size_t i = 0; i < 4; i++) {
        request.name = jf_mock_view("box_get");
        request.arguments = jf_mock_view(arguments);
        request.principal = jf_mock_view(who[i]);
        int32_t status = toolset->call(jf_mock_self(mock), 1, &request, &result, jf_mock_fault(mock));
        char *answer = status == JF_OK ? jf_mock_take(&result) : NULL;
        CHECK(answer != NULL && is_error(answer) == (i != 0), "%s gets %s",
              who[i] == NULL ? "nobody" : who[i], answer == NULL ? "?" : answer);
        free(answer);
    }
    free(json), free(box);
    toolset->close(jf_mock_self(mock), request.set);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(callbacks_collect_rows) {
    jf_ref set;
    jf_mock *mock = started(&set);
    gives(mock, set, "each", "{\"count\":2}", "/rows",
          "[{\"a\":\"0\",\"a_2\":null},{\"a\":\"1\",\"a_2\":\"1\"}]");
    gives(mock, set, "each", "{\"count\":0}", "/rows", "[]");
    gives(mock, set, "each", "{\"count\":5}", "/rows/4/a", "4");
    /* The sixth row is one too many: the function is told to stop, which is no failure. */
    gives(mock, set, "each", "{\"count\":6}", "/rows_truncated", "true");
    gives(mock, set, "each", "{\"count\":6}", "/rows/4/a", "4");
    /* Every type of parameter, more of them than registers, and a result narrower than one. */
    gives(mock, set, "points", "{\"count\":2}", "/rows",
          "[{\"a\":250,\"b\":0,\"c\":0,\"d\":0,\"e\":true,\"f\":\"p\",\"g\":\"eHl6\"},"
          "{\"a\":251,\"b\":-1,\"c\":0.5,\"d\":1.5,\"e\":false,\"f\":\"p\",\"g\":\"eHl6\"}]");
    /* A library that calls when nobody listens any more is told to stop. */
    gives(mock, set, "late", "{}", "/result", "1");
    for (int i = 0; i < 200; i++)
        gives(mock, set, "each", "{\"count\":1}", "/rows/0/a", "0");
    jf_mock_close_set(mock, set);
    int (*late)(void) = (int (*)(void))native("late");
    CHECK(late() == 1, "after the set was closed: %d", late());
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(callbacks_need_their_service) {
    jf_mock *mock = jf_mock_new();
    REQUIRE(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    CHECK(open_file(mock, "library.toml", "") == 0, "opened");
    CHECK(strstr(jf_mock_why(mock), "callback 'row' cannot be made: nothing offers jf.callback/1") != NULL,
          "%s", jf_mock_why(mock));
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(callbacks_stop_at_the_limit_of_results) {
    jf_mock *mock = new_mock();
    REQUIRE(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    jf_ref set = open_file(mock, "library.toml", ",\"max_result_bytes\":300");
    REQUIRE(set != 0, "%s", jf_mock_why(mock));
    gives(mock, set, "points", "{\"count\":9}", "/rows_truncated", "true");
    gives(mock, set, "points", "{\"count\":9}", "/rows/3/a", "253");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(tools_are_described) {
    static const struct {
        const char *pointer, *value;
    } cases[] = {{"/0/name", "same_i8"},
                 {"/0/title", "Same"},
                 {"/0/description", "s"},
                 {"/0/annotations", "{\"readOnlyHint\":true,\"destructiveHint\":false}"},
                 {"/0/inputSchema", "{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\","
                                    "\"minimum\":-128,\"maximum\":127}},"
                                    "\"required\":[\"v\"],\"additionalProperties\":false}"},
                 {"/0/outputSchema", "{\"type\":\"object\",\"properties\":{\"result\":{\"type\":\"integer\"}}"
                                     ",\"required\":[\"result\"]}"},
                 {"/3/inputSchema/properties/v", "{\"type\":\"integer\",\"minimum\":3,\"maximum\":60000}"},
                 {"/6/inputSchema/properties/v/anyOf/0/maximum", "9007199254740991"},
                 {"/6/inputSchema/properties/v/anyOf/1/pattern", "^-?[0-9]{1,19}$"},
                 {"/7/inputSchema/properties/v/default", "18446744073709551615"},
                 {"/7/inputSchema/required", "[]"},
                 {"/7/outputSchema/properties/result/type", "[\"integer\",\"string\"]"},
                 {"/8/inputSchema/properties/v/type", "boolean"},
                 {"/12/inputSchema/properties/v/required", "[\"id\",\"name\",\"raw\"]"},
                 {"/12/inputSchema/properties/v/properties/name", "{\"type\":\"string\",\"maxLength\":11}"},
                 {"/12/outputSchema/properties/result/properties/level/type", "integer"},
                 {"/22/inputSchema/properties/it",
                  "{\"type\":\"string\",\"enum\":[\"red\",\"green\",\"blue\"],\"default\":\"red\"}"}};
    jf_ref set;
    jf_mock *mock = started(&set);
    int32_t status;
    char *list = jf_mock_list(mock, set, JF_TOOLS, &status);
    REQUIRE(list != NULL, "status %d", (int)status);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *value = jf_mock_json_get(mock, list, cases[i].pointer);
        CHECK(value != NULL && strcmp(value, cases[i].value) == 0, "%s is %s", cases[i].pointer,
              value == NULL ? "absent" : value);
        free(value);
    }
    CHECK(strstr(list, "len_of") == NULL && strstr(list, "\"room\":{\"anyOf\"") != NULL,
          "hidden ones are shown");
    free(list);
    CHECK(jf_mock_list(mock, set, JF_RESOURCES, &status) == NULL && status == JF_ABSENT, "status %d",
          (int)status);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}
