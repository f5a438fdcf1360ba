/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin routing-canary: shares, sticky assignment, independence of experiments, fall-back. */
#include "routing/routing_check.h"

#define USERS 40000
#define ARMS(PERCENT)                                                                                        \
    "{\"seed\":7,\"arms\":[{\"name\":\"canary\",\"percent\":" PERCENT                                        \
    ",\"version\":\">=2\"},{\"name\":\"stable\",\"version\":\"<2\"}]"

static char users[USERS][16];
static bool first_arm[USERS], second_arm[USERS];

static void make(void) {
    for (uint32_t i = 0; i < USERS; i++)
        snprintf(users[i], sizeof users[i], "user-%u", i);
    for (uint32_t e = 0; e < 6; e++)
        endpoints[e].version = jf_mock_view(e < 2 ? "2.0.0" : "1.4.0");
}

/* Who is in the canary: endpoints 0 and 1 have version 2. */
static uint32_t assign_all(bool *out) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < USERS; i++) {
        call.principal = jf_mock_view(users[i]);
        count += out[i] = pick() < 2;
    }
    return count;
}

/* R. Kohavi et al., "Controlled experiments on the web", 2009, section 4.1: users fall into each arm with its
 * share, a user always into the same one, assignments of two experiments are independent; and when the canary
 * grows, nobody leaves it. */
TEST(shares_are_kept_and_callers_stay) {
    begin(ARMS("5") "}", 6);
    make();
    uint32_t count = assign_all(first_arm);
    CHECK(near_share(count, 0.05, USERS), "%u of %d in the canary", count, USERS);
    uint32_t again = assign_all(second_arm);
    CHECK(again == count && memcmp(first_arm, second_arm, sizeof first_arm) == 0, "somebody moved");
    CHECK(attach(ARMS("12.5") "}"), "%s", jf_mock_why(mock));
    count = assign_all(second_arm);
    uint32_t left = 0;
    for (uint32_t i = 0; i < USERS; i++)
        left += first_arm[i] && !second_arm[i];
    CHECK(near_share(count, 0.125, USERS) && left == 0, "%u in the canary, %u left it", count, left);
    end();
}

TEST(experiments_are_independent) {
    begin(ARMS("50") "}", 6);
    make();
    assign_all(first_arm);
    CHECK(attach(ARMS("50") ",\"salt\":\"other\"}"), "%s", jf_mock_why(mock));
    assign_all(second_arm);
    uint32_t both = 0;
    for (uint32_t i = 0; i < USERS; i++)
        both += first_arm[i] && second_arm[i];
    CHECK(near_share(both, 0.25, USERS), "%u of %d in both", both, USERS);
    end();
}

/* Assignment does not hang on the endpoints: they may come, go and have other ids on another gateway. */
TEST(stays_when_endpoints_change) {
    begin(ARMS("30") "}", 6);
    make();
    uint32_t count = assign_all(first_arm);
    withdraw(0);
    withdraw(4);
    for (uint32_t e = 0; e < 6; e++)
        endpoints[e].id += 1000;
    CHECK(assign_all(second_arm) == count && memcmp(first_arm, second_arm, sizeof first_arm) == 0,
          "somebody moved");
    end();
}

TEST(without_a_key_each_call_is_drawn) {
    begin(ARMS("20") "}", 6);
    make();
    pick_many(40000);
    CHECK(near_share(picked[0] + picked[1], 0.2, 40000), "%llu", (unsigned long long)(picked[0] + picked[1]));
    call.session = jf_mock_view("s-1");
    pick_many(200);
    CHECK(picked[0] + picked[1] == 200 || picked[0] + picked[1] == 0, "a session moved");
    end();
}

TEST(nothing_and_all) {
    begin(ARMS("0") "}", 6);
    make();
    CHECK(assign_all(first_arm) == 0, "0 %%");
    CHECK(attach(ARMS("100") "}") && assign_all(first_arm) == USERS, "100 %%");
    CHECK(attach("{\"arms\":[{\"name\":\"a\",\"endpoints\":[\"*0.0:*\"]},{\"name\":\"b\",\"endpoints\":[\"*0."
                 "1:*\"]},"
                 "{\"name\":\"c\",\"percent\":40,\"endpoints\":[\"*0.2:*\"]}]}"),
          "%s", jf_mock_why(mock));
    memset(picked, 0, sizeof picked);
    assign_all(first_arm);
    CHECK(near_share(picked[0], 0.3, USERS) && near_share(picked[1], 0.3, USERS) &&
              near_share(picked[2], 0.4, USERS),
          "the rest is divided evenly: %llu %llu %llu", (unsigned long long)picked[0],
          (unsigned long long)picked[1], (unsigned long long)picked[2]);
    end();
}

