/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin filter-rate-limit: what is counted under which key, exactness across loops, refusals,
 * what is given back, and the store that counts for it, played by the test. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "rate-limit/host.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

/* ---- Options ---- */

TEST(refuses_bad_options) {
    static const struct {
        const char *options, *part;
    } bad[] = {
        {"{}", "limits"},
        {"{\"limits\":[]}", "empty"},
        {"{\"limits\":[1]}", "mapping"},
        {"{\"limits\":[{}]}", "limits nothing"},
        {"{\"limits\":[{\"rate\":\"fast\"}]}", "limits[0].rate"},
        {"{\"limits\":[{\"rate\":\"10\"}]}", "limits[0].rate"},
        {"{\"limits\":[{\"rate\":\"10/fortnight\"}]}", "limits[0].rate"},
        {"{\"limits\":[{\"rate\":\"0/s\"}]}", "limits[0].rate"},
        {"{\"limits\":[{\"rate\":\"1/999999w\"}]}", "limits[0].rate"},
        {"{\"limits\":[{\"rate\":\"1/0s\"}]}", "limits[0].rate"},
        {"{\"limits\":[{\"rate\":\"-1/s\"}]}", "limits[0].rate"},
        {"{\"limits\":[{\"rate\":\"nan/s\"}]}", "limits[0].rate"},
        {"{\"limits\":[{\"quota\":\"10 per day\"}]}", "limits[0].quota"},
        {"{\"limits\":[{\"rate\":\"1/s\"},{\"rate\":\"1/s\",\"burst\":0}]}", "limits[1].burst"},
        {"{\"limits\":[{\"rate\":\"1/s\",\"burst\":0.00001}]}", "burst"},
        {"{\"limits\":[{\"quota\":\"1/s\",\"burst\":3}]}", "burst"},
        {"{\"limits\":[{\"rate\":\"1/s\",\"burst\":3,\"algorithm\":\"fixed\"}]}", "burst"},
        {"{\"limits\":[{\"rate\":\"1/s\",\"algorithm\":\"leaky\"}]}", "algorithm"},
        {"{\"limits\":[{\"rate\":\"1/s\",\"quota\":\"9/s\",\"algorithm\":\"fixed\"}]}", "one of them"},
        {"{\"limits\":[{\"rate\":\"1/s\",\"per\":[\"moon\"]}]}", "per"},
        {"{\"limits\":[{\"rate\":\"1/s\",\"per\":\"tool\"}]}", "per"},
        {"{\"limits\":[{\"concurrency\":0}]}", "concurrency"},
        {"{\"limits\":[{\"concurrency\":1.5}]}", "concurrency"},
        {"{\"limits\":[{\"rate\":\"1/s\",\"cost\":{\"tool\":1}}]}", "SERVER/TOOL"},
        {"{\"limits\":[{\"rate\":\"1/s\",\"cost\":{\"a/b\":-1}}]}", "cost"},
        {"{\"limits\":[{\"rate\":\"1/s\",\"name\":\"x\"},{\"rate\":\"1/s\",\"name\":\"x\"}]}", "name"},
        {"{\"limits\":[{\"rate\":\"999999999/s\",\"burst\":999999999.001,\"quota\":\"1/365d\"},"
         "{\"rate\":\"999999.999/365d\",\"burst\":1000000000}]}",
         "counted exactly"},
    };
    jf_mock *mock = begin_with("{}");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        jf_ref handle = 0;
        int32_t status = try_attach(mock, "x", bad[i].options, &handle);
        CHECK(status == JF_E_INVALID && strstr(jf_mock_why(mock), bad[i].part) != NULL, "%s: %d %s",
              bad[i].options, (int)status, jf_mock_why(mock));
        if (status == JF_OK) filter_of(mock)->detach(jf_mock_self(mock), handle);
    }
    char many[2048] = "{\"limits\":[";
    for (int i = 0; i < 9; i++)
        strcat(many,
               i > 0 ? ",{\"rate\":\"1/s\",\"quota\":\"1/d\"}" : "{\"rate\":\"1/s\",\"quota\":\"1/d\"}");
    strcat(many, "]}");
    jf_ref handle = 0;
    CHECK(try_attach(mock, "x", many, &handle) == JF_E_INVALID, "18 at once");
    end(mock, 0);
    mock = jf_mock_new();
    CHECK(jf_mock_load(mock, jf_check_plugin) == JF_OK, "load");
    CHECK(jf_mock_create(mock, "{\"max_keys\":0}") == JF_E_INVALID, "max_keys 0");
    jf_mock_free(mock);
}

