/* SPDX-License-Identifier: Apache-2.0
 * Cases of every store: limits of each kind. */
#ifndef STORE_CASES_LIMITS_H
#define STORE_CASES_LIMITS_H

#include "client.h"

enum { BUCKET = JF_LIMIT_BUCKET, SLIDING = JF_LIMIT_SLIDING, FIXED = JF_LIMIT_FIXED };
/* A period in which nothing moves while a test runs. */
#define LONG_MS 31536000000u

static jf_store_verdict take_one(jf_mock *mock, jf_store_limit it) {
    answer got = take(mock, &it, 1);
    CHECK(got.status == JF_OK, "take: %s", got.why);
    return got.verdicts[0];
}

TEST(limits_out_of_bounds) {
    jf_mock *mock = begin();
    static uint8_t bytes[JF_STORE_KEY_MOST + 1];
    jf_store_limit many[JF_STORE_TAKE_MOST + 1];
    for (uint32_t i = 0; i <= JF_STORE_TAKE_MOST; i++)
        many[i] = limit("b", BUCKET, 1000, 1000, 1000 + i, 1);
    REFUSED(take(mock, many, 0));
    REFUSED(take(mock, many, JF_STORE_TAKE_MOST + 1));
    CHECK(take(mock, many, JF_STORE_TAKE_MOST).status == JF_OK, "sixteen are too many");
    jf_store_limit bad[] = {limit("", BUCKET, 1, 1, 1, 1),
                            limit("b", 3, 1, 1, 1, 1),
                            limit("b", BUCKET, 1, 0, 1, 1),
                            limit("b", BUCKET, 1, 1, 0, 1),
                            limit("b", BUCKET, 1, 1, (uint64_t)JF_STORE_PERIOD_MOST + 1, 1),
                            limit("b", BUCKET, JF_STORE_AMOUNT_MOST + 1, 1, 1, 1),
                            limit("b", BUCKET, 1, JF_STORE_AMOUNT_MOST + 1, 1, 1),
                            limit("b", FIXED, 0, 1, 1, JF_STORE_AMOUNT_MOST + 1),
                            limit("b", SLIDING, 1, 1, 1, 1),
                            limit("b", FIXED, 1, 1, 1, 1),
                            limit("b", BUCKET, JF_STORE_AMOUNT_MOST, 1, LONG_MS, 1),
                            limit("b", BUCKET, 1, 1, 1, 1),
                            {bytes_of(bytes, sizeof bytes), BUCKET, 0, 1, 1, 1, 1}};
    bad[11].reserved = 1;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        REFUSED(take(mock, &bad[i], 1));
    jf_store_limit twice[] = {limit("b", FIXED, 0, 5, 1000, 1), limit("c", FIXED, 0, 5, 1000, 1),
                              limit("b", FIXED, 0, 9, 1000, 2)};
    REFUSED(take(mock, twice, 3));
    end(mock);
}

TEST(buckets_are_exact) {
    jf_mock *mock = begin();
    /* 7 a period does not divide: the burst is exact all the same. */
    for (int i = 9; i >= 0; i--) {
        jf_store_verdict it = take_one(mock, limit("ten", BUCKET, 10000, 7000, LONG_MS, 1000));
        CHECK(it.fits == 1 && it.left == (uint64_t)i * 1000 && it.retry_ms == 0, "%d: %u, left %" PRIu64, i,
              it.fits, it.left);
    }
    jf_store_verdict it = take_one(mock, limit("ten", BUCKET, 10000, 7000, LONG_MS, 1000));
    CHECK(it.fits == 0 && it.left == 0, "an eleventh");
    /* One of seven in a year: 52 days, which no uint32_t of milliseconds tells. */
    CHECK(it.retry_ms > LONG_MS / 7 / 1000000 && it.retry_ms != UINT32_MAX, "retry in %u ms", it.retry_ms);
    it = take_one(mock, limit("ten", BUCKET, 10000, 7000, LONG_MS, 0));
    CHECK(it.fits == 1 && it.left == 0, "asking costs");
    it = take_one(mock, limit("ten", BUCKET, 10000, 7000, LONG_MS, 10001));
    CHECK(it.fits == 0 && it.retry_ms == UINT32_MAX, "more than the burst: %u", it.retry_ms);
    it = take_one(mock, limit("halves", BUCKET, 2000, 1, LONG_MS, 500));
    CHECK(it.fits == 1 && it.left == 1500, "half a token");
    it = take_one(mock, limit("halves", BUCKET, 2000, 1, LONG_MS, 1501));
    CHECK(it.fits == 0 && it.left == 1500, "a thousandth too much");
    it = take_one(mock, limit("halves", BUCKET, 2000, 1, LONG_MS, 1500));
    CHECK(it.fits == 1 && it.left == 0, "the rest");
    it = take_one(mock, limit("halves", BUCKET, 9000, 1, LONG_MS, 1));
    CHECK(it.fits == 0, "a larger burst gave something at once");
    it = take_one(mock, limit("none", BUCKET, 0, 1, 1000, 1));
    CHECK(it.fits == 0 && it.retry_ms == UINT32_MAX, "something of nothing");
    /* Another rate, so another unit of level, keeps what is left. */
    it = take_one(mock, limit("units", BUCKET, 8000, 3, LONG_MS, 3000));
    it = take_one(mock, limit("units", BUCKET, 8000, 7, LONG_MS, 0));
    CHECK(it.left == 5000 || it.left == 4999, "left %" PRIu64, it.left);
    it = take_one(mock, limit("units", BUCKET, 2000, 7, LONG_MS, 0));
    CHECK(it.left == 2000, "a smaller burst left %" PRIu64, it.left);
    end(mock);
}

