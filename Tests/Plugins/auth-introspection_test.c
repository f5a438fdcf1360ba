/* SPDX-License-Identifier: Apache-2.0
 * Tests of auth-introspection through the mock host. */
#include "auth/fake_http.h"

#define SECONDS(n) ((uint64_t)(n)*1000000000u)
#define URL "https://id.example/introspect"
#define BASE "\"endpoint\":\"" URL "\",\"client_id\":\"gate way\",\"client_secret\":\"s:e c+ret\""
#define ACTIVE "{\"active\":true,\"sub\":\"alice\",\"scope\":\"a b\",\"exp\":1800000270}"

static int32_t bearer_op(const char *token, jf_ref *op) {
    static char value[100000];
    snprintf(value, sizeof value, "Bearer %s", token);
    blank();
    show("authorization", value);
    return ask_op(op);
}

static void begin_asking(const char *more) {
    static char config[2000];
    begin_http();
    snprintf(config, sizeof config, "{" BASE "%s}", more);
    CHECK(attach(config), "does not attach: %s", jf_mock_why(mock));
}

/** What comes of a token about which the server answers this. */
static int32_t answer(const char *token, int32_t status, const char *body) {
    jf_ref op;
    CHECK(bearer_op(token, &op) == JF_PENDING, "%s: it is not asked: %s", token, said);
    http_answer(URL, status, body, NULL);
    return outcome(op);
}

/** Whether the host may keep the principal for at most so long, and for much of that. */
static bool kept_for(int most) {
    char *text = jf_mock_json_get(mock, principal, "/keep_ms");
    int ms = text != NULL ? atoi(text) : -1;
    free(text);
    return ms > most / 2 && ms <= most;
}

TEST(ordinary) {
    begin_asking("");
    CHECK(strcmp(description(), "{\"bearer_methods_supported\":[\"header\"]}") == 0, "%s", description());
    blank();
    CHECK(ask() == JF_ABSENT, "nothing is shown");
    show("authorization", "Basic abc");
    CHECK(ask() == JF_ABSENT, "another scheme");
    CHECK(bearer("a b") == JF_E_DENIED && bearer("") == JF_E_DENIED, "%s", said);
    blank();
    show("authorization", "Bearer a");
    show("authorization", "Bearer a");
    CHECK(ask() == JF_E_DENIED, "two headers");
    static char huge[40000];
    memset(huge, 'a', sizeof huge - 1);
    CHECK(bearer(huge) == JF_E_DENIED && strstr(said, "too long") != NULL, "%s", said);
    CHECK(request_count == 0, "a request");
    end();
}

TEST(what_is_asked) {
    jf_ref op;
    begin_asking("");
    CHECK(bearer_op("to+ken/~=", &op) == JF_PENDING, "%s", said);
    const struct fake_request *last = http_last();
    CHECK(strcmp(last->method, "POST") == 0 && strcmp(last->url, URL) == 0, "%s %s", last->method, last->url);
    CHECK(strcmp(last->body, "token=to%2Bken%2F%7E%3D&token_type_hint=access_token") == 0, "%s", last->body);
    /* base64 of gate%20way:s%3Ae%20c%2Bret */
    CHECK(strstr(last->headers, "authorization: Basic Z2F0ZSUyMHdheTpzJTNBZSUyMGMlMkJyZXQ=\n") != NULL &&
              strstr(last->headers, "content-type: application/x-www-form-urlencoded\n") != NULL,
          "%s", last->headers);
    http_answer(URL, 200, ACTIVE, NULL);
    CHECK(outcome(op) == JF_OK && is("/subject", "alice") && is("/scopes/1", "b") && is("/issuer", URL) &&
              is("/expires_ms", "1800000270000") && kept_for(30000),
          "%s", said);
    end();
    begin_asking(",\"client_auth\":\"post\"");
    CHECK(bearer_op("t", &op) == JF_PENDING, "%s", said);
    CHECK(strcmp(http_last()->body, "token=t&token_type_hint=access_token&client_id=gate%20way&client_secret="
                                    "s%3Ae%20c%2Bret") == 0 &&
              strstr(http_last()->headers, "Basic") == NULL,
          "%s", http_last()->body);
    http_answer(URL, 200, ACTIVE, NULL);
    end();
}

