/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin routing-round-robin: exact shares, changing sets, state hand-over. */
#include "jf_check.h"
#include "jf_mock.h"

#define MOST 3000

static jf_mock *mock;
static const jf_routing_1 *routing;
static jf_ref handle;
static jf_endpoint endpoints[MOST];
static const jf_endpoint *eligible[MOST];
static uint32_t picked[MOST];

static jf_view text(const char *it) {
    return jf_mock_view(it);
}

static bool attach(const char *config) {
    return routing->attach(jf_mock_self(mock), text("search"), text(config), &handle, jf_mock_fault(mock)) ==
           JF_OK;
}

static void begin(void) {
    mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    routing = jf_mock_routing(mock);
    CHECK(routing != NULL && attach("{}"), "no jf.routing/1: %s", jf_mock_why(mock));
    for (uint32_t i = 0; i < MOST; i++)
        endpoints[i] = (jf_endpoint){.size = sizeof endpoints[i], .id = 0x500000001u + i, .weight = 1};
    memset(picked, 0, sizeof picked);
}

static void end(void) {
    routing->detach(jf_mock_self(mock), handle);
    CHECK(jf_mock_destroy(mock) == 0, "the plugin broke a rule or leaked");
    jf_mock_free(mock);
}

/* Picks among the endpoints whose numbers stand in `set`; returns the number picked. */
static uint32_t pick(const uint32_t *set, uint32_t count) {
    static const jf_pick call = {.size = sizeof call};
    uint32_t chosen = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++)
        eligible[i] = &endpoints[set[i]];
    int32_t status =
        routing->pick(jf_mock_self(mock), handle, &call, eligible, count, &chosen, jf_mock_fault(mock));
    if (status != JF_OK || chosen >= count) {
        CHECK(status == JF_OK && chosen < count, "status %d, chosen %u of %u: %s", (int)status, chosen, count,
              jf_mock_why(mock));
        return 0;
    }
    picked[set[chosen]]++;
    return set[chosen];
}

static const uint32_t all[8] = {0, 1, 2, 3, 4, 5, 6, 7};

static void weights(uint32_t a, uint32_t b, uint32_t c) {
    endpoints[0].weight = a;
    endpoints[1].weight = b;
    endpoints[2].weight = c;
}

TEST(spreads_weights_smoothly) {
    begin();
    weights(5, 1, 1);
    char order[15] = {0};
    for (int i = 0; i < 14; i++)
        order[i] = (char)('a' + pick(all, 3));
    CHECK(strcmp(order, "aabacaaaabacaa") == 0, "%s", order);
    end();
}

TEST(gives_each_cycle_exactly_its_weights) {
    begin();
    static const uint32_t cases[][3] = {{1, 1, 1}, {3, 1, 1}, {7, 5, 2}, {100, 10, 1}, {1, 1, 1000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t cycle = cases[i][0] + cases[i][1] + cases[i][2];
        weights(cases[i][0], cases[i][1], cases[i][2]);
        routing->detach(jf_mock_self(mock), handle);
        REQUIRE(attach("{}"), "%s", jf_mock_why(mock));
        for (int rounds = 0; rounds < 3; rounds++) {
            memset(picked, 0, sizeof picked);
            for (uint32_t n = 0; n < cycle; n++)
                pick(all, 3);
            for (int e = 0; e < 3; e++)
                CHECK(picked[e] == cases[i][e], "case %zu: endpoint %d got %u of %u", i, e, picked[e],
                      cases[i][e]);
        }
    }
    end();
}

TEST(does_not_care_for_the_order) {
    begin();
    weights(4, 2, 1);
    static const uint32_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}};
    for (int i = 0; i < 70; i++)
        pick(orders[i % 3], 3);
    CHECK(picked[0] == 40 && picked[1] == 20 && picked[2] == 10, "%u %u %u", picked[0], picked[1], picked[2]);
    end();
}

