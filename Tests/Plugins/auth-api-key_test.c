/* SPDX-License-Identifier: Apache-2.0
 * Tests of auth-api-key through the mock host. */
#define _GNU_SOURCE
#include "auth/auth_check.h"
#include "auth/jose.h"
#include <sys/stat.h>

#define KEY_1 "jf_Z0hVbWtxS3h0b2V1cW5nZA"
#define KEY_2 "jf_c2Vjb25kIGtleSBvZiBhbA"
#define KEY_3 "another form of key 0123456789abcdef"

/** "sha256:..." of a key; four of them may be in use at once. */
static const char *hash_of(const char *key) {
    static char texts[4][80];
    static int turn;
    uint8_t hash[32];
    char *text = texts[turn++ % 4];
    jose_load();
    lib.SHA256((const uint8_t *)key, strlen(key), hash);
    int at = snprintf(text, 80, "sha256:");
    for (int i = 0; i < 32; i++)
        at += snprintf(text + at, 80 - (size_t)at, "%02x", hash[i]);
    return text;
}

/** One key of alice's; `more` are further members, with a comma before them. */
static const char *config_of(const char *key, const char *more) {
    static char text[1000];
    snprintf(text, sizeof text, "{\"keys\":[{\"id\":\"k1\",\"hash\":\"%s\",\"subject\":\"alice\"%s}]}",
             hash_of(key), more);
    return text;
}

static int32_t with(const char *name, const char *value) {
    blank();
    show(name, value);
    return ask();
}

TEST(ordinary) {
    check_ordinary(config_of(KEY_1, ""));
}

TEST(where_a_key_may_stand) {
    begin_with(config_of(KEY_1, ""));
    CHECK(with("authorization", "Bearer " KEY_1) == JF_OK && is("/subject", "alice") &&
              is("/credential", "k1") && is("/keep_ms", NULL) && is("/expires_ms", NULL),
          "%s", said);
    CHECK(with("x-api-key", KEY_1) == JF_OK, "%s", said);
    CHECK(with("api-key", KEY_1) == JF_ABSENT, "a header that is not configured");
    CHECK(with("authorization", KEY_1) == JF_ABSENT, "without a scheme");
    CHECK(with("authorization", "Bearer eyJhbGciOiJub25lIn0.e30.") == JF_ABSENT, "a token of another kind");
    CHECK(with("authorization", "Bearer jf") == JF_ABSENT, "shorter than the prefix");
    CHECK(with("authorization", "Bearer jf_") == JF_E_DENIED, "the prefix alone");
    CHECK(with("authorization", "Bearer " KEY_2) == JF_E_DENIED, "an unknown key");
    CHECK(with("x-api-key", "") == JF_E_DENIED, "empty");
    CHECK(with("x-api-key", "wrong") == JF_E_DENIED && strstr(said, "wrong") == NULL,
          "a key in a message: %s", said);
    static char huge[100000];
    memset(huge, 'a', sizeof huge - 1);
    CHECK(with("x-api-key", huge) == JF_E_DENIED, "a huge one");
    blank();
    show("authorization", "Bearer " KEY_1);
    show("x-api-key", KEY_1);
    CHECK(ask() == JF_E_DENIED, "two places");
    blank();
    show("x-api-key", KEY_1);
    show("x-api-key", KEY_1);
    CHECK(ask() == JF_E_DENIED, "twice");
    blank();
    show("authorization", "Bearer other.kind.token");
    show("x-api-key", KEY_1);
    CHECK(ask() == JF_OK, "a token for somebody else beside it: %s", said);
    CHECK(strcmp(description(), "{\"bearer_methods_supported\":[\"header\"]}") == 0, "%s", description());
    end();
}

