/* SPDX-License-Identifier: Apache-2.0
 * race and hedge, what may be called in excess, the targets' lists, declarations that are refused, depth. */

TEST(race_asks_all_at_once_and_cancels) {
    begin();
    open_simple("race", 3, "");
    jf_ref op = ask("{}");
    CHECK(call_count == 3, "%d calls", call_count);
    answer(1, TEXT("x"));
    gives(op, "/content/0/text", "x");
    gives(op, "/_meta/jackfield~1composite/mode", "race");
    CHECK(is_over(0) && is_over(2), "not cancelled");
    end();
}

TEST(only_safe_tools_race) {
    begin();
    servers[0].tool = "";
    servers[1].tool = ",\"annotations\":{\"idempotentHint\":true}";
    servers[2].tool = ",\"annotations\":{\"readOnlyHint\":false}";
    open_simple("race", 3, "");
    jf_ref op = ask("{}");
    CHECK(call_count == 1 && calls[0].server == 1, "%d calls", call_count);
    answer(1, TEXT("x"));
    gives(op, "/_meta/jackfield~1composite/answers/0/status", "unsafe");
    gives(op, "/_meta/jackfield~1composite/answers/2/status", "unsafe");
    end();
    begin();
    servers[0].tool = servers[1].tool = "";
    open_simple("hedge", 2, "");
    op = ask("{}");
    gives(op, "/isError", "true");
    holds(op, "/structuredContent/answers/0/error", "allow_unsafe");
    CHECK(call_count == 0, "%d calls", call_count);
    end();
    begin();
    servers[0].tool = servers[1].tool = "";
    open_simple("race", 2, ",\"allow_unsafe\":true");
    op = ask("{}");
    CHECK(call_count == 2, "%d calls", call_count);
    answer(0, TEXT("x"));
    gives(op, "/content/0/text", "x");
    end();
}

TEST(a_target_that_was_down_is_looked_for_again) {
    begin();
    servers[0].tool = NULL;
    open_simple("race", 1, "");
    jf_ref op = ask("{}");
    gives(op, "/structuredContent/answers/0/status", "unsafe");
    holds(op, "/structuredContent/answers/0/error", "does not list it");
    servers[0].tool = READ_ONLY;
    int before = list_count;
    op = ask("{}");
    CHECK(list_count == before + 1 && call_count == 1, "%d lists, %d calls", list_count, call_count);
    answer(0, TEXT("x"));
    gives(op, "/content/0/text", "x");
    end();
}

static bool missed(void *user) {
    (void)user;
    return jf_mock_logged(mock, JF_LOG_WARNING, "composites.c: s0 does not list the tool 't'");
}

TEST(a_target_that_stays_away_is_logged_once) {
    begin();
    servers[0].tool = NULL;
    open_simple("all", 2, "");
    CHECK(!missed(NULL), "at once");
    for (int i = 0; i < 20 && !missed(NULL); i++) {
        jf_mock_advance(mock, 15000000000);
        jf_mock_run_once(mock, 100);
        jf_mock_settle(mock);
    }
    CHECK(missed(NULL), "never");
    uint32_t count = jf_mock_log_count(mock);
    int lists = list_count;
    for (int i = 0; i < 5; i++) {
        jf_mock_advance(mock, 15000000000);
        jf_mock_run_once(mock, 100);
        jf_mock_settle(mock);
    }
    CHECK(list_count > lists, "not looked for any more");
    CHECK(jf_mock_log_count(mock) == count, "said again");
    end();
}

TEST(hedges_after_a_delay) {
    begin();
    open_simple("hedge", 3, ",\"delay_ms\":200");
    jf_ref op = ask("{}");
    CHECK(call_count == 1, "%d calls", call_count);
    jf_mock_advance(mock, 100000000);
    jf_mock_settle(mock);
    CHECK(call_count == 1, "%d calls", call_count);
    jf_mock_advance(mock, 150000000);
    jf_mock_run_once(mock, 100);
    CHECK(call_count == 2, "%d calls", call_count);
    /* A failure is no reason to wait. */
    answer(1, TOOL_ERROR("x"));
    CHECK(call_count == 3, "%d calls", call_count);
    answer(2, TEXT("good"));
    gives(op, "/content/0/text", "good");
    gives(op, "/_meta/jackfield~1composite/winner", "s2");
    CHECK(is_over(0), "s0 was not cancelled");
    end();
}

static bool second_asked(void *user) {
    (void)user;
    return calls[call_count - 1].server == 1;
}

