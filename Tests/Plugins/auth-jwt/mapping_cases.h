/* SPDX-License-Identifier: Apache-2.0
 * What becomes of claims, and what configurations may say. */
#ifndef AUTH_JWT_MAPPING_CASES_H
#define AUTH_JWT_MAPPING_CASES_H

#include "fixture.h"

#define RS256 "{\"alg\":\"RS256\",\"kid\":\"rsa\"}"

TEST(ordinary) {
    static char config[16000];
    make_keys();
    snprintf(config, sizeof config, "{\"issuer\":\"" ISSUER "\",\"jwks\":%s}", key_set());
    check_ordinary(config);
}

TEST(the_principal) {
    begin_inline("");
    CHECK(
        bearer(token_of(
            &rsa, "RS256", RS256,
            WITH("\"jti\":\"t-1\",\"roles\":[\"ops\",\"dev\",\"ops\"],\"scope\":\"read  write read\","
                 "\"scp\":[\"admin\"],\"client_id\":\"app\",\"email\":\"a@b.example\",\"n\":{\"x\":[1]}"))) ==
            JF_OK,
        "%s", said);
    CHECK(is("/subject", "alice") && is("/issuer", ISSUER) && is("/credential", "t-1") && is("/tenant", NULL),
          "who");
    CHECK(is("/roles/0", "ops") && is("/roles/1", "dev") && is("/roles/2", NULL), "roles");
    CHECK(is("/scopes/0", "read") && is("/scopes/1", "write") && is("/scopes/2", "admin") &&
              is("/scopes/3", NULL),
          "scopes");
    CHECK(is("/attributes/client_id", "app") && is("/attributes/email", "a@b.example") &&
              is("/attributes/n/x/0", "1") && is("/attributes/sub", NULL) && is("/attributes/roles", NULL) &&
              is("/attributes/aud", NULL) && is("/attributes/exp", NULL),
          "attributes");
    CHECK(is("/expires_ms", "1800000270000") && is("/keep_ms", NULL), "its end");
    CHECK(bearer(token_of(&rsa, "RS256", RS256, CLAIMS)) == JF_OK && is("/credential", NULL) &&
              is("/roles", NULL),
          "a bare one: %s", said);
    /* It ended, but by a clock that may be wrong: it is not handed over as one that ended. */
    CHECK(bearer(token_of(&rsa, "RS256", RS256,
                          "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE
                          "\",\"exp\":1799999990}")) == JF_OK &&
              is("/expires_ms", "1800000050000"),
          "within the skew: %s", said);
    end();
}

TEST(claims_by_name) {
    begin_inline(",\"subject\":[\"preferred_username\",\"sub\"],\"tenant\":[\"tid\",\"org.id\"],"
                 "\"roles\":[\"realm_access.roles\",\"/"
                 "https:~1~1app.example~1roles\",\"groups\"],\"scopes\":[\"perms\"],"
                 "\"attributes\":[\"email\",\"org.name\",\"missing\"]");
    CHECK(bearer(token_of(
              &rsa, "RS256", RS256,
              WITH("\"preferred_username\":\"al\",\"org\":{\"id\":\"acme\",\"name\":\"Acme \\\"Inc\\\"\"},"
                   "\"realm_access\":{\"roles\":[\"r1\"]},\"https://app.example/roles\":[\"r2\"],"
                   "\"groups\":\"r3 with blank\",\"perms\":[\"p\"],\"scope\":\"s\",\"email\":\"e\""))) ==
              JF_OK,
          "%s", said);
    CHECK(is("/subject", "al") && is("/tenant", "acme"), "who");
    CHECK(is("/roles/0", "r1") && is("/roles/1", "r2") && is("/roles/2", "r3 with blank") &&
              is("/roles/3", NULL),
          "roles");
    CHECK(is("/scopes/0", "p") && is("/scopes/1", NULL), "scopes");
    CHECK(is("/attributes/email", "e") && is("/attributes/org.name", "Acme \"Inc\"") &&
              is("/attributes/groups", NULL),
          "attributes");
    CHECK(bearer(token_of(&rsa, "RS256", RS256, WITH("\"tid\":\"t\",\"preferred_username\":null"))) ==
                  JF_OK &&
              is("/subject", "alice") && is("/tenant", "t"),
          "others stand in: %s", said);
    CHECK(bearer(token_of(&rsa, "RS256", RS256, CLAIMS)) == JF_E_DENIED && strstr(said, "tenant") != NULL,
          "no tenant: %s", said);
    CHECK(bearer(token_of(&rsa, "RS256", RS256, WITH("\"tid\":[\"t\"]"))) == JF_E_DENIED,
          "a tenant of another kind");
    end();
}

