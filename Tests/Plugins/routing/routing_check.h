/* SPDX-License-Identifier: Apache-2.0
 * What the tests of routing strategies share: a server with replicas, picks, outcomes, and sequences of
 * random ones. */
#ifndef JF_ROUTING_CHECK_H
#define JF_ROUTING_CHECK_H

#include "jf_check.h"
#include "jf_mock_routing.h"
#include <math.h>

#define MOST 1024

static jf_mock *mock;
static const jf_routing_1 *routing;
static jf_ref handle;
static jf_endpoint endpoints[MOST];
static char names[MOST][40];
static const jf_endpoint *eligible[MOST];
static uint32_t eligible_numbers[MOST];
static uint64_t eligible_count;
static uint64_t picked[MOST];
static jf_pick call;
static uint64_t now_ns; /**< the time of picks and outcomes */

static bool attach(const char *config) {
    if (handle != 0) routing->detach(jf_mock_self(mock), handle);
    handle = 0;
    return routing->attach(jf_mock_self(mock), jf_mock_view("search"), jf_mock_view(config), &handle,
                           jf_mock_fault(mock)) == JF_OK;
}

/* Everything from `first` to below `end` is eligible, and nothing else. */
static void offer(uint32_t first, uint32_t end) {
    eligible_count = 0;
    for (uint32_t i = first; i < end; i++) {
        eligible_numbers[eligible_count] = i;
        eligible[eligible_count++] = &endpoints[i];
    }
}

/* Takes one out, puts it back in its place. */
static void withdraw(uint32_t number) {
    for (uint64_t i = 0; i < eligible_count; i++) {
        if (eligible_numbers[i] != number) continue;
        eligible_count--;
        memmove(&eligible_numbers[i], &eligible_numbers[i + 1],
                (eligible_count - i) * sizeof eligible_numbers[0]);
        memmove(&eligible[i], &eligible[i + 1], (eligible_count - i) * sizeof eligible[0]);
        return;
    }
}

static void restore(uint32_t number) {
    uint64_t at = 0;
    while (at < eligible_count && eligible_numbers[at] < number)
        at++;
    memmove(&eligible_numbers[at + 1], &eligible_numbers[at],
            (eligible_count - at) * sizeof eligible_numbers[0]);
    memmove(&eligible[at + 1], &eligible[at], (eligible_count - at) * sizeof eligible[0]);
    eligible_numbers[at] = number;
    eligible[at] = &endpoints[number];
    eligible_count++;
}

static void begin_as(uint16_t minor, const char *config, uint32_t count) {
    mock = jf_mock_new();
    jf_mock_set_abi(mock, 1, minor);
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    routing = jf_mock_routing(mock);
    handle = 0;
    now_ns = 1000000000u;
    CHECK(routing != NULL && attach(config), "does not attach: %s", jf_mock_why(mock));
    for (uint32_t i = 0; i < MOST; i++) {
        snprintf(names[i], sizeof names[i], "http://10.0.%u.%u:9000/mcp", i / 256, i % 256);
        endpoints[i] = jf_mock_endpoint(0x500000001u + i, names[i]);
        if (minor == 0) endpoints[i].size = JF_MOCK_ENDPOINT_1_0;
    }
    call = jf_mock_pick("find", NULL, NULL);
    if (minor == 0) call.size = JF_MOCK_PICK_1_0;
    memset(picked, 0, sizeof picked);
    offer(0, count);
}

static void begin(const char *config, uint32_t count) {
    begin_as(1, config, count);
}

static void end(void) {
    if (handle != 0) routing->detach(jf_mock_self(mock), handle);
    handle = 0;
    CHECK(jf_mock_destroy(mock) == 0, "the plugin broke a rule or leaked");
    jf_mock_free(mock);
}

