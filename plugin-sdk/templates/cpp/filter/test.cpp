// SPDX-License-Identifier: Apache-2.0
// Tests of the filter on the mock host, which looks for leaks and broken rules as it goes.
#include "jf_check.h"

#include <jackfield/mock.hpp>

using jackfield::testing::Mock;

static jf_mock_filtered pass(Mock &mock, jackfield::Ref filter, const char *arguments) {
    const jf_principal *nobody = jf_mock_principal(mock, nullptr);
    return jf_mock_filtered_of(mock, jf_mock_filter_request(mock, filter, nobody, "pay", arguments));
}

TEST(masks_the_argument) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    {
        auto filter = mock.filter("mask", R"({"argument": "iban"})");
        static const char *const cases[][2] = {
            {R"({"iban":"DE12345678"})", R"({"iban":"******5678"})"},
            {R"({ "to":1 , "iban" : "123\u00e9\n\"" })", "{ \"to\":1 , \"iban\" : \"**3\xc3\xa9\\n\\\"\" }"},
            {R"({"iban":"1234"})", R"({"iban":"1234"})"},
            {R"({"iban":"12345","iban":7,"ib\u0061n":"abcde"})",
             R"({"iban":"*2345","iban":7,"ib\u0061n":"*bcde"})"},
        };
        for (const auto &it : cases) {
            jf_mock_filtered masked = pass(mock, filter, it[0]);
            CHECK(masked.decision == JF_SPLICE, "%s", it[0]);
            CHECK(masked.body == R"({"name":"pay","arguments":)" + std::string(it[1]) + "}", "%s",
                  masked.body);
        }
    }
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(leaves_the_rest_alone) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    auto filter = mock.filter("mask", R"({"argument": "iban", "keep": 0})");
    for (const char *other :
         {(const char *)nullptr, "{}", R"({"iban":12})", R"({"IBAN":"x"})", R"({"a":{"iban":"x"}})"})
        CHECK(pass(mock, filter, other).decision == JF_PASS, "%s", other != nullptr ? other : "none");
    CHECK(std::string(pass(mock, filter, R"({"iban":"abc"})").body).find(R"("***")") != std::string::npos,
          "stars");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
