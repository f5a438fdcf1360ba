/* SPDX-License-Identifier: Apache-2.0
 * Tests of the SDK example toolset-text: both tools, wrong arguments, cancel, stop. */
#include "jf_check.h"
#include "jf_mock.h"

static jf_mock *mock;
static jf_ref set;

static void begin(void) {
    mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    set = jf_mock_open_set(mock, "text", "{}");
    CHECK(set != 0, "no set: %s", jf_mock_why(mock));
}

static void end(void) {
    jf_mock_close_set(mock, set);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

/* Calls a tool, waits, and checks its status and one value in its result (wanted NULL: that there is no
 * result). */
static void expect(const char *tool, const char *arguments, int32_t status, const char *pointer,
                   const char *wanted) {
    jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, tool, arguments);
    CHECK(jf_mock_wait_op(mock, op, 5000), "%s does not answer", tool);
    jf_mock_op state = jf_mock_op_at(mock, op);
    CHECK(state.status == status, "%s %s: %d (%s)", tool, arguments, (int)state.status, state.why);
    char *got = state.result != NULL ? jf_mock_json_get(mock, state.result, pointer) : NULL;
    if (wanted == NULL)
        CHECK(got == NULL && state.result == NULL, "%s has a result: %s", tool, state.result);
    else
        CHECK(got != NULL && strcmp(got, wanted) == 0, "%s %s: %s at %s, wanted %s", tool, arguments,
              got != NULL ? got : "nothing", pointer, wanted);
    free(got);
}

TEST(lists_tools_with_schemas) {
    begin();
    int32_t status;
    char *tools = jf_mock_list(mock, set, JF_TOOLS, &status);
    REQUIRE(tools != NULL, "list: %d", (int)status);
    static const char *const values[][2] = {{"/0/name", "slugify"},
                                            {"/0/inputSchema/type", "object"},
                                            {"/0/inputSchema/required", "[\"text\"]"},
                                            {"/0/outputSchema/properties/slug/type", "string"},
                                            {"/1/name", "count_words"},
                                            {"/1/outputSchema/properties/words/type", "integer"}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char *got = jf_mock_json_get(mock, tools, values[i][0]);
        CHECK(got != NULL && strcmp(got, values[i][1]) == 0, "%s is %s", values[i][0],
              got != NULL ? got : "absent");
        free(got);
    }
    CHECK(jf_mock_json_get(mock, tools, "/2") == NULL, "a third tool");
    free(tools);
    for (uint32_t kind = JF_RESOURCES; kind <= JF_PROMPTS; kind++)
        CHECK(jf_mock_list(mock, set, kind, &status) == NULL && status == JF_ABSENT, "kind %u: %d", kind,
              (int)status);
    end();
}

TEST(slugifies) {
    begin();
    const char *slug = "/structuredContent/slug";
    expect("slugify", "{\"text\":\"Hello, World!\"}", JF_OK, slug, "hello-world");
    expect("slugify", "{\"text\":\"  --A  b__C9-- \"}", JF_OK, slug, "a-b-c9");
    expect("slugify", "{\"text\":\"\\u00c9t\\u00e9 \\\"x\\\"\"}", JF_OK, slug, "t-x");
    expect("slugify", "{\"text\":\"Hello, World!\",\"max_length\":6}", JF_OK, slug, "hello");
    expect("slugify", "{\"text\":\"Hello\",\"max_length\":1}", JF_OK, slug, "h");
    expect("slugify", "{\"text\":\"Hello\"}", JF_OK, "/content/0/text", "hello");
    expect("slugify", "{\"text\":\"Hello\"}", JF_OK, "/resultType", "complete");
    expect("slugify", "{\"text\":\"!?\"}", JF_OK, "/isError", "true");
    expect("slugify", "{\"text\":\"\"}", JF_OK, "/isError", "true");
    char arguments[1024] = "{\"max_length\":200,\"text\":\"", longest[201];
    memset(arguments + strlen(arguments), 'X', 700);
    strcat(arguments, "\"}");
    memset(longest, 'x', 200);
    longest[200] = 0;
    expect("slugify", arguments, JF_OK, slug, longest);
    end();
}

TEST(refuses_wrong_arguments_in_public) {
    begin();
    static const char *const cases[][2] = {{"slugify", "{}"},
                                           {"slugify", "{\"text\":7}"},
                                           {"slugify", "{\"text\":\"\\ud800\"}"},
                                           {"slugify", "{\"text\":\"a\",\"max_length\":0}"},
                                           {"slugify", "{\"text\":\"a\",\"max_length\":201}"},
                                           {"slugify", "{\"text\":\"a\",\"max_length\":\"9\"}"},
                                           {"slugify", "{\"text\":\"a\",\"max_length\":null}"},
                                           {"count_words", "{\"words\":\"a\"}"},
                                           {"slugif", "{\"text\":\"a\"}"},
                                           {"", "{\"text\":\"a\"}"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, cases[i][0], cases[i][1]);
        jf_mock_op state = jf_mock_op_at(mock, op);
        CHECK(state.status == JF_E_INVALID && state.fault.code == JF_E_INVALID, "%s %s: %d", cases[i][0],
              cases[i][1], (int)state.status);
        CHECK((state.fault.flags & JF_FAULT_PUBLIC) != 0 && state.why[0] != 0, "the client is not told why");
    }
    end();
}

