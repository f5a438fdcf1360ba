/* SPDX-License-Identifier: Apache-2.0
 * Keys that are fetched: found by metadata, kept, fetched again, and what happens when that fails. */
#ifndef AUTH_JWT_ISSUER_CASES_H
#define AUTH_JWT_ISSUER_CASES_H

#include "fixture.h"
#include <sys/stat.h>

#define SECONDS(n) ((uint64_t)(n)*1000000000u)
#define PLACE_1 "https://id.example/.well-known/oauth-authorization-server"
#define PLACE_2 "https://id.example/.well-known/openid-configuration"
#define METADATA "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" KEYS_URL "\"}"

/** A token of a key that the set has under this id. */
static const char *token_with(const struct test_key *key, const char *id) {
    char header[100];
    snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"kid\":\"%s\"}", id);
    return token_of(key, "RS256", header, CLAIMS);
}

/** A set of one key. */
static const char *set_of(const struct test_key *key, const char *id) {
    static char text[4000];
    snprintf(text, sizeof text, "{\"keys\":[{\"kid\":\"%s\",%s}]}", id, key->jwk);
    return text;
}

TEST(found_by_metadata) {
    jf_ref op;
    make_keys();
    begin_http();
    REQUIRE(attach("{\"issuer\":\"" ISSUER "\"}"), "%s", jf_mock_why(mock));
    CHECK(bearer_op(good(), &op) == JF_PENDING && http_open() == 1, "%s", said);
    CHECK(strcmp(http_last()->method, "GET") == 0 &&
              strstr(http_last()->headers, "application/json") != NULL && http_last()->body[0] == 0,
          "%s", http_last()->headers);
    http_answer(PLACE_1, 404, "", NULL);
    http_answer(PLACE_2, 200, METADATA, NULL);
    CHECK(outcome(op) == JF_PENDING, "too early");
    http_answer(KEYS_URL, 200, key_set(), "max-age=600");
    CHECK(outcome(op) == JF_OK && is("/subject", "alice"), "%s", said);
    CHECK(bearer(good()) == JF_OK && request_count == 3, "the keys are there: %s", said);
    end();
}

TEST(issuers_with_a_path) {
    jf_ref op;
    static char claims[300];
    make_keys();
    begin_http();
    REQUIRE(attach("{\"issuer\":\"https://id.example/realms/one/\"}"), "%s", jf_mock_why(mock));
    snprintf(claims, sizeof claims,
             "{\"iss\":\"https://id.example/realms/one/\",\"sub\":\"a\",\"aud\":\"" RESOURCE
             "\",\"exp\":1800000270}");
    CHECK(bearer_op(token_of(&rsa, "RS256", "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", claims), &op) ==
              JF_PENDING,
          "%s", said);
    http_answer("https://id.example/.well-known/oauth-authorization-server/realms/one", 404, "", NULL);
    http_answer("https://id.example/.well-known/openid-configuration/realms/one", 404, "", NULL);
    http_answer("https://id.example/realms/one/.well-known/openid-configuration", 200,
                "{\"issuer\":\"https://id.example/realms/one/\",\"jwks_uri\":\"" KEYS_URL "\"}", NULL);
    http_answer(KEYS_URL, 200, key_set(), NULL);
    CHECK(outcome(op) == JF_OK, "%s", said);
    end();
}

/* Metadata that must not be believed, each of them: 503, and no further request. */
TEST(metadata_that_lie) {
    static const struct {
        const char *text, *why;
    } lies[] = {
        {"{\"issuer\":\"https://evil.example\",\"jwks_uri\":\"" KEYS_URL "\"}", "another issuer"},
        {"{\"issuer\":\"" ISSUER "/\",\"jwks_uri\":\"" KEYS_URL "\"}", "another issuer"},
        {"{\"jwks_uri\":\"" KEYS_URL "\"}", "another issuer"},
        {"{\"issuer\":\"" ISSUER "\"}", "no jwks_uri"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":7}", "no jwks_uri"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"http://id.example/keys\"}", "not https"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"http://169.254.169.254/keys\"}", "not https"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"http://127.0.0.1:8808/keys\"}", "on this machine"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://localhost/keys\"}", "on this machine"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://[::1]/keys\"}", "on this machine"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"file:///etc/passwd\"}", "URL"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"javascript:alert(1)\"}", "URL"},
        {"{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://a@evil.example/\"}", "URL"},
        {"{\"issuer\":\"" ISSUER "\",\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" KEYS_URL "\"}",
         "JSON object"},
        {"[]", "JSON object"},
        {"<html>", "JSON object"},
        {"", "JSON object"}};
    make_keys();
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        jf_ref op;
        begin_http();
        REQUIRE(attach("{\"issuer\":\"" ISSUER "\"}"), "%s", jf_mock_why(mock));
        CHECK(bearer_op(good(), &op) == JF_PENDING, "%s", said);
        http_answer(PLACE_1, 200, lies[i].text, NULL);
        CHECK(outcome(op) == JF_E_GONE && said_retry > 0 && (said_flags & JF_FAULT_PUBLIC) == 0, "%s: %s",
              lies[i].text, said);
        CHECK(request_count == 1 && jf_mock_logged(mock, JF_LOG_ERROR, lies[i].why), "%s", lies[i].text);
        end();
    }
}