/* A claim with dots in its name goes before a path. */
TEST(names_with_dots) {
    begin_inline(",\"roles\":[\"a.b\"]");
    CHECK(bearer(token_of(&rsa, "RS256", RS256, WITH("\"a.b\":\"flat\",\"a\":{\"b\":\"deep\"}"))) == JF_OK &&
              is("/roles/0", "flat"),
          "%s", said);
    end();
}

TEST(configured_audiences_types_algorithms) {
    begin_inline(",\"audiences\":[\"api://one\",\"api://two\"],\"types\":[\"at+jwt\"],\"require_type\":true,"
                 "\"algorithms\":[\"RS256\"],\"strict\":true,\"skew_ms\":0");
    const char *typed = "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"at+jwt\"}";
    CHECK(bearer(token_of(&rsa, "RS256", typed, CLAIMS_OF("[\"x\",\"api://two\"]", ""))) == JF_OK, "%s",
          said);
    CHECK(bearer(token_of(&rsa, "RS256", typed, CLAIMS)) == JF_E_DENIED && strstr(said, "audience") != NULL,
          "%s", said);
    CHECK(bearer(token_of(&rsa, "RS256", RS256, CLAIMS_OF("\"api://one\"", ""))) == JF_E_DENIED &&
              strstr(said, "type") != NULL,
          "no typ: %s", said);
    CHECK(bearer(token_of(&p256, "ES256", "{\"alg\":\"ES256\",\"kid\":\"p256\",\"typ\":\"at+jwt\"}",
                          CLAIMS_OF("\"api://one\"", ""))) == JF_E_DENIED &&
              strstr(said, "algorithm") != NULL,
          "%s", said);
    CHECK(bearer(token_of(&rsa, "RS256", typed, "{\"iss\":\"https://other.example\"}")) == JF_E_DENIED &&
              strstr(said, "issuer") != NULL,
          "%s", said);
    CHECK(bearer(token_of(&rsa, "RS256", typed,
                          "{\"iss\":\"" ISSUER
                          "\",\"sub\":\"a\",\"aud\":\"api://one\",\"exp\":1800000000}")) == JF_E_DENIED,
          "no skew");
    end();
}

/* Nothing to compare an audience with: nobody comes in. */
TEST(no_resource) {
    static char value[4000];
    begin_inline("");
    snprintf(value, sizeof value, "Bearer %s", token_of(&rsa, "RS256", RS256, CLAIMS_OF("\"\"", "")));
    blank();
    request.resource = (jf_view){0};
    show("authorization", value);
    CHECK(ask() == JF_E_DENIED, "%s", said);
    end();
}

/* The public key as the secret of an HMAC: the classic. */
TEST(confusion_of_key_and_secret) {
    static char pem[4000];
    struct test_key forger = {.type = 'S'};
    begin_inline("");
    snprintf(pem, sizeof pem, "{%s}", rsa.jwk);
    const char *const secrets[] = {pem, key_set(), "", "rsa"};
    for (size_t i = 0; i < 4; i++) {
        forger.secret = secrets[i];
        CHECK(bearer(token_of(&forger, "HS256", "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", CLAIMS)) ==
                  JF_E_DENIED,
              "%zu: %s", i, said);
        CHECK(bearer(token_of(&forger, "HS256", "{\"alg\":\"HS256\"}", CLAIMS)) == JF_E_DENIED, "%zu: %s", i,
              said);
    }
    end();
}

