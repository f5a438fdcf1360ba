/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin routing-peak-ewma against Finagle's definition
 * (com.twitter.finagle.loadbalancer.PeakEwma); and in a simulation. With two endpoints both are drawn each
 * time, so that the lower cost always wins. */
#include "routing/simulation.h"

#define MS 1000000u
#define SEEDED "{\"seed\":7}"

static void wait_ms(uint64_t ms) {
    now_ns += ms * MS;
}

/* Which of the two endpoints wins, every time. */
static uint32_t winner(void) {
    pick_many(20);
    CHECK(picked[0] == 20 || picked[1] == 20, "no clear winner: %llu and %llu", (unsigned long long)picked[0],
          (unsigned long long)picked[1]);
    return picked[0] == 20 ? 0 : 1;
}

TEST(a_peak_counts_at_once) {
    begin(SEEDED, 2);
    for (int i = 0; i < 50; i++) {
        observe(0, JF_OK, 10 * MS);
        observe(1, JF_OK, 11 * MS);
        wait_ms(10);
    }
    CHECK(winner() == 0, "the quicker one");
    observe(0, JF_OK, 12 * MS);
    CHECK(winner() == 1, "one slower answer changes it");
    end();
}

/* cost(t) = cost * w + rtt * (1 - w), w = e^(-t / decay): after one decay time of silence 100 ms count 36.8
 * ms. */
TEST(what_was_observed_decays) {
    begin(SEEDED, 2);
    observe(0, JF_OK, 100 * MS);
    wait_ms(10000);
    observe(1, JF_OK, 37 * MS);
    CHECK(winner() == 0, "36.8 ms against 37 ms");
    CHECK(attach(SEEDED), "%s", jf_mock_why(mock));
    observe(0, JF_OK, 100 * MS);
    wait_ms(10000);
    observe(1, JF_OK, 36 * MS);
    CHECK(winner() == 1, "36.8 ms against 36 ms");
    /* A quicker answer after one decay time: 100 * 0.368 + 10 * 0.632 = 43.1 ms. */
    for (uint32_t against = 42; against <= 44; against += 2) {
        CHECK(attach(SEEDED), "%s", jf_mock_why(mock));
        observe(0, JF_OK, 100 * MS);
        wait_ms(10000);
        observe(0, JF_OK, 10 * MS);
        observe(1, JF_OK, against * MS);
        CHECK(winner() == (against > 43 ? 0 : 1), "43.1 ms against %u ms", against);
    }
    end();
}

TEST(the_decay_time_is_an_option) {
    begin("{\"seed\":7,\"decay_ms\":100}", 2);
    observe(0, JF_OK, 1000 * MS);
    wait_ms(1000);
    observe(1, JF_OK, MS);
    CHECK(winner() == 0, "after ten decay times 1 s counts 0.05 ms");
    end();
}

/* load = cost * (open calls + 1); without any history 0, and as much as can be while the first call is open.
 */
TEST(open_calls_multiply_and_unknown_ones_are_probed_once) {
    begin(SEEDED, 2);
    observe(0, JF_OK, 10 * MS);
    observe(1, JF_OK, 25 * MS);
    endpoints[0].in_flight = 1;
    CHECK(winner() == 0, "20 against 25");
    endpoints[0].in_flight = 2;
    CHECK(winner() == 1, "30 against 25");
    endpoints[1].in_flight = 1;
    CHECK(winner() == 0, "30 against 50");
    endpoints[2].in_flight = 0;
    offer(1, 3);
    endpoints[1].in_flight = 0;
    pick_many(20);
    CHECK(picked[2] == 20, "an unknown one is tried first: %llu", (unsigned long long)picked[2]);
    endpoints[2].in_flight = 1;
    pick_many(20);
    CHECK(picked[2] == 0, "but not twice: %llu", (unsigned long long)picked[2]);
    observe(2, JF_OK, 5 * MS);
    pick_many(20);
    CHECK(picked[2] == 20, "10 against 25: %llu", (unsigned long long)picked[2]);
    end();
}

TEST(other_loops_knowledge_begins_it) {
    begin(SEEDED, 2);
    endpoints[0].latency_ns = 50 * MS;
    endpoints[1].latency_ns = 20 * MS;
    CHECK(winner() == 1, "20 against 50");
    observe(1, JF_OK, 60 * MS);
    CHECK(winner() == 0, "its own observation counts");
    end();
}

TEST(weights_divide_the_load) {
    begin(SEEDED, 2);
    endpoints[0].weight = 3;
    observe(0, JF_OK, 25 * MS);
    observe(1, JF_OK, 10 * MS);
    CHECK(winner() == 0, "25 / 3 against 10");
    end();
}

/* A quick failure must not attract calls; canceled calls and probes say nothing. */
TEST(failures_cost_and_others_say_nothing) {
    begin(SEEDED, 2);
    observe(0, JF_OK, 10 * MS);
    observe(1, JF_OK, 20 * MS);
    observe(0, JF_E_GONE, 1);
    CHECK(winner() == 1, "a failure counts a second");
    observe_flags(1, JF_OK, 5000 * MS, JF_OUTCOME_CANCELED);
    observe_flags(1, JF_OK, 5000 * MS, JF_OUTCOME_PROBE);
    CHECK(winner() == 1, "canceled calls and probes");
    observe_flags(1, JF_OK, 2000 * MS, JF_OUTCOME_TOOL_ERROR);
    CHECK(winner() == 0, "a tool's error is an answer");
    end();
}

TEST(state_goes_to_the_next_generation) {
    begin(SEEDED, 2);
    observe(0, JF_OK, 10 * MS);
    observe(1, JF_OK, 20 * MS);
    jf_blob state = {0};
    CHECK(routing->export_state(jf_mock_self(mock), handle, &state, jf_mock_fault(mock)) == JF_OK, "export");
    CHECK(attach(SEEDED), "%s", jf_mock_why(mock));
    observe(0, JF_OK, 900 * MS);
    CHECK(winner() == 1, "without the state");
    CHECK(routing->import_state(jf_mock_self(mock), handle, (jf_view){state.ptr, state.len},
                                jf_mock_fault(mock)) == JF_OK,
          "%s", jf_mock_why(mock));
    CHECK(winner() == 0, "with the state");
    state.drop(state.owner);
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

/* One replica fails everything within a millisecond: what attracts naive latency averages. */
TEST(avoids_a_replica_that_fails_quickly) {
    sim_replica replicas[4] = {{10, 2, {0}}, {10, 2, {0}}, {10, 2, {0}}, {0, 2, {0}}};
    sim_begin(NULL, SEEDED, 4);
    sim_result result = sim_run(replicas, 4, 4, 5);
    end();
    CHECK(result.failed < SIM_CALLS / 20, "%u of %d calls failed", result.failed, SIM_CALLS);
}

TEST(ordinary) {
    check_ordinary("{}");
}
TEST(allocates_nothing) {
    check_no_allocation("{}");
}
TEST(random_sequences) {
    check_random("{\"seed\":3,\"max_endpoints\":10}", false);
}
TEST(hostile_state) {
    check_state(SEEDED);
}
TEST(refuses_wrong_options) {
    static const char *const wrong[] = {"{\"decay_ms\":0}",          "{\"decay_ms\":\"1s\"}",
                                        "{\"failure_ms\":-1}",       "{\"max_endpoints\":0}",
                                        "{\"max_endpoints\":70000}", NULL};
    check_refused("{}", wrong);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
