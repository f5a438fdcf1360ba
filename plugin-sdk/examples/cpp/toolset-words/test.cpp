// SPDX-License-Identifier: Apache-2.0
// Tests of toolset-words with the mock host: `toolset-words-test ./toolset-words.so`.
#include "jf_check.h"

#include <jackfield/mock.hpp>

using jackfield::testing::Mock;
using namespace jackfield;

TEST(lists_its_tools) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    json::Document tools = mock.open_set("words").list();
    CHECK(tools.root().size() == 3, "%s", tools.text().c_str());
    json::Value reverse = tools.root()[size_t(0)];
    CHECK(reverse["name"].text() == "reverse", "%s", tools.text().c_str());
    CHECK(reverse["inputSchema"]["required"].raw() == "[\"text\"]", "%s", tools.text().c_str());
    CHECK(mock.open_set("words").list(JF_PROMPTS).text().empty(), "there are no prompts");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(answers_at_once) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto set = mock.open_set("words");
    auto done = set.call("reverse", R"({"text": "der f\u00fcnfte  Tee"})");
    CHECK(done.in_slot && done["structuredContent"]["text"].text() == "Tee fünfte der", "%s",
          done.text().c_str());
    CHECK(set.call("reverse", R"({"text": "a b", "separator": "\n"})").words() == "b\na", "joined otherwise");
    CHECK(set.call("reverse", R"({"text": " "})")["isError"].boolean() == true,
          "nothing to reverse is a failure");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(counts_later) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto set = mock.open_set("words", R"({"most": 2})");
    auto done = set.call("frequent", R"({"text": "b a c a b a"})");
    CHECK(!done.in_slot && done.words() == "3 a\n2 b\n", "%s", done.text().c_str());
    CHECK(done["structuredContent"]["distinct"].integer() == 3, "%s", done.text().c_str());

    std::string large = "{\"text\":\"";
    for (int i = 0; i < 100000; i++)
        large += "word ";
    done = set.call("frequent", (large + "\"}").c_str());
    CHECK(done.words() == "100000 word\n", "%s", done.text().c_str());
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(stops_for_callers_who_leave) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto set = mock.open_set("words");
    Ref op = set.begin("frequent", R"({"text": "a"})");
    jf_mock_cancel_op(mock, op, JF_E_GONE);
    CHECK(set.wait(op).status == JF_E_GONE, "the count went on");
    CHECK(jf_mock_logged(mock, JF_LOG_DEBUG, "nobody waits"), "not said");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(a_stop_answers_what_is_open) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto set = mock.open_set("words");
    Ref op = set.begin("frequent", R"({"text": "a"})");
    jf_mock_stop(mock);
    CHECK(set.wait(op).status == JF_E_GONE, "left open");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(refuses_wrong_arguments) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto set = mock.open_set("words");
    auto done = set.call("reverse", "{}");
    CHECK(done.status == JF_E_INVALID && done.shown && done.why == "argument 'text' is missing", "%s",
          done.why.c_str());
    done = set.call("frequent", R"({"text": 5})");
    CHECK(done.status == JF_E_INVALID && done.why == "argument 'text' must be a string", "%s",
          done.why.c_str());
    CHECK(set.call("shout").status == JF_E_INVALID, "there is no such tool");
    CHECK(!mock.open_set("words", R"({"most": 0})"), "the setting is out of range");
    CHECK(std::string(mock.why()) == "setting 'most' must be an integer from 1 to 100", "%s", mock.why());
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(an_exception_is_an_internal_error) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto set = mock.open_set("words");
    CHECK(set.call("nth", R"({"text": "a b", "n": 2})").words() == "b", "the second word");
    auto done = set.call("nth", R"({"text": "a b", "n": 9})");
    CHECK(done.status == JF_E_FAULT && !done.shown, "%d", static_cast<int>(done.status));
    CHECK(done.why.find("range") != std::string::npos, "%s", done.why.c_str());
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
