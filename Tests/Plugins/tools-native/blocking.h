/* SPDX-License-Identifier: Apache-2.0
 * Functions that block: threads, the queue, cancellation, and a function that does not come back. */
#include "fixture.h"

#define GATE(thread_safe)                                                                                    \
    "[library]\npath = \"./library.so\"\nunpinned = true\nthread_safe = " thread_safe "\n"                   \
    "[tool.wait]\nsymbol = \"gate_wait\"\nsummary = \"s\"\nblocking = true\n"                                \
    "returns = { type = \"int\" }\nparams = [{ name = \"id\", type = \"i32\" }]\n"                           \
    "[tool.count]\nsymbol = \"box_count\"\nsummary = \"s\"\nreturns = { type = \"int\" }\n"

typedef void (*gate_fn)(int count);

static jf_mock *gated(const char *declaration, const char *more, jf_ref *set) {
    jf_mock *mock = new_mock();
    if (!jf_mock_up(mock, jf_check_plugin, "{}")) abort();
    write_file("gate.toml", declaration);
    *set = open_file(mock, "gate.toml", more);
    CHECK(*set != 0, "%s", jf_mock_why(mock));
    return mock;
}

TEST(blocking_functions_leave_the_lane_alone) {
    jf_ref set;
    jf_mock *mock = gated(GATE("true"), "", &set);
    gate_fn wait_for = (gate_fn)native("gate_await"), open_gate = (gate_fn)native("gate_open");
    jf_ref a = jf_mock_request(mock, set, JF_MOCK_CALL, "wait", "{\"id\":1}");
    jf_ref b = jf_mock_request(mock, set, JF_MOCK_CALL, "wait", "{\"id\":2}");
    wait_for(2); /* both at once, on two threads */
    CHECK(jf_mock_op_at(mock, a).status == JF_PENDING, "not pending");
    /* A function that does not block is answered at once meanwhile. */
    jf_ref now = jf_mock_request(mock, set, JF_MOCK_CALL, "count", "{}");
    CHECK(jf_mock_op_at(mock, now).inline_result, "the lane waits");
    open_gate(2);
    CHECK(jf_mock_wait_op(mock, a, 5000) && jf_mock_wait_op(mock, b, 5000), "no answer");
    CHECK(strstr(jf_mock_op_at(mock, a).result, "{\"result\":1}") != NULL, "%s",
          jf_mock_op_at(mock, a).result);
    CHECK(strstr(jf_mock_op_at(mock, b).result, "{\"result\":2}") != NULL, "%s",
          jf_mock_op_at(mock, b).result);
    refuses(mock, set, "wait", "{\"id\":\"x\"}", "must be an integer");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(a_library_that_is_not_thread_safe_has_one_thread) {
    jf_ref set;
    jf_mock *mock = gated(GATE("false"), ",\"workers\":4", &set);
    gate_fn wait_for = (gate_fn)native("gate_await"), open_gate = (gate_fn)native("gate_open");
    jf_ref a = jf_mock_request(mock, set, JF_MOCK_CALL, "wait", "{\"id\":1}");
    wait_for(1);
    jf_ref b = jf_mock_request(mock, set, JF_MOCK_CALL, "count", "{}");
    CHECK(jf_mock_op_at(mock, b).status == JF_PENDING, "called beside the other");
    open_gate(1);
    CHECK(jf_mock_wait_op(mock, a, 5000) && jf_mock_wait_op(mock, b, 5000), "no answer");
    CHECK(jf_mock_op_at(mock, b).status == JF_OK, "%s", jf_mock_op_at(mock, b).why);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(the_queue_has_an_end_and_forgets_who_left) {
    jf_ref set;
    jf_mock *mock = gated(GATE("false"), ",\"queue\":2", &set);
    gate_fn wait_for = (gate_fn)native("gate_await"), open_gate = (gate_fn)native("gate_open");
    jf_ref a = jf_mock_request(mock, set, JF_MOCK_CALL, "wait", "{\"id\":1}");
    wait_for(1);
    jf_ref b = jf_mock_request(mock, set, JF_MOCK_CALL, "wait", "{\"id\":2}");
    jf_ref c = jf_mock_request(mock, set, JF_MOCK_CALL, "count", "{}");
    jf_ref d = jf_mock_request(mock, set, JF_MOCK_CALL, "count", "{}");
    CHECK(jf_mock_op_at(mock, d).status == JF_E_BUSY, "status %d", (int)jf_mock_op_at(mock, d).status);
    CHECK((jf_mock_op_at(mock, d).fault.flags & JF_FAULT_NOT_STARTED) != 0, "not said to be safe to repeat");
    /* Its function is never called, or nothing would open the gate for it. */
    jf_mock_cancel_op(mock, b, JF_E_GONE);
    open_gate(1);
    CHECK(jf_mock_wait_op(mock, a, 5000) && jf_mock_wait_op(mock, b, 5000) && jf_mock_wait_op(mock, c, 5000),
          "stuck");
    CHECK(jf_mock_op_at(mock, b).status == JF_E_GONE, "status %d", (int)jf_mock_op_at(mock, b).status);
    CHECK(jf_mock_op_at(mock, c).status == JF_OK, "%s", jf_mock_op_at(mock, c).why);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(a_function_that_does_not_return_does_not_hold_up_the_end) {
    jf_ref set;
    jf_mock *mock = gated(GATE("false"), ",\"stop_wait_ms\":0", &set);
    gate_fn wait_for = (gate_fn)native("gate_await"), open_gate = (gate_fn)native("gate_open");
    jf_ref a = jf_mock_request(mock, set, JF_MOCK_CALL, "wait", "{\"id\":1}");
    wait_for(1);
    jf_ref b = jf_mock_request(mock, set, JF_MOCK_CALL, "count", "{}");
    jf_mock_stop(mock);
    CHECK(jf_mock_op_at(mock, a).status == JF_E_GONE, "status %d", (int)jf_mock_op_at(mock, a).status);
    CHECK(jf_mock_op_at(mock, b).status == JF_E_GONE, "status %d", (int)jf_mock_op_at(mock, b).status);
    CHECK(jf_mock_logged(mock, JF_LOG_WARNING, "does not return"), "not logged");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
    open_gate(1);
}