static int32_t try_pick(uint32_t *number) {
    uint32_t chosen = UINT32_MAX;
    call.now_ns = now_ns;
    int32_t status = routing->pick(jf_mock_self(mock), handle, &call, eligible, eligible_count, &chosen,
                                   jf_mock_fault(mock));
    if (status != JF_OK) return status;
    CHECK(chosen < eligible_count, "chosen %u of %llu", chosen, (unsigned long long)eligible_count);
    *number = chosen < eligible_count ? eligible_numbers[chosen] : 0;
    picked[*number]++;
    return status;
}

/* Picks; answers the endpoint's number. */
static uint32_t pick(void) {
    uint32_t number = 0;
    int32_t status = try_pick(&number);
    if (status != JF_OK) CHECK(status == JF_OK, "status %d: %s", (int)status, jf_mock_why(mock));
    return number;
}

/* Picks so often, after forgetting earlier counts. */
static void pick_many(uint32_t count) {
    memset(picked, 0, sizeof picked);
    for (uint32_t i = 0; i < count; i++)
        pick();
}

static void observe_flags(uint32_t number, int32_t status, uint64_t latency_ns, uint32_t flags) {
    jf_outcome outcome = jf_mock_outcome(endpoints[number].id, status, latency_ns);
    outcome.flags = flags;
    outcome.now_ns = now_ns;
    if (endpoints[number].size == JF_MOCK_ENDPOINT_1_0) outcome.size = JF_MOCK_OUTCOME_1_0;
    if (routing->observe != NULL) routing->observe(jf_mock_self(mock), handle, &outcome);
}

static void observe(uint32_t number, int32_t status, uint64_t latency_ns) {
    observe_flags(number, status, latency_ns, 0);
}

/* Whether a share of `of` draws came true, within five standard deviations of a binomial distribution. */
static bool near_share(uint64_t got, double share, double of) {
    double sigma = sqrt(of * share * (1 - share)) + 1;
    return fabs((double)got - share * of) <= 5 * sigma;
}

/* A small generator (xorshift64), so that each run tries the same. */
static uint64_t noise = 88172645463325252u;
static uint64_t any(void) {
    noise ^= noise << 13;
    noise ^= noise >> 7;
    noise ^= noise << 17;
    return noise;
}
static uint64_t any_below(uint64_t limit) {
    return (any() >> 11) % limit;
}

/* ---- For every strategy ---- */

/* What must hold however a strategy chooses. `config` must not refuse calls. */
static void check_ordinary(const char *config) {
    begin(config, 1);
    for (int i = 0; i < 10; i++)
        CHECK(pick() == 0, "the only one");
    offer(0, 1000);
    for (int i = 0; i < 3000; i++)
        pick();
    offer(0, 4);
    for (uint32_t i = 0; i < 4; i++)
        endpoints[i].weight = i == 1 ? 1 : 0;
    pick_many(50);
    CHECK(picked[1] == 50, "weight 0 was picked beside weight 1: %llu", (unsigned long long)picked[1]);
    endpoints[1].weight = 0;
    pick_many(50);
    endpoints[0].weight = endpoints[1].weight = UINT32_MAX;
    pick_many(50);
    CHECK(picked[2] + picked[3] == 0, "weight 0 beside huge ones");
    /* A retry goes elsewhere while there is another. */
    for (uint32_t i = 0; i < 4; i++)
        endpoints[i].weight = 1;
    endpoints[2].flags = endpoints[3].flags = endpoints[0].flags = JF_ENDPOINT_TRIED;
    call.attempt = 3;
    pick_many(50);
    CHECK(picked[1] == 50, "a tried endpoint was picked again: %llu", (unsigned long long)picked[1]);
    endpoints[1].flags = JF_ENDPOINT_TRIED;
    pick_many(20);
    call.attempt = 0;
    end();
    /* A host of 1.0: smaller structs, with rubbish behind them that nobody may read. */
    begin_as(0, config, 8);
    for (uint32_t i = 0; i < 8; i++)
        memset((uint8_t *)&endpoints[i] + JF_MOCK_ENDPOINT_1_0, 0xa5,
               sizeof endpoints[i] - JF_MOCK_ENDPOINT_1_0);
    memset((uint8_t *)&call + JF_MOCK_PICK_1_0, 0xa5, sizeof call - JF_MOCK_PICK_1_0);
    for (int i = 0; i < 200; i++) {
        observe(pick(), i % 5 == 0 ? JF_E_GONE : JF_OK, 1000000);
        call.size = JF_MOCK_PICK_1_0;
    }
    end();
}

