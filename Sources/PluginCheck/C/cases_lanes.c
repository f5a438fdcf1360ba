/* SPDX-License-Identifier: Apache-2.0
 * Cases: threads and time. */
#include "check.h"

#define BUDGET_NS 1000000u
/** Beyond this nobody can call it a busy machine. */
#define HARD_NS 50000000u

static void budget(check *c) {
    if (c->setup->threads == CHECK_CONCURRENT) {
        check_skip(c, "its manifest says `threads: concurrent`: its calls run on workers and may block");
        return;
    }
    uint64_t cpu = UINT64_MAX, blocked = UINT64_MAX, task = UINT64_MAX;
    char slot[80] = "", waiting[80] = "";
    check_host *h = check_up(c);
    if (h == NULL) return;
    check_exercise(h, 1); /* runtimes warm up */
    /* The best of three, so that only what happens each time counts. */
    for (int i = 0; i < 3 && !check_failed(c); i++) {
        h->worst_cpu_ns = h->worst_blocked_ns = 0;
        h->mock->loop.longest_ns = 0;
        check_exercise(h, 3);
        if (h->worst_cpu_ns < cpu) {
            cpu = h->worst_cpu_ns;
            snprintf(slot, sizeof slot, "%s", h->worst_slot);
        }
        if (h->worst_blocked_ns < blocked) {
            blocked = h->worst_blocked_ns;
            snprintf(waiting, sizeof waiting, "%s", h->blocked_slot);
        }
        if (jf_mock_longest(h->mock) < task) task = jf_mock_longest(h->mock);
    }
    const char *advice =
        "A lane is the gateway's event loop: use jf.loop/1, a thread, or `threads: concurrent`.";
    if (blocked >= HARD_NS && blocked != UINT64_MAX)
        check_fail(c, advice, "%s waits for %llu ms on the lane each time", waiting,
                   (unsigned long long)(blocked / 1000000u));
    if (cpu >= HARD_NS && cpu != UINT64_MAX)
        check_fail(c, advice, "%s computes for %llu ms on the lane each time", slot,
                   (unsigned long long)(cpu / 1000000u));
    if (task >= HARD_NS && task != UINT64_MAX)
        check_fail(c, advice, "a callback holds the lane for %llu ms each time",
                   (unsigned long long)(task / 1000000u));
    if (cpu >= 5 * BUDGET_NS && cpu != UINT64_MAX)
        check_warn(c, advice, "%s computes for %.1f ms on the lane each time; the budget is 1 ms", slot,
                   (double)cpu / 1e6);
    check_host_free(h);
}

static void own_lane(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    check_exercise(h, 3);
    for (int i = 0; i < 20; i++) {
        jf_mock_advance(h->mock, 1000000000u);
        jf_mock_run_once(h->mock, 3);
    }
    check_collect(h); /* [lane] slots that were called from elsewhere */
    check_host_free(h);
}

/* ---- Two loops at once ---- */

typedef struct loop_run {
    check *c;
    pthread_barrier_t *start;
} loop_run;

static void *run_loop(void *user) {
    loop_run *it = user;
    check_host *h = check_up(it->c);
    pthread_barrier_wait(it->start);
    if (h == NULL) return NULL;
    /* Races need time, on a busy machine above all. */
    for (uint64_t end = check_clock() + 400000000u; check_clock() < end && !check_failed(it->c);)
        check_exercise(h, 2);
    check_host_free(h);
    return NULL;
}

static void loops(check *c) {
    if (c->setup->threads != CHECK_PER_LOOP) {
        check_skip(c, "its manifest does not say `threads: per-loop`: there is one instance only");
        return;
    }
    if (check_has_facet(c, JF_TOOLSET_1)) {
        check_skip(c, "the judge of tools runs on one thread");
        return;
    }
    if (check_entry(c) == NULL) return;
    pthread_t threads[2];
    pthread_barrier_t start;
    loop_run run = {c, &start};
    pthread_barrier_init(&start, NULL, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, run_loop, &run);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
}

CHECK_GROUP(lanes, {"lanes.budget", "no slot and no callback holds the lane", NULL, budget, false},
            {"lanes.own", "it calls [lane] services on its lane only", NULL, own_lane, false},
            {"lanes.loops", "instances on two loops do not disturb each other", NULL, loops, false}, );
