/* SPDX-License-Identifier: Apache-2.0
 * Tests on the mock host, which looks for leaks and broken rules as it goes. */
#include "jf_check.h"
#include "jf_mock.h"

static jf_mock *mock;
static jf_ref filter;

static bool begin(const char *config) {
    mock = jf_mock_new();
    if (!jf_mock_up(mock, jf_check_plugin, "{}")) return false;
    filter = jf_mock_filter_attach(mock, "mask", config);
    return filter != 0;
}

static void end(void) {
    jf_mock_filter_detach(mock, filter);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

static jf_mock_filtered pass(const char *arguments) {
    return jf_mock_filtered_of(mock, jf_mock_filter_request(mock, filter, NULL, "pay", arguments));
}

TEST(masks_the_argument) {
    REQUIRE(begin("{\"argument\":\"iban\"}"), "it does not come up");
    static const struct {
        const char *arguments, *body;
    } cases[] = {
        {"{\"iban\":\"DE12345678\"}", "{\"name\":\"pay\",\"arguments\":{\"iban\":\"******5678\"}}"},
        {"{ \"to\":1 , \"iban\" : \"123\\u00e9\\n\\\"\" }",
         "{\"name\":\"pay\",\"arguments\":{ \"to\":1 , \"iban\" : \"**3\xc3\xa9\\n\\\"\" }}"},
        {"{\"iban\":\"1234\"}", "{\"name\":\"pay\",\"arguments\":{\"iban\":\"1234\"}}"},
        {"{\"iban\":\"\"}", "{\"name\":\"pay\",\"arguments\":{\"iban\":\"\"}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        jf_mock_filtered it = pass(cases[i].arguments);
        CHECK(it.status == JF_OK && it.decision == JF_SPLICE && it.splices == 1, "case %zu", i);
        CHECK(it.body != NULL && strcmp(it.body, cases[i].body) == 0, "case %zu: %s", i, it.body);
    }
    end();
}

TEST(leaves_the_rest_alone) {
    REQUIRE(begin("{\"argument\":\"iban\",\"keep\":0}"), "it does not come up");
    static const char *const others[] = {NULL, "{}", "{\"iban\":12}", "{\"IBAN\":\"x\"}",
                                         "{\"a\":{\"iban\":\"x\"}}"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        CHECK(pass(others[i]).decision == JF_PASS, "case %zu", i);
    CHECK(strstr(pass("{\"iban\":\"abc\"}").body, "\"***\"") != NULL, "nothing is kept");
    end();
}

TEST(masks_repeated_members) {
    REQUIRE(begin("{\"argument\":\"iban\"}"), "it does not come up");
    jf_mock_filtered it = pass("{\"iban\":\"12345\",\"iban\":7,\"ib\\u0061n\":\"abcde\"}");
    CHECK(it.status == JF_OK && it.splices == 2, "%u splices", it.splices);
    CHECK(strcmp(it.body, "{\"name\":\"pay\",\"arguments\":"
                          "{\"iban\":\"*2345\",\"iban\":7,\"ib\\u0061n\":\"*bcde\"}}") == 0,
          "%s", it.body);
    end();
}

TEST(refuses_what_is_no_text) {
    REQUIRE(begin("{\"argument\":\"iban\"}"), "it does not come up");
    static const char *const bad[] = {"{\"iban\":\"\\ud800\"}", "{\"iban\":\"a\",\"iban\":\"\\ud800\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        jf_ref op = jf_mock_filter_request(mock, filter, NULL, "pay", bad[i]);
        CHECK(jf_mock_op_at(mock, op).status == JF_E_INVALID, "half a pair");
        CHECK(jf_mock_op_at(mock, op).fault.flags == JF_FAULT_PUBLIC, "the client is told");
    }
    char often[100 * 12 + 3] = "{";
    for (int i = 0; i < 100; i++)
        strcat(often, i == 0 ? "\"iban\":\"a\"" : ",\"iban\":\"a\"");
    jf_ref op = jf_mock_filter_request(mock, filter, NULL, "pay", strcat(often, "}"));
    CHECK(jf_mock_op_at(mock, op).status == JF_E_INVALID, "a hundred of them");
    end();
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
