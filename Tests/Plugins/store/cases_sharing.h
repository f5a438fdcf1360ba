/* SPDX-License-Identifier: Apache-2.0
 * Cases of every store: several instances, threads and processes on one state; watches. */
#ifndef STORE_CASES_SHARING_H
#define STORE_CASES_SHARING_H

#include "cases_limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { THREADS = 4, TAKES = 120, BURST = 250, KEYS = 25 };

/* ---- Several loops ---- */

TEST(leases) {
    jf_mock *one = begin(), *two = begin();
    jf_view k = view("lease/leader");
    answer held = put_with(one, k, view("one"), JF_STORE_CREATE, 0, 60000);
    CHECK(held.status == JF_OK, "%s", held.why);
    CHECK(put_with(two, k, view("two"), JF_STORE_CREATE, 0, 60000).status == JF_E_STALE, "held by both");
    answer renewed = put_with(one, k, view("one"), JF_STORE_MATCH, held.entry.revision, 120);
    CHECK(renewed.status == JF_OK && renewed.entry.revision > held.entry.revision, "not renewed");
    uint64_t last = now_ms() + PATIENCE_MS;
    answer taken = {.status = JF_E_STALE};
    while (taken.status == JF_E_STALE && now_ms() < last)
        taken = put_with(two, k, view("two"), JF_STORE_CREATE, 0, 60000);
    CHECK(taken.status == JF_OK && taken.entry.revision > renewed.entry.revision, "no greater fencing token");
    CHECK(put_with(one, k, view("one"), JF_STORE_MATCH, renewed.entry.revision, 60000).status == JF_E_STALE,
          "renewed a lost lease");
    CHECK(remove_at(one, k, renewed.entry.revision).status == JF_E_STALE, "gave back what another holds");
    CHECK(remove_at(two, k, taken.entry.revision).status == JF_OK, "not given back");
    end(one), end(two);
}

struct crew {
    atomic_uint taken, created, failed;
    atomic_int ready;
};

/* One loop: all its takes are in flight at once. */
static void *loop_of_crew(void *user) {
    struct crew *crew = user;
    jf_mock *mock = begin();
    jf_ref ops[TAKES], adds[TAKES], puts[KEYS];
    char key[32];
    get(mock, view("warm"));
    atomic_fetch_add(&crew->ready, 1);
    while (atomic_load(&crew->ready) < THREADS)
        jf_mock_run_until(mock, NULL, NULL, 1);
    for (int i = 0; i < TAKES; i++) {
        jf_store_limit limits[] = {limit("shared", BUCKET, BURST * 1000, 1000, LONG_MS, 1000),
                                   limit("shared", FIXED, 0, JF_STORE_AMOUNT_MOST, LONG_MS, 1000)};
        if (i % 2) limits[0].key = view("other"), limits[0].burst = (uint64_t)TAKES * THREADS * 1000;
        ops[i] = jf_mock_store_take(mock, limits, 2);
        jf_store_add by_one = {sizeof by_one, 0, 1, 0, view("sum")};
        adds[i] = jf_mock_store_add(mock, &by_one);
        if (i >= KEYS) continue;
        snprintf(key, sizeof key, "race/%d", i);
        jf_store_put it = {sizeof it, JF_STORE_CREATE, 0, 0, view(key), view("mine")};
        puts[i] = jf_mock_store_put(mock, &it);
    }
    for (int i = 0; i < TAKES; i++) {
        answer it = result_of(mock, ops[i], true);
        if (it.status != JF_OK) atomic_fetch_add(&crew->failed, 1);
        if (i % 2 == 0 && it.status == JF_OK && it.verdicts[0].fits) atomic_fetch_add(&crew->taken, 1);
        if (result_of(mock, adds[i], false).status != JF_OK) atomic_fetch_add(&crew->failed, 1);
    }
    for (int i = 0; i < KEYS; i++) {
        answer it = result_of(mock, puts[i], false);
        if (it.status == JF_OK) atomic_fetch_add(&crew->created, 1);
        if (it.status != JF_OK && it.status != JF_E_STALE) atomic_fetch_add(&crew->failed, 1);
    }
    end(mock);
    return NULL;
}

TEST(loops_share_one_state) {
    struct crew crew = {0};
    pthread_t threads[THREADS];
    jf_mock *mock = begin();
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, loop_of_crew, &crew);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    uint32_t most = THREADS * TAKES / 2;
    CHECK(atomic_load(&crew.failed) == 0, "%u failed", atomic_load(&crew.failed));
    CHECK(atomic_load(&crew.taken) == (most < BURST ? most : BURST), "%u of %u taken",
          atomic_load(&crew.taken), most);
    CHECK(atomic_load(&crew.created) == KEYS, "%u keys created, not %u", atomic_load(&crew.created), KEYS);
    CHECK(number(add(mock, "sum", 0)) == THREADS * TAKES, "another sum");
    jf_store_verdict it =
        take_one(mock, limit("other", BUCKET, (uint64_t)TAKES * THREADS * 1000, 1000, LONG_MS, 0));
    CHECK(it.left == THREADS * TAKES / 2 * 1000, "left of the other one: %" PRIu64, it.left);
    end(mock);
}

/* ---- Several processes ---- */

/* Runs `body` in a child, which has the plugin to itself; its exit status is what it returns. */
static pid_t in_child(int (*body)(int ready), int ready) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid != 0) return pid;
    _exit(body(ready));
}