TEST(many_share_one_fetch) {
    jf_ref ops[50];
    begin_fetching(",\"max_waiting\":49");
    for (int i = 0; i < 49; i++)
        CHECK(bearer_op(i % 2 == 0 ? good() : token_with(&other, "rsa"), &ops[i]) == JF_PENDING, "%d: %s", i,
              said);
    CHECK(bearer_op(good(), &ops[49]) == JF_E_BUSY && said_retry > 0, "one too many: %s", said);
    CHECK(request_count == 1, "%u requests", request_count);
    jf_mock_cancel_op(mock, ops[2], JF_E_GONE);
    http_answer(KEYS_URL, 200, key_set(), NULL);
    for (int i = 0; i < 49; i++)
        if (i != 2) CHECK(outcome(ops[i]) == (i % 2 == 0 ? JF_OK : JF_E_DENIED), "%d: %s", i, said);
    CHECK(bearer(good()) == JF_OK, "%s", said);
    end();
}

/* What fails before the key is looked for makes nobody fetch anything. */
TEST(bad_tokens_fetch_nothing) {
    begin_fetching("");
    CHECK(bearer(token_of(&rsa, "RS256", "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", CLAIMS_OF("\"x\"", ""))) ==
                  JF_E_DENIED &&
              bearer(token_of(NULL, "", "{\"alg\":\"none\"}", CLAIMS)) == JF_E_DENIED &&
              bearer(token_of(&secret, "HS256", "{\"alg\":\"HS256\"}", CLAIMS)) == JF_E_DENIED,
          "%s", said);
    CHECK(request_count == 0, "%s", http_last()->url);
    end();
}

TEST(the_server_is_down) {
    static const struct {
        int32_t status;
        const char *body;
    } failures[] = {{JF_E_GONE, ""},
                    {JF_E_TIMEOUT, ""},
                    {500, ""},
                    {404, ""},
                    {302, ""},
                    {200, "garbage"},
                    {200, ""},
                    {200, "{}"},
                    {200, "{\"keys\":[]}"},
                    {200, "{\"keys\":1}"},
                    {200, "[]"},
                    {204, ""},
                    {200, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}"}};
    jf_ref op;
    begin_fetching("");
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        CHECK(bearer_op(good(), &op) == JF_PENDING, "%zu: %s", i, said);
        http_answer(KEYS_URL, failures[i].status, failures[i].body, NULL);
        CHECK(outcome(op) == JF_E_GONE && said_retry > 0, "%zu: %s", i, said);
        CHECK(bearer_op(good(), &op) == JF_E_GONE && said_retry > 0, "%zu: at once again: %s", i, said);
        CHECK(request_count == i + 1, "%zu: %u requests", i, request_count);
        jf_mock_advance(mock, SECONDS(61));
    }
    CHECK(bearer_op(good(), &op) == JF_PENDING, "%s", said);
    http_answer(KEYS_URL, 200, key_set(), NULL);
    CHECK(outcome(op) == JF_OK, "%s", said);
    CHECK(jf_mock_logged(mock, JF_LOG_INFO, "there again"), "no word of it");
    http_refuses = true;
    CHECK(bearer(good()) == JF_OK, "the keys are there: %s", said);
    end();
}

TEST(requests_that_cannot_be_made) {
    jf_ref op;
    begin_fetching("");
    http_refuses = true;
    CHECK(bearer_op(good(), &op) == JF_E_GONE && said_retry > 0, "%s", said);
    http_refuses = false;
    jf_mock_advance(mock, SECONDS(61));
    CHECK(bearer_op(good(), &op) == JF_PENDING, "%s", said);
    http_answer(KEYS_URL, 200, key_set(), NULL);
    CHECK(outcome(op) == JF_OK, "%s", said);
    end();
}

