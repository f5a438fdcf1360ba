/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin routing-weighted: independent draws in proportion to the weights. */
#include "routing/routing_check.h"

#define SEEDED "{\"seed\":7}"

/* Definition: each pick is endpoint i with probability w_i / sum(w), whatever came before. Pearson's
 * chi-squared test of the counts; its limits are the 0.1 % points of the distribution (NIST/SEMATECH
 * e-Handbook, 1.3.6.7.4). */
TEST(draws_in_proportion_to_weights) {
    begin(SEEDED, 4);
    static const uint32_t weights[][4] = {{1, 1, 1, 1}, {5, 1, 1, 0}, {1, 2, 3, 4}, {1000, 1, 1, 998}};
    for (size_t n = 0; n < 4; n++) {
        double total = 0, chi = 0, of = 200000;
        for (uint32_t i = 0; i < 4; i++)
            total += endpoints[i].weight = weights[n][i];
        pick_many((uint32_t)of);
        for (uint32_t i = 0; i < 4; i++) {
            double wanted = of * weights[n][i] / total;
            CHECK(wanted > 0 || picked[i] == 0, "weight 0 was picked");
            if (wanted > 0) chi += ((double)picked[i] - wanted) * ((double)picked[i] - wanted) / wanted;
        }
        CHECK(chi < 16.27, "case %zu: chi squared is %.1f", n, chi);
    }
    end();
}

/* Few of many have a weight, or a large one; shares are exact all the same, also right after a change. */
TEST(few_of_many) {
    begin(SEEDED, 100);
    for (uint32_t i = 0; i < 100; i++)
        endpoints[i].weight = i == 17 || i == 80 ? 1 : 0;
    pick_many(20000);
    CHECK(picked[17] + picked[80] == 20000 && near_share(picked[17], 0.5, 20000), "%llu and %llu",
          (unsigned long long)picked[17], (unsigned long long)picked[80]);
    for (uint32_t i = 0; i < 100; i++)
        endpoints[i].weight = i == 3 ? 901 : 1;
    pick_many(20000);
    CHECK(near_share(picked[3], 0.901, 20000), "%llu", (unsigned long long)picked[3]);
    endpoints[3].weight = 1;
    pick_many(100000);
    double chi = 0;
    for (uint32_t i = 0; i < 100; i++)
        chi += ((double)picked[i] - 1000) * ((double)picked[i] - 1000) / 1000;
    CHECK(chi < 148.2, "chi squared is %.1f", chi);
    end();
}

/* Draws are independent: after any endpoint, the next are distributed alike (chi-squared of 16 pairs, 15
 * degrees). */
TEST(draws_are_independent) {
    begin(SEEDED, 4);
    static double pairs[4][4];
    uint32_t last = pick();
    double of = 160000, chi = 0;
    for (uint32_t i = 0; i < (uint32_t)of; i++) {
        uint32_t next = pick();
        pairs[last][next]++;
        last = next;
    }
    for (int i = 0; i < 16; i++)
        chi += (pairs[i / 4][i % 4] - of / 16) * (pairs[i / 4][i % 4] - of / 16) / (of / 16);
    CHECK(chi < 37.7, "chi squared is %.1f", chi);
    end();
}

TEST(starting_and_suspected_endpoints_get_less) {
    begin(SEEDED, 3);
    endpoints[0].ready = 250;
    endpoints[1].flags = JF_ENDPOINT_DEGRADED;
    pick_many(100000);
    CHECK(near_share(picked[0], 0.25 / 1.35, 100000), "a quarter of its weight: %llu",
          (unsigned long long)picked[0]);
    CHECK(near_share(picked[1], 0.1 / 1.35, 100000), "a tenth of its weight: %llu",
          (unsigned long long)picked[1]);
    endpoints[0].ready = 0;
    pick_many(1000);
    CHECK(picked[0] == 0, "an endpoint that bears nothing was picked");
    end();
}

TEST(shares_follow_endpoints_that_come_and_go) {
    begin(SEEDED, 4);
    withdraw(2);
    pick_many(30000);
    CHECK(picked[2] == 0 && near_share(picked[0], 1 / 3.0, 30000), "%llu", (unsigned long long)picked[0]);
    restore(2);
    endpoints[2].weight = 6;
    pick_many(30000);
    CHECK(near_share(picked[2], 6 / 9.0, 30000), "%llu", (unsigned long long)picked[2]);
    offer(0, 1000);
    endpoints[2].weight = 1;
    pick_many(200000);
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < 1000; i++)
        wrong += !near_share(picked[i], 0.001, 200000);
    CHECK(wrong == 0, "%u of 1000 endpoints have a wrong share", wrong);
    end();
}

TEST(a_seed_fixes_the_sequence) {
    begin(SEEDED, 8);
    uint32_t first[50];
    for (int i = 0; i < 50; i++)
        first[i] = pick();
    CHECK(attach(SEEDED), "%s", jf_mock_why(mock));
    for (int i = 0; i < 50; i++)
        CHECK(pick() == first[i], "pick %d differs", i);
    end();
}

TEST(ordinary) {
    check_ordinary("{}");
}
TEST(allocates_nothing) {
    check_no_allocation("{}");
}
TEST(random_sequences) {
    check_random(SEEDED, false);
}
TEST(refuses_wrong_options) {
    static const char *const wrong[] = {
        "{\"seed\":-1}", "{\"seed\":\"x\"}", "{\"seed\":1.5}", "{", "[", NULL};
    check_refused("{}", wrong);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
