/* SPDX-License-Identifier: Apache-2.0
 * Tests of the plugin store-memory: the suite of all stores, and its bounds. */
#include "store/suite.h"

static void nothing(void) {}

static const char *config(void) {
    return "{\"sweep_ms\":10}";
}

TEST(refuses_bad_settings) {
    const char *const bad[] = {"{\"max_bytes\":1}", "{\"max_entries\":0}", "{\"max_limits\":-1}",
                               "{\"sweep_ms\":\"1\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        jf_mock *mock = jf_mock_new();
        CHECK(jf_mock_load(mock, jf_check_plugin) == JF_OK, "load");
        CHECK(jf_mock_create(mock, bad[i]) == JF_E_INVALID, "%s is taken", bad[i]);
        end(mock);
    }
}

TEST(is_bounded_in_bytes) {
    jf_mock *mock = begin_with("{\"max_bytes\":65536,\"sweep_ms\":10}");
    static uint8_t value[1000];
    char key[32];
    uint32_t count = 0;
    answer it = {0};
    for (; count < 1000; count++) {
        snprintf(key, sizeof key, "full/%u", count);
        it = put_with(mock, view(key), bytes_of(value, sizeof value), 0, 0, count < 5 ? 50 : 0);
        if (it.status != JF_OK) break;
    }
    CHECK(it.status == JF_E_BUSY && (it.flags & JF_FAULT_NOT_STARTED) && count >= 40 && count < 65, "%u: %d",
          count, (int)it.status);
    CHECK(get(mock, view(key)).status == JF_ABSENT, "it is there all the same");
    CHECK(put_with(mock, view("full/20"), bytes_of(value, sizeof value), 0, 0, 0).status == JF_OK,
          "no overwriting");
    CHECK(put_with(mock, view("full/20"), bytes_of(value, 10), 0, 0, 0).status == JF_OK, "no shrinking");
    jf_store_limit many = limit("l", FIXED, 0, 1000, LONG_MS, 1000);
    uint32_t limits = 0;
    for (; limits < 5000; limits++) {
        many.period_ms = LONG_MS - limits;
        answer taken = take(mock, &many, 1);
        if (taken.status == JF_E_BUSY) break;
        CHECK(taken.status == JF_OK, "%d", (int)taken.status);
    }
    CHECK(limits < 5000, "limits are not counted");
    jf_view ends = view("full/0");
    CHECK(until(mock, gone, &ends, PATIENCE_MS), "does not expire");
    jf_mock_advance(mock, 1000000000u);
    jf_mock_run_until(mock, NULL, NULL, 30);
    CHECK(put_with(mock, view("new"), bytes_of(value, sizeof value), 0, 0, 0).status == JF_OK,
          "no room after an end");
    end(mock);
}

TEST(is_bounded_in_number) {
    jf_mock *mock = begin_with("{\"max_entries\":3,\"max_limits\":2}");
    CHECK(put(mock, "a", "1").status == JF_OK && put(mock, "b", "1").status == JF_OK, "put");
    CHECK(add(mock, "c", 1).status == JF_OK, "add");
    CHECK(put(mock, "d", "1").status == JF_E_BUSY && add(mock, "e", 1).status == JF_E_BUSY, "a fourth");
    CHECK(put(mock, "a", "2").status == JF_OK && add(mock, "c", 1).status == JF_OK, "no overwriting");
    jf_store_limit all[] = {limit("1", FIXED, 0, 9000, LONG_MS, 1000),
                            limit("2", FIXED, 0, 9000, LONG_MS, 1000),
                            limit("3", FIXED, 0, 9000, LONG_MS, 1000)};
    CHECK(take(mock, all, 3).status == JF_E_BUSY, "a third limit");
    CHECK(take(mock, all, 2).verdicts[0].left == 8000, "a refused take took something");
    all[2].cost = 0;
    CHECK(take(mock, all + 2, 1).verdicts[0].left == 9000, "asking needs room");
    end(mock);
}