TEST(hedges_after_a_percentile) {
    begin();
    open_simple("hedge", 2, ",\"delay_ms\":60000,\"timeout_ms\":100000,\"percentile\":90");
    for (int i = 0; i < 40; i++) {
        jf_ref op = ask("{}");
        jf_mock_advance(mock, (uint64_t)(i % 10 + 1) * 1000000);
        jf_mock_settle(mock);
        answer(0, TEXT("x"));
        gives(op, "/content/0/text", "x");
    }
    jf_ref op = ask("{}");
    jf_mock_advance(mock, 5000000);
    jf_mock_settle(mock);
    CHECK(calls[call_count - 1].server == 0, "hedged before the 90th percentile");
    jf_mock_advance(mock, 2000000000);
    CHECK(jf_mock_run_until(mock, second_asked, NULL, 5000), "not hedged after it");
    answer(1, TEXT("y"));
    gives(op, "/content/0/text", "y");
    end();
}

TEST(hedge_without_answers_ends_at_the_deadline) {
    begin();
    open_simple("hedge", 2, ",\"delay_ms\":100,\"timeout_ms\":1000");
    jf_ref op = ask("{}");
    jf_mock_advance(mock, 1100000000);
    CHECK(jf_mock_wait_op(mock, op, 5000), "not over");
    gives(op, "/isError", "true");
    gives(op, "/structuredContent/answers/0/status", "timeout");
    jf_mock_settle(mock);
    CHECK(is_over(0), "s0 was not cancelled");
    end();
}

TEST(the_schema_is_that_of_the_first_target) {
    begin();
    servers[0].tool =
        ",\"inputSchema\":{\"type\":\"object\",\"properties\":{\"place\":{\"type\":\"string\"},\"units\":{"
        "},\"days\":{},\"city\":{}},\"required\":[\"place\",\"units\"]}";
    open_config("{\"composites\":{\"c\":{\"mode\":\"all\",\"description\":\"D\",\"targets\":[{\"server\":"
                "\"s0\",\"tool\":"
                "\"t\",\"constants\":{\"units\":1},\"rename\":{\"city\":\"place\"},\"drop\":[\"days\"]}]},"
                "\"d\":{\"mode\":\"race\",\"targets\":[{\"server\":\"s1\",\"tool\":\"t\"}],\"input_schema\":{"
                "\"type\":"
                "\"object\",\"properties\":{\"x\":{}}}}}}");
    CHECK(jf_mock_count(mock, 0, JF_MOCK_SET_CHANGED, 0, 0) == 1, "%u changes",
          jf_mock_count(mock, 0, JF_MOCK_SET_CHANGED, 0, 0));
    int32_t status;
    char *tools = jf_mock_list(mock, set, JF_TOOLS, &status);
    REQUIRE(tools != NULL, "list: %d", (int)status);
    static const char *const values[][2] = {
        {"/0/name", "c"},
        {"/0/description", "D"},
        {"/0/inputSchema",
         "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}"},
        {"/1/inputSchema/properties", "{\"x\":{}}"},
        {"/1/annotations/idempotentHint", "true"},
        {"/1/description", "Asks 1 tools at once and gives the first answer: s1."}};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char *got = jf_mock_json_get(mock, tools, values[i][0]);
        CHECK(got != NULL && strcmp(got, values[i][1]) == 0, "%s is %s", values[i][0],
              got != NULL ? got : "absent");
        free(got);
    }
    free(tools);
    CHECK(jf_mock_list(mock, set, JF_PROMPTS, &status) == NULL && status == JF_ABSENT, "%d", (int)status);
    end();
}

