/* SPDX-License-Identifier: Apache-2.0
 * batch: who shares a call, which part is whose, failures, cancellation, deadlines, declarations. */

/** Opens a set whose composite `c` fills `ids` of s0's tool `t` from `id`; `more` begins with a comma. */
static void open_batch(const char *more) {
    char config[2000];
    snprintf(config, sizeof config,
             "{\"composites\":{\"c\":{\"mode\":\"batch\",\"argument\":\"ids\",\"item\":\"/id\",\"targets\":[{"
             "\"server\":\"s0\",\"tool\":\"t\"}]%s}}}",
             more);
    open_config(config);
}

static bool has_calls(void *user) {
    return call_count >= *(int *)user;
}

/** Lets windows end until so many calls were made. */
static void until_calls(int count) {
    jf_mock_advance(mock, 10000000);
    CHECK(jf_mock_run_until(mock, has_calls, &count, 5000), "%d of %d calls", call_count, count);
    jf_mock_settle(mock);
}

/** The arguments of call number `index` are these. */
static void asks(int index, const char *arguments) {
    REQUIRE(call_count > index, "%d calls", call_count);
    char *got = jf_mock_json_get(mock, calls[index].params, "/arguments");
    CHECK(got != NULL && strcmp(got, arguments) == 0, "call %d asks %s", index,
          got != NULL ? got : "nothing");
    free(got);
}

/** Calls the facet with a principal and a deadline of its own. */
static jf_ref ask_as(const char *who, const char *arguments, uint64_t left_ns) {
    jf_fault why = {.size = sizeof why};
    jf_blob result = {0};
    jf_ref op = jf_mock_begin(mock);
    jf_request request = {.size = sizeof request,
                          .deadline_ns = jf_mock_now(mock) + left_ns,
                          .set = direct,
                          .name = {(const uint8_t *)"c", 1},
                          .arguments = {(const uint8_t *)arguments, strlen(arguments)}};
    if (who != NULL) request.principal = (jf_view){(const uint8_t *)who, strlen(who)};
    int32_t status = jf_mock_toolset(mock)->call(jf_mock_self(mock), op, &request, &result, &why);
    CHECK(status == JF_PENDING, "%s: %d", why.text, (int)status);
    jf_mock_settle(mock);
    return op;
}

/** Opens the same set past the mock, for `ask_as`. */
static void open_direct(const char *more) {
    char config[2000];
    jf_fault why = {.size = sizeof why};
    snprintf(config, sizeof config,
             "{\"composites\":{\"c\":{\"mode\":\"batch\",\"argument\":\"ids\",\"item\":\"/id\",\"targets\":[{"
             "\"server\":\"s0\",\"tool\":\"t\"}]%s}}}",
             more);
    REQUIRE(jf_mock_toolset(mock)->open(jf_mock_self(mock), 1, jf_mock_view("composite"),
                                        jf_mock_view(config), &direct, &why) == JF_OK,
            "%s", why.text);
    jf_mock_settle(mock);
}

