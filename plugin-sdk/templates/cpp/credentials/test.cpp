// SPDX-License-Identifier: Apache-2.0
// Tests of the source on the mock host, which looks for leaks and broken rules as it goes.
#include "jf_check.h"

#include <jackfield/mock.hpp>

#include <stdlib.h>

using jackfield::testing::Mock;

static jackfield::testing::Done supply(Mock &mock, jackfield::Ref source, int32_t refused = 0) {
    jf_demand demand = jf_mock_demand(mock, jf_mock_principal(mock, nullptr));
    demand.refused = refused;
    return mock.done(jf_mock_supply(mock, source, &demand));
}

TEST(supplies_the_header) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    setenv("SEARCH_KEY", "s3cret\"", 1);
    {
        auto source = mock.source("search", R"({"variable": "SEARCH_KEY"})");
        REQUIRE(bool(source), "%s", mock.why());
        auto it = supply(mock, source);
        CHECK(it.text() == R"({"headers":{"authorization":"Bearer s3cret\""}})", "%s", it.text().c_str());
        it = supply(mock, source, JF_STATUS_UNAUTHORIZED);
        CHECK(it.status == JF_E_DENIED && it.why.find("s3cret") == std::string::npos, "%s", it.why.c_str());
        auto other =
            mock.source("other", R"({"variable": "SEARCH_KEY", "header": "X-Api-Key", "prefix": ""})");
        it = supply(mock, other);
        CHECK(it.text() == R"({"headers":{"X-Api-Key":"s3cret\""}})", "%s", it.text().c_str());
    }
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(refuses_variables_that_are_no_value) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    for (const char *value : {"", "a\r\nb: c"}) {
        setenv("SEARCH_KEY", value, 1);
        CHECK(!mock.source("search", R"({"variable": "SEARCH_KEY"})"), "it was attached");
        CHECK(std::string(mock.why()).find("SEARCH_KEY") != std::string::npos, "%s", mock.why());
    }
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
