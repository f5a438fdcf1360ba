/* SPDX-License-Identifier: Apache-2.0
 * Cases of every store whose backend can fail: down and back, killed, cut off, silent; and what outlives it.
 */
#ifndef STORE_CASES_FAULTS_H
#define STORE_CASES_FAULTS_H

#include "cases_sharing.h"

#include <dirent.h>

#define NEEDS(member)                                                                                        \
    do {                                                                                                     \
        if (the_rig->member == NULL) {                                                                       \
            CHECK(true, "this store has none");                                                              \
            return;                                                                                          \
        }                                                                                                    \
    } while (0)

static bool serves(jf_mock *mock, void *user) {
    (void)user;
    answer it = get(mock, view("alive"));
    return it.status == JF_OK || it.status == JF_ABSENT;
}

static bool is_down(int32_t status) {
    return status == JF_E_GONE || status == JF_E_TIMEOUT;
}

TEST(ends_with_open_operations) {
    jf_mock *mock = begin();
    jf_ref ops[40];
    for (int i = 0; i < 40; i++)
        ops[i] = jf_mock_store_get(mock, view("open"));
    CHECK(jf_mock_destroy(mock) == 0, "something was left");
    for (int i = 0; i < 40; i++) {
        int32_t status = jf_mock_op_at(mock, ops[i]).status;
        CHECK(status == JF_ABSENT || status == JF_E_GONE, "operation %d: %d", i, (int)status);
    }
    CHECK(jf_mock_create(mock, the_rig->config()) == JF_OK && jf_mock_start(mock) == JF_OK,
          "does not come back");
    CHECK(put(mock, "open", "v").status == JF_OK && remove_at(mock, view("open"), 0).status == JF_OK,
          "does not work");
    end(mock);
    mock = jf_mock_new();
    CHECK(jf_mock_load(mock, jf_check_plugin) == JF_OK && jf_mock_create(mock, the_rig->config()) == JF_OK,
          "create");
    end(mock); /* never started */
}

TEST(down_and_back) {
    NEEDS(crash);
    if (!the_rig->is_remote) {
        CHECK(true, "it has no server");
        return;
    }
    jf_mock *mock = begin();
    CHECK(put(mock, "alive", "1").status == JF_OK, "does not work");
    jf_ref watch = jf_mock_store_watch(mock, view("alive"));
    CHECK(watch != 0 && live(mock, watch, "alive"), "no watch");
    the_rig->crash();
    uint64_t began = now_ms();
    answer it = {0};
    for (int i = 0; i < 50; i++) {
        it = put(mock, "alive", "2");
        CHECK(is_down(it.status), "a dead store answers %d", (int)it.status);
    }
    CHECK(now_ms() - began < 10000, "50 refusals took %u ms", (unsigned)(now_ms() - began));
    CHECK((it.flags & JF_FAULT_NOT_STARTED) != 0, "what never left may be repeated");
    CHECK(jf_mock_op_at(mock, jf_mock_store_get(mock, view("x"))).status != JF_OK, "a dead store answers");
    uint32_t mark = jf_mock_mark(mock);
    the_rig->restart();
    CHECK(until(mock, serves, NULL, PATIENCE_MS), "does not come back");
    struct told told = {watch, mark, NULL, UINT64_MAX};
    CHECK(until(mock, was_told, &told, PATIENCE_MS), "the watch does not come back");
    CHECK(live(mock, watch, "alive"), "the watch is dead");
    CHECK(jf_mock_logged(mock, JF_LOG_WARNING, "lost"), "no log record");
    end(mock);
}

TEST(starts_without_backend) {
    NEEDS(crash);
    if (!the_rig->is_remote) {
        CHECK(true, "it has no server");
        return;
    }
    the_rig->crash();
    jf_mock *mock = begin();
    answer it = put(mock, "early", "1");
    CHECK(is_down(it.status) && (it.flags & JF_FAULT_NOT_STARTED) != 0, "%d: %s", (int)it.status, it.why);
    the_rig->restart();
    CHECK(until(mock, serves, NULL, PATIENCE_MS), "does not come");
    end(mock);
}