TEST(counts_words_later) {
    begin();
    const char *words = "/structuredContent/words";
    jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, "count_words", "{\"text\":\"a b\"}");
    CHECK(jf_mock_op_at(mock, op).status == JF_PENDING, "answered at once");
    CHECK(jf_mock_wait_op(mock, op, 5000) && !jf_mock_op_at(mock, op).inline_result, "no answer");
    expect("count_words", "{\"text\":\"\"}", JF_OK, words, "0");
    expect("count_words", "{\"text\":\" one\\ttwo\\nthree\\u0000x  \"}", JF_OK, words, "3");
    expect("count_words", "{\"text\":\"one\"}", JF_OK, "/content/0/text", "1 words");
    end();
}

/* A text of `count` words whose borders fall on and around the slices of the plugin. */
static char *many_words(uint32_t count) {
    char *arguments = malloc(20 + (size_t)count * 4);
    size_t at = (size_t)sprintf(arguments, "{\"text\":\"");
    for (uint32_t i = 0; i < count; i++)
        at += (size_t)sprintf(arguments + at, i % 3 == 0 ? "abc " : i % 3 == 1 ? "d " : "ef ");
    strcpy(arguments + at, "\"}");
    return arguments;
}

TEST(counts_long_texts_in_slices) {
    begin();
    char *arguments = many_words(500000);
    expect("count_words", arguments, JF_OK, "/structuredContent/words", "500000");
    free(arguments);
    end();
}

TEST(stops_counting_when_the_caller_leaves) {
    begin();
    char *arguments = many_words(500000);
    static const int32_t reasons[] = {JF_E_GONE, JF_E_TIMEOUT};
    for (int i = 0; i < 2; i++) {
        jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, "count_words", arguments);
        while (jf_mock_run_once(mock, 1000) == 0) {
        } /* the first slice */
        CHECK(jf_mock_op_at(mock, op).status == JF_PENDING, "finished too early to be canceled");
        jf_mock_cancel_op(mock, op, reasons[i]);
        while (jf_mock_run_once(mock, 1000) == 0) {
        } /* the next slice notices */
        CHECK(jf_mock_op_at(mock, op).status == reasons[i], "%d", (int)jf_mock_op_at(mock, op).status);
        CHECK(jf_mock_op_at(mock, op).result == NULL, "a result nobody waits for");
    }
    free(arguments);
    end();
}

TEST(several_at_once_and_stop_ends_the_rest) {
    begin();
    char *arguments = many_words(300000);
    jf_ref ops[4];
    ops[0] = jf_mock_request(mock, set, JF_MOCK_CALL, "count_words", arguments);
    ops[1] = jf_mock_request(mock, set, JF_MOCK_CALL, "count_words", "{\"text\":\"one two\"}");
    ops[2] = jf_mock_request(mock, set, JF_MOCK_CALL, "count_words", arguments);
    ops[3] = jf_mock_request(mock, set, JF_MOCK_CALL, "count_words", "{\"text\":\"x\"}");
    CHECK(jf_mock_wait_op(mock, ops[1], 5000) && jf_mock_wait_op(mock, ops[3], 5000), "the short ones wait");
    CHECK(jf_mock_op_at(mock, ops[0]).status == JF_PENDING, "the long one was first");
    jf_mock_stop(mock);
    for (int i = 0; i < 4; i += 2)
        CHECK(jf_mock_op_at(mock, ops[i]).status == JF_E_GONE, "%d", (int)jf_mock_op_at(mock, ops[i]).status);
    CHECK(jf_mock_destroy(mock) == 0, "the plugin broke a rule");
    free(arguments);
    jf_mock_free(mock);
}

TEST(says_which_service_is_missing) {
    static const char *const ids[] = {JF_CONFIG_1, JF_LOOP_1, JF_OPS_1};
    for (int i = 0; i < 3; i++) {
        jf_mock *bare = jf_mock_new();
        jf_mock_hide(bare, ids[i]);
        CHECK(jf_mock_load(bare, jf_check_plugin) == JF_OK, "%s", jf_mock_why(bare));
        CHECK(jf_mock_create(bare, "{}") == JF_E_UNSUPPORTED, "created without %s", ids[i]);
        CHECK(strstr(jf_mock_why(bare), ids[i]) != NULL, "%s", jf_mock_why(bare));
        CHECK(jf_mock_free(bare) == 0, "problems");
    }
}

TEST(lives_many_lives) {
    jf_mock *many = jf_mock_new();
    CHECK(jf_mock_load(many, jf_check_plugin) == JF_OK, "%s", jf_mock_why(many));
    for (int i = 0; i < 1000; i++) {
        CHECK(jf_mock_create(many, "{}") == JF_OK && jf_mock_start(many) == JF_OK, "%s", jf_mock_why(many));
        CHECK(jf_mock_destroy(many) == 0, "problems in life %d", i);
    }
    CHECK(jf_mock_free(many) == 0, "problems");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