TEST(the_table_of_answers) {
    static const struct {
        const char *body;
        int32_t expected;
        const char *why;
    } rows[] = {
        {ACTIVE, JF_OK, ""},
        {"{\"active\":true,\"username\":\"al\"}", JF_OK, ""},
        {"{\"active\":true,\"client_id\":\"app\"}", JF_OK, ""},
        {"{\"active\":false}", JF_E_DENIED, "not active"},
        {"{\"active\":false,\"sub\":\"alice\"}", JF_E_DENIED, "not active"},
        {"{\"active\":true}", JF_E_DENIED, "whose"},
        {"{\"active\":true,\"sub\":\"a\\u0000\"}", JF_E_DENIED, "whose"},
        {"{\"active\":true,\"sub\":\"a\",\"exp\":1799999000}", JF_E_DENIED, "expired"},
        {"{\"active\":true,\"sub\":\"a\",\"exp\":1e300}", JF_E_DENIED, "not a time"},
        {"{\"active\":true,\"sub\":\"a\",\"nbf\":1800001000}", JF_E_DENIED, "not valid yet"},
        {"{\"active\":true,\"sub\":\"a\",\"aud\":\"https://other.example\"}", JF_E_DENIED, "audience"},
        {"{\"active\":true,\"sub\":\"a\",\"aud\":[\"x\",\"" RESOURCE "\"]}", JF_OK, ""},
        {"{\"active\":true,\"sub\":\"a\",\"iss\":\"https://id.example\"}", JF_OK, ""},
        {"{\"active\":true,\"sub\":\"a\",\"iss\":\"https://evil.example\"}", JF_E_DENIED, "issuer"},
        {"{\"active\":true,\"sub\":\"a\",\"roles\":[1]}", JF_E_DENIED, "roles"},
        {"{\"active\":\"true\",\"sub\":\"a\"}", JF_E_GONE, "no introspection"},
        {"{\"active\":1,\"sub\":\"a\"}", JF_E_GONE, "no introspection"},
        {"{\"active\":false,\"active\":true,\"sub\":\"a\"}", JF_E_GONE, "no introspection"},
        {"{\"sub\":\"a\"}", JF_E_GONE, "no introspection"},
        {"[true]", JF_E_GONE, "no introspection"},
        {"", JF_E_GONE, "no introspection"},
        {"<html>", JF_E_GONE, "no introspection"},
        {"{\"active\":true,\"sub\":\"a\"", JF_E_GONE, "no introspection"}};
    char token[20];
    begin_asking(",\"issuer\":\"https://id.example\"");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(token, sizeof token, "token-%zu", i);
        int32_t status = answer(token, 200, rows[i].body);
        CHECK(status == rows[i].expected && strstr(said, rows[i].why) != NULL, "%s: %d: %s", rows[i].body,
              (int)status, said);
        if (status == JF_OK) CHECK(is("/issuer", "https://id.example"), "%s", rows[i].body);
        jf_mock_advance(mock, SECONDS(20));
    }
    CHECK(strcmp(description(), "{\"bearer_methods_supported\":[\"header\"],\"authorization_servers\":["
                                "\"https://id.example\"]}") == 0,
          "%s", description());
    end();
    begin_asking(",\"require_audience\":true,\"audiences\":[\"gw\"],\"tenant\":[\"org\"]");
    CHECK(answer("a", 200, "{\"active\":true,\"sub\":\"a\",\"org\":\"o\"}") == JF_E_DENIED, "no audience: %s",
          said);
    CHECK(answer("b", 200, "{\"active\":true,\"sub\":\"a\",\"org\":\"o\",\"aud\":\"gw\"}") == JF_OK &&
              is("/tenant", "o"),
          "%s", said);
    CHECK(answer("c", 200, "{\"active\":true,\"sub\":\"a\",\"aud\":\"gw\"}") == JF_E_DENIED, "no tenant: %s",
          said);
    end();
}

