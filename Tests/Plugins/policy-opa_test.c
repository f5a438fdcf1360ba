/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin policy-opa: what is asked, what answers mean, bounds, the memory, the end. */
#include "policies/policy_check.h"
#include <jackfield/http.h>
#include <jackfield/toolset.h>

/* An HTTP service that keeps the requests. */
static struct {
    jf_http_done_fn done;
    void *user;
    char url[256], body[4096], authorization[64];
} asked[16];
static uint32_t count, abandoned;
static int32_t refusal;

static int32_t request(void *context, const jf_http_request *it, jf_http_done_fn done, void *user,
                       jf_ref *out, jf_fault *why) {
    (void)context;
    (void)why;
    if (refusal != JF_OK) return refusal;
    asked[count].done = done;
    asked[count].user = user;
    snprintf(asked[count].url, sizeof asked[0].url, "%.*s", (int)it->url.len, (const char *)it->url.ptr);
    snprintf(asked[count].body, sizeof asked[0].body, "%.*s", (int)it->body.len, (const char *)it->body.ptr);
    asked[count].authorization[0] = 0;
    if (it->header_count > 1)
        snprintf(asked[count].authorization, sizeof asked[0].authorization, "%.*s",
                 (int)it->headers[1].value.len, (const char *)it->headers[1].value.ptr);
    *out = ++count;
    return JF_OK;
}

static void abandon(void *context, jf_ref which) {
    (void)context;
    (void)which;
    abandoned++;
}

static const jf_http_1 http = {.size = sizeof http, .request = request, .abandon = abandon};

/* What was finished. */
static int32_t ended;
static char result[1024], problem[256];
static uint32_t finished;

static int32_t finish(void *context, jf_ref op, int32_t status, jf_blob *blob, const jf_fault *why) {
    (void)context;
    (void)op;
    ended = status;
    finished++;
    snprintf(result, sizeof result, "%.*s", (int)blob->len, blob->ptr != NULL ? (const char *)blob->ptr : "");
    snprintf(problem, sizeof problem, "%.*s", why != NULL ? (int)why->text_len : 0,
             why != NULL ? why->text : "");
    if (blob->drop != NULL) blob->drop(blob->owner);
    *blob = (jf_blob){0};
    return JF_OK;
}

static const jf_ops_1 ops = {.size = sizeof ops, .finish = finish};

#define PLAIN "{\"url\":\"http://opa:8181/\",\"path\":\"/jackfield/decision\"}"

static void up(const char *config) {
    count = abandoned = finished = 0;
    refusal = JF_OK;
    mock = jf_mock_new();
    jf_mock_offer(mock, JF_HTTP_1, &http);
    jf_mock_offer(mock, JF_OPS_1, &ops);
    if (!jf_mock_up(mock, jf_check_plugin, "{}")) exit(1);
    policy = jf_mock_facet(mock, JF_POLICY_1);
    handle = 0;
    is("alice", "dev", NULL);
    item(JF_TOOLS, "s", "say \"hi\"");
    CHECK(attach(config) == JF_OK, "%s", jf_mock_why(mock));
}

static void answer(uint32_t at, int32_t status, const char *body) {
    jf_http_response response = {.size = sizeof response, .status = status, .body = view(body)};
    asked[at].done(asked[at].user, at + 1, &response);
}

TEST(asks_and_understands) {
    static const char *const answers[][2] = {
        {"{\"result\":true}", "{\"decision\":\"allow\"}"},
        {"{\"result\":false}", "{\"decision\":\"deny\"}"},
        {"{\"result\":{\"allow\":true,\"rule\":\"r\"}}", "{\"decision\":\"allow\",\"rule\":\"r\"}"},
        {"{\"result\":{\"allow\":false,\"hide\":true}}", "{\"decision\":\"hide\"}"},
        {"{\"result\":{\"decision\":\"hide\",\"allow\":true}}", "{\"decision\":\"hide\"}"},
        {"{\"result\":{\"allow\":false,\"text\":\"a\\\"b\",\"scopes\":[\"x\"],\"dry\":true}}",
         "{\"decision\":\"deny\",\"text\":\"a\\\"b\",\"scopes\":[\"x\"],\"dry\":true}"},
        {"{}", "{\"decision\":\"deny\",\"rule\":\"undefined\"}"}};
    up("{\"url\":\"http://opa:8181/\",\"path\":\"/jackfield/decision\",\"authorization\":\"Bearer t\"}");
    access_.arguments = view("{\"a\":1}");
    access_.address = view("[::1]:77");
    for (uint32_t i = 0; i < 7; i++) {
        CHECK(decide() == JF_PENDING, "%s", jf_mock_why(mock));
        answer(i, 200, answers[i][0]);
        CHECK(ended == JF_OK && strcmp(result, answers[i][1]) == 0, "%s: %s", answers[i][0], result);
    }
    CHECK(strcmp(asked[0].url, "http://opa:8181/v1/data/jackfield/decision") == 0, "%s", asked[0].url);
    CHECK(strcmp(asked[0].authorization, "Bearer t") == 0, "%s", asked[0].authorization);
    CHECK(strstr(asked[0].body, "\"name\":\"say \\\"hi\\\"\"") &&
              strstr(asked[0].body, "\"roles\":[\"dev\"]") &&
              strstr(asked[0].body, "\"arguments\":{\"a\":1}") &&
              strstr(asked[0].body, "\"address\":\"::1\""),
          "%s", asked[0].body);
    CHECK(strcmp(class_of(), "?") == 0, "what Rego looks at is not known");
    end();
}