TEST(a_shared_secret) {
    make_keys();
    begin_http();
    REQUIRE(attach("{\"issuer\":\"" ISSUER "\",\"secret\":\"a secret that is long enough for SHA-256\"}"),
            "%s", jf_mock_why(mock));
    static const char *const names[] = {"HS256", "HS384", "HS512"};
    char header[40];
    for (size_t i = 0; i < 3; i++) {
        snprintf(header, sizeof header, "{\"alg\":\"%s\",\"kid\":\"any\"}", names[i]);
        CHECK(bearer(token_of(&secret, names[i], header, CLAIMS)) == JF_OK, "%s: %s", names[i], said);
    }
    struct test_key forger = {.type = 'S', .secret = "another secret, as long as the first one"};
    CHECK(bearer(token_of(&forger, "HS256", "{\"alg\":\"HS256\"}", CLAIMS)) == JF_E_DENIED, "another secret");
    CHECK(bearer(good()) == JF_E_DENIED && strstr(said, "key") != NULL, "a key instead: %s", said);
    CHECK(strstr(description(), "authorization_servers") == NULL, "%s", description());
    CHECK(request_count == 0, "a request");
    end();
}

/* Whoever makes a token says what its header says: keys in it, and places of keys, are of no interest. */
TEST(keys_in_headers_are_ignored) {
    static char header[4000];
    begin_inline("");
    snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"jwk\":{%s}}", other.jwk);
    CHECK(bearer(token_of(&other, "RS256", header, CLAIMS)) == JF_E_DENIED, "jwk: %s", said);
    snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"jwk\":{%s}}", other.jwk);
    CHECK(bearer(token_of(&other, "RS256", header, CLAIMS)) == JF_E_DENIED, "jwk and a known kid: %s", said);
    CHECK(bearer(token_of(&rsa, "RS256", header, CLAIMS)) == JF_OK, "jwk of another key: %s", said);
    static const char *const places[] = {
        "{\"alg\":\"RS256\",\"kid\":\"x\",\"jku\":\"https://evil.example/keys\"}",
        "{\"alg\":\"RS256\",\"kid\":\"x\",\"x5u\":\"http://169.254.169.254/latest\"}",
        "{\"alg\":\"RS256\",\"kid\":\"x\",\"x5c\":[\"MIIB\"]}"};
    for (size_t i = 0; i < 3; i++)
        CHECK(bearer(token_of(&other, "RS256", places[i], CLAIMS)) == JF_E_DENIED, "%s: %s", places[i], said);
    CHECK(request_count == 0, "a request to %s", http_last()->url);
    end();
}

