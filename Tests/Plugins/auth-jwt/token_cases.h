/* SPDX-License-Identifier: Apache-2.0
 * The table of tokens: good ones, and every way to make a bad one, each with what must come of it. */
#ifndef AUTH_JWT_TOKEN_CASES_H
#define AUTH_JWT_TOKEN_CASES_H

#include "fixture.h"

#define RS "{\"alg\":\"RS256\",\"kid\":\"rsa\"}"
#define RS_WITH(rest) "{\"alg\":\"RS256\",\"kid\":\"rsa\"," rest "}"

struct row {
    const char *name;
    const struct test_key *key; /**< NULL: not signed */
    const char *algorithm;      /**< that it is signed with, whatever the header says */
    const char *header, *claims;
    int32_t expected;
    const char *why; /**< part of the reason */
};

static const struct row rows[] = {
    /* Good ones, with every algorithm. */
    {"RS256", &rsa, "RS256", RS, CLAIMS, JF_OK, ""},
    {"RS384", &rsa, "RS384", "{\"alg\":\"RS384\",\"kid\":\"rsa\"}", CLAIMS, JF_OK, ""},
    {"RS512", &rsa, "RS512", "{\"alg\":\"RS512\",\"kid\":\"rsa\"}", CLAIMS, JF_OK, ""},
    {"PS256", &rsa, "PS256", "{\"alg\":\"PS256\",\"kid\":\"rsa\"}", CLAIMS, JF_OK, ""},
    {"PS384", &rsa, "PS384", "{\"alg\":\"PS384\",\"kid\":\"rsa\"}", CLAIMS, JF_OK, ""},
    {"PS512", &rsa, "PS512", "{\"alg\":\"PS512\",\"kid\":\"rsa\"}", CLAIMS, JF_OK, ""},
    {"ES256", &p256, "ES256", "{\"alg\":\"ES256\",\"kid\":\"p256\"}", CLAIMS, JF_OK, ""},
    {"ES384", &p384, "ES384", "{\"alg\":\"ES384\",\"kid\":\"p384\"}", CLAIMS, JF_OK, ""},
    {"ES512", &p521, "ES512", "{\"alg\":\"ES512\",\"kid\":\"p521\"}", CLAIMS, JF_OK, ""},
    {"EdDSA", &ed, "EdDSA", "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", CLAIMS, JF_OK, ""},
    {"Ed25519 (RFC 9864)", &ed, "EdDSA", "{\"alg\":\"Ed25519\",\"kid\":\"ed\"}", CLAIMS, JF_OK, ""},
    {"no kid", &p256, "ES256", "{\"alg\":\"ES256\"}", CLAIMS, JF_OK, ""},
    {"at+jwt", &rsa, "RS256", RS_WITH("\"typ\":\"AT+jwt\""), CLAIMS, JF_OK, ""},
    {"application/at+jwt", &rsa, "RS256", RS_WITH("\"typ\":\"application/at+jwt\""), CLAIMS, JF_OK, ""},
    {"a key for PS256 only", &other, "PS256", "{\"alg\":\"PS256\",\"kid\":\"ps\"}", CLAIMS, JF_OK, ""},

    /* Algorithms and keys. */
    {"alg none", NULL, "", "{\"alg\":\"none\"}", CLAIMS, JF_E_DENIED, "algorithm"},
    {"alg nOnE", NULL, "", "{\"alg\":\"nOnE\"}", CLAIMS, JF_E_DENIED, "algorithm"},
    {"alg none, signed", &rsa, "RS256", "{\"alg\":\"none\",\"kid\":\"rsa\"}", CLAIMS, JF_E_DENIED,
     "algorithm"},
    {"no alg", &rsa, "RS256", "{\"kid\":\"rsa\"}", CLAIMS, JF_E_DENIED, "algorithm"},
    {"alg is a number", &rsa, "RS256", "{\"alg\":256,\"kid\":\"rsa\"}", CLAIMS, JF_E_DENIED, "malformed"},
    {"alg is empty", &rsa, "RS256", "{\"alg\":\"\",\"kid\":\"rsa\"}", CLAIMS, JF_E_DENIED, "algorithm"},
    {"alg in lower case", &rsa, "RS256", "{\"alg\":\"rs256\",\"kid\":\"rsa\"}", CLAIMS, JF_E_DENIED,
     "algorithm"},
    {"alg with a NUL", &rsa, "RS256", "{\"alg\":\"RS256\\u0000\",\"kid\":\"rsa\"}", CLAIMS, JF_E_DENIED,
     "malformed"},
    {"HS256 without a secret", &secret, "HS256", "{\"alg\":\"HS256\",\"kid\":\"rsa\"}", CLAIMS, JF_E_DENIED,
     "key"},
    {"RS256 said, PS256 used", &rsa, "PS256", RS, CLAIMS, JF_E_DENIED, "signature"},
    {"RS512 said, RS256 used", &rsa, "RS256", "{\"alg\":\"RS512\",\"kid\":\"rsa\"}", CLAIMS, JF_E_DENIED,
     "signature"},
    {"ES256 with an RSA key", &rsa, "RS256", "{\"alg\":\"ES256\",\"kid\":\"rsa\"}", CLAIMS, JF_E_DENIED,
     "key"},
    {"ES384 with a P-256 key", &p256, "ES384", "{\"alg\":\"ES384\",\"kid\":\"p256\"}", CLAIMS, JF_E_DENIED,
     "key"},
    {"EdDSA with an EC key", &p256, "ES256", "{\"alg\":\"EdDSA\",\"kid\":\"p256\"}", CLAIMS, JF_E_DENIED,
     "key"},
    {"RS256 with a key for PS256", &other, "RS256", "{\"alg\":\"RS256\",\"kid\":\"ps\"}", CLAIMS, JF_E_DENIED,
     "key"},
    {"another's key", &other, "RS256", RS, CLAIMS, JF_E_DENIED, "signature"},
    {"unknown kid", &rsa, "RS256", "{\"alg\":\"RS256\",\"kid\":\"new\"}", CLAIMS, JF_E_DENIED,
     "key that is not known"},
    {"kid with a path", &rsa, "RS256", "{\"alg\":\"RS256\",\"kid\":\"../../dev/null\"}", CLAIMS, JF_E_DENIED,
     "key"},
    {"kid is empty", &rsa, "RS256", "{\"alg\":\"RS256\",\"kid\":\"\"}", CLAIMS, JF_E_DENIED, "key"},
    {"a weak key", &weak, "RS256", "{\"alg\":\"RS256\",\"kid\":\"weak\"}", CLAIMS, JF_E_DENIED, "key"},
    {"a key for encryption", &other, "RS256", "{\"alg\":\"RS256\",\"kid\":\"enc\"}", CLAIMS, JF_E_DENIED,
     "key"},
    {"not signed", NULL, "", RS, CLAIMS, JF_E_DENIED, "signature"},

    /* The header. */
    {"crit", &rsa, "RS256", RS_WITH("\"crit\":[\"exp\"],\"exp\":1"), CLAIMS, JF_E_DENIED, "extensions"},
    {"crit, empty", &rsa, "RS256", RS_WITH("\"crit\":[]"), CLAIMS, JF_E_DENIED, "extensions"},
    {"crit, escaped", &rsa, "RS256", RS_WITH("\"cr\\u0069t\":[\"b64\"],\"b64\":false"), CLAIMS, JF_E_DENIED,
     "extensions"},
    {"alg twice", &rsa, "RS256", RS_WITH("\"alg\":\"none\""), CLAIMS, JF_E_DENIED, "malformed"},
    {"alg twice, escaped", &rsa, "RS256", RS_WITH("\"\\u0061lg\":\"none\""), CLAIMS, JF_E_DENIED,
     "malformed"},
    {"header is a list", &rsa, "RS256", "[\"RS256\"]", CLAIMS, JF_E_DENIED, "malformed"},
    {"header is no JSON", &rsa, "RS256", "{alg:RS256}", CLAIMS, JF_E_DENIED, "malformed"},
    {"header with something behind", &rsa, "RS256", RS "{}", CLAIMS, JF_E_DENIED, "malformed"},
    {"header that is no UTF-8", &rsa, "RS256", RS_WITH("\"a\":\"\xc3\x28\""), CLAIMS, JF_E_DENIED,
     "malformed"},
    {"half a surrogate pair", &rsa, "RS256", RS_WITH("\"a\":\"\\ud800\""), CLAIMS, JF_E_DENIED, "malformed"},
    {"typ of a logout token", &rsa, "RS256", RS_WITH("\"typ\":\"logout+jwt\""), CLAIMS, JF_E_DENIED, "type"},
    {"typ is a number", &rsa, "RS256", RS_WITH("\"typ\":1"), CLAIMS, JF_E_DENIED, "malformed"},

    /* When. */
    {"expired", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1799999939}", JF_E_DENIED,
     "expired"},
    {"expired within the skew", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1799999941}", JF_OK, ""},
    {"exp is a fraction", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1800000000.5}", JF_OK, ""},
    {"exp is a fraction, expired", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":17999999.405e2}", JF_OK, ""},
    {"no exp", &rsa, "RS256", RS, "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\"}",
     JF_E_DENIED, "when it expires"},
    {"exp is 0", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":0}", JF_E_DENIED, "expired"},
    {"exp is negative", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":-1800000270}", JF_E_DENIED,
     "expired"},
    {"exp is huge", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1e300}", JF_E_DENIED,
     "not a time"},
    {"exp beyond a double", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1e999}", JF_E_DENIED,
     "not a time"},
    {"exp of 64 bits", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":18446744073709551616}",
     JF_E_DENIED, "not a time"},
    {"exp in milliseconds", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270000}", JF_E_DENIED,
     "not a time"},
    {"exp is a text", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":\"1800000270\"}", JF_E_DENIED,
     "not a time"},
    {"exp is null", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":null}", JF_E_DENIED,
     "not a time"},
    {"exp twice", &rsa, "RS256", RS, WITH("\"exp\":1900000000"), JF_E_DENIED, "malformed"},
    {"exp twice, escaped", &rsa, "RS256", RS, WITH("\"e\\u0078p\":1900000000"), JF_E_DENIED, "malformed"},
    {"not valid yet", &rsa, "RS256", RS, WITH("\"nbf\":1800000061"), JF_E_DENIED, "not valid yet"},
    {"valid since the skew", &rsa, "RS256", RS, WITH("\"nbf\":1800000060"), JF_OK, ""},
    {"nbf is a text", &rsa, "RS256", RS, WITH("\"nbf\":\"now\""), JF_E_DENIED, "not a time"},
    {"issued in the future", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1800009000,\"iat\":1800000061}",
     JF_E_DENIED, "future"},

    /* For whom, by whom. */
    {"another audience", &rsa, "RS256", RS, CLAIMS_OF("\"https://other.example\"", ""), JF_E_DENIED,
     "audience"},
    {"no audience", &rsa, "RS256", RS, "{\"iss\":\"" ISSUER "\",\"sub\":\"a\",\"exp\":1800000270}",
     JF_E_DENIED, "audience"},
    {"audience null", &rsa, "RS256", RS, CLAIMS_OF("null", ""), JF_E_DENIED, "audience"},
    {"audience is a prefix", &rsa, "RS256", RS, CLAIMS_OF("\"https://mcp.example\"", ""), JF_E_DENIED,
     "audience"},
    {"audience is longer", &rsa, "RS256", RS, CLAIMS_OF("\"" RESOURCE ".evil.example\"", ""), JF_E_DENIED,
     "audience"},
    {"audience in other letters", &rsa, "RS256", RS, CLAIMS_OF("\"HTTPS://MCP.EXAMPLE/mcp\"", ""),
     JF_E_DENIED, "audience"},
    {"audience with a slash", &rsa, "RS256", RS, CLAIMS_OF("\"" RESOURCE "/\"", ""), JF_OK, ""},
    {"audiences, ours among them", &rsa, "RS256", RS,
     CLAIMS_OF("[\"https://a.example\",\"" RESOURCE "\"]", ""), JF_OK, ""},
    {"audiences, all others", &rsa, "RS256", RS,
     CLAIMS_OF("[\"https://a.example\",\"https://b.example\"]", ""), JF_E_DENIED, "audience"},
    {"audiences, none", &rsa, "RS256", RS, CLAIMS_OF("[]", ""), JF_E_DENIED, "audience"},
    {"audiences in each other", &rsa, "RS256", RS, CLAIMS_OF("[[\"" RESOURCE "\"]]", ""), JF_E_DENIED,
     "audience"},
    {"audiences of other kinds", &rsa, "RS256", RS, CLAIMS_OF("[1,true,{\"a\":1}]", ""), JF_E_DENIED,
     "audience"},
    {"audience as an object", &rsa, "RS256", RS, CLAIMS_OF("{\"" RESOURCE "\":true}", ""), JF_E_DENIED,
     "audience"},
    {"another issuer", &rsa, "RS256", RS,
     "{\"iss\":\"https://evil.example\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270}",
     JF_ABSENT, ""},
    {"issuer with a slash", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "/\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270}", JF_ABSENT, ""},
    {"issuer that looks alike", &rsa, "RS256", RS,
     "{\"iss\":\"https://id.ex\xd0\xb0mple\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270}",
     JF_ABSENT, ""},
    {"issuer, escaped", &rsa, "RS256", RS,
     "{\"i\\u0073s\":\"https:\\/\\/id.example\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270}",
     JF_OK, ""},
    {"issuer with a NUL", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\\u0000.evil\",\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270}",
     JF_E_DENIED, "malformed"},
    {"issuer is a list", &rsa, "RS256", RS,
     "{\"iss\":[\"" ISSUER "\"],\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270}", JF_E_DENIED,
     "malformed"},
    {"issuer twice", &rsa, "RS256", RS, WITH("\"iss\":\"https://evil.example\""), JF_E_DENIED, "malformed"},
    {"no issuer", &rsa, "RS256", RS, "{\"sub\":\"a\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270}", JF_ABSENT,
     ""},

    /* Whose. */
    {"no subject", &rsa, "RS256", RS, "{\"iss\":\"" ISSUER "\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270}",
     JF_E_DENIED, "whose"},
    {"subject is empty", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270}", JF_E_DENIED,
     "whose"},
    {"subject is a number", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":7,\"aud\":\"" RESOURCE "\",\"exp\":1800000270}", JF_E_DENIED, "whose"},
    {"subject with a NUL", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"admin\\u0000\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270}",
     JF_E_DENIED, ""},
    {"subject with a line end", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"a\\r\\nX: y\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270}",
     JF_E_DENIED, "whose"},
    {"subject that turns around", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"\\u202enimda\",\"aud\":\"" RESOURCE "\",\"exp\":1800000270}",
     JF_E_DENIED, "whose"},
    {"subject of many scripts", &rsa, "RS256", RS,
     "{\"iss\":\"" ISSUER "\",\"sub\":\"J\\u00fcrgen \\ud83d\\ude00 \xe5\xb1\xb1\",\"aud\":\"" RESOURCE
     "\",\"exp\":1800000270}",
     JF_OK, ""},
    {"roles of other kinds", &rsa, "RS256", RS, WITH("\"roles\":[\"a\",1]"), JF_E_DENIED, "roles"},
    {"roles as an object", &rsa, "RS256", RS, WITH("\"roles\":{\"admin\":true}"), JF_E_DENIED, "roles"},
    {"scope is a number", &rsa, "RS256", RS, WITH("\"scope\":1"), JF_E_DENIED, "scopes"},
    {"jti is a number", &rsa, "RS256", RS, WITH("\"jti\":1"), JF_E_DENIED, "id"},
    {"claims are a list", &rsa, "RS256", RS, "[" CLAIMS "]", JF_E_DENIED, "malformed"},
    {"claims are no JSON", &rsa, "RS256", RS, "iss=" ISSUER, JF_E_DENIED, "malformed"},
    {"a repeated member deep inside", &rsa, "RS256", RS, WITH("\"a\":[{\"b\":1,\"b\":2}]"), JF_E_DENIED,
     "malformed"},
    {"too deep", &rsa, "RS256", RS, WITH("\"a\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]"), JF_E_DENIED,
     "malformed"},
};

