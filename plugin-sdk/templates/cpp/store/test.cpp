// SPDX-License-Identifier: Apache-2.0
// Tests of the store on the mock host, which looks for leaks and broken rules as it goes.
#include "jf_check.h"

#include <jackfield/mock.hpp>

using jackfield::view;
using jackfield::testing::Mock;

static jf_store_entry entry_of(Mock &mock, jackfield::Ref op, std::string *value = nullptr) {
    jf_mock_op it = jf_mock_op_at(mock, op);
    jf_store_entry entry{};
    jf_view bytes{};
    uint64_t offset = 0;
    CHECK(it.status == JF_OK && jf_mock_store_next(it.result, it.length, &offset, &entry, nullptr, &bytes),
          "%s", it.why);
    if (value != nullptr) *value = jackfield::text(bytes);
    return entry;
}

static int32_t put(Mock &mock, const char *key, const char *value, uint32_t flags = 0, uint64_t revision = 0,
                   uint64_t ttl_ms = 0) {
    jf_store_put it{};
    it.size = sizeof it;
    it.flags = flags;
    it.revision = revision;
    it.ttl_ms = ttl_ms;
    it.key = view(key);
    it.value = view(value);
    return mock.done(jf_mock_store_put(mock, &it)).status;
}

TEST(keeps_entries) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    std::string value;
    CHECK(put(mock, "a", "1") == JF_OK && put(mock, "b", "2", 0, 0, 1000) == JF_OK, "put");
    jf_store_entry first = entry_of(mock, jf_mock_store_get(mock, view("a")), &value);
    CHECK(value == "1" && first.expires_ms == 0, "get");
    CHECK(put(mock, "a", "3", JF_STORE_CREATE) == JF_E_STALE, "it is there");
    CHECK(put(mock, "a", "3", JF_STORE_MATCH, first.revision) == JF_OK, "the right revision");
    CHECK(put(mock, "a", "4", JF_STORE_MATCH, first.revision) == JF_E_STALE, "not any more");
    jf_store_list list{};
    list.size = sizeof list;
    list.most = 10;
    list.prefix = view("");
    CHECK(entry_of(mock, jf_mock_store_list(mock, &list), &value).key_len == 1 && value == "3", "the first");
    list.after = view("a");
    CHECK(entry_of(mock, jf_mock_store_list(mock, &list), &value).expires_ms != 0 && value == "2",
          "the second");
    list.after = view("b");
    CHECK(mock.done(jf_mock_store_list(mock, &list)).status == JF_ABSENT, "none are left");
    jf_mock_advance(mock, 1001000000u);
    CHECK(mock.done(jf_mock_store_get(mock, view("b"))).status == JF_ABSENT, "it ended");
    CHECK(mock.done(jf_mock_store_remove(mock, view("a"), 0)).status == JF_OK, "remove");
    CHECK(mock.done(jf_mock_store_get(mock, view(""))).status == JF_E_INVALID, "no key");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(counts) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    jf_store_add add{};
    add.size = sizeof add;
    add.key = view("n");
    std::string value;
    int64_t sum = 0;
    for (int64_t delta : {5, -7}) {
        add.delta = delta;
        entry_of(mock, jf_mock_store_add(mock, &add), &value);
    }
    std::memcpy(&sum, value.data(), sizeof sum);
    CHECK(sum == -2, "%d", (int)sum);
    CHECK(put(mock, "v", "text") == JF_OK, "put");
    add.key = view("v");
    CHECK(mock.done(jf_mock_store_add(mock, &add)).status == JF_E_INVALID, "no counter");
}

TEST(limits) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    jf_store_limit bucket{};
    bucket.key = view("alice");
    bucket.burst = 2000;
    bucket.rate = 1000;
    bucket.period_ms = 60000;
    bucket.cost = 1000;
    jf_store_verdict verdict{};
    auto take = [&] {
        jf_mock_op it = jf_mock_op_at(mock, jf_mock_store_take(mock, &bucket, 1));
        if (it.length == sizeof verdict) std::memcpy(&verdict, it.result, sizeof verdict);
        return verdict.fits;
    };
    CHECK(take() + take() + take() == 2, "two fit");
    CHECK(verdict.retry_ms > 50000 && verdict.retry_ms <= 60001, "%u", verdict.retry_ms);
    jf_mock_advance(mock, 60001000000u);
    CHECK(take() == 1, "a token came back");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
