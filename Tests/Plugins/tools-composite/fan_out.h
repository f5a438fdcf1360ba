/* SPDX-License-Identifier: Apache-2.0
 * all, merge, first; arguments, deadlines, cancellation, limits. */

TEST(all_labels_every_answer) {
    begin();
    open_simple("all", 3, "");
    servers[0].answer = STRUCTURED("{\"n\":1}");
    servers[1].answer = TOOL_ERROR("no such city");
    servers[2].answer = TEXT("plain");
    jf_ref op = ask("{\"city\":\"Oslo\"}");
    gives(op, "/resultType", "complete");
    gives(op, "/isError", NULL);
    gives(op, "/structuredContent/good", "2");
    gives(op, "/structuredContent/answers/0/target", "s0");
    gives(op, "/structuredContent/answers/0/structuredContent", "{\"n\":1}");
    gives(op, "/structuredContent/answers/1/status", "error");
    gives(op, "/structuredContent/answers/1/error", "no such city");
    gives(op, "/structuredContent/answers/2/content/0/text", "plain");
    gives(op, "/content/0/text", "c: 2 of 3 targets gave a good answer\ns1: error (no such city)");
    gives(op, "/content/1/text", "s0: good");
    gives(op, "/content/4/text", "plain");
    CHECK(jf_mock_op_at(mock, op).progress == 3, "%u reports", jf_mock_op_at(mock, op).progress);
    end();
}

TEST(progress_counts_the_answers) {
    begin();
    open_simple("all", 2, "");
    jf_ref op = ask("{}");
    answer(1, TEXT("x"));
    const jf_mock_event *event = jf_mock_find(mock, 0, JF_MOCK_OP_PROGRESS, op, 0);
    REQUIRE(event != NULL, "no progress");
    CHECK(event->done == 1 && event->total == 2 && strcmp(event->text, "s1: good (1 of 2 answered)") == 0,
          "%g %g %s", event->done, event->total, event->text);
    answer(0, TEXT("x"));
    CHECK(!is_pending(op), "still open");
    end();
}

TEST(a_quorum_that_cannot_be_reached_ends_the_call) {
    begin();
    open_simple("all", 3, ",\"quorum\":2");
    jf_ref op = ask("{}");
    answer(0, TOOL_ERROR("a"));
    CHECK(is_pending(op), "too early");
    answer(1, TOOL_ERROR("b"));
    gives(op, "/isError", "true");
    gives(op, "/structuredContent/outcome", "0 of 3 targets gave a good answer, 2 are needed");
    gives(op, "/structuredContent/answers/2/status", "cancelled");
    CHECK(is_over(2), "s2 was not cancelled");
    end();
}

TEST(stop_at_quorum_cancels_the_rest) {
    begin();
    open_simple("all", 3, ",\"quorum\":2,\"stop_at_quorum\":true");
    jf_ref op = ask("{}");
    answer(2, TEXT("x"));
    answer(0, TEXT("x"));
    gives(op, "/isError", NULL);
    gives(op, "/structuredContent/good", "2");
    CHECK(is_over(1), "s1 was not cancelled");
    end();
}

