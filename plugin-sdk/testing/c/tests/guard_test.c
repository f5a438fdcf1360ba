/* SPDX-License-Identifier: Apache-2.0
 * Tests of the mock host itself: its drivers for auth, policies, filters and credentials, and jf.state/1. */
#include "jf_check.h"
#include "jf_mock.h"

/* A plugin linked into this program; what its slots answer is up to each test. */
struct jf_self {
    const jf_ops_1 *ops;
    const jf_state_1 *state;
    const jf_policies_1 *policies;
    const jf_identity_1 *identity;
    const jf_connected_1 *connected;
};

static jf_self me;
static struct {
    int32_t status;
    const char *json; /**< of identify, supply, describe */
    jf_view bytes;    /**< of review, request, result */
    jf_ruling ruling;
    jf_ref op;
    uint32_t canceled, ended;
    jf_passed passed;
    const jf_passage *passage;
    uint64_t memory, call;
} script;

static int32_t give(jf_view bytes, jf_blob *out, jf_fault *why) {
    *out = (jf_blob){bytes.ptr, script.status == JF_OK ? bytes.len : 0, NULL, NULL};
    why->code = script.status < 0 ? script.status : 0;
    return script.status;
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)self, (void)name, (void)why;
    *handle = 7;
    return config.len == 2 ? JF_OK : JF_E_INVALID;
}
static void detach(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}
static void cancel(jf_self *self, jf_ref op) {
    (void)self, (void)op;
    script.canceled++;
}

static int32_t identify(jf_self *self, jf_ref op, jf_ref handle, const jf_credentials *credentials,
                        jf_blob *principal, jf_fault *why) {
    (void)self, (void)handle, (void)credentials;
    script.op = op;
    return give(jf_mock_view(script.json), principal, why);
}
static int32_t describe(jf_self *self, jf_ref handle, jf_blob *out, jf_fault *why) {
    (void)self, (void)handle;
    return give(jf_mock_view(script.json), out, why);
}
static int32_t supply(jf_self *self, jf_ref op, jf_ref handle, const jf_demand *demand, jf_blob *out,
                      jf_fault *why) {
    (void)self, (void)handle, (void)demand;
    script.op = op;
    return give(jf_mock_view(script.json), out, why);
}
static int32_t decide(jf_self *self, jf_ref op, jf_ref handle, const jf_access *access, jf_ruling *ruling,
                      jf_fault *why) {
    (void)self, (void)handle, (void)access, (void)why;
    script.op = op;
    uint32_t size = ruling->size;
    *ruling = script.ruling;
    ruling->size = size;
    return script.status;
}
static int32_t review(jf_self *self, jf_ref op, jf_ref handle, const jf_access *const *accesses,
                      uint64_t count, jf_blob *decisions, jf_fault *why) {
    (void)self, (void)handle, (void)accesses, (void)count;
    script.op = op;
    return give(script.bytes, decisions, why);
}
static int32_t request(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage, jf_blob *verdict,
                       jf_fault *why) {
    (void)self, (void)handle;
    script.op = op;
    script.passage = passage;
    script.memory = passage->memory;
    script.call = passage->call;
    return give(script.bytes, verdict, why);
}
static void ended(jf_self *self, jf_ref handle, const jf_passed *passed) {
    (void)self, (void)handle;
    script.ended++;
    script.passed = *passed;
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_auth_1 auth = {sizeof auth, 0, attach, detach, identify, describe, cancel};
    static const jf_credentials_1 credentials = {sizeof credentials, 0, attach, detach, supply, cancel};
    static const jf_policy_1 policy = {sizeof policy, 0, attach, detach, decide, review, NULL, cancel};
    static const jf_filter_1 filter = {sizeof filter, 0, attach, detach, request, request, ended, cancel};
    (void)self;
    return strcmp(id, JF_AUTH_1) == 0          ? (const void *)&auth
           : strcmp(id, JF_CREDENTIALS_1) == 0 ? (const void *)&credentials
           : strcmp(id, JF_POLICY_1) == 0      ? (const void *)&policy
           : strcmp(id, JF_FILTER_1) == 0      ? (const void *)&filter
                                               : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config, (void)why;
    me.ops = offer->service(offer->host, JF_OPS_1);
    me.state = offer->service(offer->host, JF_STATE_1);
    me.policies = offer->service(offer->host, JF_POLICIES_1);
    me.identity = offer->service(offer->host, JF_IDENTITY_1);
    me.connected = offer->service(offer->host, JF_CONNECTED_1);
    *out = &me;
    return JF_OK;
}
static void destroy(jf_self *self) {
    memset(self, 0, sizeof *self);
}
static const jf_plugin *entry(const jf_offer *offer, jf_fault *why) {
    (void)offer, (void)why;
    static const jf_plugin plugin = {
        .size = sizeof plugin, .create = create, .destroy = destroy, .facet = facet};
    return &plugin;
}