/* What was acknowledged before kill -9 is there afterwards. */
TEST(killed_in_the_midst) {
    NEEDS(crash);
    enum { WRITES = 400 };
    static jf_ref ops[WRITES];
    jf_mock *mock = begin();
    char key[32];
    uint64_t revision = put(mock, "killed", "v").entry.revision;
    answer lasting = put_with(mock, view("lasting"), view("v"), 0, 0, 3600000);
    jf_store_limit it = limit("lasting", BUCKET, 9000, 1000, LONG_MS, 4000);
    CHECK(take(mock, &it, 1).status == JF_OK, "take");
    for (int i = 0; i < WRITES; i++) {
        snprintf(key, sizeof key, "killed/%d", i);
        jf_store_put one = {sizeof one, 0, 0, 0, view(key), view(key)};
        ops[i] = jf_mock_store_put(mock, &one);
        if (i == WRITES / 2) {
            result_of(mock, ops[i / 2], false);
            the_rig->crash();
        }
    }
    uint32_t kept = 0, acknowledged = 0;
    bool sure[WRITES];
    for (int i = 0; i < WRITES; i++) {
        answer one = result_of(mock, ops[i], false);
        sure[i] = one.status == JF_OK;
        acknowledged += sure[i];
        CHECK(one.status == JF_OK || is_down(one.status) || one.status == JF_E_BUSY, "%d: %s",
              (int)one.status, one.why);
    }
    the_rig->restart();
    CHECK(until(mock, serves, NULL, PATIENCE_MS), "does not come back");
    for (int i = 0; i < WRITES; i++) {
        snprintf(key, sizeof key, "killed/%d", i);
        answer one = get(mock, view(key));
        if (sure[i]) CHECK(one.status == JF_OK && same(one.value, view(key)), "%s is lost", key);
        kept += one.status == JF_OK;
    }
    CHECK(kept >= acknowledged && acknowledged > 0, "%u kept of %u", kept, acknowledged);
    CHECK(get(mock, view("lasting")).entry.expires_ms == lasting.entry.expires_ms, "another end");
    CHECK(put(mock, "killed", "w").entry.revision > revision, "revisions began again");
    end(mock);
}

TEST(outlives_the_gateway) {
    if (!the_rig->is_shared) {
        CHECK(true, "it ends with the process");
        return;
    }
    jf_mock *mock = begin();
    answer made = put_with(mock, view("outlives"), view("v"), 0, 0, 3600000);
    add(mock, "outlives/n", 41);
    jf_store_limit it = limit("outlives", FIXED, 0, 5000, LONG_MS, 4000);
    take(mock, &it, 1);
    end(mock);
    mock = begin();
    answer got = get(mock, view("outlives"));
    CHECK(got.status == JF_OK && got.entry.revision == made.entry.revision &&
              got.entry.expires_ms == made.entry.expires_ms,
          "another entry");
    CHECK(number(add(mock, "outlives/n", 1)) == 42, "another sum");
    CHECK(take_one(mock, it).fits == 0, "another limit");
    CHECK(put(mock, "outlives", "w").entry.revision > made.entry.revision, "revisions began again");
    end(mock);
}

TEST(silence_is_bounded) {
    NEEDS(stall);
    jf_mock *mock = begin_with(the_rig->impatient());
    CHECK(put(mock, "alive", "1").status == JF_OK, "does not work");
    the_rig->stall(true);
    jf_ref ops[8];
    uint64_t began = now_ms();
    for (int i = 0; i < 8; i++)
        ops[i] = jf_mock_store_get(mock, view("alive"));
    for (int i = 0; i < 8; i++) {
        answer it = result_of(mock, ops[i], false);
        CHECK(is_down(it.status), "%d of a silent store", (int)it.status);
    }
    CHECK(now_ms() - began < 10000, "silence for %u ms", (unsigned)(now_ms() - began));
    the_rig->stall(false);
    CHECK(until(mock, serves, NULL, PATIENCE_MS), "does not come back");
    end(mock);
}

/* ---- What is said of operations that failed ---- */