TEST(keys_that_change) {
    jf_ref op;
    begin_fetching(",\"refetch_ms\":30000");
    CHECK(bearer_op(token_with(&rsa, "one"), &op) == JF_PENDING, "%s", said);
    http_answer(KEYS_URL, 200, set_of(&rsa, "one"), NULL);
    CHECK(outcome(op) == JF_OK, "%s", said);
    /* An unknown key: asked for again, but not at once. */
    CHECK(bearer_op(token_with(&other, "two"), &op) == JF_E_DENIED && request_count == 1, "%s", said);
    jf_mock_advance(mock, SECONDS(31));
    CHECK(bearer_op(token_with(&other, "two"), &op) == JF_PENDING && request_count == 2, "%s", said);
    CHECK(bearer(token_with(&rsa, "one")) == JF_OK, "known keys need not wait: %s", said);
    http_answer(KEYS_URL, 200, set_of(&other, "two"), NULL);
    CHECK(outcome(op) == JF_OK, "%s", said);
    CHECK(forgotten == 1, "the first key is gone, so what it vouched for is asked for anew");
    CHECK(bearer(token_with(&rsa, "one")) == JF_E_DENIED, "%s", said);
    /* A storm of made-up keys is one request. */
    jf_mock_advance(mock, SECONDS(31));
    jf_ref ops[40];
    char id[20];
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "made-up-%d", i);
        CHECK(bearer_op(token_with(&other, id), &ops[i]) == JF_PENDING, "%d: %s", i, said);
    }
    CHECK(request_count == 3, "%u requests", request_count);
    http_answer(KEYS_URL, 200, set_of(&other, "two"), NULL);
    for (int i = 0; i < 40; i++)
        CHECK(outcome(ops[i]) == JF_E_DENIED && strstr(said, "not known") != NULL, "%d: %s", i, said);
    CHECK(forgotten == 1, "nothing has changed");
    /* Another key under the same name is another key. */
    jf_mock_advance(mock, SECONDS(31));
    CHECK(bearer_op(token_with(&rsa, "three"), &op) == JF_PENDING, "%s", said);
    http_answer(KEYS_URL, 200, set_of(&rsa, "two"), NULL);
    CHECK(outcome(op) == JF_E_DENIED && forgotten == 2, "%u: %s", forgotten, said);
    CHECK(bearer(token_with(&other, "two")) == JF_E_DENIED && bearer(token_with(&rsa, "two")) == JF_OK, "%s",
          said);
    end();
}

/** Runs what is due. */
static bool opened(void *user) {
    return http_open() == *(uint32_t *)user;
}

TEST(keys_are_fetched_again_in_time) {
    jf_ref op;
    uint32_t one = 1;
    begin_fetching(",\"refresh_ms\":3600000,\"stale_ms\":100000");
    CHECK(bearer_op(good(), &op) == JF_PENDING, "%s", said);
    http_answer(KEYS_URL, 200, key_set(), "public, max-age=600");
    static const struct {
        const char *cache;
        uint64_t after;
    } ages[] = {{"public, max-age=\"7\"", 600}, /* the one before counts until here */
                {"no-store", 60},
                {"max-age=99999999999999999999", 60},
                {"Max-Age = 120", 24 * 3600},
                {NULL, 120},
                {NULL, 3600}};
    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
        jf_mock_advance(mock, SECONDS(ages[i].after - 2));
        jf_mock_settle(mock);
        CHECK(http_open() == 0, "%zu: too early", i);
        jf_mock_advance(mock, SECONDS(3));
        CHECK(jf_mock_run_until(mock, opened, &one, 2000), "%zu: too late", i);
        CHECK(bearer(good()) == JF_OK, "meanwhile: %s", said);
        http_answer(KEYS_URL, 200, key_set(), ages[i].cache);
    }
    /* From here on it fails: the keys stay in use for a while, and are tried to be fetched. */
    jf_mock_advance(mock, SECONDS(3601));
    CHECK(jf_mock_run_until(mock, opened, &one, 2000), "too late");
    http_answer(KEYS_URL, 503, "", NULL);
    CHECK(bearer(good()) == JF_OK, "stale keys: %s", said);
    CHECK(jf_mock_logged(mock, JF_LOG_ERROR, "stay in use"), "not told");
    CHECK(bearer_op(token_with(&other, "new"), &op) == JF_E_GONE, "a new key cannot be known now: %s", said);
    jf_mock_advance(mock, SECONDS(2));
    CHECK(jf_mock_run_until(mock, opened, &one, 2000), "no second try");
    http_answer(KEYS_URL, JF_E_GONE, "", NULL);
    jf_mock_advance(mock, SECONDS(100));
    CHECK(jf_mock_run_until(mock, opened, &one, 2000), "no third try");
    forgotten = 0;
    CHECK(bearer_op(good(), &op) == JF_PENDING && forgotten == 1, "keys that are too old: %s", said);
    http_answer(KEYS_URL, JF_E_GONE, "", NULL);
    CHECK(outcome(op) == JF_E_GONE, "%s", said);
    jf_mock_advance(mock, SECONDS(61));
    CHECK(bearer_op(good(), &op) == JF_PENDING, "%s", said);
    http_answer(KEYS_URL, 200, key_set(), NULL);
    CHECK(outcome(op) == JF_OK, "%s", said);
    end();
}

