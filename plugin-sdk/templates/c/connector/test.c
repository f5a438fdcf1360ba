/* SPDX-License-Identifier: Apache-2.0
 * Tests of the connector on the mock host, which looks for leaks and broken rules as it goes. */
#include "jf_check.h"
#include "jf_mock.h"

static jf_mock *mock;
static jf_ref channel;

static bool begin(void) {
    mock = jf_mock_new();
    if (!jf_mock_up(mock, jf_check_plugin, "{}")) return false;
    channel = jf_mock_open(mock, "test", "{\"says\":\"You said: \"}");
    return channel != 0 && jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_READY, channel, 0, 5000) != NULL;
}

/** Sends a request and checks a value of its answer. */
static void expect(const char *request, const char *pointer, const char *expected) {
    jf_ref exchange = jf_mock_exchange(mock);
    CHECK(jf_mock_send(mock, channel, exchange, request) == JF_OK, "%s", jf_mock_why(mock));
    const jf_mock_event *answer = jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_MESSAGE, channel, exchange, 5000);
    REQUIRE(answer != NULL, "no answer to %s", request);
    char *text = jf_mock_json_get(mock, answer->text, pointer);
    CHECK(text != NULL && strcmp(text, expected) == 0, "%s", answer->text);
    CHECK((answer->flags & JF_MSG_FINAL) != 0, "the exchange goes on");
    free(text);
}

static void end(void) {
    CHECK(jf_mock_close(mock, channel, 5000), "it does not close");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(serves) {
    REQUIRE(begin(), "it does not come up");
    expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}", "/result/supportedVersions/0",
           "2026-07-28");
    expect("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\"}", "/result/tools/0/name", "echo");
    expect("{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"method\":\"tools/call\",\"params\":{\"name\":\"echo\","
           "\"arguments\":{\"text\":\"a \\\"b\\\"\"}}}",
           "/result/content/0/text", "You said: a \"b\"");
    end();
}

TEST(refuses_what_it_does_not_know) {
    REQUIRE(begin(), "it does not come up");
    expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}", "/error/code", "-32601");
    expect("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\","
           "\"arguments\":{\"text\":1}}}",
           "/error/code", "-32602");
    end();
}

TEST(forgets_what_is_given_up) {
    REQUIRE(begin(), "it does not come up");
    jf_ref exchange = jf_mock_exchange(mock);
    jf_mock_send(mock, channel, exchange, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
    jf_mock_cancel(mock, channel, exchange);
    jf_mock_settle(mock);
    CHECK(jf_mock_count(mock, 0, JF_MOCK_CHANNEL_MESSAGE, channel, exchange) == 0, "it was answered");
    end();
}

TEST(ends_with_answers_under_way) {
    REQUIRE(begin(), "it does not come up");
    jf_mock_send(mock, channel, jf_mock_exchange(mock), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
