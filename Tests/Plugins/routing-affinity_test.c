/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin routing-affinity: consistent hashing, weights, bounded load, keys. */
#include "routing/routing_check.h"

#define KEYS 20000

static char keys[KEYS][16];
static uint32_t owner[KEYS];

static uint32_t pick_for(uint32_t key) {
    call.principal = jf_mock_view(keys[key]);
    return pick();
}

static void assign_all(void) {
    memset(picked, 0, sizeof picked);
    for (uint32_t i = 0; i < KEYS; i++)
        owner[i] = pick_for(i);
}

static void make_keys(void) {
    for (uint32_t i = 0; i < KEYS; i++)
        snprintf(keys[i], sizeof keys[i], "user-%u", i);
}

/* D. Thaler, C. Ravishankar, "Using name-based mappings to increase hit rates", 1998: a key stays with its
 * endpoint, endpoints get equal parts, and only the keys of one that leaves move. */
TEST(keys_stay_and_spread) {
    begin("{}", 10);
    make_keys();
    assign_all();
    for (uint32_t e = 0; e < 10; e++)
        CHECK(near_share(picked[e], 0.1, KEYS), "endpoint %u has %llu keys", e,
              (unsigned long long)picked[e]);
    for (uint32_t i = 0; i < 1000; i++)
        CHECK(pick_for(i) == owner[i], "key %u moved", i);
    end();
}

TEST(only_the_keys_of_who_leaves_move) {
    begin("{}", 10);
    make_keys();
    assign_all();
    static uint32_t before[KEYS];
    memcpy(before, owner, sizeof before);
    withdraw(3);
    assign_all();
    uint32_t wrong = 0, heirs[10] = {0};
    for (uint32_t i = 0; i < KEYS; i++) {
        wrong += before[i] != 3 && owner[i] != before[i];
        if (before[i] == 3) heirs[owner[i]]++;
    }
    CHECK(wrong == 0, "%u keys of others moved", wrong);
    for (uint32_t e = 0; e < 10; e++)
        CHECK(e == 3 ? heirs[e] == 0 : near_share(heirs[e], 1 / 9.0, KEYS / 10.0), "endpoint %u got %u", e,
              heirs[e]);
    restore(3);
    assign_all();
    CHECK(memcmp(before, owner, sizeof before) == 0, "not the same when it is back");
    /* A new one takes its part from all, and nothing moves between the others. */
    restore(10);
    assign_all();
    for (uint32_t i = 0; i < KEYS; i++)
        wrong += owner[i] != 10 && owner[i] != before[i];
    CHECK(wrong == 0 && near_share(picked[10], 1 / 11.0, KEYS), "%u moved, it has %llu", wrong,
          (unsigned long long)picked[10]);
    end();
}

/* C. Schindelhauer, G. Schomaker, "Weighted distributed hash tables", 2005: parts in proportion to the
 * weights, and a heavier endpoint only gains keys. */
TEST(weights) {
    begin("{}", 4);
    make_keys();
    for (uint32_t e = 0; e < 4; e++)
        endpoints[e].weight = 1 + e;
    assign_all();
    static uint32_t before[KEYS];
    memcpy(before, owner, sizeof before);
    for (uint32_t e = 0; e < 4; e++)
        CHECK(near_share(picked[e], (1 + e) / 10.0, KEYS), "endpoint %u has %llu keys", e,
              (unsigned long long)picked[e]);
    endpoints[0].weight = 6;
    assign_all();
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < KEYS; i++)
        wrong += owner[i] != before[i] && owner[i] != 0;
    CHECK(wrong == 0 && near_share(picked[0], 6 / 15.0, KEYS), "%u keys went elsewhere", wrong);
    end();
}

/* V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent hashing with bounded loads", 2016: with m calls open
 * on n endpoints none has more than ceil(c m / n), here c = 1.25; and with one key only. */
TEST(load_is_bounded) {
    begin("{\"free_calls\":0}", 10);
    make_keys();
    for (uint32_t m = 1; m <= 1000; m++) {
        uint32_t taken = pick_for(m % 3);
        endpoints[taken].in_flight++;
        uint32_t most = (125 * m + 999) / 1000;
        CHECK(endpoints[taken].in_flight <= most, "%u of %u calls, at most %u", endpoints[taken].in_flight, m,
              most);
    }
    /* By weight: the bound is ceil(c m w / W). */
    for (uint32_t e = 0; e < 10; e++) {
        endpoints[e].in_flight = 0;
        endpoints[e].weight = 1 + e % 2 * 3;
    }
    for (uint32_t m = 1; m <= 1000; m++) {
        uint32_t taken = pick_for(m % 3);
        endpoints[taken].in_flight++;
        uint32_t most = (125 * m * endpoints[taken].weight + 2499) / 2500;
        CHECK(endpoints[taken].in_flight <= most, "%u of %u calls, at most %u", endpoints[taken].in_flight, m,
              most);
    }
    end();
}