struct attempt {
    jf_store_limit limit;
    jf_store_verdict verdict;
    uint32_t tries;
};

static bool fits_now(jf_mock *mock, void *user) {
    struct attempt *it = user;
    it->verdict = take_one(mock, it->limit);
    it->tries++;
    return it->verdict.fits == 1;
}

TEST(buckets_fill_again) {
    jf_mock *mock = begin();
    struct attempt it = {.limit = limit("fill", BUCKET, 3000, 10000, 1000, 1000)};
    for (int i = 0; i < 3; i++)
        CHECK(fits_now(mock, &it), "%d of the burst", i);
    uint64_t began = now_ms();
    CHECK(!fits_now(mock, &it) && it.verdict.retry_ms >= 1 && it.verdict.retry_ms <= 100, "retry in %u ms",
          it.verdict.retry_ms);
    uint32_t promised = it.verdict.retry_ms;
    CHECK(until(mock, fits_now, &it, PATIENCE_MS), "never again");
    CHECK(now_ms() - began + 2 >= promised, "it fitted earlier than was said: %u ms", promised);
    /* What a minute brings is not more than its rate and the burst. */
    uint32_t got = 0;
    began = now_ms();
    while (now_ms() - began < 500)
        got += fits_now(mock, &it);
    CHECK(got <= 3 + (now_ms() - began + 2) / 100 + 1 && got >= 3, "%u in half a second", got);
    end(mock);
}

TEST(fixed_windows) {
    jf_mock *mock = begin();
    uint64_t years = 1000ull * 3600 * 24 * 366;
    for (int i = 4; i >= 0; i--) {
        jf_store_verdict it = take_one(mock, limit("day", FIXED, 0, 5000, years, 1000));
        CHECK(it.fits == 1 && it.left == (uint64_t)i * 1000, "%d: left %" PRIu64, i, it.left);
    }
    jf_store_verdict it = take_one(mock, limit("day", FIXED, 0, 5000, years, 1000));
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    uint64_t unix_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000,
             rest = years - unix_ms % years;
    uint64_t told = rest < UINT32_MAX ? rest : UINT32_MAX - 1;
    CHECK(it.fits == 0 && it.retry_ms + 60000ull > told && it.retry_ms < told + 60000, "%u, not %" PRIu64,
          it.retry_ms, told);
    CHECK(take_one(mock, limit("day", FIXED, 0, 5000, years, 5001)).retry_ms == UINT32_MAX, "not never");
    CHECK(take_one(mock, limit("zero", FIXED, 0, 0, years, 1)).retry_ms == UINT32_MAX,
          "not never of nothing");
    it = take_one(mock, limit("day", FIXED, 0, 7000, years, 1500));
    CHECK(it.fits == 1 && it.left == 500, "a higher rate: left %" PRIu64, it.left);
    struct attempt again = {.limit = limit("blink", FIXED, 0, 2000, 300, 1000)};
    while (fits_now(mock, &again))
        continue;
    CHECK(again.verdict.retry_ms >= 1 && again.verdict.retry_ms <= 300, "retry in %u ms",
          again.verdict.retry_ms);
    CHECK(until(mock, fits_now, &again, PATIENCE_MS) && again.verdict.left == 1000, "no new window");
    end(mock);
}

TEST(sliding_windows) {
    jf_mock *mock = begin();
    struct attempt it = {.limit = limit("slide", SLIDING, 0, 5000, 400, 1000)};
    /* At most `rate` within any period: the times of what fitted tell. */
    uint64_t at[64];
    uint32_t count = 0;
    uint64_t began = now_ms();
    while (now_ms() - began < 1600 && count < 64) {
        if (fits_now(mock, &it)) at[count++] = now_ms();
        CHECK(it.verdict.fits || (it.verdict.retry_ms >= 1 && it.verdict.retry_ms <= 800), "retry in %u",
              it.verdict.retry_ms);
        if (!it.verdict.fits) jf_mock_run_until(mock, NULL, NULL, 3);
    }
    /* The share of the window before is an estimate: who used that one at its end gets up to twice the rate.
     */
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t within = 0;
        for (uint32_t j = i; j < count && at[j] - at[i] < 390; j++)
            within++;
        if (within > most) most = within;
    }
    CHECK(count >= 5 && count <= 25, "%u fitted in four periods", count);
    CHECK(most <= 10, "%u within one period", most);
    CHECK(take_one(mock, limit("slide", SLIDING, 0, 5000, 400, 5001)).retry_ms == UINT32_MAX, "not never");
    jf_store_verdict first = take_one(mock, limit("year", SLIDING, 0, 3000, LONG_MS, 1000));
    CHECK(first.fits == 1 && first.left == 2000, "left %" PRIu64, first.left);
    CHECK(take_one(mock, limit("year", SLIDING, 0, 3000, LONG_MS, 2001)).fits == 0, "too much");
    CHECK(take_one(mock, limit("year", SLIDING, 0, 3000, LONG_MS, 2000)).left == 0, "not the rest");
    end(mock);
}