TEST(a_shared_limit_needs_a_store) {
    jf_mock *mock = jf_mock_new();
    jf_ref handle = 0;
    jf_mock_hide(mock, JF_STATE_1);
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "up");
    CHECK(try_attach(mock, "x", "{\"limits\":[{\"rate\":\"1/s\",\"store\":\"shared\"}]}", &handle) ==
              JF_E_UNSUPPORTED,
          "attached");
    CHECK(strstr(jf_mock_why(mock), "store") != NULL, "%s", jf_mock_why(mock));
    CHECK(try_attach(mock, "x", "{\"limits\":[{\"rate\":\"1/s\"}]}", &handle) == JF_OK, "local");
    end(mock, handle);
}

/* ---- Keys ---- */

TEST(each_dimension_has_its_own_allowance) {
    caller other_tool = alice, other_server = alice, other_tenant = alice, other_host = alice, prompt = alice;
    other_tool.tool = "write";
    other_server.server = "web";
    other_tenant.tenant = "emca";
    other_host.address = "10.0.0.2:5000";
    prompt.kind = JF_PROMPTS;
    const caller *all[] = {&alice, &bob, &other_tool, &other_server, &other_tenant, &other_host, &prompt};
    static const struct {
        const char *per;
        uint32_t apart; /* of the above, bit by bit, those with an allowance apart from alice's */
    } cases[] = {{"principal", 0x02}, {"tool", 0x4c},    {"server", 0x08},
                 {"tenant", 0x10},    {"gateway", 0x00}, {"address", 0x20}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char options[200];
        jf_ref handle;
        snprintf(options, sizeof options, "{\"limits\":[{\"per\":[\"%s\"],\"rate\":\"2/hour\"}]}",
                 cases[i].per);
        jf_mock *mock = begin(options, &handle);
        CHECK(passes(mock, handle, &alice, 9) == 2, "%s", cases[i].per);
        for (uint32_t j = 1; j < 7; j++) {
            bool apart = cases[i].apart >> j & 1;
            CHECK((call(mock, handle, all[j]).status == JF_OK) == apart, "%s: %u", cases[i].per, j);
        }
        end(mock, handle);
    }
}

TEST(keys_cannot_be_forged) {
    jf_ref handle;
    jf_mock *mock = begin("{\"limits\":[{\"per\":[\"tenant\",\"tool\"],\"rate\":\"1/hour\"}]}", &handle);
    static char longest[3000], longer[3000];
    memset(longest, 'x', 2999);
    memcpy(longer, longest, 3000);
    longer[2998] = 'y';
    const caller pairs[][2] = {
        {{"p", "a", "b/c", "d", "", 0}, {"p", "a", "b", "c/d", "", 0}},
        {{"p", "a\001b", "c", "d", "", 0}, {"p", "a", "b\001c", "d", "", 0}},
        {{"p", "", "c", "d", "", 0}, {"p", "c", "", "d", "", 0}},
        {{"p", "l", "c", longest, "", 0}, {"p", "l", "c", longer, "", 0}},
        {{"p", NULL, "q", "d", NULL, 0}, {"p", "q", NULL, "d", NULL, 0}},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        CHECK(call(mock, handle, &pairs[i][0]).status == JF_OK, "%zu", i);
        CHECK(call(mock, handle, &pairs[i][1]).status == JF_OK, "%zu: two callers are one", i);
        CHECK(call(mock, handle, &pairs[i][0]).status == JF_E_BUSY, "%zu", i);
    }
    end(mock, handle);
}

