/* SPDX-License-Identifier: Apache-2.0
 * Tests on the mock host, which looks for leaks and broken rules as it goes. */
#define _POSIX_C_SOURCE 200809L
#include "jf_check.h"
#include "jf_mock.h"

static jf_ref begin(jf_mock **mock, const char *value, const char *config) {
    if (value != NULL)
        setenv("SEARCH_KEY", value, 1);
    else
        unsetenv("SEARCH_KEY");
    *mock = jf_mock_new();
    return jf_mock_up(*mock, jf_check_plugin, "{}") ? jf_mock_credentials_attach(*mock, "search", config) : 0;
}

TEST(supplies_the_header) {
    jf_mock *mock;
    jf_ref server = begin(&mock, "s3cret\"", "{\"variable\":\"SEARCH_KEY\"}");
    REQUIRE(server != 0, "%s", jf_mock_why(mock));
    jf_demand demand = jf_mock_demand(mock, NULL);
    jf_mock_op it = jf_mock_op_at(mock, jf_mock_supply(mock, server, &demand));
    CHECK(it.status == JF_OK &&
              strcmp(it.result, "{\"headers\":{\"authorization\":\"Bearer s3cret\\\"\"}}") == 0,
          "%s %s", it.result, it.why);
    demand.refused = JF_STATUS_UNAUTHORIZED;
    it = jf_mock_op_at(mock, jf_mock_supply(mock, server, &demand));
    CHECK(it.status == JF_E_DENIED && strstr(it.why, "s3cret") == NULL, "%s", it.why);
    jf_mock_credentials_detach(mock, server);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(takes_another_header) {
    jf_mock *mock;
    jf_ref server =
        begin(&mock, "k", "{\"variable\":\"SEARCH_KEY\",\"header\":\"X-Api-Key\",\"prefix\":\"\"}");
    REQUIRE(server != 0, "%s", jf_mock_why(mock));
    jf_demand demand = jf_mock_demand(mock, NULL);
    jf_mock_op it = jf_mock_op_at(mock, jf_mock_supply(mock, server, &demand));
    CHECK(it.result != NULL && strcmp(it.result, "{\"headers\":{\"X-Api-Key\":\"k\"}}") == 0, "%s",
          it.result);
    jf_mock_credentials_detach(mock, server);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(refuses_variables_that_are_no_value) {
    static const char *const values[] = {NULL, "", "a\r\nb: c"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        jf_mock *mock;
        CHECK(begin(&mock, values[i], "{\"variable\":\"SEARCH_KEY\"}") == 0, "case %zu", i);
        CHECK(strstr(jf_mock_why(mock), "SEARCH_KEY") != NULL, "%s", jf_mock_why(mock));
        CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
    }
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