/* Picks allocate nothing, however endpoints come and go. */
static void check_no_allocation(const char *config) {
    begin(config, 8);
    jf_mock_fail_allocations(mock, 0);
    uint64_t bytes = jf_mock_bytes(mock);
    for (uint32_t i = 0; i < 900; i++) {
        offer(i, i + 1 + i % 40);
        observe(pick(), i % 7 == 0 ? JF_E_GONE : JF_OK, 1000000 + i);
        now_ns += 1000000;
    }
    CHECK(bytes > 0 && jf_mock_bytes(mock) == bytes, "%llu bytes, then %llu", (unsigned long long)bytes,
          (unsigned long long)jf_mock_bytes(mock));
    CHECK(!attach(config) && strstr(jf_mock_why(mock), "memory") != NULL, "%s", jf_mock_why(mock));
    jf_mock_fail_allocations(mock, UINT64_MAX);
    end();
}

/* A sequence of random picks, outcomes and changes. */
static void check_random(const char *config, bool may_refuse) {
    static const char *const texts[] = {"1.2.3", "2.0.0-rc.1", "garbage", "", "9.9", NULL, "v3", "1.2.3.4.5"};
    static const char *const arguments[] = {"{\"a\":{\"b\":[1,\"x\"]}}",
                                            "{\"a\":",
                                            "[",
                                            "",
                                            NULL,
                                            "\"",
                                            "{\"a\\u00",
                                            "{\"version\":\">=1 <3\"}",
                                            "{\"a\":{\"b\":\"y\\\"\"}}",
                                            "{\"\\ud83d\":1"};
    static const int32_t statuses[] = {JF_OK, JF_OK, JF_E_GONE, JF_E_TIMEOUT, JF_E_BUSY, JF_E_FAULT, 77};
    static jf_pair labels[3], headers[2];
    begin(config, 16);
    labels[0] = (jf_pair){jf_mock_view("gpu"), jf_mock_view("")};
    labels[1] = (jf_pair){jf_mock_view("role"), jf_mock_view("primary")};
    headers[0] = (jf_pair){jf_mock_view("x-arm"), jf_mock_view("canary")};
    headers[1] = (jf_pair){jf_mock_view("x-tool-version"), jf_mock_view("^1")};
    for (int round = 0; round < 20000; round++) {
        jf_endpoint *it = &endpoints[any_below(40)];
        switch (any_below(12)) {
        case 0:
            it->weight = (uint32_t)(any_below(3) == 0 ? any() : any_below(5));
            break;
        case 1:
            it->flags = (uint32_t)any_below(16);
            break;
        case 2:
            it->ready = (uint32_t)any_below(1500);
            it->priority = (uint32_t)(any_below(8) == 0 ? any() : any_below(3));
            break;
        case 3:
            it->recent_calls = (uint32_t)any_below(100);
            it->recent_failures = (uint32_t)any_below(100);
            it->cost = any_below(4) == 0 ? any() : any_below(10);
            break;
        case 4:
            it->version = jf_mock_view(texts[any_below(8)]);
            it->revision++;
            break;
        case 5:
            it->labels = labels;
            it->label_count = any_below(3);
            it->revision++;
            break;
        case 6:
            it->in_flight = (uint32_t)(any_below(5) == 0 ? any() : any_below(100));
            it->latency_ns = any_below(5) == 0 ? any() : any_below(100000000);
            break;
        case 7:
            it->id = 1 + any_below(3000); /* gone, and another one in its place; ids may repeat in a list */
            break;
        case 8: {
            uint32_t first = (uint32_t)any_below(20);
            offer(first, first + 1 + (uint32_t)any_below(20));
            break;
        }
        case 9:
            call.principal = jf_mock_view(any_below(2) == 0 ? NULL : names[any_below(100)]);
            call.session = jf_mock_view(any_below(2) == 0 ? NULL : names[any_below(100)]);
            call.arguments = jf_mock_view(arguments[any_below(10)]);
            call.headers = headers;
            call.header_count = any_below(3);
            call.traits = (uint32_t)any_below(32);
            call.all = any_below(3) == 0 ? eligible : NULL;
            call.total = (uint32_t)eligible_count;
            break;
        default:
            break;
        }
        if (call.all != NULL) call.total = (uint32_t)eligible_count;
        uint32_t number = 0;
        int32_t status = try_pick(&number);
        if (status != JF_OK && (status != JF_ABSENT || !may_refuse)) {
            CHECK(false, "round %d: status %d: %s", round, (int)status, jf_mock_why(mock));
            break;
        }
        if (any_below(2) == 0)
            observe_flags(number, statuses[any_below(7)], any_below(9) == 0 ? any() : any_below(50000000),
                          (uint32_t)any_below(8));
        now_ns += any_below(50) == 0 ? any_below(100000000000u) : any_below(2000000);
        if (any_below(500) == 0 && now_ns > 1000000000u) now_ns -= any_below(1000000000u);
        if (round % 1000 == 999 && routing->export_state != NULL) {
            jf_blob state = {0};
            CHECK(routing->export_state(jf_mock_self(mock), handle, &state, jf_mock_fault(mock)) == JF_OK,
                  "export");
            jf_ref old = handle;
            handle = 0;
            CHECK(attach(config), "%s", jf_mock_why(mock));
            CHECK(routing->import_state(jf_mock_self(mock), handle, (jf_view){state.ptr, state.len},
                                        jf_mock_fault(mock)) == JF_OK,
                  "%s", jf_mock_why(mock));
            routing->detach(jf_mock_self(mock), old);
            state.drop(state.owner);
        }
    }
    end();
}