TEST(merges_lists) {
    static const struct {
        const char *more, *first, *second, *items, *duplicates;
    } cases[] = {
        {"", "[1,2]", "[2,3]", "[1,2,2,3]", NULL},
        {",\"unique\":true", "[1,{\"a\":1,\"b\":2}]", "[1.0,{\"b\":2,\"a\":1},\"x\"]",
         "[1,{\"a\":1,\"b\":2},\"x\"]", "2"},
        {",\"unique_by\":\"/id\"", "{\"hits\":[{\"id\":1,\"v\":\"a\"}],\"n\":1}",
         "{\"hits\":[{\"id\":1,\"v\":\"b\"},{\"v\":\"no id\"},{\"v\":\"no id\"}]}",
         "[{\"id\":1,\"v\":\"a\"},{\"v\":\"no id\"},{\"v\":\"no id\"}]", "1"},
        {",\"items\":\"/x/0\"", "{\"x\":[[7]],\"y\":[]}", "{\"x\":[8]}", "[7]", NULL},
        {"", "{\"one\":1}", "{\"a\":[],\"b\":[]}", "[{\"one\":1},{\"a\":[],\"b\":[]}]", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char one[300], two[300];
        begin();
        open_simple("merge", 2, cases[i].more);
        jf_ref op = ask("{}");
        snprintf(one, sizeof one, STRUCTURED("%s"), cases[i].first);
        snprintf(two, sizeof two, STRUCTURED("%s"), cases[i].second);
        answer(1, two); /* the order of the targets counts, not that of the answers */
        answer(0, one);
        gives(op, "/structuredContent/items", cases[i].items);
        gives(op, "/structuredContent/duplicates", cases[i].duplicates);
        gives(op, "/content/2/text", "said");
        end();
    }
}

TEST(merge_keeps_many_items_apart) {
    static char one[60000];
    begin();
    open_simple("merge", 2, ",\"unique\":true");
    strcpy(one, "{\"resultType\":\"complete\",\"content\":[],\"structuredContent\":[0");
    size_t at = strlen(one);
    for (int i = 1; i < 5000; i++)
        at += (size_t)sprintf(one + at, ",%d", i);
    strcpy(one + at, "]}");
    servers[0].answer = servers[1].answer = one;
    jf_ref op = ask("{}");
    gives(op, "/structuredContent/count", "5000");
    gives(op, "/structuredContent/duplicates", "5000");
    end();
}

TEST(first_good_answer_wins) {
    begin();
    open_simple("first", 3, "");
    jf_ref op = ask("{}");
    answer(2, TOOL_ERROR("x"));
    CHECK(is_pending(op), "a failure won");
    answer(
        1,
        "{\"resultType\":\"complete\",\"content\":[],\"structuredContent\":{\"n\":1},\"_meta\":{\"k\":7}}");
    gives(op, "/structuredContent", "{\"n\":1}");
    gives(op, "/_meta/k", "7");
    gives(op, "/_meta/jackfield~1composite/winner", "s1");
    gives(op, "/_meta/jackfield~1composite/answers/2/error", "x");
    CHECK(is_over(0), "s0 was not cancelled");
    end();
}

TEST(first_fails_when_all_do) {
    begin();
    open_simple("first", 2, "");
    servers[0].refuses = JF_E_BUSY;
    jf_ref op = ask("{}");
    jf_mock_answer(mock, calls[0].id, JF_E_INVALID, "{\"code\":-32602,\"message\":\"city is missing\"}");
    jf_mock_settle(mock);
    gives(op, "/isError", "true");
    gives(op, "/structuredContent/answers/0/status", "not_started");
    gives(op, "/structuredContent/answers/1/status", "refused");
    gives(op, "/structuredContent/answers/1/error", "city is missing");
    end();
}

TEST(nothing_that_can_be_started_is_an_answer_too) {
    begin();
    open_simple("all", 64, "");
    for (int i = 0; i < SERVERS; i++)
        servers[i].refuses = JF_E_BUSY;
    jf_ref op = ask("{}");
    gives(op, "/isError", "true");
    gives(op, "/structuredContent/answers/63/status", "not_started");
    end();
}

TEST(concurrency_bounds_the_fan_out) {
    begin();
    open_simple("all", 5, ",\"concurrency\":2");
    jf_ref op = ask("{}");
    CHECK(call_count == 2, "%d calls", call_count);
    answer(0, TEXT("x"));
    CHECK(call_count == 3, "%d calls", call_count);
    for (int i = 1; i < 5; i++)
        answer(i, TEXT("x"));
    gives(op, "/structuredContent/good", "5");
    end();
    begin();
    open_simple("first", 3, ",\"concurrency\":1");
    op = ask("{}");
    answer(0, TEXT("x"));
    gives(op, "/content/0/text", "x");
    CHECK(call_count == 1, "an answer that was not needed was asked for");
    end();
}

TEST(arguments_are_mapped) {
    begin();
    open_config("{\"composites\":{\"c\":{\"mode\":\"all\",\"targets\":["
                "{\"server\":\"s0\",\"tool\":\"t\",\"label\":\"one\",\"timeout_ms\":1500,"
                "\"constants\":{\"units\":\"metric\"},\"rename\":{\"city\":\"place\"},\"drop\":[\"days\"]},"
                "{\"endpoint\":\"/mcp/bundles/b\",\"tool\":\"x\"}]}}}");
    jf_ref op =
        ask("{\"city\":\"Oslo\",\"days\":3,\"units\":\"mine\",\"place\":\"hidden\",\"\\u0063\":[1, 2]}");
    REQUIRE(call_count == 2, "%d calls", call_count);
    CHECK(strcmp(calls[0].params,
                 "{\"name\":\"t\",\"arguments\":{\"units\":\"metric\",\"place\":\"Oslo\",\"\\u0063\":[1, 2]},"
                 "\"_meta\":{\"jackfield/composite-depth\":1}}") == 0,
          "%s", calls[0].params);
    CHECK(calls[0].timeout_ns == 1500000000, "%llu", (unsigned long long)calls[0].timeout_ns);
    CHECK(strstr(calls[1].params, "\"city\":\"Oslo\",\"days\":3,\"units\":\"mine\"") != NULL, "%s",
          calls[1].params);
    CHECK(calls[1].timeout_ns == 0, "%llu", (unsigned long long)calls[1].timeout_ns);
    jf_mock_answer(mock, calls[0].id, JF_OK, TEXT("x"));
    jf_mock_answer(mock, calls[1].id, JF_OK, TEXT("x"));
    jf_mock_settle(mock);
    gives(op, "/structuredContent/answers/0/target", "one");
    gives(op, "/structuredContent/answers/1/server", "/mcp/bundles/b");
    end();
}

TEST(the_deadline_takes_what_has_come) {
    begin();
    open_simple("all", 3, ",\"timeout_ms\":5000,\"concurrency\":2");
    jf_ref op = ask("{}");
    jf_mock_advance(mock, 4900000000);
    jf_mock_settle(mock);
    CHECK(is_pending(op), "too early");
    jf_mock_answer(mock, calls[0].id, JF_OK, TEXT("x"));
    jf_mock_advance(mock, 200000000);
    CHECK(jf_mock_wait_op(mock, op, 5000), "no answer at the deadline");
    gives(op, "/structuredContent/good", "1");
    gives(op, "/isError", NULL);
    gives(op, "/structuredContent/answers/1/status", "timeout");
    CHECK(is_over(1), "s1 was not cancelled");
    end();
}

TEST(cancelling_reaches_every_target) {
    static const int32_t reasons[] = {JF_E_GONE, JF_E_TIMEOUT};
    for (int i = 0; i < 2; i++) {
        begin();
        open_simple("all", 3, "");
        jf_ref op = ask("{}");
        answer(1, TEXT("x"));
        jf_mock_cancel_op(mock, op, reasons[i]);
        CHECK(jf_mock_wait_op(mock, op, 5000), "not finished");
        CHECK(jf_mock_op_at(mock, op).status == reasons[i], "%d", (int)jf_mock_op_at(mock, op).status);
        jf_mock_settle(mock);
        CHECK(is_over(0) && is_over(2), "a target was not cancelled");
        end();
    }
}

TEST(stopping_ends_what_is_under_way) {
    begin();
    open_simple("all", 3, "");
    jf_ref one = ask("{}"), two = ask("{}");
    jf_mock_stop(mock);
    CHECK(jf_mock_op_at(mock, one).status == JF_E_GONE && jf_mock_op_at(mock, two).status == JF_E_GONE,
          "still open");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(answers_of_every_kind_are_told_apart) {
    static const struct {
        const char *answer, *status;
    } cases[] = {
        {"{\"resultType\":\"input_required\",\"inputRequests\":{}}", "question"},
        {"{\"resultType\":\"task\"}", "unreadable"},
        {"[1]", "unreadable"},
        {"{\"content\":", "unreadable"},
        {"", "unreadable"},
        {"{\"content\":[]}", "good"},
        {"{}", "good"},
        {"{\"isError\":true}", "error"},
        {"{\"isError\":true,\"content\":[{\"type\":\"text\",\"text\":\"\\ud800\"}]}", "error"},
        {"{\"content\":{\"a\":1},\"structuredContent\":null}", "good"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin();
        open_simple("all", 1, "");
        servers[0].answer = cases[i].answer;
        jf_ref op = ask("{}");
        gives(op, "/structuredContent/answers/0/status", cases[i].status);
        end();
    }
}

TEST(limits_hold) {
    static char large[4000];
    memset(large, 'x', sizeof large - 1);
    memcpy(large, "{\"content\":[{\"type\":\"text\",\"text\":\"", 35);
    strcpy(large + sizeof large - 6, "\"}]}");
    begin();
    open_config(
        "{\"max_calls\":2,\"max_answer_bytes\":5000,\"max_total_bytes\":8500,\"composites\":{\"c\":{\"mode\":"
        "\"all\",\"targets\":[{\"server\":\"s0\",\"tool\":\"t\"},{\"server\":\"s1\",\"tool\":\"t\"},"
        "{\"server\":\"s2\",\"tool\":\"t\"}]}}}");
    servers[0].answer = servers[1].answer = servers[2].answer = large;
    jf_ref op = ask("{}");
    gives(op, "/structuredContent/good", "2");
    gives(op, "/structuredContent/answers/2/status", "too_large");
    servers[0].answer = NULL;
    jf_ref one = ask("{}"), two = ask("{}"), three = ask("{}");
    CHECK(jf_mock_op_at(mock, three).status == JF_E_BUSY, "%d", (int)jf_mock_op_at(mock, three).status);
    jf_mock_cancel_op(mock, one, JF_E_GONE);
    jf_mock_cancel_op(mock, two, JF_E_GONE);
    jf_mock_settle(mock);
    CHECK(is_pending(ask("{}")), "the limit stays used up");
    jf_mock_stop(mock);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(many_calls_at_once) {
    enum { MANY = 300 };
    static jf_ref ops[MANY];
    begin();
    open_simple("all", 4, "");
    for (int i = 0; i < MANY; i++)
        ops[i] = ask("{}");
    for (int i = call_count - 1; i >= 0; i--)
        jf_mock_answer(mock, calls[i].id, JF_OK, STRUCTURED("{\"n\":1}"));
    jf_mock_settle(mock);
    for (int i = 0; i < MANY; i++)
        gives(ops[i], "/structuredContent/good", "4");
    end();
}