TEST(time_follows_the_clock) {
    jf_mock *mock = begin();
    answer made = put_with(mock, view("clock"), view("v"), 0, 0, 3600000);
    jf_store_limit it = limit("clock", BUCKET, 5000, 1000, 60000, 5000);
    CHECK(take(mock, &it, 1).verdicts[0].fits == 1, "take");
    uint32_t retry = take(mock, &it, 1).verdicts[0].retry_ms;
    CHECK(retry > 299000 && retry <= 300000, "retry in %u ms", retry);
    jf_mock_advance(mock, (uint64_t)(retry - 1000) * 1000000u);
    CHECK(take(mock, &it, 1).verdicts[0].fits == 0, "a second early");
    jf_mock_advance(mock, 1000000000u);
    CHECK(take(mock, &it, 1).verdicts[0].fits == 1, "not when it was promised");
    it.cost = 500;
    CHECK(take(mock, &it, 1).verdicts[0].retry_ms <= 30000, "half a token takes half the time");
    jf_mock_advance(mock, 3600000000000u);
    CHECK(get(mock, view("clock")).status == JF_ABSENT, "an hour is over");
    jf_store_limit slide = limit("slide", SLIDING, 0, 10000, 60000, 10000);
    for (int i = 0; i < 5; i++) {
        jf_store_verdict verdict = take(mock, &slide, 1).verdicts[0];
        if (i > 0) CHECK(verdict.fits == 1, "not when it was promised: %u", verdict.retry_ms);
        verdict = take(mock, &slide, 1).verdicts[0];
        CHECK(verdict.fits == 0 && verdict.retry_ms <= 120000 && verdict.retry_ms > 59000, "retry in %u",
              verdict.retry_ms);
        jf_mock_advance(mock, (uint64_t)(verdict.retry_ms - 1000) * 1000000u);
        CHECK(take(mock, &slide, 1).verdicts[0].fits == 0, "a second early");
        jf_mock_advance(mock, 1000000000u);
    }
    slide.cost = 2500;
    for (int i = 0; i < 40; i++) {
        jf_store_verdict verdict = take(mock, &slide, 1).verdicts[0];
        if (verdict.fits) continue;
        CHECK(verdict.retry_ms <= 120000, "retry in %u", verdict.retry_ms);
        jf_mock_advance(mock, (uint64_t)verdict.retry_ms * 1000000u);
        CHECK(take(mock, &slide, 1).verdicts[0].fits == 1, "not after %u ms, as was promised",
              verdict.retry_ms);
    }
    CHECK(made.status == JF_OK, "put");
    end(mock);
}

/* A million principals fit into 400 bytes each. */
TEST(a_million_limits) {
    const char *seconds = getenv("JF_STORE_BENCH");
    uint32_t many = seconds != NULL ? 1000000 : 50000;
    jf_mock *mock = jf_mock_new();
    REQUIRE(jf_mock_up(mock, jf_check_plugin, config()), "start");
    const jf_store_1 *store = jf_mock_store(mock);
    uint64_t before = resident_kib(), slowest = 0;
    char key[64];
    for (uint32_t i = 0; i < many; i++) {
        snprintf(key, sizeof key, "principal:https://id.example/users/%08u", i);
        jf_store_limit it = limit(key, BUCKET, 1000, 1000, LONG_MS, 1000);
        jf_blob out = {0};
        uint64_t began = nanoseconds();
        int32_t status = store->take(jf_mock_self(mock), 1, &it, 1, &out, jf_mock_fault(mock));
        uint64_t spent = nanoseconds() - began;
        if (spent > slowest) slowest = spent;
        if (status != JF_OK || ((const jf_store_verdict *)(const void *)out.ptr)->fits != 1) {
            CHECK(false, "take %u: %d", i, (int)status);
            break;
        }
        out.drop(out.owner);
    }
    uint64_t each = (resident_kib() - before) * 1024 / many;
    if (seconds != NULL)
        printf("  %u limits: %u bytes each, slowest take %u us\n", many, (unsigned)each,
               (unsigned)(slowest / 1000));
    CHECK(each < 400, "%u bytes each", (unsigned)each);
    end(mock);
}

int main(int argc, char **argv) {
    const rig memory = {.begin = nothing, .end = nothing, .config = config};
    return store_suite(&memory, argc, argv);
}