TEST(shares_go_on_when_the_set_shrinks_and_grows) {
    begin();
    weights(3, 2, 1);
    static const uint32_t without_first[] = {1, 2};
    for (int i = 0; i < 601; i++)
        pick(all, 3);
    memset(picked, 0, sizeof picked);
    for (int i = 0; i < 3000; i++)
        pick(without_first, 2);
    CHECK(picked[0] == 0 && picked[1] >= 1999 && picked[1] <= 2001, "%u %u", picked[1], picked[2]);
    /* The first one comes back: no burst, its share at once. */
    uint32_t run = 0, longest = 0;
    memset(picked, 0, sizeof picked);
    for (int i = 0; i < 60; i++) {
        run = pick(all, 3) == 0 ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    CHECK(longest <= 3, "%u calls in a row", longest);
    CHECK(picked[0] >= 29 && picked[0] <= 31 && picked[2] >= 9 && picked[2] <= 11, "%u %u %u", picked[0],
          picked[1], picked[2]);
    end();
}

TEST(a_new_endpoint_gets_its_share_at_once) {
    begin();
    /* Each old endpoint leaves right after it was picked, thousands of times: credit that leaves must not add
     * up. */
    uint32_t set[3] = {0, 1, 2};
    for (uint32_t next = 3; next < MOST; next++) {
        uint32_t taken = pick(set, 3);
        for (int i = 0; i < 3; i++) {
            if (set[i] == taken) set[i] = next;
        }
    }
    memset(picked, 0, sizeof picked);
    for (int i = 0; i < 30; i++)
        pick(set, 3);
    for (int i = 0; i < 3; i++)
        CHECK(picked[set[i]] >= 9 && picked[set[i]] <= 11, "endpoint %u got %u of 30", set[i],
              picked[set[i]]);
    end();
}

TEST(a_newcomer_joins_old_ones_in_its_first_cycle) {
    begin();
    weights(3, 2, 1);
    for (int i = 0; i < 602; i++)
        pick(all, 3);
    memset(picked, 0, sizeof picked);
    for (int cycle = 1; cycle <= 6; cycle++) {
        for (int i = 0; i < 7; i++)
            pick(all, 4);
        uint32_t got = picked[3], share = (uint32_t)cycle;
        CHECK(got + 1 >= share && got <= share + 1, "%u picks after %d cycles", got, cycle);
    }
    end();
}

TEST(alternating_subsets_stay_fair) {
    begin();
    static const uint32_t left[] = {0, 1, 2}, right[] = {2, 3, 4};
    for (int i = 0; i < 6000; i++)
        pick(i % 2 == 0 ? left : right, 3);
    /* Each pick owes each of its three endpoints a third of a call. */
    for (int i = 0; i < 5; i++) {
        uint32_t share = i == 2 ? 2000 : 1000;
        CHECK(picked[i] >= share - 2 && picked[i] <= share + 2, "endpoint %d got %u, its share is %u", i,
              picked[i], share);
    }
    end();
}

TEST(one_and_many_endpoints) {
    begin();
    for (int i = 0; i < 10; i++)
        CHECK(pick(&all[4], 1) == 4, "the only one");
    static uint32_t everything[MOST];
    for (uint32_t i = 0; i < MOST; i++)
        everything[i] = i;
    memset(picked, 0, sizeof picked);
    for (int i = 0; i < 2 * MOST; i++)
        pick(everything, MOST);
    uint32_t wrong = 0;
    for (int i = 0; i < MOST; i++)
        wrong += picked[i] < 1 || picked[i] > 3;
    CHECK(wrong == 0, "%u of %d endpoints got none or too many", wrong, MOST);
    end();
}

TEST(weight_zero_is_last_in_line) {
    begin();
    weights(0, 1, 0);
    for (int i = 0; i < 10; i++)
        CHECK(pick(all, 3) == 1, "an endpoint of weight 0 was picked");
    static const uint32_t idle[] = {0, 2};
    memset(picked, 0, sizeof picked);
    for (int i = 0; i < 10; i++)
        pick(idle, 2);
    CHECK(picked[0] >= 4 && picked[2] >= 4, "%u %u", picked[0], picked[2]);
    weights(UINT32_MAX, UINT32_MAX, 1);
    memset(picked, 0, sizeof picked);
    for (int i = 0; i < 100; i++)
        pick(all, 3);
    CHECK(picked[0] >= 49 && picked[1] >= 49, "huge weights: %u %u", picked[0], picked[1]);
    end();
}

TEST(steady_state_allocates_nothing) {
    begin();
    for (int i = 0; i < 10; i++)
        pick(all, 8);
    jf_mock_fail_allocations(mock, 0);
    uint64_t bytes = jf_mock_bytes(mock);
    for (int i = 0; i < 1000; i++)
        pick(i % 3 == 0 ? &all[2] : all, i % 3 == 0 ? 4 : 8);
    CHECK(bytes > 0 && jf_mock_bytes(mock) == bytes, "%llu bytes, then %llu", (unsigned long long)bytes,
          (unsigned long long)jf_mock_bytes(mock));
    end();
}

TEST(memory_is_bounded_and_its_lack_is_an_error) {
    begin();
    routing->detach(jf_mock_self(mock), handle);
    REQUIRE(attach("{\"max_endpoints\":16}"), "%s", jf_mock_why(mock));
    for (uint32_t i = 0; i + 3 < MOST; i++) {
        uint32_t set[3] = {i, i + 1, i + 2};
        pick(set, 3);
    }
    CHECK(jf_mock_bytes(mock) <= 2048, "%llu bytes for 16 endpoints",
          (unsigned long long)jf_mock_bytes(mock));
    jf_mock_fail_allocations(mock, 0);
    static const jf_pick call = {.size = sizeof call};
    uint32_t chosen;
    for (uint32_t i = 0; i < 100; i++)
        eligible[i] = &endpoints[i];
    jf_fault *why = jf_mock_fault(mock);
    CHECK(routing->pick(jf_mock_self(mock), handle, &call, eligible, 100, &chosen, why) == JF_E_BUSY &&
              strstr(jf_mock_why(mock), "memory") != NULL,
          "%s", jf_mock_why(mock));
    jf_mock_fail_allocations(mock, UINT64_MAX);
    CHECK(routing->pick(jf_mock_self(mock), handle, &call, eligible, 100, &chosen, why) == JF_OK,
          "did not recover");
    end();
}

TEST(state_goes_to_the_next_generation) {
    begin();
    weights(7, 3, 2);
    for (int i = 0; i < 5; i++)
        pick(all, 3);
    jf_blob state = {0};
    CHECK(routing->export_state(jf_mock_self(mock), handle, &state, jf_mock_fault(mock)) == JF_OK, "export");
    uint32_t wanted[24];
    for (int i = 0; i < 24; i++)
        wanted[i] = pick(all, 3);
    routing->detach(jf_mock_self(mock), handle);
    CHECK(jf_mock_destroy(mock) == 0, "problems");
    CHECK(jf_mock_create(mock, "{}") == JF_OK && jf_mock_start(mock) == JF_OK && attach("{}"), "%s",
          jf_mock_why(mock));
    jf_view view = {state.ptr, state.len};
    CHECK(routing->import_state(jf_mock_self(mock), handle, view, jf_mock_fault(mock)) == JF_OK, "%s",
          jf_mock_why(mock));
    for (int i = 0; i < 24; i++) {
        uint32_t got = pick(all, 3);
        CHECK(got == wanted[i], "pick %d is %u, was %u", i, got, wanted[i]);
    }
    state.drop(state.owner);
    end();
}

/* A small generator (xorshift64), so that each run tries the same bytes. */
static uint64_t noise = 88172645463325252u;
static uint8_t any_byte(void) {
    noise ^= noise << 13;
    noise ^= noise >> 7;
    noise ^= noise << 17;
    return (uint8_t)noise;
}

TEST(damaged_state_is_refused_and_changes_nothing) {
    begin();
    weights(3, 2, 1);
    for (int i = 0; i < 4; i++)
        pick(all, 3);
    jf_blob state = {0};
    CHECK(routing->export_state(jf_mock_self(mock), handle, &state, jf_mock_fault(mock)) == JF_OK, "export");
    uint8_t *copy = malloc(state.len + 1);
    uint32_t accepted = 0;
    for (uint64_t length = 0; length <= state.len + 1; length++) {
        if (length == state.len) continue;
        uint8_t *cut = malloc(length == 0 ? 1 : length); /* exact, so that AddressSanitizer sees an overrun */
        memcpy(cut, state.ptr, length < state.len ? length : state.len);
        if (length > state.len) cut[length - 1] = 0;
        jf_view view = {cut, length};
        accepted += routing->import_state(jf_mock_self(mock), handle, view, jf_mock_fault(mock)) == JF_OK;
        free(cut);
    }
    CHECK(accepted == 0, "%u cut states were accepted", accepted);
    for (uint64_t at = 0; at < state.len; at++) {
        memcpy(copy, state.ptr, state.len);
        copy[at] ^= (uint8_t)(1 + any_byte() % 255);
        jf_view view = {copy, state.len};
        accepted += routing->import_state(jf_mock_self(mock), handle, view, jf_mock_fault(mock)) == JF_OK;
    }
    CHECK(accepted == 0, "%u states with a changed byte were accepted", accepted);
    for (int round = 0; round < 5000; round++) {
        for (uint64_t at = round % 2 == 0 ? 0 : 8; at < state.len; at++)
            copy[at] = any_byte();
        jf_view view = {copy, any_byte() % (state.len + 1)};
        accepted += routing->import_state(jf_mock_self(mock), handle, view, jf_mock_fault(mock)) == JF_OK;
    }
    CHECK(accepted == 0, "%u random states were accepted", accepted);
    memcpy(copy, state.ptr, state.len);
    copy[4] = 2;
    int32_t status =
        routing->import_state(jf_mock_self(mock), handle, (jf_view){copy, state.len}, jf_mock_fault(mock));
    CHECK(status == JF_E_UNSUPPORTED, "version 2: %d", (int)status);
    jf_blob after = {0};
    CHECK(routing->export_state(jf_mock_self(mock), handle, &after, jf_mock_fault(mock)) == JF_OK, "export");
    CHECK(after.len == state.len && memcmp(after.ptr, state.ptr, state.len) == 0,
          "a refused import changed the state");
    state.drop(state.owner);
    after.drop(after.owner);
    free(copy);
    end();
}

TEST(empty_state_round_trips) {
    begin();
    jf_blob state = {0};
    CHECK(routing->export_state(jf_mock_self(mock), handle, &state, jf_mock_fault(mock)) == JF_OK, "export");
    jf_view view = {state.ptr, state.len};
    CHECK(routing->import_state(jf_mock_self(mock), handle, view, jf_mock_fault(mock)) == JF_OK, "%s",
          jf_mock_why(mock));
    CHECK(pick(all, 3) == 0, "not the first");
    state.drop(state.owner);
    end();
}

TEST(handles_go_stale_and_servers_are_independent) {
    begin();
    jf_ref first = handle, second;
    REQUIRE(attach("{}"), "%s", jf_mock_why(mock));
    second = handle;
    CHECK(pick(all, 2) == 0, "second server");
    handle = first;
    CHECK(pick(all, 2) == 0, "first server");
    routing->detach(jf_mock_self(mock), first);
    routing->detach(jf_mock_self(mock), first);
    REQUIRE(attach("{}"), "%s", jf_mock_why(mock));
    CHECK(handle != first && handle != second, "a handle was given twice");
    uint32_t chosen;
    static const jf_pick call = {.size = sizeof call};
    jf_blob state;
    eligible[0] = &endpoints[0];
    CHECK(routing->pick(jf_mock_self(mock), first, &call, eligible, 1, &chosen, jf_mock_fault(mock)) ==
              JF_E_STALE,
          "a stale handle works");
    CHECK(routing->export_state(jf_mock_self(mock), 0, &state, jf_mock_fault(mock)) == JF_E_STALE, "0 works");
    end();
    /* `second` was not detached: destroy frees it, as the checks of jf_mock_destroy have shown. */
}

TEST(refuses_wrong_configurations_and_hosts) {
    begin();
    CHECK(!attach("{\"max_endpoints\":0}") && strstr(jf_mock_why(mock), "1 to 65536") != NULL, "0: %s",
          jf_mock_why(mock));
    CHECK(!attach("{\"max_endpoints\":70000}") && !attach("{\"max_endpoints\":\"x\"}"), "accepted");
    endpoints[0].id = 0;
    uint32_t chosen;
    static const jf_pick call = {.size = sizeof call};
    eligible[0] = &endpoints[0];
    CHECK(routing->pick(jf_mock_self(mock), handle, &call, eligible, 1, &chosen, jf_mock_fault(mock)) ==
              JF_E_INVALID,
          "an endpoint without id");
    end();
    jf_mock *bare = jf_mock_new();
    jf_mock_hide(bare, JF_CONFIG_1);
    CHECK(jf_mock_load(bare, jf_check_plugin) == JF_OK && jf_mock_create(bare, "{}") == JF_E_UNSUPPORTED,
          "no JSON");
    CHECK(strstr(jf_mock_why(bare), JF_CONFIG_1) != NULL, "%s", jf_mock_why(bare));
    CHECK(jf_mock_free(bare) == 0, "problems");
    bare = jf_mock_new();
    jf_mock_hide(bare, JF_MEMORY_1);
    CHECK(jf_mock_up(bare, jf_check_plugin, "{}"), "jf.memory/1 is optional");
    jf_mock *kept = mock;
    mock = bare;
    routing = jf_mock_routing(mock);
    REQUIRE(attach("{}"), "%s", jf_mock_why(mock));
    endpoints[0].id = 9;
    CHECK(pick(all, 3) == 0 && pick(all, 3) == 1, "without jf.memory/1");
    end();
    mock = kept;
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