TEST(addresses_without_their_ports) {
    jf_ref handle;
    jf_mock *mock = begin("{\"limits\":[{\"per\":[\"address\"],\"rate\":\"1/hour\"}]}", &handle);
    const char *const alike[][2] = {
        {"10.1.1.1:1", "10.1.1.1:65535"}, {"[::1]:80", "[::1]:81"}, {"fe80::1", "fe80::1"}};
    for (size_t i = 0; i < 3; i++) {
        caller one = alice, two = alice;
        one.address = alike[i][0];
        two.address = alike[i][1];
        CHECK(call(mock, handle, &one).status == JF_OK && call(mock, handle, &two).status == JF_E_BUSY, "%zu",
              i);
    }
    end(mock, handle);
}

/* ---- What passes ---- */

TEST(token_buckets_fill_again) {
    jf_ref handle;
    jf_mock *mock = begin("{\"limits\":[{\"name\":\"main\",\"rate\":\"60/min\",\"burst\":5}]}", &handle);
    CHECK(passes(mock, handle, &alice, 50) == 5, "burst");
    outcome it = call(mock, handle, &alice);
    CHECK(it.status == JF_E_BUSY && (it.flags & JF_FAULT_PUBLIC) && (it.flags & JF_FAULT_NOT_STARTED), "%d",
          (int)it.status);
    CHECK(it.retry_ms > 0 && it.retry_ms <= 1000, "%u", it.retry_ms);
    CHECK(strstr(it.why, "limit \"main\" is reached; try again in 1 s") != NULL, "%s", it.why);
    CHECK(call(mock, handle, &bob).status == JF_OK, "another's");
    jf_mock_advance(mock, 2000000000u);
    jf_mock_settle(mock);
    CHECK(passes(mock, handle, &alice, 50) == 2, "two seconds later");
    end(mock, handle);
}

TEST(windows_and_quotas) {
    jf_ref handle;
    jf_mock *mock =
        begin("{\"limits\":[{\"name\":\"w\",\"rate\":\"3/hour\",\"algorithm\":\"sliding-window\"},"
              "{\"name\":\"q\",\"per\":[\"tenant\"],\"quota\":\"5/d\"}]}",
              &handle);
    CHECK(passes(mock, handle, &alice, 9) == 3, "window");
    CHECK(strstr(call(mock, handle, &alice).why, "limit \"w\"") != NULL, "w");
    CHECK(passes(mock, handle, &bob, 9) == 2, "what was refused took nothing from the quota");
    outcome it = call(mock, handle, &bob);
    CHECK(strstr(it.why, "quota \"q\" is used up") != NULL && it.retry_ms <= 86400000u, "%s", it.why);
    jf_mock_advance(mock, 2ull * 86400 * 1000000000u);
    jf_mock_settle(mock);
    CHECK(passes(mock, handle, &bob, 9) == 3, "two days later");
    end(mock, handle);
}

TEST(costs) {
    jf_ref handle;
    jf_mock *mock =
        begin("{\"limits\":[{\"rate\":\"10/hour\",\"cost\":{\"files/read\":4,\"files/s*\":0,\"*/huge\":11,"
              "\"web/?\":0.5}}]}",
              &handle);
    caller free_one = alice, huge = alice, half = alice, plain = alice;
    free_one.tool = "stat";
    huge.tool = "huge";
    half.server = "web", half.tool = "x";
    plain.tool = "xx";
    CHECK(call(mock, handle, &alice).status == JF_OK && call(mock, handle, &alice).status == JF_OK,
          "8 of 10");
    CHECK(call(mock, handle, &alice).status == JF_E_BUSY, "12 of 10");
    CHECK(passes(mock, handle, &free_one, 100) == 100, "what costs nothing");
    CHECK(passes(mock, handle, &half, 2) == 2 && passes(mock, handle, &plain, 9) == 1, "the rest");
    outcome it = call(mock, handle, &huge);
    CHECK(it.status == JF_E_BUSY && strstr(it.why, "more than it ever allows") != NULL, "%s", it.why);
    end(mock, handle);
}