static void end_direct(void) {
    jf_mock_toolset(mock)->close(jf_mock_self(mock), direct);
    jf_mock_settle(mock);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(calls_of_one_window_are_one_call) {
    begin();
    open_batch("");
    jf_ref one = ask("{\"id\":1}"), two = ask("{\"id\":\"x\"}"), again = ask("{ \"id\" : 1.0 }");
    CHECK(call_count == 0, "asked at once");
    until_calls(1);
    asks(0, "{\"ids\":[1,\"x\"]}");
    CHECK(strcmp(calls[0].params, "{\"name\":\"t\",\"arguments\":{\"ids\":[1,\"x\"]},"
                                  "\"_meta\":{\"jackfield/composite-depth\":1}}") == 0,
          "%s", calls[0].params);
    answer(0, STRUCTURED("{\"items\":[{\"n\":1},\"plain\"]}"));
    gives(one, "/structuredContent", "{\"n\":1}");
    gives(one, "/content/0/text", "{\"n\":1}");
    gives(one, "/isError", NULL);
    gives(one, "/_meta/jackfield~1composite/items", "2");
    gives(again, "/structuredContent", "{\"n\":1}");
    gives(two, "/structuredContent", NULL);
    gives(two, "/content/0/text", "plain");
    end();
}

TEST(a_full_batch_does_not_wait) {
    begin();
    open_batch(",\"max\":3,\"window_ms\":60000,\"timeout_ms\":600000");
    ask("{\"id\":1}");
    ask("{\"id\":1}");
    ask("{\"id\":2}");
    CHECK(call_count == 0, "sent with two items");
    jf_ref last = ask("{\"id\":3}");
    asks(0, "{\"ids\":[1,2,3]}");
    jf_ref next = ask("{\"id\":1}");
    CHECK(call_count == 1 && is_pending(next), "what was sent takes nobody in");
    answer(0, STRUCTURED("[1,2,3]"));
    gives(last, "/content/0/text", "3");
    CHECK(is_pending(next), "an answer of another batch");
    jf_mock_cancel_op(mock, next, JF_E_GONE);
    jf_mock_settle(mock);
    end();
}

TEST(results_are_known_by_a_key) {
    begin();
    open_batch(",\"by\":\"key\",\"key\":\"/id\",\"results\":\"/found\",\"error\":\"/error\"");
    jf_ref a = ask("{\"id\":\"a\"}"), b = ask("{\"id\":\"b\"}"), c = ask("{\"id\":\"\\u0063\"}"),
           five = ask("{\"id\":5}"), bad = ask("{\"id\":\"bad\"}");
    until_calls(1);
    answer(0,
           STRUCTURED("{\"other\":[],\"found\":[{\"id\":\"nobody's\"},7,{\"id\":\"c\",\"v\":3},{\"id\":5.0},"
                      "{\"id\":{\"deep\":[]}},{\"id\":\"a\",\"v\":1,\"error\":null},{\"id\":\"a\",\"v\":2},"
                      "{\"id\":\"bad\",\"error\":\"not yours\"}]}"));
    gives(a, "/structuredContent/v", "1");
    gives(a, "/isError", NULL);
    gives(c, "/structuredContent/v", "3");
    gives(five, "/structuredContent/id", "5.0");
    gives(b, "/isError", "true");
    gives(b, "/structuredContent/status", "missing");
    holds(b, "/content/0/text", "c: t of s0: missing (the answer has no result for this item)");
    gives(bad, "/isError", "true");
    gives(bad, "/content/0/text", "not yours");
    end();
}

TEST(a_missing_result_may_be_an_empty_one) {
    begin();
    open_batch(",\"missing\":\"empty\"");
    jf_ref one = ask("{\"id\":1}"), two = ask("{\"id\":2}");
    until_calls(1);
    answer(0, STRUCTURED("{\"items\":[null,{\"n\":2}]}"));
    gives(one, "/isError", NULL);
    gives(one, "/content", "[]");
    gives(two, "/structuredContent/n", "2");
    end();
}

TEST(all_arguments_can_be_the_item) {
    begin();
    open_config("{\"composites\":{\"c\":{\"mode\":\"batch\",\"argument\":\"orders\",\"by\":\"key\",\"key\":"
                "\"/id\",\"targets\":[{\"server\":\"s0\",\"tool\":\"t\",\"constants\":{\"dry\":true}}]}}}");
    jf_ref one = ask("{\"id\":1,\"lang\":\"en\"}"), same = ask("{\"lang\":\"en\",\"id\":1}"),
           other = ask("{\"id\":2}");
    CHECK(call_count == 0, "%d calls", call_count);
    /* Two items with one key: the answer could not tell them apart. */
    jf_ref clash = ask("{\"id\":1,\"lang\":\"de\"}");
    asks(0, "{\"dry\":true,\"orders\":[{\"id\":1,\"lang\":\"en\"},{\"id\":2}]}");
    until_calls(2);
    asks(1, "{\"dry\":true,\"orders\":[{\"id\":1,\"lang\":\"de\"}]}");
    jf_mock_answer(mock, calls[0].id, JF_OK, STRUCTURED("[{\"id\":2},{\"id\":1,\"v\":\"en\"}]"));
    jf_mock_answer(mock, calls[1].id, JF_OK, STRUCTURED("[{\"id\":1,\"v\":\"de\"}]"));
    jf_mock_settle(mock);
    gives(one, "/structuredContent/v", "en");
    gives(same, "/structuredContent/v", "en");
    gives(other, "/structuredContent/id", "2");
    gives(clash, "/structuredContent/v", "de");
    jf_ref none = ask("{\"lang\":\"de\"}");
    CHECK(jf_mock_op_at(mock, none).status == JF_E_INVALID, "%d", (int)jf_mock_op_at(mock, none).status);
    end();
}

TEST(other_arguments_must_be_equal) {
    begin();
    open_config(
        "{\"composites\":{\"c\":{\"mode\":\"batch\",\"argument\":\"ids\",\"item\":\"/id\",\"targets\":["
        "{\"server\":\"s0\",\"tool\":\"t\",\"rename\":{\"lang\":\"language\"},\"drop\":[\"trace\"]}]}}}");
    jf_ref one = ask("{\"id\":1,\"lang\":\"en\",\"trace\":7,\"ids\":[9]}"),
           two = ask("{\"trace\":8,\"lang\":\"\\u0065n\",\"id\":2}"),
           other = ask("{\"id\":3,\"lang\":\"de\"}"), none = ask("{\"id\":4}");
    until_calls(3);
    for (int i = 0; i < 3; i++) {
        char *language = jf_mock_json_get(mock, calls[i].params, "/arguments/language");
        bool english = language != NULL && strcmp(language, "en") == 0;
        if (english) asks(i, "{\"language\":\"en\",\"ids\":[1,2]}");
        jf_mock_answer(mock, calls[i].id, JF_OK,
                       english            ? STRUCTURED("[\"e1\",\"e2\"]")
                       : language != NULL ? STRUCTURED("[\"d3\"]")
                                          : STRUCTURED("[\"n4\"]"));
        free(language);
    }
    jf_mock_settle(mock);
    gives(one, "/content/0/text", "e1");
    gives(two, "/content/0/text", "e2");
    gives(other, "/content/0/text", "d3");
    gives(none, "/content/0/text", "n4");
    end();
}

TEST(principals_never_share_a_batch) {
    static const char *const who[] = {"ann", "bob", NULL, "", "ann"};
    jf_ref ops[5];
    begin();
    open_direct("");
    for (int i = 0; i < 5; i++)
        ops[i] = ask_as(who[i], "{\"id\":1}", 60000000000u);
    until_calls(4);
    for (int i = 0; i < 4; i++) {
        asks(i, "{\"ids\":[1]}");
        jf_mock_answer(mock, calls[i].id, JF_OK, STRUCTURED("[\"x\"]"));
    }
    jf_mock_settle(mock);
    for (int i = 0; i < 5; i++)
        gives(ops[i], "/content/0/text", "x");
    CHECK(call_count == 4, "%d calls", call_count);
    end_direct();
}

TEST(a_call_that_is_alone) {
    begin();
    open_batch("");
    jf_ref op = ask("{\"id\":1}");
    until_calls(1);
    asks(0, "{\"ids\":[1]}");
    answer(0, STRUCTURED("[\"x\"]"));
    gives(op, "/content/0/text", "x");
    end();
    begin();
    open_batch(",\"single\":{\"server\":\"s1\",\"tool\":\"one\",\"rename\":{\"id\":\"number\"}}");
    jf_ref first = ask("{\"id\":1}"), same = ask("{\"id\":1}");
    until_calls(1);
    CHECK(calls[0].server == 1, "server %d", calls[0].server);
    asks(0, "{\"number\":1}");
    answer(1, TEXT("as it is"));
    gives(first, "/content/0/text", "as it is");
    gives(same, "/content/0/text", "as it is");
    op = ask("{\"id\":2}");
    until_calls(2);
    answer(1, TOOL_ERROR("no such one"));
    gives(op, "/isError", "true");
    gives(op, "/content/0/text", "no such one");
    op = ask("{\"id\":3}");
    until_calls(3);
    jf_mock_answer(mock, calls[2].id, JF_E_INVALID, "{\"code\":-32602,\"message\":\"bad number\"}");
    jf_mock_settle(mock);
    holds(op, "/content/0/text", "c: one of s1: refused (bad number)");
    op = ask("{\"id\":4}");
    ask("{\"id\":5}");
    until_calls(4);
    CHECK(calls[3].server == 0, "server %d", calls[3].server);
    answer(0, STRUCTURED("[4,5]"));
    gives(op, "/content/0/text", "4");
    end();
}

TEST(a_failed_batch_fails_each_caller) {
    static char large[6000];
    memset(large, 'x', sizeof large - 1);
    memcpy(large, "{\"content\":[{\"type\":\"text\",\"text\":\"", 35);
    strcpy(large + sizeof large - 6, "\"}]}");
    const struct {
        int32_t status;
        const char *answer, *kind, *part;
    } cases[] = {
        {JF_OK, TOOL_ERROR("out of order"), "error", "c: t of s0: error (out of order)"},
        {JF_E_INVALID, "{\"code\":-32602,\"message\":\"ids is missing\"}", "refused", "ids is missing"},
        {JF_E_TIMEOUT, NULL, "timeout", "no answer in time"},
        {JF_E_GONE, NULL, "gone", "not there"},
        {JF_OK, "{\"resultType\":\"input_required\",\"inputRequests\":{}}", "question", "ask the client"},
        {JF_OK, "[1,2]", "unreadable", "no JSON object"},
        {JF_OK, "{\"content\":", "unreadable", "no JSON object"},
        {JF_OK, large, "too_large", "max_answer_bytes"},
        {JF_OK, "{}", "mismatch", "no list"},
        {JF_OK, TEXT("no JSON"), "mismatch", "no list"},
        {JF_OK, STRUCTURED("{\"a\":[1,2],\"b\":[1,2]}"), "mismatch", "no list"},
        {JF_OK, STRUCTURED("[1]"), "mismatch", "1 results for 2 items"},
        {JF_OK, STRUCTURED("[1,2,3]"), "mismatch", "3 results for 2 items"},
        {JF_OK, STRUCTURED("{\"items\":null}"), "mismatch", "no list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        open_config(
            "{\"max_answer_bytes\":5000,\"composites\":{\"c\":{\"mode\":\"batch\",\"argument\":\"ids\","
            "\"item\":\"/id\",\"targets\":[{\"server\":\"s0\",\"tool\":\"t\"}]}}}");
        jf_ref ops[] = {ask("{\"id\":1}"), ask("{\"id\":2}")};
        until_calls(1);
        jf_mock_answer(mock, calls[0].id, cases[i].status, cases[i].answer);
        jf_mock_settle(mock);
        for (int n = 0; n < 2; n++) {
            gives(ops[n], "/isError", "true");
            gives(ops[n], "/structuredContent/status", cases[i].kind);
            holds(ops[n], "/content/0/text", cases[i].part);
        }
        end();
    }
    begin();
    open_batch("");
    servers[0].refuses = JF_E_BUSY;
    jf_ref op = ask("{\"id\":1}");
    jf_mock_advance(mock, 10000000);
    CHECK(jf_mock_wait_op(mock, op, 5000), "no end");
    gives(op, "/structuredContent/status", "not_started");
    end();
}

TEST(results_may_be_json_in_a_text) {
    begin();
    open_batch(",\"results\":\"/result\"");
    jf_ref one = ask("{\"id\":1}"), two = ask("{\"id\":2}");
    until_calls(1);
    answer(0, TEXT("{\\\"result\\\":[{\\\"n\\\":\\\"\\\\u00e9\\\"},[2]]}"));
    gives(one, "/structuredContent/n", "\xc3\xa9");
    gives(two, "/content/0/text", "[2]");
    gives(two, "/structuredContent", NULL);
    end();
}

TEST(a_caller_that_leaves_leaves_the_others) {
    begin();
    open_batch("");
    jf_ref one = ask("{\"id\":1}"), two = ask("{\"id\":2}"), three = ask("{\"id\":3}");
    jf_mock_cancel_op(mock, one, JF_E_GONE);
    jf_mock_settle(mock);
    CHECK(jf_mock_op_at(mock, one).status == JF_E_GONE, "%d", (int)jf_mock_op_at(mock, one).status);
    until_calls(1);
    asks(0, "{\"ids\":[2,3]}");
    jf_mock_cancel_op(mock, two, JF_E_TIMEOUT);
    jf_mock_settle(mock);
    CHECK(jf_mock_op_at(mock, two).status == JF_E_TIMEOUT, "%d", (int)jf_mock_op_at(mock, two).status);
    answer(0, STRUCTURED("[\"two\",\"three\"]"));
    gives(three, "/content/0/text", "three");
    /* With the last one the call itself. */
    one = ask("{\"id\":1}");
    until_calls(2);
    jf_mock_cancel_op(mock, one, JF_E_GONE);
    jf_mock_settle(mock);
    CHECK(is_over(0), "the batch was not cancelled");
    /* Nobody is left when the window ends. */
    one = ask("{\"id\":1}");
    jf_mock_cancel_op(mock, one, JF_E_GONE);
    jf_mock_settle(mock);
    two = ask("{\"id\":2}");
    until_calls(3);
    asks(2, "{\"ids\":[2]}");
    answer(0, STRUCTURED("[2]"));
    gives(two, "/content/0/text", "2");
    CHECK(call_count == 3, "%d calls", call_count);
    end();
}

TEST(each_caller_has_a_deadline_of_its_own) {
    begin();
    open_direct(",\"timeout_ms\":5000");
    jf_ref hurried = ask_as(NULL, "{\"id\":1}", 1000000000u),
           patient = ask_as(NULL, "{\"id\":2}", 60000000000u);
    until_calls(1);
    asks(0, "{\"ids\":[1,2]}");
    jf_mock_advance(mock, 1000000000);
    CHECK(jf_mock_wait_op(mock, hurried, 5000), "not over");
    gives(hurried, "/isError", "true");
    gives(hurried, "/structuredContent/status", "timeout");
    CHECK(is_pending(patient), "over with the other");
    answer(0, STRUCTURED("[1,2]"));
    gives(patient, "/content/0/text", "2");
    patient = ask_as(NULL, "{\"id\":2}", 60000000000u);
    until_calls(2);
    jf_mock_advance(mock, 5000000000);
    CHECK(jf_mock_wait_op(mock, patient, 5000), "not over");
    gives(patient, "/structuredContent/status", "timeout");
    jf_mock_settle(mock);
    CHECK(is_over(0), "the batch was not cancelled");
    end_direct();
}

TEST(a_window_is_shorter_for_who_has_less_time) {
    begin();
    open_direct(",\"window_ms\":60000,\"timeout_ms\":600000");
    ask_as(NULL, "{\"id\":1}", 600000000000u);
    jf_ref op = ask_as(NULL, "{\"id\":2}", 1050000000u);
    jf_mock_advance(mock, 600000000);
    until_calls(1);
    asks(0, "{\"ids\":[1,2]}");
    answer(0, STRUCTURED("[1,2]"));
    gives(op, "/content/0/text", "2");
    end_direct();
}

TEST(items_of_a_batch_are_bounded_in_bytes) {
    static char arguments[900];
    memset(arguments, 'x', sizeof arguments - 1);
    memcpy(arguments, "{\"id\":\"", 7);
    strcpy(arguments + sizeof arguments - 3, "\"}");
    begin();
    open_config("{\"max_total_bytes\":1024,\"composites\":{\"c\":{\"mode\":\"batch\",\"argument\":\"ids\","
                "\"item\":\"/id\",\"targets\":[{\"server\":\"s0\",\"tool\":\"t\"}]}}}");
    ask(arguments);
    arguments[7] = 'y';
    jf_ref two = ask(arguments);
    CHECK(call_count == 1, "%d calls", call_count);
    arguments[7] = 'z';
    ask(arguments);
    CHECK(call_count == 2, "%d calls", call_count);
    answer(0, STRUCTURED("[2]"));
    gives(two, "/content/0/text", "2");
    jf_mock_stop(mock);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(what_is_missing_is_said_at_once) {
    begin();
    open_batch("");
    jf_ref op = ask("{\"ids\":[1]}");
    CHECK(jf_mock_op_at(mock, op).status == JF_E_INVALID, "%d", (int)jf_mock_op_at(mock, op).status);
    CHECK(strstr(jf_mock_op_at(mock, op).why, "the argument 'id' is missing") != NULL, "%s",
          jf_mock_op_at(mock, op).why);
    end();
}

TEST(many_callers_and_one_hostile_answer) {
    enum { MANY = 1000 };
    static jf_ref ops[MANY];
    static char body[240000], arguments[40];
    begin();
    open_config(
        "{\"composites\":{\"c\":{\"mode\":\"batch\",\"argument\":\"ids\",\"item\":\"/id\",\"by\":\"key\","
        "\"key\":\"/id\",\"max\":1000,\"targets\":[{\"server\":\"s0\",\"tool\":\"t\"}]}}}");
    for (int i = 0; i < MANY; i++) {
        snprintf(arguments, sizeof arguments, "{\"id\":%d}", i);
        ops[i] = jf_mock_request(mock, set, JF_MOCK_CALL, "c", arguments);
    }
    jf_ref more = jf_mock_request(mock, set, JF_MOCK_CALL, "c", arguments);
    jf_mock_settle(mock);
    CHECK(call_count == 1, "%d calls", call_count);
    CHECK(jf_mock_op_at(mock, more).status == JF_E_BUSY, "%d", (int)jf_mock_op_at(mock, more).status);
    size_t at = (size_t)sprintf(body, "{\"content\":[],\"structuredContent\":[");
    for (int i = 0; i < 10000; i++)
        at += (size_t)sprintf(body + at, "{\"id\":%d},", 19999 - i * 2);
    strcpy(body + at, "{\"id\":0}]}");
    answer(0, body);
    gives(ops[0], "/structuredContent/id", "0");
    gives(ops[1], "/structuredContent/id", "1");
    gives(ops[998], "/structuredContent/status", "missing");
    gives(ops[999], "/structuredContent/id", "999");
    end();
}

TEST(stopping_ends_batches) {
    begin();
    open_batch(",\"max\":2");
    jf_ref one = ask("{\"id\":1}"), two = ask("{\"id\":2}"), three = ask("{\"id\":3}");
    CHECK(call_count == 1, "%d calls", call_count);
    jf_mock_stop(mock);
    CHECK(jf_mock_op_at(mock, one).status == JF_E_GONE && jf_mock_op_at(mock, two).status == JF_E_GONE &&
              jf_mock_op_at(mock, three).status == JF_E_GONE,
          "still open");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

/** What the list says of the composite. */
static void lists_schema(const char *expected) {
    int32_t status;
    char *tools = jf_mock_list(mock, set, JF_TOOLS, &status);
    REQUIRE(tools != NULL, "list: %d", (int)status);
    char *got = jf_mock_json_get(mock, tools, "/0/inputSchema");
    CHECK(got != NULL && strcmp(got, expected) == 0, "%s", got != NULL ? got : "absent");
    free(got);
    free(tools);
}

TEST(the_schema_of_an_item) {
    begin();
    servers[0].tool = ",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"ids\":{\"type\":\"array\","
                      "\"items\":{\"$ref\":\"#/$defs/Id\"}},\"lang\":{\"type\":\"string\"},\"dry\":{}},"
                      "\"required\":[\"ids\",\"lang\",\"dry\"],\"$defs\":{\"Id\":{\"type\":\"integer\"}}}";
    servers[1].tool = ",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"number\":{}}}";
    open_batch("");
    lists_schema("{\"type\":\"object\",\"properties\":{\"id\":{\"$ref\":\"#/$defs/Id\"},\"lang\":{\"type\":"
                 "\"string\"},\"dry\":{}},\"required\":[\"id\",\"lang\",\"dry\"],\"$defs\":{\"Id\":{\"type\":"
                 "\"integer\"}}}");
    jf_mock_close_set(mock, set);
    open_batch(",\"single\":{\"server\":\"s1\",\"tool\":\"t\",\"rename\":{\"id\":\"number\"}}");
    lists_schema("{\"type\":\"object\",\"properties\":{\"id\":{}}}");
    end();
}

TEST(batches_that_cannot_work_are_refused) {
    static const struct {
        const char *more, *part;
    } cases[] = {
        {"\"item\":\"/id\"", "needs 'argument'"},
        {"\"argument\":\"ids\",\"item\":\"/a/b\"", "one argument, as in /id"},
        {"\"argument\":\"ids\",\"item\":\"id\"", "one argument, as in /id"},
        {"\"argument\":\"ids\",\"by\":\"key\"", "need each other"},
        {"\"argument\":\"ids\",\"key\":\"/id\"", "need each other"},
        {"\"argument\":\"ids\",\"by\":\"luck\"", "order or key"},
        {"\"argument\":\"ids\",\"missing\":\"maybe\"", "error or empty"},
        {"\"argument\":\"ids\",\"results\":\"items\"", "results must be a JSON Pointer"},
        {"\"argument\":\"ids\",\"max\":1", "max must be 2 to 1000"},
        {"\"argument\":\"ids\",\"max\":1001", "max must be 2 to 1000"},
        {"\"argument\":\"ids\",\"window_ms\":0", "window_ms must be"},
        {"\"argument\":\"ids\",\"quorum\":1", "'quorum' is for mode all, merge and vote"},
        {"\"argument\":\"ids\",\"single\":{\"tool\":\"x\"}", "single needs 'server'"},
        {"\"argument\":\"ids\",\"single\":7", "single is no object"},
        {"\"argument\":\"ids\",\"single\":{\"server\":\"composite\",\"tool\":\"c\"}", "leads back here"},
        {"\"argument\":\"units\"", "a constant and the list"},
    };
    char config[600];
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(config, sizeof config,
                 "{\"composites\":{\"c\":{\"mode\":\"batch\",\"targets\":[{\"server\":\"a\",\"tool\":\"t\","
                 "\"constants\":{\"units\":1}}],%s}}}",
                 cases[i].more);
        CHECK(jf_mock_open_set(mock, "composite", config) == 0, "%s is taken", cases[i].more);
        CHECK(strstr(jf_mock_why(mock), cases[i].part) != NULL, "'%s' is not in: %s", cases[i].part,
              jf_mock_why(mock));
    }
    CHECK(jf_mock_open_set(mock, "composite",
                           "{\"composites\":{\"c\":{\"mode\":\"batch\",\"argument\":\"ids\",\"targets\":[{"
                           "\"server\":\"a\",\"tool\":\"t\"},{\"server\":\"b\",\"tool\":\"t\"}]}}}") == 0,
          "two targets are taken");
    CHECK(strstr(jf_mock_why(mock), "has one target") != NULL, "%s", jf_mock_why(mock));
    CHECK(jf_mock_open_set(mock, "composite",
                           "{\"composites\":{\"c\":{\"mode\":\"all\",\"max\":5,\"targets\":[{"
                           "\"server\":\"a\",\"tool\":\"t\"}]}}}") == 0,
          "max is taken for all");
    CHECK(strstr(jf_mock_why(mock), "'max' is for mode batch") != NULL, "%s", jf_mock_why(mock));
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}