/* The issuer moved its keys: metadata are read again after a failure. */
TEST(keys_that_move) {
    jf_ref op;
    uint32_t one = 1;
    make_keys();
    begin_http();
    REQUIRE(attach("{\"issuer\":\"" ISSUER "\",\"metadata\":\"https://id.example/meta\"}"), "%s",
            jf_mock_why(mock));
    CHECK(bearer_op(good(), &op) == JF_PENDING, "%s", said);
    http_answer("https://id.example/meta", 200, METADATA, NULL);
    http_answer(KEYS_URL, 200, key_set(), NULL);
    CHECK(outcome(op) == JF_OK, "%s", said);
    jf_mock_advance(mock, SECONDS(3601));
    CHECK(jf_mock_run_until(mock, opened, &one, 2000), "too late");
    http_answer(KEYS_URL, 404, "", NULL);
    jf_mock_advance(mock, SECONDS(2));
    CHECK(jf_mock_run_until(mock, opened, &one, 2000), "no second try");
    http_answer("https://id.example/meta", 200,
                "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"https://id.example/moved\"}", NULL);
    http_answer("https://id.example/moved", 200, key_set(), NULL);
    CHECK(bearer(good()) == JF_OK, "%s", said);
    end();
}

/* It ends while something waits: requests are given up, operations finished. */
TEST(the_end_while_waiting) {
    jf_ref op;
    begin_fetching("");
    CHECK(bearer_op(good(), &op) == JF_PENDING, "%s", said);
    jf_mock_stop(mock);
    CHECK(outcome(op) == JF_E_GONE && abandoned == 1, "%s", said);
    end();
    begin_fetching("");
    CHECK(bearer_op(good(), &op) == JF_PENDING, "%s", said);
    auth->detach(jf_mock_self(mock), handle);
    handle = 0;
    CHECK(outcome(op) == JF_E_GONE && abandoned == 1, "%s", said);
    end();
}

TEST(without_http) {
    make_keys();
    begin();
    jf_mock_hide(mock, JF_HTTP_1);
    up();
    CHECK(!attach("{\"issuer\":\"" ISSUER "\"}") && strstr(jf_mock_why(mock), "jwks_file") != NULL, "%s",
          jf_mock_why(mock));
    end();
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    REQUIRE(file != NULL, "cannot write %s", path);
    fputs(text, file);
    fclose(file);
}

static bool forgot(void *user) {
    (void)user;
    return forgotten != 0;
}

static bool complained(void *user) {
    (void)user;
    return jf_mock_logged(mock, JF_LOG_ERROR, "still holds");
}

TEST(keys_of_a_file) {
    char folder[] = "/tmp/jf-auth-XXXXXX", path[64], config[200];
    make_keys();
    REQUIRE(mkdtemp(folder) != NULL, "no folder");
    snprintf(path, sizeof path, "%s/keys.json", folder);
    snprintf(config, sizeof config, "{\"issuer\":\"" ISSUER "\",\"jwks_file\":\"%s\"}", path);
    write_file(path, set_of(&rsa, "one"));
    begin_http();
    CHECK(attach(config), "%s", jf_mock_why(mock));
    CHECK(bearer(token_with(&rsa, "one")) == JF_OK && bearer(token_with(&other, "second")) == JF_E_DENIED,
          "%s", said);
    write_file(path, set_of(&other, "second"));
    jf_mock_advance(mock, SECONDS(2));
    CHECK(jf_mock_run_until(mock, forgot, NULL, 2000), "the change was not seen");
    CHECK(bearer(token_with(&other, "second")) == JF_OK && bearer(token_with(&rsa, "one")) == JF_E_DENIED,
          "%s", said);
    write_file(path, "{\"keys\":[");
    jf_mock_advance(mock, SECONDS(2));
    CHECK(jf_mock_run_until(mock, complained, NULL, 2000), "nobody complains");
    CHECK(bearer(token_with(&other, "second")) == JF_OK, "what was read before holds: %s", said);
    CHECK(request_count == 0, "a request");
    end();
    unlink(path);
    rmdir(folder);
}

#endif
