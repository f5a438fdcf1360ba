// SPDX-License-Identifier: Apache-2.0
// Tests of the service on the mock host, which looks for leaks and broken rules as it goes.
#include "jf_check.h"

#include <jackfield/mock.hpp>
#include <jackfield/seal.h>

#include <optional>

using jackfield::testing::Mock;

/** The service of a mock that is up. */
class Service {
  public:
    explicit Service(Mock &mock)
        : mock_(mock), table_(*static_cast<const jf_seal_1 *>(jf_mock_facet(mock, JF_SEAL_1))) {}

    std::optional<std::string> seal(const char *plain, const char *bound) {
        return run(table_.seal, plain, bound);
    }
    std::optional<std::string> open(const std::string &sealed, const char *bound) {
        return run(table_.open, sealed.c_str(), bound);
    }

  private:
    using Slot = int32_t (*)(void *, jf_view, jf_view, jf_blob *, jf_fault *);
    std::optional<std::string> run(Slot slot, const char *text, const char *bound) {
        jf_blob out{};
        int32_t status =
            slot(table_.context, jf_mock_view(text), jf_mock_view(bound), &out, jf_mock_fault(mock_));
        jackfield::Blob blob(out);
        if (status != JF_OK) return {};
        return std::string(blob.text());
    }
    Mock &mock_;
    const jf_seal_1 table_;
};

TEST(gives_back_what_it_was_given) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    Service service(mock);
    auto first = service.seal("state", "ann"), second = service.seal("state", "ann");
    REQUIRE(first.has_value() && second.has_value(), "%s", mock.why());
    CHECK(*first != *second, "each time another text");
    for (int i = 0; i < 2; i++)
        CHECK(service.open(*first, "ann") == "state", "%s", mock.why());
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(knows_nothing_else) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    Service service(mock);
    auto sealed = service.seal("state", "ann");
    REQUIRE(sealed.has_value(), "%s", mock.why());
    CHECK(!service.open(*sealed, "bob"), "opened for somebody else");
    (*sealed)[0] = (*sealed)[0] == '0' ? '1' : '0';
    CHECK(!service.open(*sealed, "ann"), "opened though it was changed");
    CHECK(!service.open("", "ann") && !service.open("0123", "ann"), "opened though it is nothing");
    CHECK(strstr(mock.why(), "not sealed here") != nullptr, "%s", mock.why());
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(forgets_the_oldest) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin, R"({"most": 16})"), "%s", mock.why());
    Service service(mock);
    auto oldest = service.seal("state", "");
    for (int i = 0; i < 16; i++)
        service.seal("more", "");
    REQUIRE(oldest.has_value(), "%s", mock.why());
    CHECK(!service.open(*oldest, ""), "it is still there");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