TEST(a_full_endpoints_keys_go_to_their_next_one) {
    begin("{}", 4);
    make_keys();
    uint32_t first = pick_for(1);
    endpoints[first].in_flight = 4;
    uint32_t second = pick_for(1);
    CHECK(second != first, "above four calls and its part of the load");
    CHECK(pick_for(1) == second, "the next one is always the same");
    endpoints[first].in_flight = 3;
    CHECK(pick_for(1) == first, "back again");
    CHECK(attach("{\"bound_percent\":0}"), "%s", jf_mock_why(mock));
    endpoints[first].in_flight = 1000;
    CHECK(pick_for(1) == first, "without a bound");
    end();
}

TEST(a_retry_goes_to_the_keys_next_one) {
    begin("{}", 4);
    make_keys();
    uint32_t first = pick_for(5);
    endpoints[first].flags = JF_ENDPOINT_TRIED;
    uint32_t second = pick_for(5);
    endpoints[first].flags = 0;
    withdraw(first);
    CHECK(second != first && pick_for(5) == second, "%u, then %u", first, second);
    end();
}

/* Endpoints are known by their names: other ids, loops and gateways give the same. */
TEST(gateways_agree) {
    begin("{}", 6);
    make_keys();
    assign_all();
    static uint32_t before[KEYS];
    memcpy(before, owner, sizeof before);
    end();
    begin("{\"max_endpoints\":2}", 6);
    for (uint32_t e = 0; e < 6; e++)
        endpoints[e].id = 77 + 5 * e;
    assign_all();
    CHECK(memcmp(before, owner, sizeof before) == 0, "another assignment");
    CHECK(attach("{\"hash_seed\":1}"), "%s", jf_mock_why(mock));
    assign_all();
    uint32_t same = 0;
    for (uint32_t i = 0; i < KEYS; i++)
        same += owner[i] == before[i];
    CHECK(near_share(same, 1 / 6.0, KEYS), "another seed: %u keys stayed", same);
    end();
}

/* A retry looks at everybody, other calls use the table: both say the same, whatever changes in between. */
TEST(the_table_is_what_rendezvous_says) {
    begin("{\"bound_percent\":0}", 40);
    make_keys();
    for (uint32_t round = 0; round < 300; round++) {
        jf_endpoint *it = &endpoints[any_below(60)];
        switch (any_below(6)) {
        case 0:
            it->weight = 1 + (uint32_t)any_below(9);
            break;
        case 1:
            it->ready = 1 + (uint32_t)any_below(1000);
            break;
        case 2:
            it->flags ^= JF_ENDPOINT_DEGRADED;
            break;
        case 3:
            it->name = jf_mock_view(names[any_below(MOST)]);
            it->revision++;
            break;
        case 4:
            offer((uint32_t)any_below(20), 40 + (uint32_t)any_below(20));
            break;
        default:
            it->id += 1000;
            it->revision++;
        }
        for (uint32_t n = 0; n < 20; n++) {
            uint32_t key = (uint32_t)any_below(KEYS);
            uint32_t usual = pick_for(key);
            call.attempt = 1;
            uint32_t retry = pick_for(key);
            call.attempt = 0;
            CHECK(usual == retry, "round %u: key %u goes to %u, a retry to %u", round, key, usual, retry);
        }
    }
    end();
}

/* The table counts changes in 16 bits: what was decided 65536 changes ago is not taken for new. */
TEST(the_table_forgets) {
    begin("{\"bound_percent\":0}", 40);
    make_keys();
    for (uint32_t key = 0; key < 500; key++)
        pick_for(key);
    uint32_t wrong = 0;
    for (uint32_t change = 1; change <= 65535 + 2; change++) {
        for (uint32_t e = 0; e < 40 && change == 65535; e++)
            endpoints[e].weight = 1 + e % 9;
        endpoints[39].weight = 1 + change % 2;
        pick_for(KEYS - 1);
        for (uint32_t key = 0; key < 500 && change >= 65535; key++) {
            uint32_t usual = pick_for(key);
            call.attempt = 1;
            wrong += pick_for(key) != usual;
            call.attempt = 0;
        }
    }
    CHECK(wrong == 0, "%u keys have an endpoint of long ago", wrong);
    end();
}

