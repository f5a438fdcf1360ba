/* SPDX-License-Identifier: Apache-2.0
 * Cases: create, start, drain, stop, destroy; several instances; what is left behind. */
#include "check.h"

#define CYCLES 1000u
#define WARM_UP 200u
/** Bytes a cycle: less than malloc's smallest block, so that one lost block in each is seen. */
#define GROWTH 20u

static void once(check *c) {
    check_host *h = check_host_new(c, true);
    if (h == NULL) return;
    if (check_up_on(h)) {
        jf_mock_settle(h->mock);
        check_step("drain");
        jf_mock_drain(h->mock, 100);
        jf_mock_settle(h->mock);
    } else if (c->setup->config != NULL && c->result->outcome == CHECK_SKIP &&
               strstr(c->result->reason, "refuses to begin") != NULL) {
        check_fail(c,
                   "Accept every configuration that the manifest's schema allows, and say in `requires` what "
                   "is needed.",
                   "with a valid configuration %s", c->result->reason);
    }
    check_host_free(h);
}

static void unstarted(check *c) {
    check_host *h = check_host_new(c, true);
    if (h == NULL) return;
    if (c->setup->config == NULL)
        check_skip(c, "no configuration could be made from its schema: give one with --config");
    else
        check_create(h, c->setup->config);
    check_host_free(h); /* destroy without start and stop */
}

/* One life; false: it refused. */
static bool live(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return false;
    check_host_free(h);
    return !check_failed(c);
}

static void judge_growth(check *c, uint64_t before, uint32_t cycles, const char *what) {
    check_forget();
    uint64_t after = check_heap();
    if (after > before && after - before >= (uint64_t)cycles * GROWTH)
        check_fail(c, "Free in `destroy`, and on every path out of `create`, what was allocated.",
                   "%u times %s lost %llu bytes of memory, about %llu each", cycles, what,
                   (unsigned long long)(after - before), (unsigned long long)((after - before) / cycles));
}

static void thousand(check *c) {
    uint64_t heap = 0;
    check_snapshot *before = NULL;
    for (uint32_t i = 0; i < CYCLES; i++) {
        if (i == WARM_UP) {
            check_forget();
            before = check_snapshot_take();
            heap = check_heap();
        }
        if (!live(c)) return;
    }
    judge_growth(c, heap, CYCLES - WARM_UP, "create and destroy");
    check_snapshot_compare(c, before, "create and destroy, a thousand times,");
}

static void refused(check *c) {
    uint64_t heap = 0;
    uint32_t failures = 0;
    const uint32_t cycles = 300, warm_up = 50;
    if (check_entry(c) == NULL) return;
    check_snapshot *before = NULL;
    for (uint32_t i = 0; i < cycles; i++) {
        if (i == warm_up) {
            check_forget();
            before = check_snapshot_take();
            heap = check_heap();
        }
        check_host *h = check_host_new(c, true);
        if (h == NULL) return;
        /* One service fewer each time, then none at all. */
        uint32_t count = 0;
        while (c->setup->required != NULL && c->setup->required[count] != NULL)
            count++;
        uint32_t hidden = count > 0 ? i % (count + 1) : 0;
        jf_mock_hide(h->mock, hidden < count ? c->setup->required[hidden] : NULL);
        jf_mock_fault(h->mock);
        if (check_create(h, c->setup->config != NULL ? c->setup->config : "{}") != JF_OK) failures++;
        check_host_free(h);
        if (check_failed(c)) return;
    }
    if (failures > 0) judge_growth(c, heap, cycles - warm_up, "a failed create");
    check_snapshot_compare(c, before, "a failed create");
}

static void two(check *c) {
    check_host *first = check_up(c);
    if (first == NULL) return;
    check_host *second = check_up(c);
    if (second != NULL) {
        check_exercise(first, 1);
        check_exercise(second, 1);
        check_host_free(first);
        check_exercise(second, 1); /* it must not miss the other one */
        check_host_free(second);
    } else {
        if (c->setup->threads == CHECK_PER_LOOP)
            check_fail(c, "Keep everything in the instance: there is one on every loop.",
                       "its second instance is refused: %s", c->result->reason);
        check_host_free(first);
    }
}

static void generations(check *c) {
    check_host *old = check_up(c);
    if (old == NULL) return;
    for (int i = 0; i < 4 && !check_failed(c); i++) {
        check_exercise(old, 1);
        check_host *fresh = check_up(c);
        if (fresh == NULL) {
            check_fail(
                c, "A hot swap creates the new generation while the old one drains: share nothing exclusive.",
                "a new generation beside the old one is refused: %s", c->result->reason);
            break;
        }
        check_step("drain");
        jf_mock_drain(old->mock, 50);
        check_exercise(fresh, 1);
        check_host_free(old);
        old = fresh;
    }
    check_host_free(old);
}

static void *live_elsewhere(void *user) {
    check *c = user;
    check_host *h = check_up(c);
    if (h == NULL) return NULL;
    check_exercise(h, 1);
    check_host_free(h);
    return NULL;
}

static void other_thread(check *c) {
    pthread_t thread;
    if (check_entry(c) == NULL) return;
    if (pthread_create(&thread, NULL, live_elsewhere, c) != 0) return;
    pthread_join(thread, NULL);
}

static void reborn(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    for (int i = 0; i < 3 && !check_failed(c); i++) {
        check_exercise(h, 1);
        check_destroy(h);
        check_collect(h);
        atomic_store(&h->phase, CHECK_RUNNING);
        if (!check_up_on(h)) {
            check_fail(c, "Reset in `destroy` whatever is not in the instance.",
                       "it cannot be created again after `destroy`: %s", c->result->reason);
            break;
        }
    }
    check_host_free(h);
}

/* After stop only destroy may call the host; after destroy nobody. */
static void quiet(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    check_exercise(h, 1);
    check_stop(h);
    atomic_store(&h->phase, CHECK_STOPPED);
    check_step("what runs after stop");
    for (int i = 0; i < 10; i++) {
        check_pause(5);
        jf_mock_advance(h->mock, 5000000000u);
        jf_mock_run_once(h->mock, 0);
    }
    check_destroy(h);
    check_pause(60);
    check_host_free(h);
}

CHECK_GROUP(
    lifecycle,
    {"lifecycle.once", "an instance is created, started, drained, stopped and destroyed", NULL, once, false},
    {"lifecycle.unstarted", "an instance that was never started can be destroyed", NULL, unstarted, false},
    {"lifecycle.thousand", "a thousand instances one after the other leave nothing behind", NULL, thousand,
     false},
    {"lifecycle.refused", "a create that fails says why and leaves nothing behind", NULL, refused, false},
    {"lifecycle.reborn", "it can be created again after destroy", NULL, reborn, false},
    {"lifecycle.two", "two instances live side by side", NULL, two, false},
    {"lifecycle.generations", "a new generation takes over while the old one drains", NULL, generations,
     false},
    {"lifecycle.other-thread", "it lives on another thread than the one that loaded it", NULL, other_thread,
     false},
    {"lifecycle.quiet", "no call to the host comes after stop and destroy", NULL, quiet, false}, );