TEST(answers_are_kept_for_a_while) {
    jf_ref op;
    begin_asking(",\"keep_ms\":30000,\"keep_refused_ms\":5000");
    CHECK(answer("good", 200, ACTIVE) == JF_OK, "%s", said);
    CHECK(answer("bad", 200, "{\"active\":false}") == JF_E_DENIED, "%s", said);
    jf_mock_advance(mock, SECONDS(4));
    CHECK(bearer("good") == JF_OK && bearer("bad") == JF_E_DENIED && request_count == 2, "%s", said);
    CHECK(bearer("good") == JF_OK && kept_for(26000), "%s", principal);
    jf_mock_advance(mock, SECONDS(2));
    CHECK(answer("bad", 200, ACTIVE) == JF_OK, "%s", said);
    jf_mock_advance(mock, SECONDS(25));
    CHECK(answer("good", 200, "{\"active\":false}") == JF_E_DENIED, "revoked: %s", said);
    /* For another resource the answer may be another. */
    CHECK(bearer("bad") == JF_OK, "%s", said);
    request.resource = jf_mock_view("https://mcp.example/mcp/servers/x");
    CHECK(ask_op(&op) == JF_PENDING, "asked for another resource: %s", said);
    http_answer(URL, 200, ACTIVE, NULL);
    /* A token that ends soon is not kept longer. */
    CHECK(answer("short", 200, "{\"active\":true,\"sub\":\"a\",\"exp\":1800000003}") == JF_OK &&
              kept_for(3000),
          "%s", said);
    end();
    begin_asking(",\"keep_ms\":0,\"keep_refused_ms\":0");
    for (int i = 0; i < 3; i++) {
        CHECK(answer("good", 200, ACTIVE) == JF_OK && is("/keep_ms", "0"), "%s", said);
        CHECK(answer("bad", 200, "{\"active\":false}") == JF_E_DENIED, "%s", said);
    }
    end();
}

TEST(one_question_for_many) {
    jf_ref ops[20], op;
    begin_asking(",\"max_waiting\":20,\"max_asking\":2");
    for (int i = 0; i < 20; i++)
        CHECK(bearer_op(i == 7 ? "other" : "same", &ops[i]) == JF_PENDING, "%d: %s", i, said);
    CHECK(request_count == 2, "%u requests", request_count);
    CHECK(bearer_op("same", &op) == JF_E_BUSY && said_retry > 0, "one too many waits: %s", said);
    http_answer(URL, 200, ACTIVE, NULL);
    for (int i = 0; i < 20; i++)
        CHECK(outcome(ops[i]) == (i == 7 ? JF_PENDING : JF_OK), "%d: %s", i, said);
    CHECK(bearer_op("third", &op) == JF_PENDING, "%s", said);
    CHECK(bearer_op("fourth", &op) == JF_E_BUSY, "one too many is asked about: %s", said);
    http_answer(URL, 200, "{\"active\":false}", NULL);
    CHECK(outcome(ops[7]) == JF_E_DENIED, "%s", said);
    http_answer(URL, 200, ACTIVE, NULL);
    end();
}

TEST(the_server_is_down) {
    static const int32_t statuses[] = {JF_E_GONE, JF_E_TIMEOUT, 500, 503, 404, 302, 401, 403, 204};
    jf_ref op;
    begin_asking("");
    CHECK(answer("good", 200, ACTIVE) == JF_OK, "%s", said);
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        CHECK(answer("x", statuses[i], ACTIVE) == JF_E_GONE && said_retry > 0 &&
                  (said_flags & JF_FAULT_PUBLIC) == 0,
              "%d: %s", (int)statuses[i], said);
        uint32_t before = request_count;
        CHECK(bearer_op("y", &op) == JF_E_GONE && request_count == before, "asked again at once: %s", said);
        CHECK(bearer("good") == JF_OK, "what is known is known: %s", said);
        jf_mock_advance(mock, SECONDS(i == 0 ? 1 : 2) / 2 + (SECONDS(1) << (i < 5 ? i : 4)));
        if (i == 4) break;
    }
    jf_mock_advance(mock, SECONDS(60));
    http_refuses = true;
    CHECK(bearer_op("x", &op) == JF_E_GONE && said_retry > 0, "%s", said);
    http_refuses = false;
    CHECK(answer("x", 200, ACTIVE) == JF_OK && jf_mock_logged(mock, JF_LOG_INFO, "answers again"), "%s",
          said);
    for (size_t i = 5; i < sizeof statuses / sizeof statuses[0]; i++) {
        CHECK(answer("z", statuses[i], ACTIVE) == JF_E_GONE, "%d: %s", (int)statuses[i], said);
        jf_mock_advance(mock, SECONDS(60));
    }
    end();
    begin_asking("");
    CHECK(answer("x", 401, "") == JF_E_GONE && jf_mock_logged(mock, JF_LOG_ERROR, "client_secret") &&
              !jf_mock_logged(mock, JF_LOG_TRACE, "c+ret"),
          "%s", said);
    end();
}