/* Keys that are none: each alone in a set, the token signed with what should be its other half. */
TEST(keys_that_are_of_no_use) {
    static char config[9000], jwk[3100];
    char *at;
    make_keys();
    struct bad {
        const char *name, *jwk, *why;
    } bad[12];
    uint32_t count = 0;
    bad[count++] = (struct bad){"weak", weak.jwk, "weak"};
    static char off[400];
    snprintf(off, sizeof off, "%s", p256.jwk);
    at = strstr(off, "\"y\":\"") + 5;
    at[3] = at[3] == 'A' ? 'B' : 'A';
    bad[count++] = (struct bad){"a point beside the curve", off, "curve"};
    static char zero[400];
    snprintf(zero, sizeof zero, "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%.43s\",\"y\":\"%.43s\"",
             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    bad[count++] = (struct bad){"a point of zeros", zero, "curve"};
    static char mixed[400];
    snprintf(mixed, sizeof mixed, "%s", p256.jwk);
    memcpy(strstr(mixed, "P-256"), "P-384", 5);
    bad[count++] = (struct bad){"another curve", mixed, "size"};
    bad[count++] = (struct bad){"an unknown curve",
                                "\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"", "curve"};
    bad[count++] =
        (struct bad){"a short Ed25519 key", "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"", "32 bytes"};
    bad[count++] = (struct bad){"X25519", "\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAA\"", "Ed25519"};
    bad[count++] = (struct bad){"a secret in public", "\"kty\":\"oct\",\"k\":\"c2VjcmV0\"", "type"};
    bad[count++] = (struct bad){"no type", "\"n\":\"AQAB\",\"e\":\"AQAB\"", "type"};
    bad[count++] = (struct bad){"numbers as numbers", "\"kty\":\"RSA\",\"n\":7,\"e\":3", "base64url"};
    static char even[3000];
    snprintf(even, sizeof even, "%s", rsa.jwk);
    memcpy(strstr(even, "\"e\":\"AQAB\""), "\"e\":\"AQAA\"", 10);
    bad[count++] = (struct bad){"an even exponent", even, "exponent"};
    static char one[3000];
    snprintf(one, sizeof one, "%s", rsa.jwk);
    memcpy(strstr(one, "\"e\":\"AQAB\""), "\"e\":\"AAAB\"", 10);
    bad[count++] = (struct bad){"an exponent of 1", one, "exponent"};
    begin_http();
    for (uint32_t i = 0; i < count; i++) {
        snprintf(jwk, sizeof jwk, "%s", bad[i].jwk);
        snprintf(config, sizeof config,
                 "{\"issuer\":\"" ISSUER "\",\"jwks\":{\"keys\":[{\"kid\":\"k\",%s}]}}", jwk);
        CHECK(!attach(config) && strstr(jf_mock_why(mock), bad[i].why) != NULL, "%s: %s", bad[i].name,
              jf_mock_why(mock));
    }
    end();
}

TEST(options_that_make_no_sense) {
    static const struct {
        const char *config, *why;
    } bad[] = {{"{}", "issuer is missing"},
               {"{\"issuer\":\"\"}", "issuer"},
               {"{\"issuer\":7}", "issuer"},
               {"{\"issuer\":\"http://id.example\"}", "not https"},
               {"{\"issuer\":\"id.example\"}", "no http or https URL"},
               {"{\"issuer\":\"https://u:p@id.example\"}", "URL"},
               {"{\"issuer\":\"https://id.example?x=1\"}", "query"},
               {"{\"issuer\":\"https://id.example#x\"}", "fragment"},
               {"{\"issuer\":\"x\",\"jwks_uri\":\"http://10.0.0.1/keys\"}", "not https"},
               {"{\"issuer\":\"x\",\"jwks_uri\":\"file:///etc/passwd\"}", "URL"},
               {"{\"issuer\":\"x\",\"jwks\":{}}", "no key of use"},
               {"{\"issuer\":\"x\",\"jwks\":{\"keys\":[]}}", "empty"},
               {"{\"issuer\":\"x\",\"jwks\":{\"keys\":{}}}", "no key of use"},
               {"{\"issuer\":\"x\",\"jwks_file\":\"/nowhere/keys.json\"}", "/nowhere/keys.json"},
               {"{\"issuer\":\"x\",\"jwks_file\":\"/dev/zero\"}", "no file"},
               {"{\"issuer\":\"x\",\"secret\":\"short\"}", "guessed"},
               {"{\"issuer\":\"x\",\"secret\":\"a secret that is long enough for "
                "SHA-256\",\"jwks_uri\":\"https://a\"}",
                "only one"},
               {"{\"issuer\":\"https://a\",\"issuers\":[{\"issuer\":\"https://a\"}]}", "twice"},
               {"{\"issuers\":[{\"issuer\":\"https://a\"},{}]}", "issuers[1]: issuer"},
               {"{\"issuer\":\"https://a\",\"algorithms\":[]}", "empty"},
               {"{\"issuer\":\"https://a\",\"algorithms\":[\"none\"]}", "not known"},
               {"{\"issuer\":\"https://a\",\"subject\":[]}", "subject"},
               {"{\"issuer\":\"https://a\",\"skew_ms\":-1}", "skew_ms"},
               {"{\"issuer\":\"https://a\",\"max_token\":1e9}", "max_token"}};
    make_keys();
    begin_http();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!attach(bad[i].config) && strstr(jf_mock_why(mock), bad[i].why) != NULL, "%s: %s",
              bad[i].config, jf_mock_why(mock));
    CHECK(strstr(jf_mock_why(mock), "short") == NULL, "a secret in a message");
    end();
}

TEST(what_clients_are_told) {
    make_keys();
    begin_http();
    REQUIRE(attach("{\"issuer\":\"https://a.example\",\"issuers\":[{\"issuer\":\"https://b.example/x\"}],"
                   "\"scopes_supported\":[\"mcp\",\"mcp:admin\"]}"),
            "%s", jf_mock_why(mock));
    CHECK(strcmp(description(),
                 "{\"bearer_methods_supported\":[\"header\"],\"authorization_servers\":["
                 "\"https://a.example\",\"https://b.example/x\"],\"scopes_supported\":[\"mcp\","
                 "\"mcp:admin\"]}") == 0,
          "%s", description());
    CHECK(request_count == 0, "nothing is fetched before there is a token");
    end();
}

#endif