TEST(calls_under_way) {
    jf_ref handle;
    jf_mock *mock =
        begin("{\"limits\":[{\"name\":\"two\",\"concurrency\":2},{\"per\":[\"tenant\"],\"concurrency\":3}]}",
              &handle);
    outcome first = call(mock, handle, &alice), second = call(mock, handle, &alice);
    CHECK(first.memory != 0 && second.memory != 0 && first.memory != second.memory, "memories");
    outcome third = call(mock, handle, &alice);
    CHECK(third.status == JF_E_BUSY && third.retry_ms > 0 && strstr(third.why, "limit \"two\"") != NULL, "%s",
          third.why);
    CHECK(third.memory == 0, "a refusal leaves a memory");
    outcome other = call(mock, handle, &bob);
    CHECK(other.status == JF_OK && call(mock, handle, &bob).status == JF_E_BUSY, "the tenant's");
    ended(mock, handle, first);
    first = call(mock, handle, &alice);
    CHECK(first.status == JF_OK, "%s", first.why);
    ended(mock, handle, first);
    ended(mock, handle, second);
    ended(mock, handle, other);
    uint32_t held = 0;
    outcome all[3];
    while (held < 2 && (all[held] = call(mock, handle, &alice)).status == JF_OK)
        held++;
    CHECK(held == 2, "%u given back", held);
    for (uint32_t i = 0; i < held; i++)
        ended(mock, handle, all[i]);
    end(mock, handle);
}

TEST(an_instance_that_goes_gives_back) {
    jf_ref one, two;
    const char *options = "{\"limits\":[{\"concurrency\":1}]}";
    jf_mock *stays = begin(options, &two), *goes = begin(options, &one);
    CHECK(call(goes, one, &alice).status == JF_OK && call(stays, two, &alice).status == JF_E_BUSY, "held");
    end(goes, one);
    CHECK(call(stays, two, &alice).status == JF_OK, "not given back");
    end(stays, two);
}

/* ---- The store ---- */

#define SHARED "\"store\":\"shared\""

TEST(the_store_counts_all_at_once) {
    jf_ref handle;
    jf_mock *mock = begin("{\"limits\":[{\"name\":\"r\",\"rate\":\"100/min\",\"burst\":20," SHARED
                          "},{\"name\":\"q\",\"per\":[\"tenant\"],\"quota\":\"1000/day\"," SHARED "}]}",
                          &handle);
    shared.allowed = 2;
    CHECK(call(mock, handle, &alice).status == JF_OK && shared.takes == 1 && shared.count == 2, "%u in %u",
          shared.count, shared.takes);
    CHECK(shared.limits[0].kind == JF_LIMIT_BUCKET && shared.limits[0].rate == 100000 &&
              shared.limits[0].burst == 20000 && shared.limits[0].period_ms == 60000 &&
              shared.limits[0].cost == 1000,
          "the rate");
    CHECK(shared.limits[1].kind == JF_LIMIT_FIXED && shared.limits[1].rate == 1000000 &&
              shared.limits[1].period_ms == 86400000,
          "the quota");
    CHECK(strncmp(shared.keys[0], "rate-limit/r/\tjwt|alice", 23) == 0, "%s", shared.keys[0]);
    CHECK(strncmp(shared.keys[1], "rate-limit/q/\004acme", 18) == 0, "%s", shared.keys[1]);
    CHECK(call(mock, handle, &alice).status == JF_OK, "two");
    outcome it = call(mock, handle, &alice);
    CHECK(it.status == JF_E_BUSY && it.retry_ms == 2500 &&
              strstr(it.why, "limit \"r\" is reached; try again in 3 s") != NULL,
          "%d %u %s", (int)it.status, it.retry_ms, it.why);
    CHECK(strstr(it.why, "77") == NULL, "it tells what is left");
    end(mock, handle);
}

