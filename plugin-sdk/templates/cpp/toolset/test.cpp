// SPDX-License-Identifier: Apache-2.0
// Tests of the plugin on the mock host, which looks for leaks and broken rules as it goes.
#include "jf_check.h"

#include <jackfield/mock.hpp>

using jackfield::testing::Mock;

TEST(makes_slugs) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto set = mock.open_set("titles");
    auto done = set.call("slugify", R"({"text": "Hello, World!"})");
    CHECK(done["structuredContent"]["slug"].text() == "hello-world", "%s", done.text().c_str());
    CHECK(set.call("slugify", R"({"text": " -- a  b", "max_length": 1})").words() == "a", "too long");
    auto other = mock.open_set("others", R"({"separator": "_"})");
    CHECK(other.call("slugify", R"({"text": "Hello, World!"})").words() == "hello_world", "another setting");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(tells_the_model_when_nothing_is_left) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto done = mock.open_set("titles").call("slugify", R"({"text": "?!"})");
    CHECK(done.ok() && done["isError"].boolean() == true, "%s", done.text().c_str());
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(refuses_wrong_arguments) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto set = mock.open_set("titles");
    CHECK(set.call("slugify").why == "argument 'text' is missing", "%s", mock.why());
    CHECK(set.call("slugify", R"({"text": "a", "max_length": 0})").status == JF_E_INVALID, "out of range");
    CHECK(set.call("shout").status == JF_E_INVALID, "there is no such tool");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
