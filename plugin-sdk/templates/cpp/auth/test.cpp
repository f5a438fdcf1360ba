// SPDX-License-Identifier: Apache-2.0
// Tests of the provider on the mock host, which looks for leaks and broken rules as it goes.
#include "jf_check.h"

#include <jackfield/mock.hpp>

using jackfield::testing::Mock;

static const char *const people = R"({"people": [
    {"subject": "alice", "token": "token-of-alice-1", "roles": ["admin", "reader"]},
    {"subject": "b\u00f6b", "token": "token-of-bob-123"}]})";

static jackfield::testing::Done identify(Mock &mock, jackfield::Ref list, const char *value) {
    return mock.done(jf_mock_identify_field(mock, list, "authorization", value));
}

TEST(knows_people) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    {
        auto list = mock.provider("staff", people);
        REQUIRE(bool(list), "%s", mock.why());
        auto alice = identify(mock, list, "Bearer token-of-alice-1");
        CHECK(alice.text() == R"({"subject":"alice","roles":["admin","reader"]})", "%s",
              alice.text().c_str());
        CHECK(identify(mock, list, "bearer  token-of-bob-123 ")["subject"].text() == "b\xc3\xb6"
                                                                                     "b",
              "bob");
    }
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(refuses_others) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto list = mock.provider("staff", people);
    for (const char *other : {(const char *)nullptr, "Basic YTpi", "Bearer"})
        CHECK(identify(mock, list, other).status == JF_ABSENT, "%s", other != nullptr ? other : "none");
    for (const char *bad : {"Bearer ", "Bearer token-of-alice-", "Bearer token-of-eve"}) {
        auto refused = identify(mock, list, bad);
        CHECK(refused.status == JF_E_DENIED && refused.shown, "%s: %s", bad, refused.why.c_str());
        CHECK(refused.why.find("token-of") == std::string::npos, "a secret in an error: %s",
              refused.why.c_str());
    }
}

TEST(needs_tokens) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto list = mock.provider("staff", R"({"people": [{"subject": "eve", "token": "short"}]})");
    CHECK(!list && std::string(mock.why()) == "the token of eve is shorter than 16 bytes", "%s", mock.why());
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
