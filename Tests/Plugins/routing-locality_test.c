/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin routing-locality against Envoy's definition of priority load and spill-over. */
#include "routing/routing_check.h"

#define SEEDED "{\"seed\":7}"
#define PICKS 20000

static const jf_endpoint *all[MOST];

/* `count` endpoints from number `first` on belong to a tier; of them `healthy` are eligible. */
static void tier(uint32_t first, uint32_t count, uint32_t healthy, uint32_t priority) {
    for (uint32_t i = first; i < first + count; i++) {
        endpoints[i].priority = priority;
        all[i] = &endpoints[i];
        withdraw(i);
        if (i < first + healthy) restore(i);
    }
}

static void know(uint32_t total) {
    call.all = all;
    call.total = total;
}

static uint64_t sum(uint32_t first, uint32_t count) {
    uint64_t total = 0;
    for (uint32_t i = first; i < first + count; i++)
        total += picked[i];
    return total;
}

static void expect(uint32_t first, uint32_t count, double percent, const char *what) {
    uint64_t got = sum(first, count);
    bool right = percent <= 0     ? got == 0
                 : percent >= 100 ? got == PICKS
                                  : near_share(got, percent / 100, PICKS);
    CHECK(right, "%s: %.1f %% instead of %.0f %%", what, 100.0 * (double)got / PICKS, percent);
}

/* Envoy's documentation, "Priority levels": P0 healthy to P0 and P1 load, with the factor 1.4. */
TEST(two_priorities_as_envoy_has_them) {
    static const uint32_t table[][3] = {{100, 100, 0}, {72, 100, 0}, {71, 99, 1},
                                        {50, 70, 30},  {25, 35, 65}, {0, 0, 100}};
    begin(SEEDED, 0);
    for (size_t n = 0; n < sizeof table / sizeof table[0]; n++) {
        tier(0, 100, table[n][0], 0);
        tier(100, 100, 100, 1);
        know(200);
        pick_many(PICKS);
        expect(0, 100, table[n][1], "P0");
        expect(100, 100, table[n][2], "P1");
    }
    end();
}

/* The same definition with three levels; where all together have less than 100 %, loads are scaled up: 25, 25
 * and 20 % healthy make 35, 35 and 28 of 98; what rounding leaves over is the first one's. */
TEST(three_priorities_by_the_same_definition) {
    static const uint32_t table[][6] = {{100, 100, 100, 100, 0, 0}, {72, 72, 100, 100, 0, 0},
                                        {71, 71, 100, 99, 1, 0},    {50, 50, 100, 70, 30, 0},
                                        {25, 100, 100, 35, 65, 0},  {25, 25, 100, 35, 35, 30},
                                        {25, 25, 20, 37, 35, 28},   {20, 20, 10, 40, 40, 20}};
    begin(SEEDED, 0);
    for (size_t n = 0; n < sizeof table / sizeof table[0]; n++) {
        uint32_t left = 100;
        for (uint32_t p = 0; p < 3; p++)
            tier(100 * p, 100, table[n][p], p);
        know(300);
        pick_many(PICKS);
        for (uint32_t p = 0; p < 3; p++) {
            expect(100 * p, 100, table[n][3 + p], "tier");
            left -= table[n][3 + p];
        }
        CHECK(left <= 1, "row %zu of the table adds up to %u", n, 100 - left);
    }
    end();
}

TEST(near_endpoints_first) {
    begin(SEEDED, 0);
    for (uint32_t i = 0; i < 30; i++)
        endpoints[i].flags = i < 10   ? JF_ENDPOINT_SAME_ZONE | JF_ENDPOINT_SAME_REGION
                             : i < 20 ? JF_ENDPOINT_SAME_REGION
                                      : 0;
    tier(0, 30, 30, 0);
    know(30);
    pick_many(PICKS);
    expect(0, 10, 100, "the own zone");
    for (uint32_t i = 5; i < 10; i++)
        withdraw(i);
    pick_many(PICKS);
    expect(0, 10, 70, "half of the zone");
    expect(10, 10, 30, "its region");
    for (uint32_t i = 0; i < 20; i++)
        withdraw(i);
    pick_many(PICKS);
    expect(20, 10, 100, "elsewhere");
    CHECK(attach("{\"near\":\"region\"}"), "%s", jf_mock_why(mock));
    offer(0, 30);
    pick_many(PICKS);
    expect(0, 20, 100, "the own region");
    expect(0, 10, 50, "zones alike");
    CHECK(attach("{\"near\":\"anywhere\"}"), "%s", jf_mock_why(mock));
    pick_many(PICKS);
    expect(20, 10, 33.333, "distance does not count");
    /* A tier comes before distance. */
    CHECK(attach(SEEDED), "%s", jf_mock_why(mock));
    for (uint32_t i = 0; i < 20; i++)
        endpoints[i].priority = 1;
    pick_many(PICKS);
    expect(20, 10, 100, "the first tier, far away");
    end();
}