TEST(declarations_that_cannot_work_are_refused) {
    static const struct {
        const char *config, *part;
    } cases[] = {
        {"{}", "'composites' is missing"},
        {"{\"composites\":{\"c\":{\"mode\":\"all\",\"targets\":[]}}}", "composites.c: it has no targets"},
        {"{\"composites\":{\"c\":{\"mode\":\"some\",\"targets\":[]}}}", "mode must be"},
        {"{\"composites\":{\"c\":{\"mode\":\"all\",\"targets\":[{\"tool\":\"t\"}]}}}",
         "targets[0] needs 'server'"},
        {"{\"composites\":{\"c\":{\"mode\":\"all\",\"quorum\":2,\"targets\":[{\"server\":\"a\",\"tool\":"
         "\"t\"}]}}}",
         "quorum is 2, but there are 1 targets"},
        {"{\"composites\":{\"c\":{\"mode\":\"all\",\"targets\":[{\"server\":\"a\",\"tool\":\"t\"},{"
         "\"server\":\"a\","
         "\"tool\":\"u\"}]}}}",
         "both called 'a': give one a 'label'"},
        {"{\"composites\":{\"c\":{\"mode\":\"all\",\"delay_ms\":5,\"targets\":[{\"server\":\"a\",\"tool\":"
         "\"t\"}]}}}",
         "'delay_ms' is for mode hedge, and this is mode all"},
        {"{\"composites\":{\"c\":{\"mode\":\"vote\",\"tie\":\"first\",\"targets\":[{\"server\":\"a\","
         "\"tool\":\"t\"}]}}}",
         "needs 'otherwise: plurality'"},
        {"{\"composites\":{\"c\":{\"mode\":\"vote\",\"compare\":\"a\",\"targets\":[{\"server\":\"a\","
         "\"tool\":\"t\"}]}}}",
         "JSON Pointers"},
        {"{\"composites\":{\"c\":{\"mode\":\"all\",\"targets\":[{\"server\":\"composite\",\"tool\":\"c\"}]}}"
         "}",
         "leads back here"},
        {"{\"composites\":{\"c\":{\"mode\":\"all\",\"targets\":[{\"endpoint\":\"/mcp/servers/"
         "composite\",\"tool\":\"d\"}]},"
         "\"d\":{\"mode\":\"all\",\"targets\":[{\"server\":\"composite\",\"tool\":\"c\"}]}}}",
         "composites.d: targets[0] calls 'c', which leads back here"},
        {"{\"composites\":{\"c\":{\"mode\":\"all\",\"targets\":[{\"server\":\"a\",\"endpoint\":\"/"
         "mcp\",\"tool\":\"t\"}]}}}",
         "both 'server' and 'endpoint'"},
        {"{\"max_calls\":0,\"composites\":{}}", "max_calls must be 1 to 100000"},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK(jf_mock_open_set(mock, "composite", cases[i].config) == 0, "%s is taken", cases[i].config);
        CHECK(strstr(jf_mock_why(mock), cases[i].part) != NULL, "'%s' is not in: %s", cases[i].part,
              jf_mock_why(mock));
    }
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

/** Calls the facet with `_meta`, which the mock's own requests do not have. */
static int32_t call_at_depth(jf_ref handle, const char *depth, jf_fault *why) {
    char params[200];
    snprintf(params, sizeof params, "{\"name\":\"c\",\"_meta\":{\"jackfield/composite-depth\":%s}}", depth);
    jf_request request = {.size = sizeof request,
                          .deadline_ns = jf_mock_now(mock) + 60000000000u,
                          .set = handle,
                          .name = {(const uint8_t *)"c", 1},
                          .arguments = {(const uint8_t *)"{}", 2},
                          .params = {(const uint8_t *)params, strlen(params)}};
    jf_blob result = {0};
    return jf_mock_toolset(mock)->call(jf_mock_self(mock), jf_mock_begin(mock), &request, &result, why);
}

TEST(depth_is_bounded) {
    static const char config[] =
        "{\"max_depth\":2,\"composites\":{\"c\":{\"mode\":\"all\",\"input_schema\":{\"type\":"
        "\"object\"},\"targets\":[{\"server\":\"s0\",\"tool\":\"t\"}]}}}";
    begin();
    servers[0].answer = TEXT("x");
    servers[0].tool = "";
    jf_ref handle = 0;
    jf_fault why = {.size = sizeof why};
    REQUIRE(jf_mock_toolset(mock)->open(jf_mock_self(mock), 1, (jf_view){(const uint8_t *)"composite", 9},
                                        (jf_view){(const uint8_t *)config, strlen(config)}, &handle,
                                        &why) == JF_OK,
            "%s", why.text);
    jf_mock_settle(mock);
    CHECK(call_at_depth(handle, "1", &why) == JF_PENDING, "%s", why.text);
    jf_mock_settle(mock);
    CHECK(call_count == 1 && strstr(calls[0].params, "\"jackfield/composite-depth\":2") != NULL, "%s",
          calls[0].params);
    static const char *const deep[] = {"2", "1000000", "\"x\"", "-1"};
    for (size_t i = 0; i < 4; i++) {
        CHECK(call_at_depth(handle, deep[i], &why) == JF_E_INVALID, "depth %s is taken", deep[i]);
        CHECK((why.flags & JF_FAULT_PUBLIC) != 0 && strstr(why.text, "2 deep, the limit") != NULL, "%s",
              why.text);
    }
    jf_mock_toolset(mock)->close(jf_mock_self(mock), handle);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}
