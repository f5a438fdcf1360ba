/* SPDX-License-Identifier: Apache-2.0
 * Tests on the mock host, which looks for leaks and broken rules as it goes. */
#include "jf_check.h"
#include "jf_mock.h"

#define HOUR 3600000u

static jf_mock *mock;
static jf_ref policy;

static bool begin(const char *config) {
    mock = jf_mock_new();
    if (!jf_mock_up(mock, jf_check_plugin, "{}")) return false;
    policy = jf_mock_policy_attach(mock, "hours", config);
    return policy != 0;
}

static void end(void) {
    jf_mock_policy_detach(mock, policy);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

/** Calls a tool so many hours after Monday, 1970-01-05. */
static jf_mock_ruling at(const jf_principal *who, uint64_t hours) {
    jf_access access = jf_mock_access(mock, who, "search", NULL);
    access.now_ms = 4 * 24 * HOUR + hours * HOUR;
    return jf_mock_ruling_of(mock, jf_mock_decide(mock, policy, &access));
}

TEST(keeps_office_hours) {
    REQUIRE(begin("{\"from\":9,\"to\":17}"), "it does not come up");
    for (uint64_t hours = 0; hours < 7 * 24; hours++) {
        bool open = hours < 5 * 24 && hours % 24 >= 9 && hours % 24 < 17;
        CHECK(at(NULL, hours).decision == (open ? JF_ALLOW : JF_DENY), "hour %d", (int)hours);
    }
    CHECK(strcmp(at(NULL, 3).rule, "closed") == 0, "the rule");
    CHECK(strstr(at(NULL, 3).text, "from 9 to 17 h") != NULL, "what the client is told");
    end();
}

TEST(has_a_zone) {
    REQUIRE(begin("{\"from\":9,\"to\":17,\"zone_minutes\":120}"), "it does not come up");
    CHECK(at(NULL, 7).decision == JF_ALLOW && at(NULL, 16).decision == JF_DENY, "two hours ahead of UTC");
    end();
}

TEST(lets_those_on_call_pass) {
    REQUIRE(begin("{\"on_call\":\"sre\"}"), "it does not come up");
    const jf_principal *eve = jf_mock_principal(mock, "{\"subject\":\"eve\",\"roles\":[\"dev\"]}"),
                       *ann = jf_mock_principal(mock, "{\"subject\":\"ann\",\"roles\":[\"dev\",\"sre\"]}");
    CHECK(at(eve, 2).decision == JF_DENY && at(ann, 2).decision == JF_ALLOW, "the role");
    CHECK(strcmp(at(ann, 2).rule, "on_call") == 0, "the rule");
    end();
}

TEST(shows_everything) {
    REQUIRE(begin("{}"), "it does not come up");
    jf_access listed = jf_mock_access(mock, NULL, "search", NULL);
    listed.flags = JF_ACCESS_LISTING;
    listed.now_ms = 0;
    const jf_access *both[] = {&listed, &listed};
    CHECK(strcmp(jf_mock_op_at(mock, jf_mock_review(mock, policy, both, 2)).result, "aa") == 0, "a list");
    char *name = jf_mock_classify(mock, policy, jf_mock_principal(mock, NULL), NULL);
    CHECK(name != NULL && strcmp(name, "all") == 0, "one class");
    free(name);
    end();
}

TEST(refuses_hours_that_are_none) {
    CHECK(!begin("{\"from\":18,\"to\":8}"), "it came up");
    CHECK(strstr(jf_mock_why(mock), "from (18) must be before to (8)") != NULL, "%s", jf_mock_why(mock));
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