TEST(the_factor_is_an_option) {
    begin("{\"seed\":7,\"overprovisioning_percent\":100}", 0);
    tier(0, 10, 9, 0);
    tier(10, 10, 10, 1);
    know(20);
    pick_many(PICKS);
    expect(0, 10, 90, "without overprovisioning");
    expect(10, 10, 10, "the rest");
    end();
}

/* A suspected endpoint counts a tenth: enough to be tried, with little at stake. */
TEST(suspected_and_tried_endpoints) {
    begin(SEEDED, 0);
    tier(0, 2, 2, 0);
    tier(2, 2, 2, 1);
    know(4);
    endpoints[0].flags = endpoints[1].flags = JF_ENDPOINT_DEGRADED;
    pick_many(PICKS);
    expect(0, 2, 14, "a suspected tier");
    endpoints[0].flags = endpoints[1].flags = JF_ENDPOINT_TRIED;
    pick_many(PICKS);
    expect(0, 2, 0, "a tried tier");
    endpoints[2].flags = endpoints[3].flags = JF_ENDPOINT_TRIED;
    pick();
    end();
}

/* Without `all` the endpoints that are not eligible are unknown: no spill-over before a level is empty. */
TEST(without_the_whole_list) {
    begin(SEEDED, 0);
    tier(0, 10, 1, 0);
    tier(10, 10, 10, 1);
    pick_many(PICKS);
    expect(0, 10, 100, "one of ten is left");
    tier(0, 10, 0, 0);
    pick_many(PICKS);
    expect(10, 10, 100, "the next tier");
    end();
}

TEST(heterogeneous_within_a_level) {
    begin(SEEDED, 0);
    tier(0, 3, 3, 4000000000u);
    know(3);
    endpoints[0].weight = 3;
    pick_many(PICKS);
    expect(0, 1, 60, "weight 3 of 5");
    endpoints[0].in_flight = 50;
    pick_many(PICKS);
    expect(0, 1, 0, "a busy one");
    end();
}

/* A retry looks at everybody, other calls use what is kept: shares of levels are the same, whatever changes.
 */
TEST(what_is_kept_is_what_is_true) {
    begin("{\"seed\":7}", 20);
    for (uint32_t round = 0; round < 40; round++) {
        jf_endpoint *it = &endpoints[any_below(20)];
        switch (any_below(4)) {
        case 0:
            it->priority = (uint32_t)any_below(3);
            break;
        case 1:
            it->flags ^= JF_ENDPOINT_DEGRADED;
            break;
        case 2:
            it->flags ^= JF_ENDPOINT_SAME_ZONE;
            break;
        default:
            it->weight = (uint32_t)any_below(3);
        }
        double shares[2][3] = {{0}};
        for (uint32_t kind = 0; kind < 2; kind++) {
            call.attempt = kind;
            for (uint32_t n = 0; n < 2000; n++)
                shares[kind][endpoints[pick()].priority]++;
        }
        call.attempt = 0;
        for (uint32_t p = 0; p < 3; p++) {
            double mean = (shares[0][p] + shares[1][p]) / 2;
            CHECK(fabs(shares[0][p] - shares[1][p]) <= 5 * sqrt(2 * mean) + 1, "round %u: %g and %g", round,
                  shares[0][p], shares[1][p]);
        }
    }
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
    static const char *const wrong[] = {"{\"overprovisioning_percent\":99}",
                                        "{\"overprovisioning_percent\":\"140\"}", "{\"near\":\"me\"}",
                                        "{\"near\":1}", NULL};
    check_refused("{}", wrong);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