TEST(what_is_no_answer) {
    static const char *const bad[] = {"",
                                      "[]",
                                      "{\"result\":1}",
                                      "{\"result\":{}}",
                                      "{\"result\":{\"allow\":\"yes\"}}",
                                      "{\"result\":{\"decision\":\"maybe\",\"allow\":true}}",
                                      "{\"result\":"};
    up(PLAIN);
    uint32_t at = 0;
    for (int i = 0; i < 7; i++, at++) {
        CHECK(decide() == JF_PENDING, "asked");
        answer(at, 200, bad[i]);
        CHECK(ended == JF_E_INVALID && problem[0] != 0, "%s: %d", bad[i], (int)ended);
    }
    CHECK(decide() == JF_PENDING, "asked");
    answer(at++, 500, "{\"result\":true}");
    CHECK(ended == JF_E_FAULT && strstr(problem, "status 500") != NULL, "%s", problem);
    CHECK(decide() == JF_PENDING, "asked");
    answer(at++, JF_E_TIMEOUT, "");
    CHECK(ended == JF_E_TIMEOUT && strstr(problem, "cannot be reached") != NULL, "%s", problem);
    refusal = JF_E_BUSY;
    CHECK(decide() == JF_E_BUSY, "the service refuses");
    end();
}

TEST(bounds) {
    up("{\"url\":\"http://opa\",\"path\":\"p\",\"max_open\":2,\"max_input\":1024}");
    CHECK(decide() == JF_PENDING && decide() == JF_PENDING && decide() == JF_E_BUSY, "max_open");
    answer(0, 200, "{\"result\":true}");
    CHECK(decide() == JF_PENDING, "one is free");
    answer(1, 200, "{\"result\":true}");
    char large[2000];
    memset(large, '1', sizeof large);
    large[sizeof large - 1] = 0;
    access_.arguments = view(large);
    CHECK(decide() == JF_E_INVALID && strstr(jf_mock_why(mock), "max_input") != NULL, "%s",
          jf_mock_why(mock));
    /* What is open ends with the instance. */
    jf_mock_stop(mock);
    CHECK(abandoned == 1 && finished == 3 && ended == JF_E_GONE, "%u %u", abandoned, finished);
    end();
}

TEST(reviews) {
    up("{\"url\":\"http://opa\",\"path\":\"p\",\"review_path\":\"q/all\"}");
    const jf_access *two[] = {&access_, &access_};
    jf_blob none = {0};
    static const char *const answers[] = {"{\"result\":[true,{\"allow\":false}]}", "{\"result\":[true]}",
                                          "{\"result\":[true,true,true]}", "{\"result\":true}", "{}"};
    for (uint32_t i = 0; i < 5; i++) {
        CHECK(policy->review(jf_mock_self(mock), 9, handle, two, 2, &none, jf_mock_fault(mock)) == JF_PENDING,
              "asked");
        answer(i, 200, answers[i]);
        CHECK(i == 0 ? ended == JF_OK && result[0] == 0 : ended == JF_E_INVALID, "%s: %d", answers[i],
              (int)ended);
    }
    CHECK(strcmp(asked[0].url, "http://opa/v1/data/q/all") == 0, "%s", asked[0].url);
    CHECK(attach(PLAIN) == JF_OK, "attach");
    CHECK(policy->review(jf_mock_self(mock), 9, handle, two, 2, &none, jf_mock_fault(mock)) ==
              JF_E_UNSUPPORTED,
          "without review_path the host asks for each");
    end();
}

TEST(remembers_the_very_same_question) {
    up("{\"url\":\"http://opa\",\"path\":\"p\",\"cache_ttl_ms\":1000,\"cache_entries\":4}");
    access_.now_ms = 5000;
    CHECK(decide() == JF_PENDING, "asked");
    answer(0, 200, "{\"result\":{\"allow\":false,\"rule\":\"r\",\"text\":\"no\"}}");
    CHECK(decided() == JF_DENY && rule_is("r") && ruling.text.len == 2, "known");
    access_.arguments = view("{}");
    CHECK(decide() == JF_PENDING, "another question");
    answer(1, 500, "");
    CHECK(decide() == JF_PENDING, "failures are not kept");
    answer(2, 200, "{\"result\":true}");
    access_.arguments = (jf_view){0};
    is("bob", "dev", NULL);
    CHECK(decide() == JF_PENDING, "somebody else");
    answer(3, 200, "{\"result\":true}");
    CHECK(decided() == JF_ALLOW, "known");
    access_.now_ms = 6000;
    CHECK(decide() == JF_PENDING, "too old");
    answer(4, 200, "{\"result\":true}");
    end();
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
