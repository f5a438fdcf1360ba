/* SPDX-License-Identifier: Apache-2.0
 * Cell tests: providers, credential sources, policies, filters and stores, and jf.state/1. The plugin is that
 * of cell/access_plugin.c. */
#include "access_host.h"

static int32_t identify(const fixture *it, jf_ref op, jf_ref handle, const char *value) {
    const jf_auth_1 *auth = jf_mock_facet(it->mock, JF_AUTH_1);
    jf_pair fields[2] = {{jf_mock_view("authorization"), jf_mock_view(value != NULL ? value : "")},
                         {jf_mock_view("authorization"), jf_mock_view("second")}};
    jf_credentials credentials = {.size = sizeof credentials,
                                  .flags = JF_CREDENTIALS_LOCAL,
                                  .target = jf_mock_view("/mcp"),
                                  .resource = jf_mock_view("https://mcp.example"),
                                  .address = jf_mock_view("127.0.0.1:1"),
                                  .certificate = jf_mock_view("DER"),
                                  .fields = fields,
                                  .field_count = value != NULL ? 2 : 0,
                                  .now_ms = 123};
    jf_blob principal = {0};
    host.status[op] = JF_PENDING;
    return ends(it, op,
                auth->identify(jf_mock_self(it->mock), op, handle, &credentials, &principal,
                               jf_mock_fault(it->mock)));
}

