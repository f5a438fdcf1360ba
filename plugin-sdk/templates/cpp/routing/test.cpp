// SPDX-License-Identifier: Apache-2.0
// Tests of the strategy on the mock host, which looks for leaks and broken rules as it goes.
#include "jf_check.h"

#include <jackfield/mock.hpp>

using jackfield::testing::Mock;

static const std::vector<jackfield::Ref> replicas = {10, 11, 12};

TEST(stays_with_the_first) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto route = mock.attach("search");
    for (int i = 0; i < 5; i++) {
        CHECK(route.pick("find", replicas) == 0, "another one was chosen");
        route.observe(10, JF_OK);
    }
}

TEST(passes_over_what_failed_and_comes_back) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    {
        auto route = mock.attach("search", R"({"skip": 2})");
        route.observe(10, JF_E_GONE);
        CHECK(route.pick("find", replicas) == 1, "it was not passed over");
        CHECK(route.pick("find", replicas) == 1, "it was not passed over twice");
        CHECK(route.pick("find", replicas) == 0, "it was not tried again");
        route.observe(10, JF_E_GONE);
        route.observe(10, JF_OK);
        CHECK(route.pick("find", replicas) == 0, "a success did not end the pause");
    }
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(chooses_the_first_when_all_fail) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto route = mock.attach("search");
    for (jackfield::Ref replica : replicas)
        route.observe(replica, JF_E_TIMEOUT);
    CHECK(route.pick("find", replicas) == 0, "another one was chosen");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