TEST(configured_header_and_prefix) {
    char config[400];
    snprintf(config, sizeof config,
             "{\"headers\":[\"x-auth-token\",\"authorization\"],\"prefix\":\"\",\"keys\":[{\"id\":\"k\","
             "\"hash\":\"%s\","
             "\"subject\":\"bob\"}]}",
             hash_of(KEY_3));
    begin_with(config);
    CHECK(with("x-auth-token", KEY_3) == JF_OK && is("/subject", "bob"), "%s", said);
    CHECK(with("x-api-key", KEY_3) == JF_ABSENT, "not configured");
    CHECK(with("authorization", "Bearer some.jwt.token") == JF_E_DENIED,
          "without a prefix all tokens are keys");
    end();
}

TEST(all_that_a_key_can_have) {
    begin_with(config_of(
        KEY_1, ",\"tenant\":\"acme\",\"roles\":[\"ops\"],\"scopes\":[\"mcp\"],\"attributes\":{\"team\":"
               "\"x\"},\"not_before\":\"2027-01-15\",\"expires\":\"2027-01-15T09:00:00+01:00\""));
    CHECK(with("x-api-key", KEY_1) == JF_E_DENIED && strstr(said, "expired") != NULL, "at its end: %s", said);
    now_ms -= 1;
    CHECK(with("x-api-key", KEY_1) == JF_OK && is("/tenant", "acme") && is("/roles/0", "ops") &&
              is("/scopes/0", "mcp") && is("/attributes/team", "x") && is("/expires_ms", "1800000000000"),
          "%s", said);
    now_ms = 1799971199999u;
    CHECK(with("x-api-key", KEY_1) == JF_E_DENIED && strstr(said, "not valid yet") != NULL, "too early: %s",
          said);
    now_ms = 1799971200000u;
    CHECK(with("x-api-key", KEY_1) == JF_OK, "from then on: %s", said);
    now_ms = 1800000000000u;
    end();
}

TEST(several_keys_of_one) {
    char config[1000];
    snprintf(
        config, sizeof config,
        "{\"keys\":[{\"id\":\"old\",\"hash\":\"%s\",\"subject\":\"alice\"},{\"id\":\"new\",\"hash\":\"%s\","
        "\"subject\":\"alice\"}]}",
        hash_of(KEY_1), hash_of(KEY_2));
    begin_with(config);
    CHECK(with("x-api-key", KEY_1) == JF_OK && is("/credential", "old"), "%s", said);
    CHECK(with("x-api-key", KEY_2) == JF_OK && is("/credential", "new") && is("/subject", "alice"), "%s",
          said);
    end();
}

