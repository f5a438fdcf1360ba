/* SPDX-License-Identifier: Apache-2.0
 * Tests of auth-mtls through the mock host, with certificates that the openssl program makes. */
#define _GNU_SOURCE
#include "auth/auth_check.h"
#include <time.h>

static char folder[40];

struct certificate {
    uint8_t der[8192];
    size_t size;
};

/** Makes a certificate. `names`: subjectAltName, "" for none. It lives for ten years from now. */
static void make(struct certificate *out, const char *subject, const char *names, const char *serial) {
    char command[3000], extension[2200] = "";
    if (folder[0] == 0) {
        snprintf(folder, sizeof folder, "/tmp/jf-mtls-XXXXXX");
        REQUIRE(mkdtemp(folder) != NULL, "no folder");
    }
    if (names[0] != 0) snprintf(extension, sizeof extension, "-addext 'subjectAltName=%s'", names);
    snprintf(command, sizeof command,
             "cd %s && { test -e key || openssl genpkey -algorithm ed25519 -out key; } 2>/dev/null && "
             "openssl req -x509 "
             "-new -key key -utf8 -subj '%s' -set_serial %s %s -days 3650 -outform DER -out cert 2>error",
             folder, subject, serial, extension);
    CHECK(system(command) == 0, "openssl failed: %s", command);
    snprintf(command, sizeof command, "%s/cert", folder);
    FILE *file = fopen(command, "re");
    REQUIRE(file != NULL, "no certificate");
    out->size = fread(out->der, 1, sizeof out->der, file);
    fclose(file);
}

static void tidy(void) {
    static const char *const names[] = {"key", "cert", "error", "denied"};
    char path[64];
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    folder[0] = 0;
}

static int32_t with(const struct certificate *certificate) {
    blank();
    request.certificate = (jf_view){certificate->der, certificate->size};
    return ask();
}

static int32_t named(const char *subject, const char *names) {
    static struct certificate certificate;
    make(&certificate, subject, names, "0x01");
    return with(&certificate);
}

/** Certificates are made now: the time of requests is, too. */
static void begin_now(const char *config) {
    now_ms = (uint64_t)time(NULL) * 1000 + 60000;
    begin_with(config);
}

TEST(ordinary) {
    check_ordinary("{}");
}

TEST(where_the_subject_comes_from) {
    begin_now("{}");
    CHECK(named("/CN=x/O=Acme", "URI:spiffe://prod.example/ns/web/sa/front,DNS:front.example") == JF_OK, "%s",
          said);
    CHECK(is("/subject", "spiffe://prod.example/ns/web/sa/front") && is("/issuer", "spiffe://prod.example") &&
              is("/attributes/dns/0", "front.example") && is("/attributes/dn", "O=Acme,CN=x") &&
              is("/credential", "1"),
          "a SPIFFE id");
    char *expires = jf_mock_json_get(mock, principal, "/expires_ms");
    CHECK(expires != NULL && strtoull(expires, NULL, 10) > now_ms, "%s", principal);
    free(expires);
    CHECK(named("/CN=x", "URI:urn:device:7,email:a@b.example") == JF_OK && is("/subject", "urn:device:7") &&
              is("/issuer", "CN=x"),
          "%s", said);
    CHECK(named("/CN=x", "email:a@b.example,DNS:D.example") == JF_OK && is("/subject", "a@b.example"), "%s",
          said);
    CHECK(named("/CN=x", "DNS:D.Example") == JF_OK && is("/subject", "d.example"), "%s", said);
    CHECK(named("/CN=J\xc3\xbcrgen, \\\"J\\\"/O=Acme", "") == JF_OK &&
              is("/subject", "O=Acme,CN=J\xc3\xbcrgen\\, \\\"J\\\""),
          "%s", said);
    CHECK(named("/", "IP:127.0.0.1") == JF_E_DENIED && strstr(said, "names nobody") != NULL, "%s", said);
    end();
    begin_now("{\"subject\":[\"dn\",\"dns\"]}");
    CHECK(named("/CN=x", "URI:spiffe://prod.example/a,DNS:d") == JF_OK && is("/subject", "CN=x"), "%s", said);
    CHECK(named("/", "URI:spiffe://prod.example/a,DNS:d") == JF_OK && is("/subject", "d"), "%s", said);
    CHECK(named("/", "URI:spiffe://prod.example/a") == JF_E_DENIED, "%s", said);
    end();
    tidy();
}

