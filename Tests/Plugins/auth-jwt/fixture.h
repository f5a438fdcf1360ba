/* SPDX-License-Identifier: Apache-2.0
 * What the tests of auth-jwt share: an issuer's keys, its tokens, a provider that knows it. */
#ifndef AUTH_JWT_FIXTURE_H
#define AUTH_JWT_FIXTURE_H

#include "../auth/fake_http.h"
#include "../auth/jose.h"

#define ISSUER "https://id.example"
#define KEYS_URL "https://id.example/keys"
/* Half a minute before now_ms the token was made, it lives for five. */
#define CLAIMS_OF(aud, rest)                                                                                 \
    "{\"iss\":\"" ISSUER "\",\"sub\":\"alice\",\"aud\":" aud ",\"iat\":1799999970,\"exp\":1800000270" rest "}"
#define CLAIMS CLAIMS_OF("\"" RESOURCE "\"", "")
#define WITH(rest) CLAIMS_OF("\"" RESOURCE "\"", "," rest)

static struct test_key rsa, weak, p256, p384, p521, ed, other, secret;

/** Keys take a while to make, so they are made once. */
static void make_keys(void) {
    if (rsa.pkey != NULL) return;
    jose_load();
    rsa = rsa_key(2048);
    other = rsa_key(2048);
    weak = rsa_key(1024);
    p256 = ec_key("P-256", 32);
    p384 = ec_key("P-384", 48);
    p521 = ec_key("P-521", 66);
    ed = ed_key();
    secret = (struct test_key){.type = 'S', .secret = "a secret that is long enough for SHA-256"};
}

/** The issuer's key set. */
static const char *key_set(void) {
    static char text[12000];
    snprintf(
        text, sizeof text,
        "{\"keys\":[{\"kid\":\"rsa\",\"use\":\"sig\",%s},{\"kid\":\"p256\",\"alg\":\"ES256\",%s},"
        "{\"kid\":\"p384\",%s},{\"kid\":\"p521\",%s},{\"kid\":\"ed\",\"key_ops\":[\"verify\"],%s},"
        "{\"kid\":\"weak\",%s},{\"kid\":\"enc\",\"use\":\"enc\",%s},{\"kid\":\"ps\",\"alg\":\"PS256\",%s}]}",
        rsa.jwk, p256.jwk, p384.jwk, p521.jwk, ed.jwk, weak.jwk, other.jwk, other.jwk);
    return text;
}

/** A provider whose keys are in the configuration; `more` are further options, with a comma before them. */
static void begin_inline(const char *more) {
    static char config[16000];
    make_keys();
    begin_http();
    snprintf(config, sizeof config, "{\"issuer\":\"" ISSUER "\",\"jwks\":%s%s}", key_set(), more);
    CHECK(attach(config), "does not attach: %s", jf_mock_why(mock));
}

/** One whose keys are fetched from KEYS_URL. */
static void begin_fetching(const char *more) {
    static char config[2000];
    make_keys();
    begin_http();
    snprintf(config, sizeof config, "{\"issuer\":\"" ISSUER "\",\"jwks_uri\":\"" KEYS_URL "\"%s}", more);
    CHECK(attach(config), "does not attach: %s", jf_mock_why(mock));
}

/** A good token of the RSA key. */
static const char *good(void) {
    return token_of(&rsa, "RS256", "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", CLAIMS);
}

/** Shows a token; the request may wait. */
static int32_t bearer_op(const char *token, jf_ref *op) {
    static char value[300000];
    snprintf(value, sizeof value, "Bearer %s", token);
    blank();
    show("authorization", value);
    return ask_op(op);
}

#endif
