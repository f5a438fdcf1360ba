// SPDX-License-Identifier: Apache-2.0
// Tests of the policy on the mock host, which looks for leaks and broken rules as it goes.
#include "jf_check.h"

#include <jackfield/mock.hpp>

using jackfield::testing::Mock;

/** Calls a tool so many hours after Monday, 1970-01-05. */
static jf_mock_ruling at(Mock &mock, jackfield::Ref policy, uint64_t hours, const char *who = nullptr) {
    jf_access access = jf_mock_access(mock, jf_mock_principal(mock, who), "search", nullptr);
    access.now_ms = (4 * 24 + hours) * 3600000u;
    return jf_mock_ruling_of(mock, jf_mock_decide(mock, policy, &access));
}

TEST(keeps_office_hours) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    {
        auto policy = mock.policy("hours", R"({"from": 9, "to": 17})");
        for (uint64_t hours = 0; hours < 7 * 24; hours++) {
            bool open = hours < 5 * 24 && hours % 24 >= 9 && hours % 24 < 17;
            CHECK(at(mock, policy, hours).decision == (open ? JF_ALLOW : JF_DENY), "hour %d", (int)hours);
        }
        CHECK(std::string(at(mock, policy, 3).rule) == "closed", "the rule");
        CHECK(std::string(at(mock, policy, 3).text).find("from 9 to 17 h") != std::string::npos, "the text");
        auto ahead = mock.policy("ahead", R"({"from": 9, "to": 17, "zone_minutes": 120})");
        CHECK(at(mock, ahead, 7).decision == JF_ALLOW && at(mock, ahead, 16).decision == JF_DENY, "the zone");
    }
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(lets_those_on_call_pass) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto policy = mock.policy("hours", R"({"on_call": "sre"})");
    const char *ann = R"({"subject": "ann", "roles": ["dev", "sre"]})";
    CHECK(at(mock, policy, 2, R"({"subject": "eve", "roles": ["dev"]})").decision == JF_DENY, "another role");
    CHECK(at(mock, policy, 2, ann).decision == JF_ALLOW, "the role");
    CHECK(std::string(at(mock, policy, 2, ann).rule) == "on_call", "the rule");
}

TEST(shows_everything) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto policy = mock.policy("hours");
    jf_access listed = jf_mock_access(mock, jf_mock_principal(mock, nullptr), "search", nullptr);
    listed.flags = JF_ACCESS_LISTING;
    listed.now_ms = 0;
    const jf_access *both[] = {&listed, &listed};
    CHECK(mock.done(jf_mock_review(mock, policy, both, 2)).text() == "aa", "a list");
}

TEST(refuses_hours_that_are_none) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    CHECK(!mock.policy("hours", R"({"from": 18, "to": 8})"), "it was attached");
    CHECK(std::string(mock.why()) == "from (18) must be before to (8)", "%s", mock.why());
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
