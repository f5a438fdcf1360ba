/* SPDX-License-Identifier: Apache-2.0
 * Tests on the mock host, which looks for leaks and broken rules as it goes. */
#include "jf_check.h"
#include "jf_mock.h"

static const char *const people =
    "{\"people\":[{\"subject\":\"alice\",\"token\":\"token-of-alice-1\",\"roles\":[\"admin\",\"reader\"]},"
    "{\"subject\":\"b\\u00f6b\",\"token\":\"token-of-bob-123\"}]}";

static jf_ref begin(jf_mock **mock, const char *config) {
    *mock = jf_mock_new();
    if (!jf_mock_up(*mock, jf_check_plugin, "{}")) return 0;
    return jf_mock_auth_attach(*mock, "staff", config);
}

TEST(knows_people) {
    jf_mock *mock;
    jf_ref list = begin(&mock, people);
    REQUIRE(list != 0, "%s", jf_mock_why(mock));
    jf_mock_op it =
        jf_mock_op_at(mock, jf_mock_identify_field(mock, list, "authorization", "Bearer token-of-alice-1"));
    REQUIRE(it.status == JF_OK, "%s", it.why);
    const jf_principal *alice = jf_mock_principal(mock, it.result);
    CHECK(alice->subject.len == 5 && alice->role_count == 2, "%s", it.result);
    it =
        jf_mock_op_at(mock, jf_mock_identify_field(mock, list, "authorization", "bearer  token-of-bob-123 "));
    CHECK(it.status == JF_OK && strcmp(it.result, "{\"subject\":\"b\\u00f6b\"}") == 0, "%s", it.why);
    jf_mock_auth_detach(mock, list);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(refuses_others) {
    jf_mock *mock;
    jf_ref list = begin(&mock, people);
    REQUIRE(list != 0, "%s", jf_mock_why(mock));
    static const struct {
        const char *value;
        int32_t status;
    } cases[] = {{NULL, JF_ABSENT},
                 {"Basic YTpi", JF_ABSENT},
                 {"Bearer", JF_ABSENT},
                 {"Bearer ", JF_E_DENIED},
                 {"Bearer token-of-alice-", JF_E_DENIED},
                 {"Bearer token-of-alice-1token-of-alice-1", JF_E_DENIED},
                 {"Bearer token-of-eve", JF_E_DENIED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jf_mock_op it =
            jf_mock_op_at(mock, jf_mock_identify_field(mock, list, "authorization", cases[i].value));
        CHECK(it.status == cases[i].status, "case %zu: %d %s", i, (int)it.status, it.why);
        CHECK(it.status == JF_ABSENT || it.fault.flags == JF_FAULT_PUBLIC, "the client is told");
        CHECK(strstr(it.why, "token-of") == NULL, "a secret in an error: %s", it.why);
    }
    jf_credentials twice = jf_mock_request_credentials(mock);
    jf_pair fields[2] = {{jf_mock_view("authorization"), jf_mock_view("Bearer token-of-alice-1")},
                         {jf_mock_view("authorization"), jf_mock_view("Bearer token-of-bob-123")}};
    twice.fields = fields;
    twice.field_count = 2;
    CHECK(jf_mock_op_at(mock, jf_mock_identify(mock, list, &twice)).status == JF_E_DENIED, "two of them");
    jf_mock_auth_detach(mock, list);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(needs_tokens) {
    jf_mock *mock;
    CHECK(begin(&mock, "{\"people\":[{\"subject\":\"alice\",\"token\":\"token-of-alice-1\"},"
                       "{\"subject\":\"eve\",\"token\":\"short\"}]}") == 0,
          "a token that can be guessed");
    CHECK(strstr(jf_mock_why(mock), "the token of \"eve\"") != NULL, "%s", jf_mock_why(mock));
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
