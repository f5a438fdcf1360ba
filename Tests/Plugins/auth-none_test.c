/* SPDX-License-Identifier: Apache-2.0
 * Tests of auth-none through the mock host. */
#include "auth/auth_check.h"

TEST(ordinary) {
    check_ordinary("{}");
}

TEST(local_clients_are_let_in) {
    begin_with("{}");
    blank();
    CHECK(ask() == JF_ABSENT, "a stranger");
    request.flags = JF_CREDENTIALS_LOCAL;
    CHECK(ask() == JF_OK && is("/subject", "local") && is("/roles", NULL) && is("/tenant", NULL), "%s", said);
    request.flags = JF_CREDENTIALS_SOLE;
    CHECK(ask() == JF_OK, "the client that started the gateway: %s", said);
    request.flags = ~(JF_CREDENTIALS_LOCAL | JF_CREDENTIALS_SOLE);
    CHECK(ask() == JF_ABSENT, "flags that are not known let nobody in");
    end();
}

TEST(as_configured) {
    begin_with(
        "{\"subject\":\"dev \\u00fc\",\"tenant\":\"lab\",\"roles\":[\"admin\",\"ops\"],\"scopes\":[\"mcp\"],"
        "\"attributes\":{\"team\":{\"n\":1}},\"clients\":\"sole\"}");
    blank();
    request.flags = JF_CREDENTIALS_LOCAL;
    CHECK(ask() == JF_ABSENT, "local is not sole");
    request.flags |= JF_CREDENTIALS_SOLE;
    CHECK(ask() == JF_OK && is("/subject", "dev \xc3\xbc") && is("/tenant", "lab") && is("/roles/1", "ops") &&
              is("/scopes/0", "mcp") && is("/attributes/team/n", "1") && is("/expires_ms", NULL),
          "%s", said);
    end();
}

/* A proxy on this machine is local, those behind it are not; who shows something is somebody. */
TEST(not_behind_a_proxy_nor_with_credentials) {
    static const char *const names[] = {"forwarded", "x-forwarded-for", "x-real-ip", "via", "authorization"};
    begin_with("{}");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        blank();
        request.flags = JF_CREDENTIALS_LOCAL;
        show(names[i], "for=192.0.2.7");
        CHECK(ask() == JF_ABSENT, "%s", names[i]);
    }
    end();
}

TEST(options_that_make_no_sense) {
    static const char *const bad[] = {
        "{\"subject\":\"\"}",          "{\"subject\":7}",       "{\"subject\":\"a\\nb\"}",
        "{\"subject\":\"a\\u202eb\"}", "{\"roles\":\"admin\"}", "{\"roles\":[1]}",
        "{\"roles\":[\"\"]}",          "{\"attributes\":[]}",   "{\"attributes\":{\"a\":1,\"\\u0061\":2}}",
        "{\"clients\":\"all\"}"};
    begin();
    up();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!attach(bad[i]) && strstr(jf_mock_why(mock), "auth-none: ") != NULL, "%s: %s", bad[i],
              jf_mock_why(mock));
    end();
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
