/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin routing-least-request: the power of two choices, with weights; and in a simulation. */
#include "routing/simulation.h"

#define SEEDED "{\"seed\":7}"

/* Definition: two different endpoints are drawn, the one with fewer open calls takes the call. Of n with all
 * loads different, the one with the r-th highest load is taken when its partner is one of the r - 1 above it:
 * with probability (r - 1) / (n (n - 1) / 2). */
TEST(takes_the_less_loaded_of_two) {
    begin(SEEDED, 5);
    for (uint32_t i = 0; i < 5; i++)
        endpoints[i].in_flight = 100 - 10 * i;
    pick_many(100000);
    for (uint32_t i = 0; i < 5; i++)
        CHECK(near_share(picked[i], i / 10.0, 100000), "rank %u: %llu of 100000", i,
              (unsigned long long)picked[i]);
    end();
}

/* With d choices the busiest d - 1 are never taken, the most idle always when d is all. */
TEST(more_choices) {
    begin("{\"seed\":7,\"choices\":16}", 2);
    endpoints[0].in_flight = 1;
    pick_many(1000);
    CHECK(picked[0] == 0, "the busier of two: %llu", (unsigned long long)picked[0]);
    offer(0, 8);
    for (uint32_t i = 0; i < 8; i++)
        endpoints[i].in_flight = 50 - i;
    pick_many(10000);
    CHECK(picked[7] == 10000, "the most idle of eight: %llu", (unsigned long long)picked[7]);
    CHECK(attach("{\"seed\":7,\"choices\":4}"), "%s", jf_mock_why(mock));
    pick_many(10000);
    CHECK(picked[7] > 3500 && picked[7] < 5500, "of four of eight: %llu", (unsigned long long)picked[7]);
    end();
}

/* Without load it is the weighted draw; under load open calls settle in proportion to the weights. */
TEST(weights_count_at_rest_and_under_load) {
    begin(SEEDED, 3);
    endpoints[0].weight = 4;
    endpoints[1].weight = 2;
    pick_many(70000);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(near_share(picked[i], (double)endpoints[i].weight / 7, 70000), "%u: %llu", i,
              (unsigned long long)picked[i]);
    for (int i = 0; i < 7000; i++)
        endpoints[pick()].in_flight++;
    for (uint32_t i = 0; i < 3; i++)
        CHECK(fabs(endpoints[i].in_flight - 1000.0 * endpoints[i].weight) < 40, "%u: %u calls open", i,
              endpoints[i].in_flight);
    end();
}

/* M. Mitzenmacher, "The power of two choices in randomized load balancing", 2001, and Azar et al., "Balanced
 * allocations", 1994: of n balls in n bins the fullest has about ln n / ln ln n with one choice, ln ln n / ln
 * 2 with two. For n = 1000 that is 5 or more against 4 or fewer. */
TEST(balanced_allocations) {
    begin(SEEDED, 1000);
    uint32_t most = 0, one = 0;
    for (int i = 0; i < 1000; i++) {
        uint32_t taken = pick();
        if (++endpoints[taken].in_flight > most) most = endpoints[taken].in_flight;
    }
    static uint32_t bins[1000];
    for (int i = 0; i < 1000; i++) {
        uint32_t bin = (uint32_t)any_below(1000);
        if (++bins[bin] > one) one = bins[bin];
    }
    CHECK(most <= 4 && one >= 5, "two choices: %u, one choice: %u", most, one);
    end();
}

TEST(a_vanishing_and_a_new_endpoint) {
    begin(SEEDED, 4);
    for (uint32_t i = 0; i < 4; i++)
        endpoints[i].in_flight = 10;
    withdraw(3);
    pick_many(3000);
    CHECK(picked[3] == 0 && near_share(picked[0], 1 / 3.0, 3000), "%llu", (unsigned long long)picked[0]);
    restore(3);
    endpoints[3].in_flight = 0;
    pick_many(3000);
    CHECK(near_share(picked[3], 0.5, 3000), "an idle newcomer of four: %llu", (unsigned long long)picked[3]);
    end();
}

/* Four replicas of 2 workers and 10 ms, one of them slower. Ten times slower, at 70 % of what they can do
 * together, its queue grows without end when calls are dealt out in turn; three times slower, at 30 %, it
 * does not. */
TEST(beats_round_robin_with_a_slow_replica) {
    static const struct { double slow, every; } cases[] = {{100, 1 / (0.7 * 0.62)}, {30, 1 / (0.3 * 0.6667)}};
    for (uint64_t seed = 1; seed <= 6; seed++) {
        double slow = cases[seed % 2].slow, every = cases[seed % 2].every;
        sim_replica replicas[4] = {{10, 2, {0}}, {10, 2, {0}}, {10, 2, {0}}, {slow, 2, {0}}};
        sim_begin("round-robin", "{}", 4);
        sim_result turns = sim_run(replicas, 4, every, seed);
        end();
        sim_begin(NULL, SEEDED, 4);
        sim_result own = sim_run(replicas, 4, every, seed);
        end();
        printf("  seed %llu, slow one %.0f ms: p99 %.0f ms, round-robin %.0f ms; median %.1f, %.1f; slow one "
               "%u, %u of %d\n",
               (unsigned long long)seed, slow, own.p99, turns.p99, own.median, turns.median, own.calls[3],
               turns.calls[3], SIM_CALLS);
        CHECK(own.p99 < turns.p99 * 0.75, "p99 %.0f ms against %.0f ms", own.p99, turns.p99);
        CHECK(own.calls[3] < turns.calls[3], "the slow one got %u calls", own.calls[3]);
    }
}

TEST(ordinary) {
    check_ordinary("{}");
}
TEST(allocates_nothing) {
    check_no_allocation("{}");
}
TEST(random_sequences) {
    check_random("{\"seed\":3,\"choices\":5}", false);
}
TEST(refuses_wrong_options) {
    static const char *const wrong[] = {"{\"choices\":1}", "{\"choices\":17}", "{\"choices\":\"two\"}", NULL};
    check_refused("{}", wrong);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