static int take_in_child(int gate) {
    char byte;
    jf_mock *mock = begin();
    get(mock, view("warm"));
    if (read(gate, &byte, 1) < 0) return 255;
    int taken = 0;
    for (int i = 0; i < 100; i++) {
        jf_store_limit it = limit("processes", BUCKET, 100000, 1000, LONG_MS, 1000);
        taken += take(mock, &it, 1).verdicts[0].fits == 1;
        add(mock, "processes", 1);
    }
    jf_mock_free(mock);
    return jf_check_failures > 0 ? 254 : taken;
}

TEST(gateways_share_one_store) {
    int gate[2], taken = 0;
    if (!the_rig->is_shared) {
        CHECK(true, "one process only");
        return;
    }
    REQUIRE(pipe(gate) == 0, "no pipe");
    pid_t children[2];
    for (int i = 0; i < 2; i++)
        children[i] = in_child(take_in_child, gate[0]);
    REQUIRE(write(gate[1], "go", 2) == 2, "no go");
    for (int i = 0; i < 2; i++) {
        int status = 0;
        waitpid(children[i], &status, 0);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) <= 100, "child %d: %x", i, status);
        taken += WEXITSTATUS(status);
    }
    close(gate[0]), close(gate[1]);
    CHECK(taken == 100, "%d taken of 100", taken);
    jf_mock *mock = begin();
    CHECK(number(add(mock, "processes", 0)) == 200, "another sum");
    end(mock);
}

/* ---- Watches ---- */

struct told {
    jf_ref watch;
    uint32_t mark;
    const char *key;   /**< NULL: the absent key, or any */
    uint64_t revision; /**< UINT64_MAX: whatever */
};

static bool was_told(jf_mock *mock, void *user) {
    const struct told *it = user;
    for (uint32_t i = it->mark; i < jf_mock_mark(mock); i++) {
        const jf_mock_event *event = jf_mock_event_at(mock, i);
        if (event->type != JF_MOCK_STORE_CHANGED || event->peer != it->watch) continue;
        if (event->text == NULL) return true; /* whatever it covers */
        if (it->key == NULL ||
            (event->length == strlen(it->key) && memcmp(event->text, it->key, event->length) == 0 &&
             (it->revision == UINT64_MAX || event->revision == it->revision || event->revision == 0)))
            return true;
    }
    return false;
}

/* Makes sure that the watch is live: changes a key until it is told. */
static bool live(jf_mock *mock, jf_ref watch, const char *key) {
    uint64_t last = now_ms() + PATIENCE_MS;
    struct told it = {watch, jf_mock_mark(mock), key, UINT64_MAX};
    while (now_ms() < last) {
        put(mock, key, "x");
        if (until(mock, was_told, &it, 100)) return true;
    }
    return false;
}

TEST(watches) {
    jf_mock *one = begin(), *two = begin();
    get(one, view("warm")), get(two, view("warm"));
    jf_ref watch = jf_mock_store_watch(one, view("w/"));
    REQUIRE(watch != 0, "no watch: %s", jf_mock_why(one));
    REQUIRE(live(one, watch, "w/live"), "is not told of its own change");
    struct told it = {watch, jf_mock_mark(one), "w/1", 0};
    answer made = put(two, "w/1", "v");
    it.revision = made.entry.revision;
    CHECK(until(one, was_told, &it, PATIENCE_MS), "is not told of another's put");
    it.mark = jf_mock_mark(one), it.revision = 0;
    remove_at(two, view("w/1"), 0);
    CHECK(until(one, was_told, &it, PATIENCE_MS), "is not told of a remove");
    it = (struct told){watch, jf_mock_mark(one), "w/ends", 0};
    put_with(two, view("w/ends"), view("v"), 0, 0, 60);
    it.mark = jf_mock_mark(one);
    jf_view k = view("w/ends");
    CHECK(until(two, gone, &k, PATIENCE_MS), "does not expire");
    CHECK(until(one, was_told, &it, PATIENCE_MS), "is not told of an end");
    jf_mock_store_unwatch(one, watch);
    uint32_t mark = jf_mock_mark(one);
    jf_ref other = jf_mock_store_watch(one, bytes_of("\0\xff", 2)), all = jf_mock_store_watch(one, view(""));
    REQUIRE(other != 0 && all != 0, "no more watches");
    REQUIRE(live(one, all, "w/live"), "the watch of everything is not told");
    for (uint32_t i = mark; i < jf_mock_mark(one); i++) {
        const jf_mock_event *event = jf_mock_event_at(one, i);
        CHECK(event->peer != watch, "is told after its end");
        CHECK(event->peer != other || event->text == NULL, "is told of a key without its prefix");
    }
    it = (struct told){other, jf_mock_mark(one), NULL, UINT64_MAX};
    put_with(two, bytes_of("\0\xff\0", 3), view("v"), 0, 0, 0);
    CHECK(until(one, was_told, &it, PATIENCE_MS), "is not told of a key of any bytes");
    jf_mock_store_unwatch(one, other);
    jf_mock_store_unwatch(one, other);
    remove_at(two, bytes_of("\0\xff\0", 3), 0), remove_at(two, view("w/live"), 0);
    end(one), end(two);
}

TEST(watches_have_a_bound) {
    jf_mock *mock = begin();
    uint32_t count = 0;
    while (count < 5000 && jf_mock_store_watch(mock, view("many")) != 0)
        count++;
    CHECK(count >= 100 && count < 5000, "%u watches", count);
    end(mock);
}

#endif