static void check_row(const struct row *row, const char *token) {
    int32_t status = bearer(token);
    CHECK(status == row->expected && strstr(said, row->why) != NULL, "%s: status %d and not %d: %s",
          row->name, (int)status, (int)row->expected, said);
    CHECK(request_count == 0, "%s: a request to %s", row->name, http_last()->url);
}

TEST(the_table_of_tokens) {
    begin_inline("");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_row(&rows[i], token_of(rows[i].key, rows[i].algorithm, rows[i].header, rows[i].claims));
    end();
}

/* With a byte changed, removed or added anywhere, no token is accepted. */
TEST(changed_tokens) {
    static const char *const headers[] = {RS, "{\"alg\":\"ES256\",\"kid\":\"p256\"}",
                                          "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}"};
    const struct test_key *const keys[] = {&rsa, &p256, &ed};
    static char token[4000], changed[4000];
    begin_inline("");
    uint32_t accepted = 0;
    for (int k = 0; k < 3; k++) {
        char algorithm[8];
        snprintf(algorithm, sizeof algorithm, "%.5s", headers[k] + 8);
        snprintf(token, sizeof token, "%s", token_of(keys[k], algorithm, headers[k], CLAIMS));
        size_t length = strlen(token);
        CHECK(bearer(token) == JF_OK, "%s: %s", algorithm, said);
        for (size_t at = 0; at < length; at++) {
            memcpy(changed, token, length + 1);
            changed[at] = changed[at] == 'A' ? 'B' : 'A';
            accepted += bearer(changed) == JF_OK;
            memmove(changed + at, token + at + 1, length - at);
            accepted += bearer(changed) == JF_OK;
            memcpy(changed, token, at);
            changed[at] = '_';
            memcpy(changed + at + 1, token + at, length - at + 1);
            accepted += bearer(changed) == JF_OK;
        }
        for (size_t cut = 0; cut < length; cut += 7) {
            snprintf(changed, cut + 1, "%s", token);
            accepted += bearer(changed) == JF_OK;
        }
    }
    CHECK(accepted == 0, "%u changed tokens were accepted", accepted);
    end();
}