/* A hundred endpoints have their parts of 65536 slots: within five deviations of both draws. */
TEST(a_hundred_endpoints_share_evenly) {
    begin("{}", 100);
    make_keys();
    assign_all();
    for (uint32_t e = 0; e < 100; e++) {
        double mean = KEYS / 100.0, sigma = sqrt(mean + mean * mean * 100 / 65536);
        CHECK(fabs((double)picked[e] - mean) < 5 * sigma, "endpoint %u has %llu keys", e,
              (unsigned long long)picked[e]);
    }
    end();
}

static uint32_t with_arguments(const char *arguments) {
    call.arguments = jf_mock_view(arguments);
    return pick();
}

TEST(keys_from_arguments) {
    begin("{\"key\":[\"argument:/doc/parts/1/a~1b\"],\"free_calls\":1000000}", 50);
    uint32_t home = with_arguments("{\"doc\":{\"parts\":[0,{\"a/b\":\"k1\"}]}}");
    CHECK(with_arguments(
              " { \"x\" : [1,{\"doc\":2}], \"doc\":{\"y\":\"}\\\"\",\"parts\":[{},{\"a\\/b\": \"k1\"} ]}}") ==
              home,
          "the same value elsewhere in the text");
    CHECK(with_arguments("{\"doc\":{\"parts\":[0,{\"\\u0061/b\":\"k1\"}]}}") == home, "an escaped name");
    uint32_t others = 0;
    for (uint32_t i = 0; i < 30; i++) {
        char text[80];
        snprintf(text, sizeof text, "{\"doc\":{\"parts\":[0,{\"a/b\":\"other-%u\"}]}}", i);
        others += with_arguments(text) != home;
    }
    CHECK(others > 20, "other values: %u of 30 elsewhere", others);
    /* What has no such value is spread. */
    static const char *const without[] = {"{}", "{\"doc\":{\"parts\":[0,{\"a/b\":null}]}}",
                                          "{\"doc\":{\"parts\":[0", "{\"doc\":{\"parts\":{}}}", NULL};
    for (int n = 0; without[n] != NULL; n++) {
        call.arguments = jf_mock_view(without[n]);
        memset(picked, 0, sizeof picked);
        for (int i = 0; i < 200; i++)
            pick();
        uint32_t used = 0;
        for (int e = 0; e < 50; e++)
            used += picked[e] > 0;
        CHECK(used > 30, "%s: %u endpoints used", without[n], used);
    }
    /* From a host of 1.0 the arguments stand in `params`. */
    call.size = JF_MOCK_PICK_1_0;
    call.params = jf_mock_view("{\"name\":\"x\",\"arguments\":{\"doc\":{\"parts\":[0,{\"a/b\":\"k1\"}]}}}");
    CHECK(pick() == home, "arguments of a host of 1.0");
    end();
}

TEST(keys_from_everything_else) {
    begin("{\"key\":[\"header:X-User\",\"tenant\",\"client\",\"session\",\"tool\"],\"free_calls\":1000000}",
          200);
    static jf_pair header;
    header = (jf_pair){jf_mock_view("x-user"), jf_mock_view("ada")};
    uint32_t tool = pick();
    CHECK(pick() == tool, "the tool");
    call.session = jf_mock_view("s");
    uint32_t session = pick();
    call.client = jf_mock_view("c");
    uint32_t client = pick();
    call.tenant = jf_mock_view("t");
    uint32_t tenant = pick();
    call.headers = &header;
    call.header_count = 1;
    uint32_t user = pick();
    CHECK(pick() == user && session != tool && client != session && tenant != client && user != tenant,
          "%u %u %u %u %u", tool, session, client, tenant, user);
    call.session = call.client = call.tenant = jf_mock_view("none");
    CHECK(pick() == user, "the first key that there is decides");
    end();
}

TEST(ordinary) {
    check_ordinary("{\"free_calls\":0}");
}
TEST(allocates_nothing) {
    check_no_allocation("{\"max_endpoints\":16,\"key\":[\"tool\"]}");
}
TEST(random_sequences) {
    check_random("{\"max_endpoints\":10,\"key\":[\"argument:/a/b/1\",\"header:x-arm\",\"session\"]}", false);
    check_random("{\"free_calls\":0,\"bound_percent\":101,\"key\":[\"principal\"]}", false);
}
TEST(refuses_wrong_options) {
    static const char *const wrong[] = {"{\"key\":[]}",
                                        "{\"key\":\"principal\"}",
                                        "{\"key\":[\"principle\"]}",
                                        "{\"key\":[\"header:\"]}",
                                        "{\"key\":[\"argument:a\"]}",
                                        "{\"key\":[7]}",
                                        "{\"key\":[\"argument:/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7\"]}",
                                        "{\"bound_percent\":100}",
                                        "{\"free_calls\":-1}",
                                        NULL};
    check_refused("{}", wrong);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