TEST(options_that_make_no_sense) {
    static const struct {
        const char *more, *why;
    } members[] = {{",\"expires\":\"tomorrow\"", "keys[0]: expires"},
                   {",\"expires\":\"2027-02-30\"", "expires"},
                   {",\"expires\":\"2027-01-01T25:00:00Z\"", "expires"},
                   {",\"expires\":\"2027-01-01T00:00:00\"", "expires"},
                   {",\"expires\":\"2027-01-01\\u0000\"", "expires"},
                   {",\"expires\":20270101", "expires"},
                   {",\"expires\":\"2027-01-01\",\"not_before\":\"2027-01-01\"", "before it is valid"},
                   {",\"expire\":\"2027-01-01\"", "\"expire\" is unknown"},
                   {",\"key\":\"" KEY_1 "\"", "\"key\" is unknown"},
                   {",\"subject\":\"bob\"", "repeats"},
                   {",\"tenant\":\"\"", "tenant"},
                   {",\"roles\":[null]", "roles"}};
    begin();
    up();
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        CHECK(!attach(config_of(KEY_1, members[i].more)) && strstr(jf_mock_why(mock), members[i].why) != NULL,
              "%s: %s", members[i].more, jf_mock_why(mock));
    char same[400], config[1000];
    snprintf(same, sizeof same, "\"hash\":\"%s\",\"subject\":\"a\"}", hash_of(KEY_1));
    static const char *const twice[] = {"{\"keys\":[{\"id\":\"a\",%s,{\"id\":\"b\",%s]}", "the same key"};
    snprintf(config, sizeof config, "{\"keys\":[{\"id\":\"a\",%s,{\"id\":\"b\",%s]}", same, same);
    CHECK(!attach(config) && strstr(jf_mock_why(mock), twice[1]) != NULL, "%s", jf_mock_why(mock));
    snprintf(config, sizeof config,
             "{\"keys\":[{\"id\":\"a\",%s,{\"id\":\"a\",\"hash\":\"%s\",\"subject\":\"b\"}]}", same,
             hash_of(KEY_2));
    CHECK(!attach(config) && strstr(jf_mock_why(mock), "this id") != NULL, "%s", jf_mock_why(mock));
    static const struct {
        const char *config, *why;
    } whole[] = {{"{}", "neither keys nor file"},
                 {"{\"keys\":[7]}", "mapping"},
                 {"{\"keys\":[{}]}", "keys[0]: id"},
                 {"{\"keys\":[{\"id\":\"a\",\"hash\":\"md5:00\",\"subject\":\"a\"}]}", "hash"},
                 {"{\"keys\":[{\"id\":\"a\",\"hash\":\"sha256:00\",\"subject\":\"a\"}]}", "hash"},
                 {"{\"keys\":[{\"id\":\"a\\nb\",\"hash\":\"x\",\"subject\":\"a\"}]}", "id"},
                 {"{\"keys\":[],\"headers\":[\"cookie\"]}", "headers"},
                 {"{\"file\":\"/nowhere/keys\"}", "/nowhere/keys"},
                 {"{\"file\":\"/tmp\"}", "no file"}};
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++)
        CHECK(!attach(whole[i].config) && strstr(jf_mock_why(mock), whole[i].why) != NULL, "%s: %s",
              whole[i].config, jf_mock_why(mock));
    end();
}

/* ---- The file ---- */

static char folder[40], path[64];

static void write_keys(const char *text) {
    char next[80];
    snprintf(next, sizeof next, "%s.new", path);
    FILE *file = fopen(next, "we");
    REQUIRE(file != NULL, "cannot write %s", next);
    fputs(text, file);
    fclose(file);
    rename(next, path);
}

static bool forgot(void *user) {
    return forgotten >= *(uint32_t *)user;
}

static bool complained(void *user) {
    return jf_mock_logged(mock, JF_LOG_ERROR, user);
}

/** Lets a second go by and waits until the file was read again. */
static void seen(uint32_t changes) {
    jf_mock_advance(mock, 1100000000u);
    CHECK(jf_mock_run_until(mock, forgot, &changes, 2000), "the change was not seen");
}