static jf_mock *up(void) {
    jf_mock *mock = jf_mock_new();
    memset(&script, 0, sizeof script);
    CHECK(jf_mock_attach(mock, entry) == JF_OK && jf_mock_create(mock, NULL) == JF_OK &&
              jf_mock_start(mock) == JF_OK,
          "%s", jf_mock_why(mock));
    return mock;
}

/** Whether exactly so many problems were found since the last time. */
static bool problems(jf_mock *mock, uint32_t wanted) {
    uint32_t found = jf_mock_problems(mock);
    jf_mock_forgive(mock);
    return found == wanted;
}

/* ---- Principals and providers ---- */

TEST(makes_principals) {
    jf_mock *mock = up();
    const jf_principal *nobody = jf_mock_principal(mock, NULL);
    CHECK(nobody->id == 0 && nobody->key.len == 0 && nobody->attributes.len == 2, "nobody");
    const jf_principal *one = jf_mock_principal(
        mock, "{\"subject\":\"s\",\"tenant\":\"t\",\"roles\":[\"a\",\"b\"],\"scopes\":[\"x\"],"
              "\"attributes\":{\"k\":1},\"expires_ms\":1700000000000,\"credential\":\"c\",\"issuer\":\"i\"}");
    CHECK(one->id != 0 && one->role_count == 2 && one->scope_count == 1 && one->expires_ms == 1700000000000u,
          "its members");
    const jf_principal *same =
                           jf_mock_principal(mock, "{\"subject\":\"s\",\"tenant\":\"t\",\"issuer\":\"i\"}"),
                       *other = jf_mock_principal(mock, "{\"subject\":\"s\",\"issuer\":\"i\"}");
    CHECK(one->id == same->id && one->id != other->id, "ids follow tenant, issuer and subject");
    static const char *const bad[] = {"[]",
                                      "{}",
                                      "{\"subject\":\"\"}",
                                      "{\"subject\":1}",
                                      "{\"subject\":\"s\",\"roles\":\"a\"}",
                                      "{\"subject\":\"s\",\"roles\":[1]}",
                                      "{\"subject\":\"s\",\"attributes\":[]}",
                                      "{\"subject\":\"s\",\"expires_ms\":1.5}",
                                      "{\"subject\":\"s\",\"keep_ms\":-1}",
                                      "{\"subject\":\"s\",\"email\":\"x\"}"};
    CHECK(problems(mock, 0), "problems so far");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(jf_mock_principal(mock, bad[i])->id == 0, "case %zu", i);
        CHECK(problems(mock, 1), "case %zu: %s", i, bad[i]);
    }
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(drives_providers) {
    jf_mock *mock = up();
    CHECK(jf_mock_auth_attach(mock, "a", "{\"x\":1}") == 0, "options that it refuses");
    jf_ref handle = jf_mock_auth_attach(mock, "a", NULL);
    CHECK(handle == 7, "the plugin's handle");
    script.json = "{\"subject\":\"s\"}";
    jf_ref op = jf_mock_identify_field(mock, handle, "authorization", "Bearer x");
    CHECK(jf_mock_op_at(mock, op).status == JF_OK && jf_mock_op_at(mock, op).inline_result, "at once");
    script.status = JF_PENDING;
    op = jf_mock_identify_field(mock, handle, "authorization", "Bearer x");
    CHECK(jf_mock_op_at(mock, op).status == JF_PENDING && op == script.op, "later");
    jf_mock_cancel_op(mock, op, JF_E_GONE);
    CHECK(script.canceled == 1 && me.ops->state(me.ops->context, op) == JF_E_GONE, "canceled");
    static const uint8_t late[] = "{\"subject\":1}";
    jf_blob blob = {late, sizeof late - 1, NULL, NULL};
    me.ops->finish(me.ops->context, op, JF_OK, &blob, NULL);
    CHECK(jf_mock_op_at(mock, op).status == JF_OK && problems(mock, 1), "a late answer is checked as well");
    script.status = JF_OK;
    char *text = jf_mock_describe(mock, handle, NULL);
    CHECK(text != NULL && strcmp(text, script.json) == 0, "describe");
    free(text);
    me.identity->forget(me.identity->context, (jf_view){NULL, 0});
    me.identity->forget(me.identity->context, jf_mock_view("key-1"));
    CHECK(jf_mock_count(mock, 0, JF_MOCK_IDENTITY_FORGOTTEN, 0, 0) == 2, "two events");
    jf_mock_auth_detach(mock, handle);
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(drives_sources) {
    jf_mock *mock = up();
    jf_ref handle = jf_mock_credentials_attach(mock, "s", NULL);
    jf_demand demand = jf_mock_demand(mock, NULL);
    static const struct {
        const char *json;
        uint32_t problems;
    } cases[] = {
        {"{\"headers\":{\"x-key\":\"v\"},\"keep_ms\":0}", 0},
        {"{\"connect\":{\"url\":\"https://a\",\"message\":\"m\",\"id\":\"1\"}}", 0},
        {"{}", 1},
        {"[]", 1},
        {"{\"headers\":[]}", 1},
        {"{\"headers\":{\"a b\":\"v\"}}", 1},
        {"{\"headers\":{\"a\":\"v\\r\\nb: c\"}}", 1},
        {"{\"headers\":{\"a\":1}}", 1},
        {"{\"connect\":{\"url\":\"https://a\"}}", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script.json = cases[i].json;
        jf_mock_supply(mock, handle, &demand);
        CHECK(problems(mock, cases[i].problems), "case %zu: %s", i, cases[i].json);
    }
    me.connected->connected(me.connected->context, jf_mock_view("1"), JF_E_DENIED);
    me.connected->forget(me.connected->context, jf_mock_view("t\ni\ns"));
    const jf_mock_event *event = jf_mock_find(mock, 0, JF_MOCK_CONNECTED, 0, 0);
    CHECK(event != NULL && event->status == JF_E_DENIED && strcmp(event->text, "1") == 0, "connected");
    CHECK(jf_mock_find(mock, 0, JF_MOCK_SUPPLY_FORGOTTEN, 0, 0) != NULL, "forgotten");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

/* ---- Policies ---- */

TEST(drives_policies) {
    jf_mock *mock = up();
    jf_ref handle = jf_mock_policy_attach(mock, "p", NULL);
    jf_access access = jf_mock_access(mock, NULL, "search", NULL);
    script.ruling = (jf_ruling){.decision = JF_DENY,
                                .flags = JF_RULING_DRY,
                                .rule = jf_mock_view("rules[1]"),
                                .text = jf_mock_view("no \"way\""),
                                .scopes = jf_mock_view("a b")};
    jf_ref op = jf_mock_decide(mock, handle, &access);
    jf_mock_ruling it = jf_mock_ruling_of(mock, op);
    CHECK(it.decision == JF_DENY && it.dry && strcmp(it.rule, "rules[1]") == 0 &&
              strcmp(it.text, "no \"way\"") == 0 && strcmp(it.scopes, "a b") == 0,
          "%s", jf_mock_op_at(mock, op).result);
    script.status = JF_PENDING;
    op = jf_mock_decide(mock, handle, &access);
    static const uint8_t late[] = "{\"decision\":\"hide\"}";
    jf_blob blob = {late, sizeof late - 1, NULL, NULL};
    me.ops->finish(me.ops->context, op, JF_OK, &blob, NULL);
    it = jf_mock_ruling_of(mock, op);
    CHECK(it.decision == JF_HIDE && it.rule == NULL && it.scopes == NULL && !it.dry, "a late one");
    script.status = JF_E_FAULT;
    CHECK(jf_mock_ruling_of(mock, jf_mock_decide(mock, handle, &access)).decision == UINT32_MAX, "an error");
    script.status = JF_OK;
    script.ruling.decision = 3;
    jf_mock_decide(mock, handle, &access);
    CHECK(problems(mock, 1), "no such decision");

    const jf_access *list[] = {&access, &access, &access};
    static const uint8_t bytes[] = {JF_ALLOW, JF_DENY, JF_HIDE};
    script.bytes = (jf_view){bytes, 3};
    CHECK(strcmp(jf_mock_op_at(mock, jf_mock_review(mock, handle, list, 3)).result, "adh") == 0, "letters");
    jf_mock_review(mock, handle, list, 2);
    CHECK(problems(mock, 1), "a byte for each");
    me.policies->changed(me.policies->context, handle);
    CHECK(jf_mock_find(mock, 0, JF_MOCK_POLICY_CHANGED, handle, 0) != NULL, "changed");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

/* ---- Filters ---- */

static jf_view verdict(uint32_t decision, uint32_t count, uint64_t memory, const void *more, uint64_t size) {
    static uint8_t bytes[256];
    jf_verdict head = {decision, count, memory};
    memcpy(bytes, &head, sizeof head);
    if (size > 0) memcpy(bytes + sizeof head, more, size);
    return (jf_view){bytes, sizeof head + size};
}

TEST(drives_filters) {
    jf_mock *mock = up();
    jf_ref handle = jf_mock_filter_attach(mock, "f", NULL);
    jf_ref op = jf_mock_filter_request(mock, handle, NULL, "t", "{\"a\":1}");
    CHECK(jf_mock_filtered_of(mock, op).decision == JF_PASS, "nothing said");
    CHECK(strcmp(jf_mock_filtered_of(mock, op).body, "{\"name\":\"t\",\"arguments\":{\"a\":1}}") == 0,
          "body");
    struct {
        jf_splice one;
        char text[8];
    } change = {{29, 30, 3}, "[2]"};
    script.bytes = verdict(JF_SPLICE, 1, 99, &change, sizeof change);
    op = jf_mock_filter_request(mock, handle, NULL, "t", "{\"a\":1}");
    jf_mock_filtered it = jf_mock_filtered_of(mock, op);
    CHECK(strcmp(it.body, "{\"name\":\"t\",\"arguments\":{\"a\":[2]}}") == 0 && it.memory == 99, "%s",
          it.body);
    script.bytes = verdict(JF_ANSWER, 0, 0, "{\"content\":[]}", 14);
    jf_ref back = jf_mock_filter_result(mock, op, "{\"isError\":true}");
    it = jf_mock_filtered_of(mock, back);
    CHECK(it.decision == JF_ANSWER && strcmp(it.body, "{\"content\":[]}") == 0, "an answer");
    CHECK(script.memory == 99 && script.call == op, "the same call, and its memory");
    struct {
        jf_spill one;
        char preview[16];
        jf_splice rest;
        char text[8];
    } spill = {{1000, 9, 14}, "{\"content\":[]}", {11, 15, 5}, "false"};
    script.bytes = verdict(JF_SPILL, 1, 0, &spill, sizeof spill);
    back = jf_mock_filter_result(mock, op, "{\"isError\":true}");
    it = jf_mock_filtered_of(mock, back);
    CHECK(it.decision == JF_SPILL && strcmp(it.body, "{\"isError\":false}") == 0, "%s", it.body);
    jf_mock_filter_ended(mock, op, JF_OK);
    jf_mock_filter_ended(mock, op, JF_OK);
    CHECK(script.ended == 1 && script.passed.memory == 99 && script.passed.call == op, "ended once");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(lends_a_pending_passage_until_it_is_over) {
    jf_mock *mock = up();
    jf_ref handle = jf_mock_filter_attach(mock, "f", NULL);
    script.status = JF_PENDING;
    jf_ref op = jf_mock_filter_request(mock, handle, NULL, "t", "{\"a\":1}");
    CHECK(memcmp(script.passage->arguments.ptr, "{\"a\":1}", 7) == 0, "it is still there");
    script.bytes = verdict(JF_PASS, 0, 0, NULL, 0);
    jf_blob blob = {script.bytes.ptr, script.bytes.len, NULL, NULL};
    me.ops->finish(me.ops->context, op, JF_OK, &blob, NULL);
    CHECK(jf_mock_filtered_of(mock, op).status == JF_OK, "over");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(finds_verdicts_that_are_wrong) {
    jf_mock *mock = up();
    jf_ref handle = jf_mock_filter_attach(mock, "f", NULL);
    static const struct {
        jf_splice head;
        char text[8];
        uint32_t decision, count, cut;
    } cases[] = {
        {{1, 2, 1}, "x", JF_SPLICE, 1, 0},   /* no JSON any more */
        {{0, 31, 2}, "[]", JF_SPLICE, 1, 0}, /* another kind */
        {{5, 4, 0}, "", JF_SPLICE, 1, 8},    /* backwards */
        {{0, 99, 2}, "{}", JF_SPLICE, 1, 0}, /* beyond the body */
        {{9, 9, 64}, "{}", JF_SPLICE, 1, 0}, /* longer than there is */
        {{9, 9, 1}, " x", JF_SPLICE, 1, 0},  /* not padded with zeros */
        {{9, 9, 1}, " ", JF_SPLICE, 2, 0},   /* fewer than announced */
        {{9, 9, 0}, " ", JF_SPLICE, 1, 0},   /* more than announced */
        {{0, 0, 0}, "", JF_ANSWER, 0, 0},    /* no result object */
        {{0, 0, 0}, "", 4, 0, 0},            /* no decision */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script.bytes = verdict(cases[i].decision, cases[i].count, 0, &cases[i], 32 - cases[i].cut);
        jf_mock_filter_request(mock, handle, NULL, "t", "{\"a\":1}");
        CHECK(problems(mock, 1), "case %zu", i);
    }
    script.bytes = (jf_view){script.bytes.ptr, 8};
    jf_mock_filter_request(mock, handle, NULL, "t", NULL);
    CHECK(problems(mock, 1), "less than a head");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(finds_spills_that_are_wrong) {
    jf_mock *mock = up();
    jf_ref handle = jf_mock_filter_attach(mock, "f", NULL);
    jf_ref op = jf_mock_filter_request(mock, handle, NULL, "t", NULL);
    static const struct {
        jf_spill head;
        char text[8];
        uint64_t cut;
    } cases[] = {
        {{1, 1, 2}, "{}", 0},  /* no content for the link */
        {{1, 1, 64}, "{}", 0}, /* longer than there is */
        {{1, 1, 64}, "{}", 16} /* not even a head */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script.bytes = verdict(JF_SPILL, 0, 0, &cases[i], 32 - cases[i].cut);
        jf_mock_filter_result(mock, op, "{}");
        CHECK(problems(mock, 1), "case %zu", i);
    }
    script.bytes = verdict(JF_SPILL, 0, 0, &cases[0], 32);
    jf_mock_filter_request(mock, handle, NULL, "t", NULL);
    CHECK(problems(mock, 2), "of a request, too");
    jf_mock_free(mock);
}

/* ---- jf.state/1 ---- */

typedef struct result {
    uint32_t ran;
    int32_t status;
    uint64_t length;
    jf_store_verdict verdict;
} result;

static void done(void *user, jf_ref operation, int32_t status, jf_view answer, const jf_fault *why) {
    (void)operation;
    result *it = user;
    it->ran++;
    it->status = status;
    it->length = answer.len;
    if (answer.len == sizeof it->verdict) memcpy(&it->verdict, answer.ptr, sizeof it->verdict);
    CHECK((why != NULL) == (status < 0 && status != JF_E_STALE), "status %d", (int)status);
}
static void changed(void *user, jf_ref watch, jf_view key, uint64_t revision) {
    (void)watch, (void)revision;
    *(uint32_t *)user += (uint32_t)key.len;
}

TEST(keeps_state) {
    jf_mock *mock = up();
    const jf_state_1 *state = me.state;
    result it = {0};
    uint32_t told = 0;
    jf_ref op, watch;
    state->watch(state->context, jf_mock_view("k"), changed, &told, &watch);
    jf_store_put put = {
        .size = sizeof put, .ttl_ms = 1000, .key = jf_mock_view("key"), .value = jf_mock_view("v")};
    CHECK(state->put(state->context, &put, done, &it, &op) == JF_OK && it.ran == 0, "not from inside");
    jf_mock_settle(mock);
    CHECK(it.ran == 1 && it.status == JF_OK && told == 3, "put, and told");
    char *value = jf_mock_state_get(mock, "key");
    CHECK(value != NULL && strcmp(value, "v") == 0, "what the plugin keeps");
    free(value);
    put.flags = JF_STORE_CREATE;
    state->put(state->context, &put, done, &it, &op);
    jf_mock_settle(mock);
    CHECK(it.status == JF_E_STALE, "it is there");
    jf_mock_advance(mock, 1001000000u);
    state->get(state->context, put.key, done, &it, &op);
    jf_mock_settle(mock);
    CHECK(it.status == JF_ABSENT && it.length == 0, "it ended");
    jf_mock_state_set(mock, "k2", "other");
    jf_mock_settle(mock);
    CHECK(told == 5, "another gateway's change");
    state->unwatch(state->context, watch);
    jf_store_add add = {.size = sizeof add, .delta = 3, .key = jf_mock_view("n")};
    state->add(state->context, &add, done, &it, &op);
    jf_store_list list = {.size = sizeof list, .most = 9, .prefix = jf_mock_view("")};
    state->list(state->context, &list, done, &it, &op);
    state->remove(state->context, jf_mock_view("k2"), 0, done, &it, &op);
    jf_mock_settle(mock);
    value = jf_mock_state_get(mock, "n");
    CHECK(value != NULL && strcmp(value, "3") == 0 && told == 5 && jf_mock_state_entries(mock) == 1,
          "counters");
    free(value);
    uint32_t ran = it.ran;
    state->get(state->context, put.key, done, &it, &op);
    state->abandon(state->context, op);
    jf_mock_settle(mock);
    CHECK(it.ran == ran, "given up");
    jf_mock_state_fail(mock, JF_E_GONE);
    state->get(state->context, put.key, done, &it, &op);
    jf_mock_settle(mock);
    CHECK(it.status == JF_E_GONE, "the store is down");
    state->get(state->context, put.key, done, &it, &op); /* stopped meanwhile: no answer, and no leak */
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(keeps_limits) {
    jf_mock *mock = up();
    result it = {0};
    jf_ref op;
    jf_store_limit limit = {.key = jf_mock_view("alice"), .rate = 2000, .period_ms = 60000, .cost = 1000};
    for (uint32_t kind = JF_LIMIT_BUCKET; kind <= JF_LIMIT_FIXED; kind++) {
        limit.kind = kind;
        limit.burst = kind == JF_LIMIT_BUCKET ? 2000 : 0;
        for (int i = 0; i < 3; i++) {
            me.state->take(me.state->context, &limit, 1, done, &it, &op);
            jf_mock_settle(mock);
            CHECK(it.status == JF_OK && it.verdict.fits == (i < 2), "kind %u, take %d", kind, i);
        }
        CHECK(it.verdict.retry_ms > 0 && it.verdict.retry_ms <= 120000, "kind %u: %u", kind,
              it.verdict.retry_ms);
        jf_mock_advance(mock, (uint64_t)it.verdict.retry_ms * 1000000u);
        me.state->take(me.state->context, &limit, 1, done, &it, &op);
        jf_mock_settle(mock);
        CHECK(it.verdict.fits == 1, "kind %u: not then", kind);
    }
    CHECK(jf_mock_state_limits(mock) == 3, "one for each kind");
    limit.period_ms = 0;
    me.state->take(me.state->context, &limit, 1, done, &it, &op);
    jf_mock_settle(mock);
    CHECK(it.status == JF_E_INVALID, "out of bounds");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
