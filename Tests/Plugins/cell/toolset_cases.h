/* SPDX-License-Identifier: Apache-2.0
 * Cell tests: toolsets and the services that they use. */

TEST(answers_calls) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    REQUIRE(set != 0, "no set: %s", jf_mock_why(it.mock));
    int32_t status;
    char *tools = jf_mock_list(it.mock, set, JF_TOOLS, &status);
    CHECK(tools != NULL && strstr(tools, "echo") != NULL, "the list is %s (%d)", tools, (int)status);
    free(tools);
    jf_mock_list(it.mock, set, JF_PROMPTS, &status);
    CHECK(status == JF_ABSENT, "prompts: %d", (int)status);
    jf_mock_op op = fixture_call(&it, set, "echo", "{\"a\":[1,2,3]}");
    CHECK(op.status == JF_OK && strcmp(op.result, "{\"a\":[1,2,3]}") == 0, "echo: %s %s", op.result, op.why);
    op = fixture_call(&it, set, "refuse", "{}");
    CHECK(op.status == JF_E_INVALID && (op.fault.flags & JF_FAULT_PUBLIC) != 0 &&
              strcmp(op.why, "not with these arguments") == 0,
          "refuse: %d %s", (int)op.status, op.why);
    CHECK(fixture_says(&it, set, "later", "later"), "a pending answer");
    CHECK(fixture_says(&it, set, "elsewhere", "elsewhere"), "an answer of another thread");
    jf_mock_close_set(it.mock, set);
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(uses_services) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.mock = NULL;
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_mock_set_secret(it.mock, "key", "hush");
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    CHECK(fixture_says(&it, set, "secret", "hush"), "a secret of the host");
    CHECK(fixture_says(&it, set, "progress", "progressed"), "progress");
    CHECK(jf_mock_find(it.mock, 0, JF_MOCK_OP_PROGRESS, 0, 0) != NULL, "no progress arrived");
    CHECK(fixture_says(&it, set, "changed", "changed"), "a change");
    CHECK(jf_mock_wait(it.mock, 0, JF_MOCK_SET_CHANGED, set, 0, 2000) != NULL, "no change arrived");
    /* Refused by the host: `done` with its status, no body. */
    CHECK(fixture_says(&it, set, "call", "-2 0"), "a refused call");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

static int32_t accept_call(void *user, jf_mock *mock, jf_ref id, const jf_call *call) {
    (void)mock;
    (void)call;
    *(jf_ref *)user = id;
    return JF_OK;
}

static bool was_called(void *user) {
    return *(jf_ref *)user != 0;
}

TEST(calls_through_the_router) {
    fixture it;
    jf_ref id = 0;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_mock_on_call(it.mock, accept_call, &id);
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    jf_ref op = jf_mock_request(it.mock, set, JF_MOCK_CALL, "call", "{}");
    CHECK(jf_mock_run_until(it.mock, was_called, &id, 2000), "the call does not arrive");
    CHECK(jf_mock_answer(it.mock, id, JF_OK, "{\"tools\":[]}") == JF_OK, "no answer");
    CHECK(jf_mock_wait_op(it.mock, op, 2000), "no end");
    const char *result = jf_mock_op_at(it.mock, op).result;
    CHECK(result != NULL && strstr(result, "0 12") != NULL, "the answer is %s", result);
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(carries_large_bodies) {
    static const size_t sizes[] = {1, 1000, 65530, 65536, 65537, 100000, 1u << 20, (8u << 20) + 3};
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.limits.queue = 64u << 20;
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *json = malloc(sizes[i] + 3);
        REQUIRE(json != NULL, "no memory");
        json[0] = json[sizes[i] + 1] = '"';
        for (size_t at = 0; at < sizes[i]; at++)
            json[at + 1] = (char)('a' + at % 26);
        json[sizes[i] + 2] = 0;
        jf_mock_op op = fixture_call(&it, set, "echo", json);
        CHECK(op.status == JF_OK && op.result != NULL && strcmp(op.result, json) == 0, "%zu bytes: %d %s",
              sizes[i], (int)op.status, op.why);
        free(json);
    }
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(answers_many_at_once) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}"), ops[500];
    for (int i = 0; i < 500; i++) {
        char arguments[32];
        snprintf(arguments, sizeof arguments, "{\"n\":%d}", i);
        ops[i] = jf_mock_request(it.mock, set, JF_MOCK_CALL, "echo", arguments);
    }
    for (int i = 0; i < 500; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "{\"n\":%d}", i);
        CHECK(jf_mock_wait_op(it.mock, ops[i], 5000), "%d is not answered", i);
        const char *result = jf_mock_op_at(it.mock, ops[i]).result;
        CHECK(result != NULL && strcmp(result, wanted) == 0, "%d is answered %s", i, result);
    }
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(refuses_what_is_too_much) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.limits.operations = 2;
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    jf_ref first = jf_mock_request(it.mock, set, JF_MOCK_CALL, "never", "{}");
    jf_mock_request(it.mock, set, JF_MOCK_CALL, "never", "{}");
    jf_ref third = jf_mock_request(it.mock, set, JF_MOCK_CALL, "never", "{}");
    jf_mock_op op = jf_mock_op_at(it.mock, third);
    CHECK(op.status == JF_E_BUSY && op.fault.retry_ms > 0, "%d %s", (int)op.status, op.why);
    /* What never ends, ends with the instance. */
    CHECK(jf_mock_destroy(it.mock) == 0, "rules were broken");
    CHECK(jf_mock_op_at(it.mock, first).status == JF_E_GONE, "an operation stays open");
    fixture_down(&it);
}

