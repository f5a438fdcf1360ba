/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin routing-cost: the cheapest endpoints within the bounds, and what becomes of the others.
 */
#include "routing/routing_check.h"

#define MS 1000000u
#define BOUND "{\"seed\":7,\"max_latency_ms\":100,\"window_ms\":1000}"

static void wait_ms(uint64_t ms) {
    now_ns += ms * MS;
}

static void price(uint64_t a, uint64_t b, uint64_t c) {
    endpoints[0].cost = a;
    endpoints[1].cost = b;
    endpoints[2].cost = c;
}

/* The calls go to exactly these, a bit mask. */
static void expect(uint32_t mask, const char *what) {
    pick_many(100);
    uint32_t got = 0;
    for (uint32_t e = 0; e < 8; e++)
        got |= (picked[e] > 0 ? 1u : 0u) << e;
    CHECK(got == mask, "%s: endpoints %x, expected %x", what, got, mask);
}

static void answers(uint32_t number, int times, uint64_t ms) {
    for (int i = 0; i < times; i++)
        observe(number, JF_OK, ms * MS);
}

TEST(the_cheapest_takes_the_calls) {
    begin(BOUND, 3);
    price(300, 100, 200);
    expect(0x2, "the cheapest");
    price(100, 100, 200);
    expect(0x3, "two of them");
    endpoints[0].weight = 3;
    pick_many(20000);
    CHECK(near_share(picked[0], 0.75, 20000), "by weight: %llu", (unsigned long long)picked[0]);
    endpoints[0].in_flight = 10;
    expect(0x2, "and by load");
    withdraw(0);
    withdraw(1);
    expect(0x4, "what is left");
    price(0, 0, UINT64_MAX);
    expect(0x4, "at any price");
    end();
}

TEST(nearly_as_cheap_is_cheap) {
    begin("{\"slack_percent\":10}", 3);
    price(100, 110, 111);
    expect(0x3, "ten percent");
    price(UINT64_MAX - 5, UINT64_MAX - 4, UINT64_MAX);
    expect(0x7, "huge prices");
    price(0, 0, 1);
    expect(0x3, "nothing of nothing is nothing");
    end();
}

TEST(too_slow_is_passed_over_and_tried_again) {
    begin(BOUND, 3);
    price(1, 2, 3);
    answers(0, 4, 500);
    expect(0x1, "four calls are too few to tell");
    answers(0, 4, 500);
    expect(0x2, "eight slow calls");
    answers(1, 10, 99);
    expect(0x2, "within the bound");
    /* Eight calls halve to five after log2(8/5) = 0.68 windows of a second: then too little is known. */
    wait_ms(660);
    expect(0x2, "0.66 s later");
    wait_ms(30);
    expect(0x1, "0.69 s later");
    answers(0, 1, 500);
    expect(0x2, "still slow");
    wait_ms(5000);
    answers(0, 20, 10);
    expect(0x1, "quick again");
    end();
}

TEST(failing_is_passed_over) {
    begin("{\"max_failure_percent\":20}", 3);
    price(1, 2, 3);
    for (int i = 0; i < 40; i++)
        observe(0, i % 10 == 0 ? JF_E_GONE : JF_OK, MS);
    expect(0x1, "a tenth fails");
    for (int i = 0; i < 10; i++)
        observe(0, JF_E_TIMEOUT, MS);
    expect(0x2, "14 of 50 fail");
    observe_flags(1, JF_E_GONE, MS, JF_OUTCOME_PROBE);
    for (int i = 0; i < 20; i++)
        observe_flags(1, JF_E_GONE, MS, JF_OUTCOME_CANCELED);
    expect(0x2, "probes and canceled calls do not count");
    for (int i = 0; i < 20; i++)
        observe(1, JF_E_FAULT, MS);
    expect(0x4, "the next one");
    for (int i = 0; i < 200; i++)
        observe(2, JF_E_FAULT, MS);
    expect(0x1, "all are out of bounds: the least bad");
    end();
}

/* What all loops saw counts, too. */
TEST(the_hosts_counts) {
    begin("{\"max_failure_percent\":20}", 3);
    price(1, 2, 3);
    endpoints[0].recent_calls = 4;
    endpoints[0].recent_failures = 4;
    expect(0x1, "too few");
    endpoints[0].recent_calls = 10;
    endpoints[0].recent_failures = 2;
    expect(0x1, "20 %");
    endpoints[0].recent_failures = 3;
    expect(0x2, "30 %");
    endpoints[0].recent_calls = endpoints[0].recent_failures = 0;
    expect(0x1, "over");
    end();
}

TEST(bounds_may_be_off) {
    begin("{\"max_failure_percent\":100}", 2);
    price(1, 2, 3);
    for (int i = 0; i < 50; i++)
        observe(0, JF_E_GONE, 100000ull * MS);
    endpoints[0].recent_calls = endpoints[0].recent_failures = 100;
    expect(0x1, "only the price counts");
    CHECK(attach("{\"max_failure_percent\":0}"), "%s", jf_mock_why(mock));
    endpoints[0].recent_calls = endpoints[0].recent_failures = 0;
    for (int i = 0; i < 50; i++)
        observe(0, i == 0 ? JF_E_GONE : JF_OK, MS);
    expect(0x2, "no failure at all");
    end();
}

TEST(a_retry_goes_to_the_next_price) {
    begin(BOUND, 3);
    price(1, 2, 3);
    endpoints[0].flags = JF_ENDPOINT_TRIED;
    expect(0x2, "the next");
    endpoints[1].weight = 0;
    expect(0x4, "weight 0 is last in line");
    end();
}

TEST(state_goes_to_the_next_generation) {
    begin(BOUND, 3);
    price(1, 2, 3);
    answers(0, 50, 500);
    expect(0x2, "slow");
    jf_blob state = {0};
    CHECK(routing->export_state(jf_mock_self(mock), handle, &state, jf_mock_fault(mock)) == JF_OK, "export");
    CHECK(attach(BOUND), "%s", jf_mock_why(mock));
    expect(0x1, "knows nothing");
    CHECK(routing->import_state(jf_mock_self(mock), handle, (jf_view){state.ptr, state.len},
                                jf_mock_fault(mock)) == JF_OK,
          "%s", jf_mock_why(mock));
    expect(0x2, "knows it");
    state.drop(state.owner);
    end();
}

/* A host of 1.0 tells no prices: all are equally cheap, and the bounds hold. */
TEST(a_host_of_1_0) {
    begin_as(0, BOUND, 3);
    expect(0x7, "all");
    answers(1, 20, 500);
    expect(0x5, "but the slow one");
    end();
}

TEST(ordinary) {
    check_ordinary("{}");
}
TEST(allocates_nothing) {
    check_no_allocation("{\"max_endpoints\":16}");
}
TEST(random_sequences) {
    check_random("{\"seed\":3,\"max_endpoints\":10,\"max_latency_ms\":20,\"slack_percent\":50}", false);
    check_random("{\"max_failure_percent\":0,\"min_calls\":1}", false);
}
TEST(hostile_state) {
    check_state(BOUND);
}
TEST(refuses_wrong_options) {
    static const char *const wrong[] = {"{\"max_latency_ms\":-1}",
                                        "{\"max_failure_percent\":101}",
                                        "{\"max_failure_percent\":\"10\"}",
                                        "{\"window_ms\":1}",
                                        "{\"min_calls\":0}",
                                        "{\"slack_percent\":1.5}",
                                        NULL};
    check_refused("{}", wrong);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
