// SPDX-License-Identifier: Apache-2.0
// Tests of routing-by-name against the golden cases that the examples in all languages share.
#include "jf_check.h"

#include <jackfield/mock.hpp>

#include <fstream>
#include <sstream>

using jackfield::testing::Mock;
using jackfield::testing::Route;
using namespace jackfield;

static std::string golden() {
    std::ostringstream all;
    all << std::ifstream(GOLDEN, std::ios::binary).rdbuf();
    return all.str();
}

static Ref ref_of(json::Value value) {
    return static_cast<Ref>(value.integer().value_or(0));
}

/** Goes through one case; the plugin is created anew for it. */
static void run(json::Value one) {
    std::string name = one["name"].text().value_or("?");
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    {
        Route route = mock.attach("search", json::object({{"seed", one["seed"]}}).text().c_str());
        REQUIRE(route.status == JF_OK, "%s: %s", name.c_str(), mock.why());
        std::vector<Ref> endpoints;
        for (json::Value endpoint : one["endpoints"].items())
            endpoints.push_back(ref_of(endpoint));
        size_t number = 0;
        for (json::Value step : one["steps"].items()) {
            number++;
            std::string label = name + ", step " + std::to_string(number);
            if (auto tool = step["pick"].text()) {
                int64_t chosen = route.pick(*tool, endpoints),
                        expected = step["expect"].integer().value_or(-2);
                CHECK(chosen == expected, "%s: got %d, not %d", label.c_str(), static_cast<int>(chosen),
                      static_cast<int>(expected));
            } else if (step["observe"]) {
                route.observe(ref_of(step["observe"]),
                              static_cast<int32_t>(step["status"].integer().value_or(99)));
            } else if (auto text = step["export"].text()) {
                CHECK(route.export_state() == *text, "%s: %s", label.c_str(), route.export_state().c_str());
            } else if (auto state = step["import"].text()) {
                int32_t expected = static_cast<int32_t>(step["status"].integer().value_or(JF_OK));
                CHECK(route.import_state(*state) == expected, "%s: answered %d", label.c_str(),
                      static_cast<int>(route.status));
            } else {
                CHECK(false, "%s is of no known kind", label.c_str());
            }
        }
        CHECK(number > 0, "%s has no steps", name.c_str());
    }
    CHECK(mock.end() == 0, "%s: the plugin broke a rule", name.c_str());
}

TEST(golden_cases) {
    json::Document cases(golden());
    REQUIRE(cases.root().size() >= 12, "%s holds %zu cases", GOLDEN, cases.root().size());
    for (json::Value one : cases.root().items())
        run(one);
}

TEST(servers_learn_apart) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    {
        Route one = mock.attach("one"), other = mock.attach("other");
        int64_t chosen = one.pick("search", {1, 2});
        for (int i = 0; i < 3; i++)
            one.observe(chosen == 0 ? 1 : 2, JF_E_GONE);
        CHECK(one.pick("search", {1, 2}) != chosen, "the failing endpoint is passed over");
        CHECK(other.pick("search", {1, 2}) == chosen, "by the server that saw it fail only");
        CHECK(other.export_state() == "1\n", "%s", other.export_state().c_str());
    }
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(refuses_a_wrong_seed) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    CHECK(mock.attach("one", R"({"seed": -1})").status == JF_E_INVALID, "a negative seed");
    CHECK(mock.attach("one", R"({"seed": 4294967296})").status == JF_E_INVALID, "a seed of 33 bits");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
