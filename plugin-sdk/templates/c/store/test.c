/* SPDX-License-Identifier: Apache-2.0
 * Tests on the mock host, which looks for leaks and broken rules as it goes. */
#include "jf_check.h"
#include "jf_mock.h"

static jf_mock *mock;

static bool begin(void) {
    mock = jf_mock_new();
    return jf_mock_up(mock, jf_check_plugin, "{}");
}

/** The one entry of an answer, and its value. */
static jf_store_entry entry_of(jf_ref op, jf_view *value) {
    jf_mock_op it = jf_mock_op_at(mock, op);
    jf_store_entry entry = {0};
    uint64_t offset = 0;
    CHECK(it.status == JF_OK && jf_mock_store_next(it.result, it.length, &offset, &entry, NULL, value), "%s",
          it.why);
    CHECK(offset == it.length, "more than one entry");
    return entry;
}

static int32_t put(const char *key, const char *value, uint32_t flags, uint64_t revision, uint64_t ttl_ms) {
    jf_store_put it = {.size = sizeof it, .flags = flags, .revision = revision, .ttl_ms = ttl_ms};
    it.key = jf_mock_view(key);
    it.value = jf_mock_view(value);
    return jf_mock_op_at(mock, jf_mock_store_put(mock, &it)).status;
}

TEST(keeps_entries) {
    REQUIRE(begin(), "it does not come up");
    jf_view value;
    CHECK(put("a", "1", 0, 0, 0) == JF_OK && put("b", "2", 0, 0, 1000) == JF_OK, "put");
    jf_store_entry first = entry_of(jf_mock_store_get(mock, jf_mock_view("a")), &value);
    CHECK(value.len == 1 && value.ptr[0] == '1' && first.expires_ms == 0, "get");
    CHECK(put("a", "3", JF_STORE_CREATE, 0, 0) == JF_E_STALE, "it is there");
    CHECK(put("a", "3", JF_STORE_MATCH, first.revision, 0) == JF_OK, "the right revision");
    CHECK(put("a", "4", JF_STORE_MATCH, first.revision, 0) == JF_E_STALE, "not any more");
    jf_store_list list = {.size = sizeof list, .most = 10, .prefix = jf_mock_view("")};
    jf_mock_op all = jf_mock_op_at(mock, jf_mock_store_list(mock, &list));
    uint64_t offset = 0;
    jf_store_entry entry;
    uint32_t count = 0;
    while (jf_mock_store_next(all.result, all.length, &offset, &entry, NULL, NULL))
        count++;
    CHECK(count == 2, "%u in the list", count);
    jf_mock_advance(mock, 1001000000u);
    CHECK(jf_mock_op_at(mock, jf_mock_store_get(mock, jf_mock_view("b"))).status == JF_ABSENT, "it ended");
    CHECK(jf_mock_op_at(mock, jf_mock_store_remove(mock, jf_mock_view("a"), 0)).status == JF_OK, "remove");
    CHECK(jf_mock_op_at(mock, jf_mock_store_get(mock, jf_mock_view(""))).status == JF_E_INVALID, "no key");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(counts) {
    REQUIRE(begin(), "it does not come up");
    jf_store_add add = {.size = sizeof add, .delta = 5, .key = jf_mock_view("n")};
    jf_view value;
    int64_t sum = 0;
    entry_of(jf_mock_store_add(mock, &add), &value);
    add.delta = -7;
    entry_of(jf_mock_store_add(mock, &add), &value);
    memcpy(&sum, value.ptr, sizeof sum);
    CHECK(sum == -2, "%d", (int)sum);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(limits) {
    REQUIRE(begin(), "it does not come up");
    jf_store_limit bucket = {.key = jf_mock_view("alice"),
                             .kind = JF_LIMIT_BUCKET,
                             .burst = 2000,
                             .rate = 1000,
                             .period_ms = 60000,
                             .cost = 1000};
    uint32_t fits = 0;
    jf_store_verdict verdict = {0};
    for (int i = 0; i < 4; i++) {
        jf_mock_op it = jf_mock_op_at(mock, jf_mock_store_take(mock, &bucket, 1));
        REQUIRE(it.status == JF_OK && it.length == sizeof verdict, "%s", it.why);
        memcpy(&verdict, it.result, sizeof verdict);
        fits += verdict.fits;
    }
    CHECK(fits == 2 && verdict.retry_ms > 50000 && verdict.retry_ms <= 60001, "%u, %u", fits,
          verdict.retry_ms);
    jf_mock_advance(mock, 60001000000u);
    jf_mock_op it = jf_mock_op_at(mock, jf_mock_store_take(mock, &bucket, 1));
    memcpy(&verdict, it.result, sizeof verdict);
    CHECK(verdict.fits == 1, "a token came back");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