TEST(a_file_of_keys) {
    char config[600];
    snprintf(folder, sizeof folder, "/tmp/jf-auth-XXXXXX");
    REQUIRE(mkdtemp(folder) != NULL, "no folder");
    snprintf(path, sizeof path, "%s/keys.json", folder);
    write_keys(config_of(KEY_1, ""));
    snprintf(config, sizeof config,
             "{\"file\":\"%s\",\"keys\":[{\"id\":\"fixed\",\"hash\":\"%s\",\"subject\":\"root\"}]}", path,
             hash_of(KEY_3));
    begin_with(config);
    CHECK(with("x-api-key", KEY_1) == JF_OK && is("/subject", "alice"), "%s", said);
    CHECK(with("x-api-key", KEY_3) == JF_OK && is("/subject", "root"), "%s", said);
    write_keys(config_of(KEY_2, ""));
    seen(1);
    CHECK(with("x-api-key", KEY_1) == JF_E_DENIED && with("x-api-key", KEY_2) == JF_OK, "%s", said);
    static const char *const broken[] = {"",
                                         "{\"keys\":",
                                         "[1]",
                                         "{\"keys\":[{\"id\":\"fixed\"}]}",
                                         "{\"keys\":{}}",
                                         "{\"keys\":[],\"keys\":[]}"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        uint32_t logged = jf_mock_log_count(mock);
        write_keys(broken[i]);
        jf_mock_advance(mock, 1100000000u);
        for (int turn = 0; turn < 100 && jf_mock_log_count(mock) == logged; turn++)
            jf_mock_run_once(mock, 20);
        CHECK(jf_mock_log_count(mock) > logged, "%s: nobody complains", broken[i]);
        CHECK(with("x-api-key", KEY_2) == JF_OK, "%s: what was read before holds: %s", broken[i], said);
    }
    unlink(path);
    jf_mock_advance(mock, 1100000000u);
    CHECK(jf_mock_run_until(mock, complained, "No such file", 2000), "nobody complains");
    CHECK(with("x-api-key", KEY_2) == JF_OK && forgotten == 1, "%s", said);
    write_keys("[]");
    seen(2);
    CHECK(with("x-api-key", KEY_2) == JF_E_DENIED && with("x-api-key", KEY_3) == JF_OK, "%s", said);
    /* More keys are nobody's loss. */
    char two[600];
    snprintf(two, sizeof two, "[{\"id\":\"a\",\"hash\":\"%s\",\"subject\":\"a\"}]", hash_of(KEY_1));
    uint32_t logged = jf_mock_log_count(mock);
    for (int turn = 0; turn < 2; turn++) {
        write_keys(two);
        jf_mock_advance(mock, 1100000000u);
        for (int i = 0; i < 100 && jf_mock_log_count(mock) == logged; i++)
            jf_mock_run_once(mock, 20);
        logged = jf_mock_log_count(mock);
        CHECK(with("x-api-key", KEY_1) == JF_OK && forgotten == 2, "%u: %s", forgotten, said);
        snprintf(two + strlen(two) - 1, sizeof two - strlen(two),
                 ",{\"id\":\"b\",\"hash\":\"%s\",\"subject\":\"b\"}]", hash_of(KEY_2));
    }
    CHECK(with("x-api-key", KEY_2) == JF_OK, "%s", said);
    end();
    unlink(path);
    rmdir(folder);
}

/* A host that cannot be told of changes is asked to ask again soon. */
TEST(without_jf_identity) {
    char config[600];
    snprintf(folder, sizeof folder, "/tmp/jf-auth-XXXXXX");
    REQUIRE(mkdtemp(folder) != NULL, "no folder");
    snprintf(path, sizeof path, "%s/keys.json", folder);
    write_keys(config_of(KEY_1, ""));
    chmod(path, 0666);
    snprintf(config, sizeof config, "{\"file\":\"%s\"}", path);
    begin();
    jf_mock_hide(mock, JF_IDENTITY_1);
    up();
    CHECK(attach(config), "%s", jf_mock_why(mock));
    CHECK(with("x-api-key", KEY_1) == JF_OK && is("/keep_ms", "1000"), "%s", said);
    CHECK(jf_mock_logged(mock, JF_LOG_WARNING, "chmod"), "no word about a file that all can write");
    end();
    unlink(path);
    rmdir(folder);
}

TEST(many_keys) {
    enum { MANY = 20000 };
    char key[40];
    char *config = malloc(200 * MANY);
    int at = snprintf(config, 100, "{\"keys\":[");
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "jf_key-%d", i);
        at += snprintf(config + at, 200, "%s{\"id\":\"id-%d\",\"hash\":\"%s\",\"subject\":\"s%d\"}",
                       i > 0 ? "," : "", i, hash_of(key), i);
    }
    snprintf(config + at, 10, "]}");
    begin_with(config);
    CHECK(with("x-api-key", "jf_key-19999") == JF_OK && is("/subject", "s19999"), "%s", said);
    CHECK(with("x-api-key", "jf_key-0") == JF_OK && is("/credential", "id-0"), "%s", said);
    CHECK(with("x-api-key", "jf_key-20000") == JF_E_DENIED, "%s", said);
    end();
    free(config);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