TEST(no_more_entries_than_configured) {
    char token[20];
    jf_ref ops[16], op;
    begin_asking(",\"max_entries\":16");
    for (int i = 0; i < 100; i++) {
        snprintf(token, sizeof token, "t%d", i);
        CHECK(answer(token, 200, ACTIVE) == JF_OK, "%s", said);
        CHECK(i == 0 || bearer("t0") == JF_OK, "%d: what is used stays", i);
    }
    uint32_t before = request_count;
    CHECK(bearer("t99") == JF_OK && bearer("t86") == JF_OK && request_count == before, "%s", said);
    CHECK(bearer_op("t50", &op) == JF_PENDING, "what is old gave way: %s", said);
    http_answer(URL, 200, ACTIVE, NULL);
    for (int i = 0; i < 16; i++) {
        snprintf(token, sizeof token, "new%d", i);
        CHECK(bearer_op(token, &ops[i]) == JF_PENDING, "%s", said);
    }
    CHECK(bearer_op("one-more", &op) == JF_E_BUSY, "all are being asked about: %s", said);
    for (int i = 0; i < 16; i++)
        http_answer(URL, 200, ACTIVE, NULL);
    for (int i = 0; i < 16; i++)
        CHECK(outcome(ops[i]) == JF_OK, "%d: %s", i, said);
    end();
}

TEST(the_end_while_waiting) {
    jf_ref op = 0, second = 0;
    begin_asking("");
    CHECK(bearer_op("a", &op) == JF_PENDING && bearer_op("b", &second) == JF_PENDING, "%s", said);
    jf_mock_cancel_op(mock, second, JF_E_GONE);
    jf_mock_stop(mock);
    CHECK(outcome(op) == JF_E_GONE && abandoned == 2, "%s", said);
    end();
}

TEST(options_that_make_no_sense) {
    static const struct {
        const char *config, *why;
    } bad[] = {
        {"{}", "endpoint is missing"},
        {"{\"endpoint\":\"" URL "\"}", "client_id"},
        {"{\"endpoint\":\"" URL "\",\"client_id\":\"a\"}", "client_secret"},
        {"{\"endpoint\":\"http://id.example/i\",\"client_id\":\"a\",\"client_secret\":\"hush\"}",
         "not https"},
        {"{\"endpoint\":\"ftp://id.example/i\",\"client_id\":\"a\",\"client_secret\":\"hush\"}", "URL"},
        {"{" BASE ",\"client_auth\":\"none\"}", "client_auth"},
        {"{" BASE ",\"keep_ms\":-1}", "keep_ms"},
        {"{" BASE ",\"subject\":[]}", "subject"}};
    begin_http();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!attach(bad[i].config) && strstr(jf_mock_why(mock), bad[i].why) != NULL &&
                  strstr(jf_mock_why(mock), "hush") == NULL,
              "%s: %s", bad[i].config, jf_mock_why(mock));
    CHECK(attach("{\"endpoint\":\"http://127.0.0.1:1/i\",\"client_id\":\"a\",\"client_secret\":\"b\"}"),
          "on this machine: %s", jf_mock_why(mock));
    CHECK(attach("{\"endpoint\":\"http://id.example/"
                 "i\",\"allow_http\":true,\"client_id\":\"a\",\"client_secret\":\"b\"}"),
          "%s", jf_mock_why(mock));
    end();
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