TEST(cancels) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    jf_ref op = jf_mock_request(it.mock, set, JF_MOCK_CALL, "later", "{}");
    jf_mock_cancel_op(it.mock, op, JF_E_GONE);
    CHECK(jf_mock_wait_op(it.mock, op, 2000), "no end");
    const char *result = jf_mock_op_at(it.mock, op).result;
    CHECK(result != NULL && strstr(result, "canceled") != NULL, "it did not learn of it: %s", result);
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

static const char *const *extra_readable;

static void runs_a_toolset(const char *name, const char *tool, const char *arguments, const char *part) {
    fixture it;
    fixture_describe(&it, fixture_plugin(name), "jf.toolset/1");
    it.spawn.readable = extra_readable;
    REQUIRE(fixture_up(&it, "{}"), "no cell of %s: %s", name, jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    REQUIRE(set != 0, "no set: %s", jf_mock_why(it.mock));
    char *tools = jf_mock_list(it.mock, set, JF_TOOLS, NULL);
    CHECK(tools != NULL && strstr(tools, tool) != NULL, "%s lists %s", name, tools);
    free(tools);
    jf_mock_op op = fixture_call(&it, set, tool, arguments);
    CHECK(op.status == JF_OK && op.result != NULL && strstr(op.result, part) != NULL, "%s: %d %s %s", tool,
          (int)op.status, op.result, op.why);
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(runs_toolset_text) {
    runs_a_toolset("toolset-text", "slugify", "{\"text\":\"A b\"}", "a-b");
}

TEST(runs_a_plugin_in_swift) {
    /* The product's cell has the runtime beside it; this program has not. */
    static char runtime[PATH_MAX];
    static const char *readable[] = {runtime, NULL};
    snprintf(runtime, sizeof runtime, "%s", fixture_plugin("tools-demo"));
    for (int up = 0; up < 2; up++)
        if (strrchr(runtime, '/') != NULL) *strrchr(runtime, '/') = 0;
    extra_readable = readable;
    runs_a_toolset("tools-demo", "now", "{}", "unix_ms");
    extra_readable = NULL;
}

/* ---- Concurrent toolsets ---- */

TEST(runs_requests_on_workers) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.threads = JF_CELL_CONCURRENT;
    it.spawn.limits.workers = 2;
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    /* One blocks for good; the other thread still answers. */
    jf_ref stuck = jf_mock_request(it.mock, set, JF_MOCK_CALL, "hang", "{}");
    CHECK(jf_mock_op_at(it.mock, stuck).status == JF_PENDING, "it is not asked");
    for (int i = 0; i < 20; i++) {
        jf_mock_op op = fixture_call(&it, set, "echo", "{\"n\":1}");
        CHECK(op.status == JF_OK && strcmp(op.result, "{\"n\":1}") == 0, "%d %s", (int)op.status, op.why);
    }
    CHECK(fixture_state(&it).ends == 0, "it ended");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}