/* State that was cut, changed or made up is refused and changes nothing. */
static void check_state(const char *config) {
    begin(config, 20);
    for (uint32_t i = 0; i < 300; i++) {
        observe(pick(), i % 3 == 0 ? JF_E_GONE : JF_OK, 1000000 + i);
        observe(i % 20, i % 2 == 0 ? JF_E_GONE : JF_OK, 1000000 + i);
        now_ns += 1000000;
    }
    jf_blob state = {0}, after = {0};
    jf_fault *why = jf_mock_fault(mock);
    REQUIRE(routing->export_state(jf_mock_self(mock), handle, &state, why) == JF_OK, "export");
    uint8_t *copy = malloc(state.len + 1);
    uint32_t accepted = 0;
    for (uint64_t length = 0; length <= state.len + 1; length++) {
        if (length == state.len) continue;
        uint8_t *cut =
            calloc(1, length == 0 ? 1 : length); /* exact, so that AddressSanitizer sees an overrun */
        memcpy(cut, state.ptr, length < state.len ? length : state.len);
        accepted += routing->import_state(jf_mock_self(mock), handle, (jf_view){cut, length}, why) == JF_OK;
        free(cut);
    }
    CHECK(accepted == 0, "%u cut states were accepted", accepted);
    for (uint64_t at = 0; at < state.len; at++) {
        memcpy(copy, state.ptr, state.len);
        copy[at] ^= (uint8_t)(1 + any_below(255));
        accepted +=
            routing->import_state(jf_mock_self(mock), handle, (jf_view){copy, state.len}, why) == JF_OK;
    }
    CHECK(accepted == 0, "%u changed states were accepted", accepted);
    /* The checksum made right again over wrong contents: refused, or at least harmless. */
    for (int round = 0; round < 2000; round++) {
        memcpy(copy, state.ptr, state.len);
        for (uint64_t n = 1 + any_below(4); n > 0; n--)
            copy[16 + any_below(state.len - 24)] = (uint8_t)any();
        uint64_t sum = 0xcbf29ce484222325u;
        for (uint64_t i = 0; i + 8 < state.len; i++)
            sum = (sum ^ copy[i]) * 0x100000001b3u;
        memcpy(copy + state.len - 8, &sum, 8);
        routing->import_state(jf_mock_self(mock), handle, (jf_view){copy, state.len}, why);
        pick();
    }
    CHECK(routing->import_state(jf_mock_self(mock), handle, (jf_view){state.ptr, state.len}, why) == JF_OK,
          "%s", jf_mock_why(mock));
    CHECK(routing->export_state(jf_mock_self(mock), handle, &after, why) == JF_OK, "export");
    CHECK(after.len == state.len && memcmp(after.ptr, state.ptr, state.len) == 0,
          "the round trip changed it");
    memcpy(copy, state.ptr, state.len);
    copy[4]++;
    CHECK(routing->import_state(jf_mock_self(mock), handle, (jf_view){copy, state.len}, why) ==
              JF_E_UNSUPPORTED,
          "another version");
    /* Bounded, whatever number of endpoints came by. */
    state.drop(state.owner);
    after.drop(after.owner);
    free(copy);
    for (uint32_t i = 0; i < 100000; i++) {
        endpoints[0].id = 0x900000000u + i;
        offer(0, 2);
        pick();
        observe(0, i % 2 == 0 ? JF_E_GONE : JF_OK, 1000);
        now_ns += 1000;
    }
    CHECK(routing->export_state(jf_mock_self(mock), handle, &state, why) == JF_OK &&
              state.len <= 24 + 256 * 64,
          "%llu bytes of state", (unsigned long long)state.len);
    state.drop(state.owner);
    end();
}