TEST(spiffe_ids_that_are_none) {
    static const char *const bad[] = {"URI:spiffe://Prod.example/a",
                                      "URI:SPIFFE://prod.example/a",
                                      "URI:spiffe:///a",
                                      "URI:spiffe://prod.example/",
                                      "URI:spiffe://prod.example/a//b",
                                      "URI:spiffe://prod.example/../admin",
                                      "URI:spiffe://prod.example/a%2fb",
                                      "URI:spiffe://prod.example:443/a",
                                      "URI:spiffe://u@prod.example/a",
                                      "URI:spiffe://prod.example/a?b",
                                      "URI:spiffe:prod.example",
                                      "URI:spiffe://prod.example/a,URI:spiffe://prod.example/b",
                                      "URI:https://a.example,URI:spiffe://prod.example/b"};
    begin_now("{\"trust_domains\":[\"prod.example\",\"lab.example\"]}");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(named("/CN=x", bad[i]) == JF_E_DENIED && strstr(said, "SPIFFE id") != NULL, "%s: %s", bad[i],
              said);
    CHECK(named("/CN=x", "URI:spiffe://lab.example") == JF_OK && is("/subject", "spiffe://lab.example"), "%s",
          said);
    CHECK(named("/CN=x", "URI:spiffe://lab.example.evil/a") == JF_E_DENIED &&
              strstr(said, "trust domain") != NULL,
          "%s", said);
    end();
    tidy();
}

TEST(rules) {
    begin_now("{\"rules\":[{\"subject\":\"spiffe://prod.example/ns/web/"
              "*\",\"tenant\":\"web\",\"roles\":[\"caller\"]},"
              "{\"subject\":\"*/sa/"
              "admin\",\"tenant\":\"other\",\"roles\":[\"admin\",\"caller\"],\"scopes\":[\"mcp\"]},"
              "{\"issuer\":\"CN=ca\",\"roles\":[\"by-ca\"]}]}");
    CHECK(named("/CN=x", "URI:spiffe://prod.example/ns/web/sa/admin") == JF_OK && is("/tenant", "web") &&
              is("/roles/0", "caller") && is("/roles/1", "admin") && is("/roles/2", NULL) &&
              is("/scopes/0", "mcp"),
          "%s", said);
    CHECK(named("/CN=ca", "URI:spiffe://prod.example/ns/db/sa/x") == JF_OK && is("/tenant", NULL) &&
              is("/roles/0", "by-ca"),
          "%s", said);
    CHECK(named("/CN=x", "URI:spiffe://prod.example/ns/db/sa/x") == JF_OK && is("/roles", NULL), "%s", said);
    end();
    begin_now("{\"unmatched\":\"deny\",\"rules\":[{\"subject\":\"a*\"}]}");
    CHECK(named("/CN=x", "DNS:abc") == JF_OK && named("/CN=x", "DNS:xabc") == JF_E_DENIED, "%s", said);
    end();
    tidy();
}

TEST(times) {
    struct certificate certificate = {.size = 0};
    begin_now("{}");
    make(&certificate, "/CN=x", "", "0x0A");
    CHECK(with(&certificate) == JF_OK && is("/credential", "A"), "%s", said);
    uint64_t now = now_ms;
    now_ms += 3651ull * 86400000u;
    CHECK(with(&certificate) == JF_E_DENIED && strstr(said, "expired") != NULL, "%s", said);
    now_ms = now - 86400000u;
    CHECK(with(&certificate) == JF_E_DENIED && strstr(said, "not valid yet") != NULL, "%s", said);
    now_ms = now;
    end();
    tidy();
}

