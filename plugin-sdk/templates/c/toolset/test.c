/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin on the mock host, which looks for leaks and broken rules as it goes. */
#include "jf_check.h"
#include "jf_mock.h"

/** Calls the tool on a server with these settings; the answer's value at `pointer`, or the error's text. */
static char *answer(jf_mock *mock, const char *settings, const char *arguments, const char *pointer) {
    jf_ref set = jf_mock_open_set(mock, "test", settings);
    jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, "slugify", arguments);
    jf_mock_wait_op(mock, op, 5000);
    jf_mock_op done = jf_mock_op_at(mock, op);
    jf_mock_close_set(mock, set);
    char *text = done.status == JF_OK ? jf_mock_json_get(mock, done.result, pointer) : strdup(done.why);
    return text != NULL ? text : strdup("");
}

static void expect(const char *settings, const char *arguments, const char *pointer, const char *expected) {
    jf_mock *mock = jf_mock_new();
    REQUIRE(jf_mock_up(mock, jf_check_plugin, "{}"), "%s", jf_mock_why(mock));
    char *text = answer(mock, settings, arguments, pointer);
    CHECK(strcmp(text, expected) == 0, "%s, not %s", text, expected);
    free(text);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(makes_slugs) {
    expect("{}", "{\"text\":\"Hello, World!\"}", "/structuredContent/slug", "hello-world");
    expect("{}", "{\"text\":\" -- a  b\",\"max_length\":1}", "/content/0/text", "a");
    expect("{\"separator\":\"_\"}", "{\"text\":\"Hello, World!\"}", "/structuredContent/slug", "hello_world");
}

TEST(tells_the_model_when_nothing_is_left) {
    expect("{}", "{\"text\":\"?!\"}", "/isError", "true");
}

TEST(refuses_wrong_arguments) {
    expect("{}", "{}", "", "text must be a string");
    expect("{}", "{\"text\":\"a\",\"max_length\":0}", "", "max_length must be an integer from 1 to 200");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