TEST(an_arm_without_endpoints) {
    begin(ARMS("100") "}", 6);
    make();
    withdraw(0);
    withdraw(1);
    pick_many(100);
    CHECK(picked[0] + picked[1] == 0, "gone");
    CHECK(attach(ARMS("100") ",\"strict\":true}"), "%s", jf_mock_why(mock));
    uint32_t number;
    CHECK(try_pick(&number) == JF_ABSENT && strstr(jf_mock_why(mock), "canary") != NULL, "%s",
          jf_mock_why(mock));
    restore(0);
    CHECK(pick() == 0, "back");
    /* A retry of a call that its arm failed goes to the other, unless that is forbidden. */
    endpoints[0].flags = JF_ENDPOINT_TRIED;
    CHECK(pick() == 0, "strict");
    CHECK(attach(ARMS("100") "}"), "%s", jf_mock_why(mock));
    CHECK(pick() >= 2, "not strict");
    end();
}

TEST(a_call_may_name_its_arm) {
    static jf_pair header;
    begin(ARMS("0") ",\"force\":\"header:x-arm\"}", 6);
    make();
    header = (jf_pair){jf_mock_view("x-arm"), jf_mock_view("canary")};
    call.headers = &header;
    call.header_count = 1;
    pick_many(100);
    CHECK(picked[0] + picked[1] == 100, "named: %llu", (unsigned long long)(picked[0] + picked[1]));
    header.value = jf_mock_view("nonsense");
    pick_many(100);
    CHECK(picked[0] + picked[1] == 0, "no such arm");
    CHECK(attach(ARMS("0") ",\"force\":\"argument:/arm\"}"), "%s", jf_mock_why(mock));
    call.arguments = jf_mock_view("{\"arm\":\"canary\"}");
    CHECK(pick() < 2, "named in an argument");
    end();
}

TEST(weights_and_load_within_an_arm) {
    begin(ARMS("0") "}", 6);
    make();
    endpoints[2].weight = 7;
    pick_many(40000);
    CHECK(near_share(picked[2], 0.7, 40000), "%llu", (unsigned long long)picked[2]);
    endpoints[2].in_flight = 100;
    pick_many(1000);
    CHECK(picked[2] == 0, "a busy one: %llu", (unsigned long long)picked[2]);
    end();
}

/* Without versions (a host of 1.0) arms can be told by names. */
TEST(a_host_of_1_0) {
    begin_as(0, "{\"arms\":[{\"name\":\"a\",\"percent\":25,\"endpoints\":[\"*0.0:*\"]},{\"name\":\"b\"}]}",
             4);
    call.session = jf_mock_view("s");
    uint32_t home = pick();
    for (int i = 0; i < 50; i++)
        CHECK((pick() == 0) == (home == 0), "a session moved");
    end();
}

#define ANY "{\"arms\":[{\"name\":\"all\"}]}"
TEST(ordinary) {
    check_ordinary(ANY);
}
TEST(allocates_nothing) {
    check_no_allocation("{\"max_endpoints\":16,\"arms\":[{\"name\":\"all\"}]}");
}
TEST(random_sequences) {
    check_random("{\"seed\":3,\"max_endpoints\":10,\"by\":[\"argument:/a/b/"
                 "1\",\"session\"],\"force\":\"header:x-arm\","
                 "\"arms\":[{\"name\":\"canary\",\"percent\":10,\"tags\":[\"gpu\"]},{\"name\":\"b\","
                 "\"version\":\"1\"},"
                 "{\"name\":\"c\"}]}",
                 false);
    check_random(ARMS("10") ",\"strict\":true}", true);
}
TEST(refuses_wrong_options) {
    static const char *const wrong[] = {
        "{}",
        "{\"arms\":[]}",
        "{\"arms\":[1]}",
        "{\"arms\":[{\"percent\":5}]}",
        "{\"arms\":[{\"name\":\"a\",\"percent\":101}]}",
        "{\"arms\":[{\"name\":\"a\",\"percent\":60},{\"name\":\"b\",\"percent\":60}]}",
        "{\"arms\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
        "{\"arms\":[{\"name\":\"a\",\"version\":\"new\"}]}",
        "{\"arms\":[{\"name\":\"a\"}],\"by\":[\"nobody\"]}",
        "{\"arms\":[{\"name\":\"a\"}],\"force\":\"x\"}",
        "{\"arms\":[{\"name\":\"a\"}],\"strict\":\"yes\"}",
        NULL};
    check_refused(ANY, wrong);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