TEST(garbage) {
    struct certificate certificate = {.size = 0};
    begin_now("{}");
    make(&certificate, "/CN=x", "URI:spiffe://prod.example/a", "0x01");
    size_t whole = certificate.size;
    for (certificate.size = 0; certificate.size < whole; certificate.size++)
        CHECK(with(&certificate) == JF_E_DENIED, "cut at %zu", certificate.size);
    certificate.der[whole] = 0;
    certificate.size = whole + 1;
    CHECK(with(&certificate) == JF_E_DENIED, "something behind it");
    certificate.size = whole;
    /* A changed byte gives no crash; whether the listener would have let it pass is not asked here. */
    for (size_t at = 0; at < whole; at++) {
        certificate.der[at] ^= 0x55;
        int32_t status = with(&certificate);
        CHECK(status == JF_OK || status == JF_E_DENIED, "byte %zu: %d", at, (int)status);
        certificate.der[at] ^= 0x55;
    }
    /* A name that ends early for who reads it as a C string: a.example NUL .evil */
    make(&certificate, "/CN=x", "DNS:admin.example-evil", "0x01");
    uint8_t *dash = memmem(certificate.der, certificate.size, "-evil", 5);
    REQUIRE(dash != NULL, "no name");
    *dash = 0;
    CHECK(with(&certificate) == JF_E_DENIED, "a NUL in a name: %s", principal);
    end();
    tidy();
}

static bool forgot(void *user) {
    (void)user;
    return forgotten != 0;
}

TEST(revoked_certificates) {
    struct certificate one = {.size = 0}, two = {.size = 0};
    char path[64], config[200];
    begin_now("{\"denied\":[\"00:de:ad\",\"7\"]}");
    make(&one, "/CN=x", "", "0xDEAD");
    make(&two, "/CN=x", "", "0xBEEF");
    CHECK(with(&one) == JF_E_DENIED && strstr(said, "revoked") != NULL, "%s", said);
    CHECK(with(&two) == JF_OK, "%s", said);
    end();
    snprintf(path, sizeof path, "%s/denied", folder);
    snprintf(config, sizeof config, "{\"denied_file\":\"%s\"}", path);
    FILE *file = fopen(path, "we");
    REQUIRE(file != NULL, "no file");
    fputs("# revoked\n\n  beef  # lost\r\n1", file);
    fclose(file);
    begin_now(config);
    CHECK(with(&one) == JF_OK && with(&two) == JF_E_DENIED, "%s", said);
    file = fopen(path, "we");
    fputs("dead\n", file);
    fclose(file);
    jf_mock_advance(mock, 1100000000u);
    CHECK(jf_mock_run_until(mock, forgot, NULL, 2000), "the change was not seen");
    CHECK(with(&one) == JF_E_DENIED && with(&two) == JF_OK, "%s", said);
    end();
    file = fopen(path, "we");
    fputs("dead\nno number\n", file);
    fclose(file);
    begin();
    up();
    CHECK(!attach(config) && strstr(jf_mock_why(mock), "line 2") != NULL, "%s", jf_mock_why(mock));
    end();
    tidy();
}

TEST(options_that_make_no_sense) {
    static const char *const bad[] = {"{\"subject\":[]}",
                                      "{\"subject\":[\"cn\"]}",
                                      "{\"subject\":\"dn\"}",
                                      "{\"rules\":[{\"roles\":7}]}",
                                      "{\"rules\":[{\"subject\":7}]}",
                                      "{\"denied\":[\"xyz\"]}",
                                      "{\"denied\":[\"\"]}",
                                      "{\"denied\":[\":1\"]}",
                                      "{\"unmatched\":\"maybe\"}",
                                      "{\"trust_domains\":\"a\"}",
                                      "{\"denied_file\":\"/nowhere/denied\"}"};
    begin();
    up();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!attach(bad[i]) && strstr(jf_mock_why(mock), "auth-mtls: ") != NULL, "%s: %s", bad[i],
              jf_mock_why(mock));
    end();
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