/* One spelling only: left-over bits, padding, the other alphabet, blanks. */
TEST(other_spellings) {
    static char token[4000], header[200];
    begin_inline("");
    snprintf(token, sizeof token, "%s", token_of(&ed, "EdDSA", "{\"alg\":\"EdDSA\",\"kid\":\"ed\"}", CLAIMS));
    REQUIRE(bearer(token) == JF_OK, "%s", said);
    size_t length = strlen(token);
    /* 64 bytes end with two characters, the last of which has four bits to spare. */
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char last = token[length - 1];
    long value = strchr(alphabet, last) - alphabet;
    CHECK(value % 16 == 0, "left-over bits are zero");
    for (long bits = 1; bits < 16; bits++) {
        token[length - 1] = alphabet[value + bits];
        CHECK(bearer(token) == JF_E_DENIED && strstr(said, "malformed") != NULL, "%ld: %s", bits, said);
    }
    token[length - 1] = last;
    for (const char *more = "=+/"; *more != 0; more++) {
        snprintf(token + length, 3, "%c", *more);
        CHECK(bearer(token) == JF_E_DENIED, "%c behind it: %s", *more, said);
    }
    token[length] = 0;
    static const char *const shapes[] = {"Bearer  %s ", "bearer %s", "BEARER %s"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(header, sizeof header, "%.8s", shapes[i]);
        static char whole[4100];
        snprintf(whole, sizeof whole, shapes[i], token); // NOLINT: the formats are above
        blank();
        show("authorization", whole);
        CHECK(ask() == JF_OK, "\"%s\": %s", shapes[i], said);
    }
    static char whole[8200];
    snprintf(whole, sizeof whole, "Bearer %s, Bearer %s", token, token);
    blank();
    show("authorization", whole);
    CHECK(ask() == JF_E_DENIED, "two in one header: %s", said);
    snprintf(whole, sizeof whole, "Bearer\t%s", token);
    blank();
    show("authorization", whole);
    CHECK(ask() == JF_E_DENIED, "a tab: %s", said);
    end();
}

