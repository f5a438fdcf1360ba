// SPDX-License-Identifier: Apache-2.0
// Tests of the connector on the mock host, which looks for leaks and broken rules as it goes.
#include "jf_check.h"

#include <jackfield/mock.hpp>

using jackfield::Ref;
using jackfield::testing::Mock;
namespace json = jackfield::json;

/** Opens a channel; 0: see mock.why(). */
static Ref open_channel(Mock &mock) {
    if (!mock.up(jf_check_plugin)) return 0;
    Ref channel = jf_mock_open(mock, "test", R"({"says": "You said: "})");
    return jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_READY, channel, 0, 5000) != nullptr ? channel : 0;
}

static json::Document ask(Mock &mock, Ref channel, const char *request) {
    Ref exchange = jf_mock_exchange(mock);
    CHECK(jf_mock_send(mock, channel, exchange, request) == JF_OK, "%s", mock.why());
    const jf_mock_event *answer = jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_MESSAGE, channel, exchange, 5000);
    return json::Document(answer != nullptr ? answer->text : "");
}

TEST(serves) {
    Mock mock;
    Ref channel = open_channel(mock);
    REQUIRE(channel != 0, "%s", mock.why());
    auto found = ask(mock, channel, R"({"jsonrpc":"2.0","id":1,"method":"server/discover"})");
    CHECK(found.root()["result"]["supportedVersions"][size_t(0)].text() == "2026-07-28", "%s",
          found.text().c_str());
    auto said = ask(mock, channel,
                    R"({"jsonrpc":"2.0","id":"c","method":"tools/call","params":)"
                    R"({"name":"echo","arguments":{"text":"a \"b\""}}})");
    CHECK(said.root()["id"].text() == "c", "%s", said.text().c_str());
    CHECK(said.root()["result"]["content"][size_t(0)]["text"].text() == "You said: a \"b\"", "%s",
          said.text().c_str());
    CHECK(jf_mock_close(mock, channel, 5000), "it does not close");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(refuses_what_it_does_not_know) {
    Mock mock;
    Ref channel = open_channel(mock);
    REQUIRE(channel != 0, "%s", mock.why());
    auto answer = ask(mock, channel, R"({"jsonrpc":"2.0","id":1,"method":"initialize"})");
    CHECK(answer.root()["error"]["code"].integer() == -32601, "%s", answer.text().c_str());
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(forgets_what_is_given_up) {
    Mock mock;
    Ref channel = open_channel(mock);
    REQUIRE(channel != 0, "%s", mock.why());
    Ref exchange = jf_mock_exchange(mock);
    jf_mock_send(mock, channel, exchange, R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})");
    jf_mock_cancel(mock, channel, exchange);
    jf_mock_settle(mock);
    CHECK(jf_mock_count(mock, 0, JF_MOCK_CHANNEL_MESSAGE, channel, exchange) == 0, "it was answered");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