/* Options that must be refused, with a reason that names the strategy. */
static void check_refused(const char *good, const char *const *configs) {
    begin(good, 4);
    for (; *configs != NULL; configs++) {
        bool attached = attach(*configs);
        CHECK(!attached && strchr(jf_mock_why(mock), ':') != NULL, "%s: %s", *configs,
              attached ? "accepted" : jf_mock_why(mock));
    }
    CHECK(attach(good), "%s", jf_mock_why(mock));
    jf_ref first = handle, second;
    handle = 0;
    CHECK(attach(good) && handle != first, "a second server");
    second = handle;
    pick();
    routing->detach(jf_mock_self(mock), first);
    routing->detach(jf_mock_self(mock), first);
    handle = first;
    uint32_t number;
    CHECK(try_pick(&number) == JF_E_STALE, "a stale handle works");
    handle = second;
    pick();
    end();
    static const char *const needed[] = {JF_CONFIG_1, JF_CLOCK_1};
    for (int i = 0; i < 2; i++) {
        jf_mock *bare = jf_mock_new();
        jf_mock_hide(bare, needed[i]);
        CHECK(jf_mock_load(bare, jf_check_plugin) == JF_OK && jf_mock_create(bare, "{}") == JF_E_UNSUPPORTED,
              "without %s", needed[i]);
        CHECK(strstr(jf_mock_why(bare), needed[i]) != NULL, "%s", jf_mock_why(bare));
        CHECK(jf_mock_free(bare) == 0, "problems");
    }
    mock = jf_mock_new();
    jf_mock_hide(mock, JF_MEMORY_1);
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "jf.memory/1 is optional");
    routing = jf_mock_routing(mock);
    CHECK(attach(good), "%s", jf_mock_why(mock));
    pick();
    end();
}

#endif
