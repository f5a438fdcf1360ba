/* SPDX-License-Identifier: Apache-2.0
 * Tests of the template of stores: the suite's cases of entries, and limits that it counts in floating point.
 */
#include "store/cases_entries.h"

static const char *config(void) {
    return "{}";
}

TEST(limits) {
    jf_mock *mock = begin();
    const uint32_t kinds[] = {JF_LIMIT_BUCKET, JF_LIMIT_SLIDING, JF_LIMIT_FIXED};
    for (int i = 0; i < 3; i++) {
        jf_store_limit it =
            limit("key", kinds[i], kinds[i] == JF_LIMIT_BUCKET ? 3000 : 0, 3000, 31536000000u, 1000);
        for (int j = 2; j >= 0; j--) {
            jf_store_verdict verdict = take(mock, &it, 1).verdicts[0];
            CHECK(verdict.fits == 1 && verdict.left == (uint64_t)j * 1000, "kind %u, %d: left %" PRIu64,
                  kinds[i], j, verdict.left);
        }
        CHECK(take(mock, &it, 1).verdicts[0].fits == 0, "kind %u: a fourth", kinds[i]);
        CHECK(take(mock, &it, 1).verdicts[0].retry_ms > 0, "kind %u: no time", kinds[i]);
        it.cost = 3001;
        CHECK(take(mock, &it, 1).verdicts[0].retry_ms == UINT32_MAX, "kind %u: not never", kinds[i]);
    }
    jf_store_limit both[] = {limit("a", JF_LIMIT_FIXED, 0, 5000, 31536000000u, 1000),
                             limit("key", JF_LIMIT_FIXED, 0, 3000, 31536000000u, 1000)};
    CHECK(take(mock, both, 2).verdicts[0].left == 5000, "taken though the other one is used up");
    end(mock);
}

int main(int argc, char **argv) {
    static const rig tiny = {.config = config};
    the_rig = &tiny;
    return jf_check_main(argc, argv);
}
