/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin routing-failover: the chain, and when it goes back. */
#include "routing/routing_check.h"

#define MS 1000000u

static void wait_ms(uint64_t ms) {
    now_ns += ms * MS;
}

/* All calls go there. */
static void expect(uint32_t number, const char *what) {
    pick_many(20);
    CHECK(picked[number] == 20, "%s: endpoint %u got %llu of 20", what, number,
          (unsigned long long)picked[number]);
}

static void fail(uint32_t number, int times) {
    for (int i = 0; i < times; i++)
        observe(number, JF_E_GONE, MS);
}

TEST(the_first_one_takes_everything) {
    begin("{}", 4);
    expect(0, "all is well");
    fail(0, 2);
    observe(0, JF_OK, MS);
    fail(0, 2);
    expect(0, "never three failures in a row");
    fail(0, 1);
    expect(1, "three in a row");
    end();
}

/* Preemption delay (RFC 5798, Preempt_Mode, and its implementations' preempt delay): back only after hold_ms.
 */
TEST(back_to_the_primary_after_the_hold_time) {
    begin("{\"hold_ms\":1000}", 3);
    pick();
    withdraw(0);
    expect(1, "the primary is away");
    wait_ms(5000);
    restore(0);
    expect(1, "it has just come back");
    wait_ms(900);
    expect(1, "0.9 s later");
    wait_ms(200);
    expect(0, "1.1 s later");
    end();
}

TEST(a_primary_that_flaps_is_held_longer_each_time) {
    begin("{\"hold_ms\":1000,\"hold_most_ms\":3000}", 2);
    static const uint32_t holds[] = {1000, 2000, 3000, 3000};
    expect(0, "at first");
    for (int i = 0; i < 4; i++) {
        fail(0, 3);
        expect(1, "failed");
        wait_ms(holds[i] - 100);
        expect(1, "held");
        wait_ms(200);
        expect(0, "back");
    }
    wait_ms(60000);
    expect(0, "well for a minute");
    fail(0, 3);
    wait_ms(1100);
    expect(0, "the hold time begins anew");
    end();
}

TEST(down_the_chain_and_up_again) {
    begin("{\"hold_ms\":1000,\"failures\":1}", 3);
    expect(0, "first");
    fail(0, 1);
    expect(1, "second");
    wait_ms(500);
    fail(1, 1);
    expect(2, "third");
    wait_ms(600);
    expect(0, "the first one's time is over");
    withdraw(0);
    wait_ms(2000);
    expect(1, "and the second one's");
    end();
}

/* With everything held the shortest hold is used: calls are never refused. */
TEST(all_of_them_fail) {
    begin("{\"failures\":1}", 3);
    for (uint32_t i = 0; i < 3; i++) {
        expect(i, "next");
        fail(i, 1);
        wait_ms(10);
    }
    expect(0, "held the shortest");
    withdraw(0);
    expect(1, "and then");
    end();
}

TEST(open_calls_do_not_lengthen_the_hold) {
    begin("{\"hold_ms\":1000}", 2);
    pick();
    fail(0, 3);
    wait_ms(900);
    fail(0, 10);
    wait_ms(200);
    expect(0, "late answers of calls that were open");
    end();
}

TEST(a_retry_is_no_change) {
    begin("{}", 3);
    pick();
    call.attempt = 1;
    endpoints[0].flags = JF_ENDPOINT_TRIED;
    expect(1, "the retry");
    call.attempt = 0;
    endpoints[0].flags = 0;
    expect(0, "the next call");
    end();
}

TEST(a_new_better_endpoint_waits_and_the_set_may_change) {
    begin("{\"hold_ms\":1000}", 0);
    offer(5, 8);
    expect(5, "the first of the list");
    restore(2);
    expect(5, "a new one in front is held");
    wait_ms(1100);
    expect(2, "then it is used");
    offer(6, 900);
    expect(6, "others, all at once");
    end();
}

TEST(tiers_share_their_calls) {
    begin("{\"seed\":7,\"order\":\"priority\",\"hold_ms\":1000,\"failures\":1}", 5);
    for (uint32_t i = 0; i < 5; i++)
        endpoints[i].priority = i < 2 ? 7 : 9;
    endpoints[1].weight = 3;
    pick_many(20000);
    CHECK(near_share(picked[1], 0.75, 20000) && picked[0] + picked[1] == 20000, "the first tier: %llu",
          (unsigned long long)picked[1]);
    fail(1, 1);
    expect(0, "one of them left");
    fail(0, 1);
    pick_many(3000);
    CHECK(near_share(picked[2], 1 / 3.0, 3000) && picked[0] + picked[1] == 0, "the second tier: %llu",
          (unsigned long long)picked[2]);
    withdraw(0);
    wait_ms(1100);
    pick_many(300);
    CHECK(picked[1] == 300, "back to the first tier: %llu", (unsigned long long)picked[1]);
    restore(0);
    pick_many(300);
    CHECK(picked[0] > 30, "one more of the tier in use needs no hold: %llu", (unsigned long long)picked[0]);
    end();
}

TEST(state_goes_to_the_next_generation) {
    begin("{\"hold_ms\":1000}", 2);
    now_ns = jf_mock_now(mock);
    pick();
    fail(0, 3);
    pick();
    jf_blob state = {0};
    CHECK(routing->export_state(jf_mock_self(mock), handle, &state, jf_mock_fault(mock)) == JF_OK, "export");
    CHECK(attach("{\"hold_ms\":1000}"), "%s", jf_mock_why(mock));
    CHECK(routing->import_state(jf_mock_self(mock), handle, (jf_view){state.ptr, state.len},
                                jf_mock_fault(mock)) == JF_OK,
          "%s", jf_mock_why(mock));
    expect(1, "the hold goes on");
    wait_ms(1100);
    expect(0, "and ends");
    state.drop(state.owner);
    end();
}

TEST(one_and_many_endpoints) {
    begin("{}", 1);
    fail(pick(), 10);
    expect(0, "the only one");
    offer(0, 1000);
    for (uint32_t i = 0; i < 1000; i++)
        fail(pick(), 3);
    pick();
    end();
}

TEST(allocates_nothing) {
    check_no_allocation("{\"max_endpoints\":16}");
}
TEST(random_sequences) {
    check_random("{\"max_endpoints\":10,\"failures\":1}", false);
    check_random("{\"order\":\"priority\",\"hold_ms\":50}", false);
}
TEST(hostile_state) {
    check_state("{\"failures\":2}");
}
TEST(a_host_of_1_0) {
    begin_as(0, "{\"failures\":1}", 3);
    expect(0, "first");
    fail(0, 1);
    expect(1, "second");
    CHECK(attach("{\"order\":\"priority\"}"), "%s", jf_mock_why(mock));
    pick_many(3000);
    CHECK(near_share(picked[1], 1 / 3.0, 3000), "without priorities all are one tier");
    end();
}
TEST(refuses_wrong_options) {
    static const char *const wrong[] = {
        "{\"order\":\"alphabetical\"}", "{\"failures\":0}",      "{\"hold_ms\":-1}",
        "{\"hold_most_ms\":\"1h\"}",    "{\"max_endpoints\":0}", NULL};
    check_refused("{}", wrong);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