TEST(all_or_nothing) {
    jf_mock *mock = begin();
    jf_store_limit limits[] = {limit("user", BUCKET, 5000, 1, LONG_MS, 1000),
                               limit("tool", SLIDING, 0, 3000, LONG_MS, 1000),
                               limit("day", FIXED, 0, 9000, LONG_MS, 1000)};
    for (int i = 0; i < 3; i++) {
        answer it = take(mock, limits, 3);
        CHECK(it.verdicts[0].fits && it.verdicts[1].fits && it.verdicts[2].fits, "the %dth", i);
    }
    for (int i = 0; i < 2; i++) {
        answer it = take(mock, limits, 3);
        CHECK(it.verdicts[0].fits == 1 && it.verdicts[0].left == 2000, "user: left %" PRIu64,
              it.verdicts[0].left);
        CHECK(it.verdicts[1].fits == 0 && it.verdicts[1].left == 0, "tool: left %" PRIu64,
              it.verdicts[1].left);
        CHECK(it.verdicts[2].fits == 1 && it.verdicts[2].left == 6000, "day: left %" PRIu64,
              it.verdicts[2].left);
    }
    limits[1].cost = 0;
    answer it = take(mock, limits, 3);
    CHECK(it.verdicts[0].left == 1000 && it.verdicts[1].fits == 1 && it.verdicts[2].left == 5000,
          "asking stops it");
    end(mock);
}

TEST(limits_are_apart) {
    jf_mock *mock = begin();
    jf_store_limit limits[] = {
        limit("same", BUCKET, 1000, 1, LONG_MS, 1000), limit("same", FIXED, 0, 1000, LONG_MS, 1000),
        limit("same", SLIDING, 0, 1000, LONG_MS, 1000), limit("same", FIXED, 0, 1000, LONG_MS - 1, 1000),
        limit("sam", FIXED, 0, 1000, LONG_MS, 1000)};
    for (size_t i = 0; i < 5; i++)
        CHECK(take_one(mock, limits[i]).fits == 1, "limit %zu is another's", i);
    CHECK(get(mock, view("same")).status == JF_ABSENT, "a limit is an entry");
    CHECK(list_from(mock, view("sam"), (jf_view){NULL, 0}, 9, 0).status == JF_ABSENT, "limits are listed");
    CHECK(put(mock, "same", "v").status == JF_OK && take_one(mock, limits[0]).fits == 0,
          "an entry is a limit");
    remove_at(mock, view("same"), 0);
    uint8_t odd[] = {0, 0xff, ':', '*', 0};
    jf_store_limit binary = limit("x", FIXED, 0, 1000, LONG_MS, 1000);
    binary.key = bytes_of(odd, 5);
    CHECK(take_one(mock, binary).fits == 1 && take_one(mock, binary).fits == 0, "a key of any bytes");
    binary.key.len = 4;
    CHECK(take_one(mock, binary).fits == 1, "a shorter one is the same");
    end(mock);
}

/* A model in numbers that cannot round: what is left of frozen limits after random takes. */
TEST(agrees_with_the_model) {
    jf_mock *mock = begin();
    uint64_t have[3] = {1000000, 700000, 123456789}, random = 42;
    for (int round = 0; round < 150; round++) {
        jf_store_limit limits[3] = {limit("m", BUCKET, 1000000, 1000, LONG_MS, 0),
                                    limit("m", SLIDING, 0, 700000, LONG_MS, 0),
                                    limit("m", FIXED, 0, 123456789, LONG_MS, 0)};
        bool fits = true;
        for (int i = 0; i < 3; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            limits[i].cost = (random >> 33) % (i == 2 ? 2000000 : 20000);
            fits = fits && limits[i].cost <= have[i];
        }
        answer it = take(mock, limits, 3);
        for (int i = 0; i < 3; i++) {
            bool own = limits[i].cost <= have[i];
            if (fits) have[i] -= limits[i].cost;
            CHECK((it.verdicts[i].fits == 1) == own && it.verdicts[i].left == have[i],
                  "round %d, limit %d: left %" PRIu64 ", not %" PRIu64, round, i, it.verdicts[i].left,
                  have[i]);
        }
    }
    end(mock);
}

#endif