TEST(what_the_store_refuses_is_given_back) {
    jf_ref handle;
    jf_mock *mock = begin("{\"limits\":[{\"rate\":\"3/hour\"},{\"rate\":\"4/"
                          "hour\",\"algorithm\":\"fixed\"},{\"concurrency\":1},"
                          "{\"quota\":\"9/day\"," SHARED "}]}",
                          &handle);
    for (int i = 0; i < 10; i++)
        CHECK(call(mock, handle, &alice).status == JF_E_BUSY, "the store refuses");
    CHECK(shared.takes == 10, "it was asked %u times", shared.takes);
    shared.allowed = 100;
    for (int i = 0; i < 3; i++) {
        outcome it = call(mock, handle, &alice);
        CHECK(it.status == JF_OK, "%d: %s", i, it.why);
        ended(mock, handle, it);
    }
    uint32_t takes = shared.takes;
    CHECK(call(mock, handle, &alice).status == JF_E_BUSY && shared.takes == takes,
          "local limits are asked first");
    end(mock, handle);
}

TEST(a_store_that_does_not_count) {
    jf_ref denies, allows;
    jf_mock *mock = begin(
        "{\"limits\":[{\"name\":\"d\",\"concurrency\":1},{\"name\":\"s\",\"quota\":\"9/day\"," SHARED "}]}",
        &denies);
    CHECK(try_attach(mock, "other",
                     "{\"limits\":[{\"quota\":\"9/day\",\"on_store_error\":\"allow\"," SHARED "}]}",
                     &allows) == JF_OK,
          "%s", jf_mock_why(mock));
    const int32_t ends[] = {JF_E_GONE, JF_E_TIMEOUT, JF_E_FAULT};
    for (int i = 0; i < 3; i++) {
        shared.status = ends[i];
        outcome it = call(mock, denies, &alice);
        CHECK(it.status == JF_E_BUSY && it.retry_ms > 0 && (it.flags & JF_FAULT_PUBLIC), "%d",
              (int)it.status);
        CHECK(strstr(it.why, "limit \"s\" cannot be counted") != NULL, "%s", it.why);
        CHECK(call(mock, allows, &alice).status == JF_OK, "%d", i);
    }
    shared.refuses = JF_E_BUSY;
    CHECK(call(mock, denies, &alice).status == JF_E_BUSY && call(mock, allows, &alice).status == JF_OK,
          "at once");
    shared.refuses = 0;
    shared.status = JF_OK;
    shared.allowed = 10;
    CHECK(call(mock, denies, &alice).status == JF_OK, "it counts again, and nothing is held");
    filter_of(mock)->detach(jf_mock_self(mock), allows);
    end(mock, denies);
}

TEST(callers_that_leave_while_the_store_counts) {
    jf_ref handle;
    jf_mock *mock = begin(
        "{\"limits\":[{\"concurrency\":1},{\"rate\":\"9/hour\"},{\"quota\":\"9/day\"," SHARED "}]}", &handle);
    shared.allowed = 10;
    CHECK(request(mock, handle, &alice).status == JF_PENDING, "pending");
    operation.state = JF_E_GONE;
    answer_all(NULL);
    CHECK(operation.status == JF_E_GONE && operation.length == 0, "%d", (int)operation.status);
    outcome it = call(mock, handle, &alice);
    CHECK(it.status == JF_OK, "the place is held: %s", it.why);
    ended(mock, handle, it);
    CHECK(request(mock, handle, &alice).status == JF_PENDING, "pending");
    jf_mock_stop(mock);
    CHECK(shared.abandoned == 1 && operation.status == JF_E_GONE, "a stop leaves it open");
    end(mock, handle);
}

/* ---- Loops, memory, time ---- */

enum { LOOPS = 4, MOST = 50000000, ALLOWED = 5000 };

static pthread_barrier_t barrier;

static void *one_loop(void *result) {
    jf_ref handle;
    jf_mock *mock = begin("{\"limits\":[{\"name\":\"year\",\"per\":[\"tenant\"],\"quota\":\"5000/"
                          "365d\"},{\"per\":[\"gateway\"],\"concurrency\":1}]}",
                          &handle);
    uint64_t *count = result;
    pthread_barrier_wait(&barrier);
    /* Until the quota itself says no: while another loop has the one place, it is not asked. */
    for (int i = 0; i < MOST; i++) {
        outcome it = call(mock, handle, &alice);
        *count += it.status == JF_OK;
        ended(mock, handle, it);
        if (it.status != JF_OK && strstr(it.why, "year") != NULL) break;
    }
    pthread_barrier_wait(&barrier);
    end(mock, handle);
    return NULL;
}

