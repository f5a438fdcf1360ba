/* SPDX-License-Identifier: Apache-2.0
 * Tests of the service on the mock host, which looks for leaks and broken rules as it goes. */
#include "jf_check.h"
#include "jf_mock.h"

static jf_mock *mock;
static const jf_seal_1 *service;

static bool begin(const char *config) {
    mock = jf_mock_new();
    service = jf_mock_up(mock, jf_check_plugin, config) ? jf_mock_facet(mock, JF_SEAL_1) : NULL;
    return service != NULL;
}

static char *seal(const char *plain, const char *bound) {
    jf_blob sealed = {0};
    int32_t status = service->seal(service->context, jf_mock_view(plain), jf_mock_view(bound), &sealed,
                                   jf_mock_fault(mock));
    return status == JF_OK ? jf_mock_take(&sealed) : NULL;
}

/** What comes out, or NULL. */
static char *open_text(const char *sealed, const char *bound) {
    jf_blob plain = {0};
    int32_t status = service->open(service->context, jf_mock_view(sealed), jf_mock_view(bound), &plain,
                                   jf_mock_fault(mock));
    return status == JF_OK ? jf_mock_take(&plain) : NULL;
}

static void end(void) {
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(gives_back_what_it_was_given) {
    REQUIRE(begin("{}"), "it does not come up");
    char *first = seal("state", "ann"), *second = seal("state", "ann");
    REQUIRE(first != NULL && second != NULL, "%s", jf_mock_why(mock));
    CHECK(strcmp(first, second) != 0, "each time another text");
    for (int i = 0; i < 2; i++) {
        char *plain = open_text(first, "ann");
        CHECK(plain != NULL && strcmp(plain, "state") == 0, "%s", jf_mock_why(mock));
        free(plain);
    }
    free(first);
    free(second);
    end();
}

TEST(knows_nothing_else) {
    REQUIRE(begin("{}"), "it does not come up");
    char *sealed = seal("state", "ann");
    REQUIRE(sealed != NULL, "%s", jf_mock_why(mock));
    CHECK(open_text(sealed, "bob") == NULL, "opened for somebody else");
    sealed[0] = sealed[0] == '0' ? '1' : '0';
    CHECK(open_text(sealed, "ann") == NULL, "opened though it was changed");
    CHECK(open_text("", "ann") == NULL && open_text("0123", "ann") == NULL, "opened though it is nothing");
    CHECK(strstr(jf_mock_why(mock), "not sealed here") != NULL, "%s", jf_mock_why(mock));
    free(sealed);
    end();
}

TEST(forgets_the_oldest) {
    REQUIRE(begin("{\"most\":16}"), "it does not come up");
    char *oldest = seal("state", "");
    for (int i = 0; i < 16; i++)
        free(seal("more", ""));
    CHECK(open_text(oldest, "") == NULL, "it is still there");
    free(oldest);
    end();
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