TEST(providers_identify) {
    fixture it;
    ACCESS_UP(it);
    jf_ref handle = attach_to(&it, JF_AUTH_1);
    CHECK(identify(&it, 1, handle, "good") == JF_OK &&
              strcmp(host.bytes[1], "good /mcp https://mcp.example 127.0.0.1:1 3 2 1 123") == 0,
          "identified: %d %s", (int)host.status[1], host.bytes[1]);
    CHECK(identify(&it, 2, handle, NULL) == JF_ABSENT, "without credentials: %d", (int)host.status[2]);
    CHECK(identify(&it, 3, handle, "bad") == JF_E_DENIED && (host.fault[3].flags & JF_FAULT_PUBLIC) != 0 &&
              memcmp(host.fault[3].text, "this key was revoked", 20) == 0,
          "revoked: %d", (int)host.status[3]);
    CHECK(identify(&it, 4, handle, "later") == JF_OK && strstr(host.bytes[4], "late") != NULL, "later: %s",
          host.bytes[4]);
    CHECK(identify(&it, 5, handle, "forget") == JF_OK && strcmp(host.heard, "identity k1;") == 0, "heard: %s",
          host.heard);
    CHECK(identify(&it, 6, handle + 1, "good") == JF_E_STALE, "an unknown handle");
    CHECK(identify(&it, 7, 0, "good") == JF_E_STALE, "no handle");
    const jf_auth_1 *auth = jf_mock_facet(it.mock, JF_AUTH_1);
    jf_blob description = {0};
    for (uint32_t i = 1; i <= 2; i++) { /* what it said when it was attached, then what it said meanwhile */
        char wanted[64];
        snprintf(wanted, sizeof wanted, "{\"scopes_supported\":[\"s%u\"]}", i);
        CHECK(auth->describe(jf_mock_self(it.mock), handle, &description, jf_mock_fault(it.mock)) == JF_OK &&
                  description.len == strlen(wanted) && memcmp(description.ptr, wanted, description.len) == 0,
              "description %u", i);
        description.drop(description.owner);
        CHECK(identify(&it, 10 + i, handle, "good") == JF_OK, "in between"); /* behind the description */
    }
    auth->detach(jf_mock_self(it.mock), handle);
    CHECK(identify(&it, 8, handle, "good") == JF_E_STALE, "detached");
    CHECK(auth->attach(jf_mock_self(it.mock), jf_mock_view("x"), jf_mock_view("\"refuse\""), &handle,
                       jf_mock_fault(it.mock)) == JF_E_DENIED &&
              strcmp(jf_mock_why(it.mock), "not this configuration") == 0,
          "refused: %s", jf_mock_why(it.mock));
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(identifying_is_given_up) {
    fixture it;
    ACCESS_UP(it);
    jf_ref handle = attach_to(&it, JF_AUTH_1), op = 1;
    const jf_auth_1 *auth = jf_mock_facet(it.mock, JF_AUTH_1);
    jf_pair field = {jf_mock_view("authorization"), jf_mock_view("never")};
    jf_credentials credentials = {.size = sizeof credentials, .fields = &field, .field_count = 1};
    jf_blob principal = {0};
    host.status[op] = JF_PENDING;
    CHECK(auth->identify(jf_mock_self(it.mock), op, handle, &credentials, &principal,
                         jf_mock_fault(it.mock)) == JF_PENDING,
          "it answers");
    auth->cancel(jf_mock_self(it.mock), op);
    CHECK(ends(&it, op, JF_PENDING) == JF_E_GONE, "it is never finished");
    /* More fields than may cross are refused, not left out. */
    static jf_pair many[300];
    credentials.fields = many;
    credentials.field_count = 300;
    CHECK(auth->identify(jf_mock_self(it.mock), 2, handle, &credentials, &principal,
                         jf_mock_fault(it.mock)) == JF_E_BUSY,
          "300 fields");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

static int32_t supply(const fixture *it, jf_ref op, jf_ref handle, const char *name, int32_t refused) {
    const jf_credentials_1 *source = jf_mock_facet(it->mock, JF_CREDENTIALS_1);
    jf_principal who = person();
    jf_demand demand = {.size = sizeof demand,
                        .principal = &who,
                        .endpoint = jf_mock_view("https://server.example/mcp"),
                        .name = jf_mock_view(name),
                        .presented = jf_mock_view("token"),
                        .refused = refused,
                        .attempt = 2};
    if (refused != 0) demand.challenge = jf_mock_view("Bearer");
    jf_blob out = {0};
    host.status[op] = JF_PENDING;
    return ends(it, op,
                source->supply(jf_mock_self(it->mock), op, handle, &demand, &out, jf_mock_fault(it->mock)));
}

TEST(sources_supply) {
    fixture it;
    ACCESS_UP(it);
    jf_ref handle = attach_to(&it, JF_CREDENTIALS_1);
    CHECK(supply(&it, 1, handle, "tool", 0) == JF_ABSENT, "nothing is needed");
    CHECK(supply(&it, 2, handle, "tool", JF_STATUS_UNAUTHORIZED) == JF_OK &&
              strcmp(host.bytes[2], "token Bearer https://server.example/mcp 3 2 2 mcp 99") == 0,
          "supplied: %s", host.bytes[2]);
    CHECK(supply(&it, 3, handle, "connect", 0) == JF_ABSENT &&
              strcmp(host.heard, "connected id-1 -5;connection key of alice;") == 0,
          "heard: %s", host.heard);
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

static int32_t decide(const fixture *it, jf_ref op, jf_ref handle, const char *name) {
    const jf_policy_1 *policy = jf_mock_facet(it->mock, JF_POLICY_1);
    jf_principal who = person();
    jf_pair label = {jf_mock_view("env"), jf_mock_view("prod")};
    jf_access access = {.size = sizeof access,
                        .principal = &who,
                        .server = jf_mock_view("git"),
                        .name = jf_mock_view(name),
                        .arguments = jf_mock_view("{\"a\":1}"),
                        .labels = &label,
                        .label_count = 1};
    jf_ruling ruling = {.size = sizeof ruling};
    host.status[op] = JF_PENDING;
    return ends(
        it, op,
        policy->decide(jf_mock_self(it->mock), op, handle, &access, &ruling, jf_mock_fault(it->mock)));
}

TEST(policies_decide) {
    fixture it;
    ACCESS_UP(it);
    jf_ref handle = attach_to(&it, JF_POLICY_1);
    const char rule[] = ",\"rule\":\"alice reader git 1 {\\\"a\\\":1}\"";
    const struct {
        const char *name, *start, *end;
    } cases[] = {
        {"tool", "{\"decision\":\"allow\"", "}"},
        {"deny", "{\"decision\":\"deny\"", ",\"text\":\"not \\\"you\\\"\\n\",\"scopes\":[\"a\",\"b\"]}"},
        {"hide", "{\"decision\":\"hide\"", "}"},
        {"dry", "{\"decision\":\"deny\",\"dry\":true", ",\"scopes\":[]}"}};
    for (jf_ref i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char wanted[256];
        snprintf(wanted, sizeof wanted, "%s%s%s", cases[i].start, rule, cases[i].end);
        CHECK(decide(&it, i + 1, handle, cases[i].name) == JF_OK && strcmp(host.bytes[i + 1], wanted) == 0,
              "%s: %s", cases[i].name, host.bytes[i + 1]);
    }
    CHECK(decide(&it, 10, handle, "nonsense") == JF_E_FAULT, "no decision: %d", (int)host.status[10]);
    CHECK(decide(&it, 11, handle, "later") == JF_OK && strcmp(host.bytes[11], "{\"decision\":\"deny\"}") == 0,
          "later: %s", host.bytes[11]);
    CHECK(decide(&it, 12, handle, "changed") == JF_OK, "a change");
    char wanted[64];
    snprintf(wanted, sizeof wanted, "policy %llu;", (unsigned long long)handle & 0xffffffff);
    CHECK(jf_mock_run_until(it.mock, is_heard, wanted, 5000), "heard: %s", host.heard);
    const jf_policy_1 *policy = jf_mock_facet(it.mock, JF_POLICY_1);
    jf_principal who = person();
    jf_blob name = {0};
    /* Its answer cannot be waited for, and must not be guessed. */
    CHECK(policy->classify(jf_mock_self(it.mock), handle, &who, &name, jf_mock_fault(it.mock)) ==
              JF_E_UNSUPPORTED,
          "a class");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(policies_review_long_lists) {
    enum { COUNT = 5000 };
    static jf_access accesses[COUNT];
    static const jf_access *pointers[COUNT];
    static char definition[301], decisions[64];
    fixture it;
    ACCESS_UP(it);
    it.spawn.limits.queue = 64u << 20;
    jf_ref handle = attach_to(&it, JF_POLICY_1);
    const jf_policy_1 *policy = jf_mock_facet(it.mock, JF_POLICY_1);
    jf_principal first = person(), second = person();
    jf_pair label = {jf_mock_view("env"), jf_mock_view("prod")};
    memset(definition, ' ', 300);
    for (int i = 0; i < COUNT; i++) {
        accesses[i] = (jf_access){.size = sizeof(jf_access),
                                  .principal = i < COUNT / 2 ? &first : &second,
                                  .name = jf_mock_view(i % 3 == 0 ? "delete" : "read"),
                                  .definition = jf_mock_view(definition),
                                  .labels = &label,
                                  .label_count = 1};
        pointers[i] = &accesses[i];
    }
    accesses[COUNT - 1].label_count = 0;
    jf_blob out = {0};
    jf_ref op = 1;
    host.status[op] = JF_PENDING;
    int32_t answered =
        policy->review(jf_mock_self(it.mock), op, handle, pointers, COUNT, &out, jf_mock_fault(it.mock));
    CHECK(ends(&it, op, answered) == JF_OK && host.length[op] == COUNT, "reviewed: %d, %llu bytes, %s",
          (int)host.status[op], (unsigned long long)host.length[op], jf_mock_why(it.mock));
    for (int i = 0; i < 60; i++)
        decisions[i] = host.bytes[op][i];
    for (int i = 0; i < 60; i++)
        CHECK(decisions[i] == (i % 3 == 0 ? JF_DENY : JF_ALLOW), "item %d: %d", i, decisions[i]);
    CHECK(policy->review(jf_mock_self(it.mock), 2, handle, pointers, 0, &out, jf_mock_fault(it.mock)) ==
                  JF_OK &&
              out.ptr != NULL && out.len == 0,
          "an empty list");
    CHECK(policy->review(jf_mock_self(it.mock), 2, handle, pointers, 100000, &out, jf_mock_fault(it.mock)) ==
              JF_E_INVALID,
          "a list that is too long");
    /* Half of somebody's roles could allow more than all of them. */
    static jf_view roles[2000];
    first.roles = roles;
    first.role_count = 2000;
    CHECK(policy->review(jf_mock_self(it.mock), 3, handle, pointers, 10, &out, jf_mock_fault(it.mock)) ==
              JF_E_BUSY,
          "2000 roles");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

static int32_t pass(const fixture *it, jf_ref op, jf_ref handle, bool is_result, const char *name,
                    uint64_t memory) {
    const jf_filter_1 *filter = jf_mock_facet(it->mock, JF_FILTER_1);
    /* As long as the slot runs and not longer. */
    jf_principal *who = malloc(sizeof *who);
    char *body = strdup("{\"name\":\"x\",\"arguments\":{\"a\":1}}");
    *who = person();
    jf_passage passage = {.size = sizeof passage,
                          .principal = who,
                          .call = op,
                          .memory = memory,
                          .name = jf_mock_view(name),
                          .body = jf_mock_view(body),
                          .arguments = {(const uint8_t *)strstr(body, "{\"a"), 7}};
    jf_blob out = {0};
    host.status[op] = JF_PENDING;
    int32_t status =
        is_result
            ? filter->result(jf_mock_self(it->mock), op, handle, &passage, &out, jf_mock_fault(it->mock))
            : filter->request(jf_mock_self(it->mock), op, handle, &passage, &out, jf_mock_fault(it->mock));
    memset(body, 'x', strlen(body));
    memset(who, 0xff, sizeof *who);
    free(body);
    free(who);
    return ends(it, op, status);
}

static jf_verdict verdict_of(jf_ref op) {
    jf_verdict head;
    memcpy(&head, host.bytes[op], sizeof head);
    return head;
}

/* What follows the head of a verdict. */
static const char *rest_of(jf_ref op) {
    return host.length[op] >= sizeof(jf_verdict) ? host.bytes[op] + sizeof(jf_verdict) : "(none)";
}

static bool was_noted(void *user) {
    const char *const *wish = user;
    return jf_mock_logged((jf_mock *)(uintptr_t)wish[1], JF_LOG_INFO, wish[0]);
}

static bool notes(const fixture *it, const char *line) {
    const char *wish[2] = {line, (const char *)it->mock};
    return jf_mock_run_until(it->mock, was_noted, wish, 5000);
}

static void tell_ended(const fixture *it, jf_ref handle, uint64_t memory) {
    const jf_filter_1 *filter = jf_mock_facet(it->mock, JF_FILTER_1);
    jf_passed passed = {.size = sizeof passed,
                        .status = JF_E_TIMEOUT,
                        .call = 3,
                        .memory = memory,
                        .latency_ns = 20,
                        .bytes = 30};
    filter->ended(jf_mock_self(it->mock), handle, &passed);
}

TEST(filters_see_requests_and_results) {
    fixture it;
    ACCESS_UP(it);
    jf_ref handle = attach_to(&it, JF_FILTER_1);
    CHECK(pass(&it, 1, handle, false, "pass", 0) == JF_OK && host.length[1] == 0, "it goes on: %d",
          (int)host.status[1]);
    CHECK(pass(&it, 2, handle, false, "echo", 0) == JF_OK && verdict_of(2).decision == JF_ANSWER &&
              strcmp(rest_of(2), "{\"name\":\"x\",\"arguments\":{\"a\":1}}") == 0,
          "an answer: %s", rest_of(2));
    CHECK(pass(&it, 3, handle, false, "later", 0) == JF_OK && strcmp(rest_of(3), "{\"a\":1}") == 0,
          "later: %s", rest_of(3));
    /* What a request leaves comes back as it was, and is nothing that the host could use. */
    CHECK(pass(&it, 4, handle, false, "remember", 0) == JF_OK && verdict_of(4).memory != 0, "no memory");
    uint64_t memory = verdict_of(4).memory;
    CHECK(pass(&it, 5, handle, true, "x", memory) == JF_OK && strcmp(rest_of(5), "mine") == 0, "memory: %s",
          rest_of(5));
    CHECK(pass(&it, 6, handle, true, "x", verdict_of(3).memory) == JF_OK &&
              strcmp(rest_of(6), "later's") == 0,
          "memory of a late answer: %s", rest_of(6));
    CHECK(pass(&it, 7, handle, true, "x", 12345) == JF_OK && strcmp(rest_of(7), "none") == 0,
          "foreign memory: %s", rest_of(7));
    tell_ended(&it, handle, memory);
    CHECK(notes(&it, "ended mine -6 3 20 30 of 77"), "the end is not told");
    CHECK(pass(&it, 8, handle, true, "x", memory) == JF_OK && strcmp(rest_of(8), "none") == 0,
          "memory of a call that is over: %s", rest_of(8));
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(filters_forget_what_another_process_left) {
    fixture it;
    ACCESS_UP(it);
    jf_ref handle = attach_to(&it, JF_FILTER_1);
    CHECK(pass(&it, 1, handle, false, "remember", 0) == JF_OK, "not remembered");
    uint64_t memory = verdict_of(1).memory;
    CHECK(pass(&it, 2, handle, false, "crash", 0) == JF_E_GONE, "a crash: %d", (int)host.status[2]);
    CHECK(pass(&it, 3, handle, true, "x", memory) == JF_E_GONE &&
              (jf_mock_fault(it.mock), host.finished[3] == 0),
          "while it is down");
    CHECK(fixture_wait(&it, JF_CELL_UP, 1), "it does not come back");
    CHECK(pass(&it, 4, handle, true, "x", memory) == JF_OK && strcmp(rest_of(4), "none") == 0, "memory: %s",
          rest_of(4));
    tell_ended(&it, handle, memory);
    CHECK(pass(&it, 5, handle, false, "remember", 0) == JF_OK && verdict_of(5).memory != memory,
          "a number that was given before");
    CHECK(!jf_mock_logged(it.mock, JF_LOG_INFO, "ended mine") &&
              !jf_mock_logged(it.mock, JF_LOG_INFO, "ended foreign"),
          "it heard the end of another process's call");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

/* Every facet's operation ends with JF_E_GONE, and all is there again afterwards. */
static void access_ends_with(const char *how, const char *part) {
    fixture it;
    fixture_describe(&it, fixture_plugin("cell-access"), ACCESS);
    it.spawn.limits.hang_ms = strcmp(how, "hang") == 0 ? 300 : 10000;
    it.spawn.limits.heartbeat_ms = 50;
    REQUIRE(access_up(&it), "no cell: %s", jf_mock_why(it.mock));
    jf_ref auth = attach_to(&it, JF_AUTH_1), source = attach_to(&it, JF_CREDENTIALS_1),
           policy = attach_to(&it, JF_POLICY_1), filter = attach_to(&it, JF_FILTER_1);
    const jf_store_1 *store = jf_mock_facet(it.mock, JF_STORE_1);
    CHECK(store->watch(jf_mock_self(it.mock), 6, jf_mock_view("p"), jf_mock_fault(it.mock)) == JF_OK,
          "no watch: %s", jf_mock_why(it.mock));
    for (uint32_t round = 0; round < 4; round++) {
        jf_ref op = 10 + round;
        host.heard[0] = 0;
        int32_t status = round == 0   ? identify(&it, op, auth, how)
                         : round == 1 ? supply(&it, op, source, how, 0)
                         : round == 2 ? decide(&it, op, policy, how)
                                      : pass(&it, op, filter, false, how, 0);
        CHECK(status == JF_E_GONE && strstr(host.fault[op].text, part) != NULL, "%s, facet %u: %d %.*s", how,
              round, (int)status, (int)host.fault[op].text_len, host.fault[op].text);
        CHECK(fixture_wait(&it, JF_CELL_UP, round + 1), "%s: it does not come back: %s", how,
              fixture_state(&it).reason);
        CHECK(identify(&it, 20 + round, auth, "good") == JF_OK, "%s: it does not identify again", how);
        CHECK(supply(&it, 30 + round, source, "tool", 0) == JF_ABSENT, "%s: it does not supply again", how);
        CHECK(decide(&it, 40 + round, policy, "tool") == JF_OK, "%s: it does not decide again", how);
        CHECK(pass(&it, 50 + round, filter, false, "pass", 0) == JF_OK, "%s: it does not filter again", how);
        CHECK(strstr(host.heard, "policy ") != NULL, "%s: the host does not review again", how);
        CHECK(strstr(host.heard, "watch 6  0;") != NULL, "%s: the watch is not told: %s", how, host.heard);
    }
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(access_survives_crashes) {
    access_ends_with("crash", "signal 6");
}
TEST(access_survives_hangs) {
    access_ends_with("hang", "hangs");
}
TEST(access_survives_garbage) {
    access_ends_with("garbage", "it sent");
}

static void store_and_find(uint32_t threads) {
    fixture it;
    fixture_describe(&it, fixture_plugin("cell-access"), ACCESS);
    it.spawn.threads = threads;
    REQUIRE(access_up(&it), "no cell: %s", jf_mock_why(it.mock));
    const jf_store_1 *store = jf_mock_facet(it.mock, JF_STORE_1);
    jf_self *self = jf_mock_self(it.mock);
    jf_fault *why = jf_mock_fault(it.mock);
    jf_blob out = {0};
    for (int i = 0; i < 64; i++)
        host.status[i] = JF_PENDING;
    CHECK(ends(&it, 1, store->get(self, 1, jf_mock_view("k"), &out, why)) == JF_OK &&
              strcmp(host.bytes[1], "get k") == 0,
          "get: %s", host.bytes[1]);
    CHECK(ends(&it, 2, store->get(self, 2, jf_mock_view("absent"), &out, why)) == JF_ABSENT, "absent");
    CHECK(store->watch(self, 6, jf_mock_view("k"), why) == JF_OK, "no watch: %s", jf_mock_why(it.mock));
    CHECK(store->watch(self, 7, jf_mock_view("never"), why) == JF_E_UNSUPPORTED, "a watch that cannot be");
    char *value = calloc(1, 1000001);
    memset(value, 'v', 1000000);
    jf_store_put put = {.size = sizeof put,
                        .flags = JF_STORE_MATCH,
                        .revision = 3,
                        .ttl_ms = 4,
                        .key = jf_mock_view("k"),
                        .value = jf_mock_view(value)};
    CHECK(ends(&it, 3, store->put(self, 3, &put, &out, why)) == JF_OK &&
              strcmp(host.bytes[3], "put 2 3 4 k 1000000") == 0,
          "put: %s", host.bytes[3]);
    free(value);
    CHECK(strcmp(host.heard, "watch 6 k 42;") == 0, "heard: %s", host.heard);
    store->unwatch(self, 6);
    put.value = jf_mock_view("v");
    CHECK(ends(&it, 4, store->put(self, 4, &put, &out, why)) == JF_OK &&
              strcmp(host.heard, "watch 6 k 42;") == 0,
          "heard after unwatch: %s", host.heard);
    CHECK(ends(&it, 5, store->remove(self, 5, jf_mock_view("k"), 5, &out, why)) == JF_E_STALE, "remove");
    CHECK(ends(&it, 8, store->remove(self, 8, jf_mock_view("k"), 6, &out, why)) == JF_OK &&
              host.length[8] == 0,
          "remove");
    jf_store_list list = {.size = sizeof list, .flags = 1, .most = 9, .prefix = jf_mock_view("p")};
    CHECK(ends(&it, 9, store->list(self, 9, &list, &out, why)) == JF_OK &&
              strcmp(host.bytes[9], "list 1 9 p first") == 0,
          "list: %s", host.bytes[9]);
    jf_store_add add = {.size = sizeof add, .delta = -7, .ttl_ms = 8, .key = jf_mock_view("n")};
    CHECK(ends(&it, 10, store->add(self, 10, &add, &out, why)) == JF_OK &&
              strcmp(host.bytes[10], "add -7 8") == 0,
          "add: %s", host.bytes[10]);
    jf_store_limit limits[17] = {{.key = jf_mock_view("a")},
                                 {.key = jf_mock_view("b"), .kind = 2, .rate = 3, .cost = 4}};
    CHECK(ends(&it, 11, store->take(self, 11, limits, 2, &out, why)) == JF_OK &&
              strcmp(host.bytes[11], "take 2 2 3 4") == 0,
          "take: %s", host.bytes[11]);
    CHECK(store->take(self, 12, limits, 17, &out, why) == JF_E_INVALID, "17 limits");
    CHECK(store->take(self, 12, limits, 0, &out, why) == JF_E_INVALID, "no limits");
    CHECK(ends(&it, 13, store->get(self, 13, jf_mock_view("crash"), &out, why)) == JF_E_GONE, "a crash");
    CHECK(store->get(self, 14, jf_mock_view("k"), &out, why) == JF_E_GONE &&
              (why->flags & JF_FAULT_NOT_STARTED) != 0,
          "while it is down: %s", jf_mock_why(it.mock));
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(stores_keep) {
    store_and_find(JF_CELL_LANE);
}
TEST(stores_keep_on_workers) {
    store_and_find(JF_CELL_CONCURRENT);
}

TEST(uses_state) {
    const struct {
        const char *name, *asked;
    } cases[] = {{"state-get", "get key"},           {"state-put", "put 1 5 key {\"a\":1}"},
                 {"state-take", "take 2 b 1 4 5 6"}, {"state-abandon", "remove key 9"},
                 {"state-watch", "list 3 p"},        {"state-unwatch", "add -3"}};
    fixture it;
    ACCESS_UP(it);
    jf_ref handle = attach_to(&it, JF_FILTER_1);
    const jf_filter_1 *filter = jf_mock_facet(it.mock, JF_FILTER_1);
    for (jf_ref i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jf_principal who = person();
        char body[] = "{\"a\":1}";
        jf_passage passage = {.size = sizeof passage,
                              .principal = &who,
                              .name = jf_mock_view(cases[i].name),
                              .body = jf_mock_view(body),
                              .arguments = jf_mock_view(body)};
        jf_blob out = {0};
        host.status[i + 1] = JF_PENDING;
        CHECK(filter->request(jf_mock_self(it.mock), i + 1, handle, &passage, &out, jf_mock_fault(it.mock)) ==
                  JF_PENDING,
              "%s", cases[i].name);
        CHECK(jf_mock_run_until(it.mock, is_asked, (void *)(uintptr_t)cases[i].asked, 5000), "%s: asked %s",
              cases[i].name, host.asked);
        jf_fault why = {.size = sizeof why, .code = JF_E_TIMEOUT};
        int32_t status = i == 0 ? JF_OK : i == 1 ? JF_E_STALE : i == 2 ? JF_E_TIMEOUT : JF_ABSENT;
        host.done(host.user, 9, status, jf_mock_view("entry"), status == JF_E_TIMEOUT ? &why : NULL);
        CHECK(ends(&it, i + 1, JF_PENDING) == JF_OK, "%s is not over", cases[i].name);
        char wanted[64];
        snprintf(wanted, sizeof wanted, "%d entry %d", (int)status,
                 status == JF_E_TIMEOUT ? JF_E_TIMEOUT : 0);
        CHECK(strcmp(rest_of(i + 1), wanted) == 0, "%s: %s", cases[i].name, rest_of(i + 1));
        if (i == 4) {
            CHECK(strcmp(host.heard, "watches pre;") == 0 && notes(&it, "watch 0"), "heard %s", host.heard);
            host.changed(host.watcher, 8, jf_mock_view("prefix"), 3);
            CHECK(notes(&it, "state mine prefix 3"), "the change is not told");
        }
    }
    CHECK(host.abandoned == 1 && host.unwatched == 1, "%u abandoned, %u unwatched", host.abandoned,
          host.unwatched);
    /* What is open when the process ends is given up. */
    CHECK(pass(&it, STAYS_OPEN, handle, false, "state-watch", 0) == JF_PENDING, "a list");
    CHECK(jf_mock_run_until(it.mock, is_asked, "list 3 p", 5000), "asked %s", host.asked);
    CHECK(pass(&it, 21, handle, false, "crash", 0) == JF_E_GONE, "a crash");
    CHECK(fixture_wait(&it, JF_CELL_UP, 1), "it does not come back");
    CHECK(host.abandoned == 2 && host.unwatched == 2, "%u abandoned, %u unwatched", host.abandoned,
          host.unwatched);
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

static bool is_delivered(void *user) {
    return strcmp(host.message, user) == 0;
}

static int32_t answer_with(const fixture *it, jf_ref exchange, jf_pair *fields, uint64_t count) {
    const jf_listener_1 *listener = jf_mock_listener(it->mock);
    jf_message message = {.size = sizeof message,
                          .flags = JF_MSG_FINAL,
                          .status = JF_STATUS_UNAUTHORIZED,
                          .exchange = exchange,
                          .fields = fields,
                          .field_count = count};
    return listener->reply(jf_mock_self(it->mock), 31, &message);
}

TEST(carries_fields_and_certificates) {
    fixture it;
    char first[] = "31 1 \"wants 0\" 1",
         second[] = "31 2 \"wants 1\" 1 Authorization=Bearer x X-Two=", third[] = "31 3 \"wants 0\" 1";
    fixture_describe(&it, fixture_plugin("cell-access"), "jf.listener/1");
    REQUIRE(access_up(&it), "no cell: %s", jf_mock_why(it.mock));
    const jf_listener_1 *listener = jf_mock_listener(it.mock);
    jf_blob bound = {0};
    CHECK(listener->listen(jf_mock_self(it.mock), 3, jf_mock_view("x"), jf_mock_view("{}"), &bound,
                           jf_mock_fault(it.mock)) == JF_OK,
          "it does not listen: %s", jf_mock_why(it.mock));
    if (bound.drop != NULL) bound.drop(bound.owner);
    /* Fields are collected only where the host looks at them, and what it wants may change. */
    CHECK(jf_mock_run_until(it.mock, is_delivered, first, 5000), "delivered %s", host.message);
    CHECK(strcmp(host.client, "4 there DER mcp.example") == 0, "the client is %s", host.client);
    jf_pair fields[2] = {{jf_mock_view("WWW-Authenticate"), jf_mock_view("Bearer")},
                         {jf_mock_view("Retry-After"), jf_mock_view("7")}};
    host.wants = JF_WANTS_FIELDS;
    CHECK(answer_with(&it, 1, fields, 2) == JF_OK, "no reply");
    CHECK(jf_mock_run_until(it.mock, is_delivered, second, 5000), "delivered %s", host.message);
    CHECK(notes(&it, "field WWW-Authenticate=Bearer") && notes(&it, "field Retry-After=7"),
          "the reply's fields do not arrive");
    host.wants = 0;
    CHECK(answer_with(&it, 2, NULL, 0) == JF_OK, "no reply");
    CHECK(jf_mock_run_until(it.mock, is_delivered, third, 5000), "delivered %s", host.message);
    CHECK(fixture_down(&it) == 0, "rules were broken");
}