TEST(exact_across_loops) {
    pthread_t threads[LOOPS];
    uint64_t counts[LOOPS] = {0}, all = 0;
    pthread_barrier_init(&barrier, NULL, LOOPS);
    for (int i = 0; i < LOOPS; i++)
        pthread_create(&threads[i], NULL, one_loop, &counts[i]);
    for (int i = 0; i < LOOPS; i++) {
        pthread_join(threads[i], NULL);
        all += counts[i];
    }
    CHECK(all == ALLOWED, "%llu passed", (unsigned long long)all);
    pthread_barrier_destroy(&barrier);
}

static uint64_t heap(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

TEST(a_million_keys) {
    enum { KEYS = 1000000 };
    jf_ref handle;
    jf_mock *mock = begin("{\"limits\":[{\"rate\":\"10/s\",\"burst\":2}]}", &handle);
    char key[64];
    caller who = alice;
    who.key = key;
    jf_ref op = begin_operation();
    jf_principal principal = {.size = sizeof principal, .id = 1};
    jf_passage passage = {
        .size = sizeof passage, .principal = &principal, .server = text("files"), .name = text("read")};
    jf_fault why = {.size = sizeof why};
    uint64_t before = heap(), slowest = 0, total = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct timespec from, to;
        jf_blob verdict = {0};
        snprintf(key, sizeof key, "https://issuer.example|tenant-7|user-%07u", i);
        principal.key = text(key);
        clock_gettime(CLOCK_MONOTONIC, &from);
        int32_t status = filter_of(mock)->request(jf_mock_self(mock), op, handle, &passage, &verdict, &why);
        clock_gettime(CLOCK_MONOTONIC, &to);
        uint64_t ns =
            (uint64_t)(to.tv_sec - from.tv_sec) * 1000000000u + (uint64_t)to.tv_nsec - (uint64_t)from.tv_nsec;
        total += ns;
        if (ns > slowest) slowest = ns;
        if (status != JF_OK) CHECK(false, "%u: %d", i, (int)status);
    }
    uint64_t each = (heap() - before) / KEYS;
    printf("  a million keys of 41 bytes: %llu bytes each; a request %llu ns, the slowest %llu us\n",
           (unsigned long long)each, (unsigned long long)(total / KEYS),
           (unsigned long long)(slowest / 1000));
    CHECK(each <= 400, "%llu bytes a key", (unsigned long long)each);
    /* Idle ones are forgotten: all say nothing after a second. */
    jf_mock_advance(mock, 5000000000u);
    uint64_t after = heap();
    for (int i = 0; i < 20 && after > before + 20000000; i++) {
        for (int j = 0; j < 100; j++) {
            jf_mock_run_once(mock, 0);
            jf_mock_advance(mock, 1000000);
        }
        after = heap();
    }
    CHECK(after < before + 20000000, "%llu bytes stay", (unsigned long long)(after - before));
    end(mock, handle);
}

TEST(bounded_in_keys) {
    jf_ref handle;
    jf_mock *mock = begin_with("{\"max_keys\":2}");
    CHECK(try_attach(mock, "x", "{\"limits\":[{\"rate\":\"5/hour\"}]}", &handle) == JF_OK, "attach");
    caller carol = alice;
    carol.key = "jwt|carol";
    CHECK(call(mock, handle, &alice).status == JF_OK && call(mock, handle, &bob).status == JF_OK, "two");
    outcome it = call(mock, handle, &carol);
    CHECK(it.status == JF_E_BUSY && it.retry_ms > 0, "%d", (int)it.status);
    CHECK(call(mock, handle, &alice).status == JF_OK, "known ones go on");
    end(mock, handle);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