/* What is no JWT is another provider's; what says that it is one is judged here. */
TEST(shapes) {
    static const struct {
        const char *token;
        int32_t expected;
    } shapes[] = {{"opaque", JF_ABSENT},  {"jf_0123456789", JF_ABSENT}, {"a.b", JF_ABSENT},
                  {"a.b.c.d", JF_ABSENT}, {"a.b.c.d.e", JF_ABSENT},     {"..", JF_E_DENIED},
                  {"a.b.c", JF_E_DENIED}, {"e30.e30.", JF_ABSENT}, /* {} and {}: nobody's */
                  {"e30..", JF_E_DENIED}, {".e30.", JF_E_DENIED},       {"", JF_E_DENIED},
                  {"=", JF_E_DENIED},     {"a b", JF_E_DENIED},         {"\xff\xfe", JF_E_DENIED}};
    begin_inline("");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        CHECK(bearer(shapes[i].token) == shapes[i].expected, "\"%s\": %s", shapes[i].token, said);
    blank();
    CHECK(ask() == JF_ABSENT, "nothing");
    show("authorization", "Basic YWxpY2U6c2VjcmV0");
    CHECK(ask() == JF_ABSENT, "another scheme");
    blank();
    show("authorization", "Bearerish abc");
    CHECK(ask() == JF_ABSENT, "another scheme that begins alike");
    blank();
    show("authorization", "");
    CHECK(ask() == JF_ABSENT, "an empty header");
    end();
}

