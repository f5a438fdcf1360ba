/* SPDX-License-Identifier: Apache-2.0
 * Tests of the strategy on the mock host, which looks for leaks and broken rules as it goes. */
#include "jf_check.h"
#include "jf_mock.h"

static jf_mock *mock;
static const jf_routing_1 *routing;
static jf_ref handle;

static bool begin(const char *settings) {
    mock = jf_mock_new();
    if (!jf_mock_up(mock, jf_check_plugin, "{}")) return false;
    routing = jf_mock_routing(mock);
    return routing->attach(jf_mock_self(mock), jf_mock_view("test"), jf_mock_view(settings), &handle,
                           jf_mock_fault(mock)) == JF_OK;
}

/** Places one call on the replicas 10, 11 and 12: which of them got it. */
static jf_ref pick(void) {
    jf_endpoint all[3];
    const jf_endpoint *eligible[3];
    uint32_t chosen = UINT32_MAX;
    for (uint32_t i = 0; i < 3; i++) {
        all[i] = (jf_endpoint){.size = sizeof all[i], .id = 10 + i, .weight = 1};
        eligible[i] = &all[i];
    }
    jf_pick call = {
        .size = sizeof call, .method = jf_mock_view("tools/call"), .name = jf_mock_view("search")};
    int32_t status =
        routing->pick(jf_mock_self(mock), handle, &call, eligible, 3, &chosen, jf_mock_fault(mock));
    return status == JF_OK ? 10 + chosen : 0;
}

static void observe(jf_ref endpoint, int32_t status) {
    jf_outcome outcome = {.size = sizeof outcome, .status = status, .endpoint = endpoint};
    routing->observe(jf_mock_self(mock), handle, &outcome);
}

static void end(void) {
    routing->detach(jf_mock_self(mock), handle);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(stays_with_the_first) {
    REQUIRE(begin("{}"), "it does not come up");
    for (int i = 0; i < 5; i++) {
        CHECK(pick() == 10, "another one was chosen");
        observe(10, JF_OK);
    }
    end();
}

TEST(passes_over_what_failed_and_comes_back) {
    REQUIRE(begin("{\"skip\":2}"), "it does not come up");
    observe(10, JF_E_GONE);
    CHECK(pick() == 11 && pick() == 11, "it was not passed over");
    CHECK(pick() == 10, "it was not tried again");
    observe(10, JF_E_GONE);
    observe(10, JF_OK);
    CHECK(pick() == 10, "a success did not end the pause");
    end();
}

TEST(chooses_the_first_when_all_fail) {
    REQUIRE(begin("{}"), "it does not come up");
    for (jf_ref endpoint = 10; endpoint < 13; endpoint++)
        observe(endpoint, JF_E_TIMEOUT);
    CHECK(pick() == 10, "another one was chosen");
    end();
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