struct honesty {
    atomic_int done, unknown, refused, running;
};

static void *add_under_cuts(void *user) {
    struct honesty *it = user;
    jf_mock *mock = begin();
    uint64_t last = now_ms() + PATIENCE_MS;
    for (int own = 0; own < 150 && now_ms() < last;) {
        jf_ref ops[10];
        for (int i = 0; i < 10; i++) {
            jf_store_add one = {sizeof one, 0, 1, 0, view("honest")};
            ops[i] = jf_mock_store_add(mock, &one);
        }
        for (int i = 0; i < 10; i++) {
            jf_mock_wait_op(mock, ops[i], PATIENCE_MS);
            jf_mock_op end = jf_mock_op_at(mock, ops[i]);
            own += end.status == JF_OK;
            bool refused = (end.fault.flags & JF_FAULT_NOT_STARTED) != 0;
            atomic_fetch_add(end.status == JF_OK ? &it->done : refused ? &it->refused : &it->unknown, 1);
        }
        jf_mock_run_until(mock, NULL, NULL, 2);
    }
    end(mock);
    atomic_fetch_sub(&it->running, 1);
    return NULL;
}

/* What was answered counts, what was not started does not, and the rest may. */
TEST(says_the_truth_when_cut_off) {
    NEEDS(cut);
    struct honesty it = {.running = 3};
    uint32_t cuts = 0;
    pthread_t threads[3];
    jf_mock *mock = begin();
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, add_under_cuts, &it);
    for (int next = 20; atomic_load(&it.running) > 0;) {
        jf_mock_run_until(mock, NULL, NULL, 1);
        if (atomic_load(&it.done) < next) continue;
        the_rig->cut();
        next = atomic_load(&it.done) + 20;
        cuts++;
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK(until(mock, serves, NULL, PATIENCE_MS), "does not serve");
    answer sum = add(mock, "honest", 0);
    int64_t counted = sum.status == JF_OK ? number(sum) : 0;
    int done = atomic_load(&it.done), unknown = atomic_load(&it.unknown), refused = atomic_load(&it.refused);
    CHECK(done >= 450 && cuts > 5, "%d answered, %u cuts", done, cuts);
    CHECK(counted >= done && counted <= done + unknown, "%d counted, %d answered, %d unknown, %d not started",
          (int)counted, done, unknown, refused);
    end(mock);
}

/* ---- Cut off again and again ---- */

static uint32_t open_files(void) {
    uint32_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL)
        count++;
    if (folder != NULL) closedir(folder);
    return count;
}

static uint64_t resident_kib(void) {
    unsigned long long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%llu %llu", &all, &resident) != 2) resident = 0;
    if (file != NULL) fclose(file);
    return resident * 4;
}

TEST(cut_off_again_and_again) {
    NEEDS(cut);
    const char *more = getenv("JF_STORE_CUTS");
    uint32_t rounds = more != NULL ? (uint32_t)atoi(more) : 60;
    if (more != NULL) alarm(600);
    jf_mock *mock = begin();
    CHECK(until(mock, serves, NULL, PATIENCE_MS), "does not serve");
    uint32_t files = 0;
    uint64_t memory = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        the_rig->cut();
        CHECK(until(mock, serves, NULL, PATIENCE_MS), "does not come back the %uth time", i);
        if (i == rounds / 4) files = open_files(), memory = resident_kib();
    }
    uint64_t grown = resident_kib() - memory;
    if (more != NULL)
        printf("  %u reconnects: %u files before, %u after, %d KiB more, longest callback %u us\n", rounds,
               files, open_files(), (int)grown, (unsigned)(jf_mock_longest(mock) / 1000));
    CHECK(open_files() <= files + 3, "%u files became %u", files, open_files());
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    bool keeps_more = true; /* what was freed, for a while */
#elif defined(__has_feature)
    bool keeps_more = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
    bool keeps_more = false;
#endif
    /* The mock keeps every answer and log record: that much is its own. */
    CHECK(keeps_more || (int64_t)grown < 2048 + (int64_t)rounds * 8, "%d KiB more", (int)grown);
    end(mock);
}

#endif