TEST(two_authorization_headers) {
    static char value[4000];
    begin_inline("");
    snprintf(value, sizeof value, "Bearer %s", good());
    blank();
    show("authorization", value);
    show("authorization", value);
    CHECK(ask() == JF_E_DENIED && strstr(said, "twice") != NULL, "the same twice: %s", said);
    blank();
    show("authorization", "Basic YWxpY2U6c2VjcmV0");
    show("authorization", value);
    CHECK(ask() == JF_E_DENIED, "two schemes: %s", said);
    blank();
    show("x-authorization", value);
    show("authorization", value);
    CHECK(ask() == JF_OK, "another field beside it: %s", said);
    end();
}

TEST(sizes) {
    static char claims[70000];
    begin_inline(",\"max_token\":16384");
    memset(claims, 'a', sizeof claims);
    int at = snprintf(claims, sizeof claims, "%s",
                      "{\"iss\":\"" ISSUER "\",\"sub\":\"alice\",\"aud\":\"" RESOURCE
                      "\",\"exp\":1800000270,\"a\":\"");
    claims[at] = 'a';
    strcpy(claims + 11000, "\"}");
    CHECK(bearer(token_of(&rsa, "RS256", RS, claims)) == JF_OK, "a long one: %s", said);
    memset(claims + 11000, 'a', 3);
    strcpy(claims + 60000, "\"}");
    CHECK(bearer(token_of(&rsa, "RS256", RS, claims)) == JF_E_DENIED && strstr(said, "too long") != NULL,
          "%s", said);
    /* Many members cost no more than a look. */
    at = snprintf(claims, sizeof claims, "{\"iss\":\"" ISSUER "\"");
    for (int i = 0; i < 1000; i++)
        at += snprintf(claims + at, sizeof claims - (size_t)at, ",\"m%d\":1", i);
    snprintf(claims + at, sizeof claims - (size_t)at, "}");
    CHECK(bearer(token_of(&rsa, "RS256", RS, claims)) == JF_E_DENIED && strstr(said, "malformed") != NULL,
          "%s", said);
    end();
}

#endif
