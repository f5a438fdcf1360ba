/* SPDX-License-Identifier: Apache-2.0
 * One piece of blocking work on a thread of its own. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "dial.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* How long an end waits for a thread that is as good as done; a server that does not answer takes longer, and
 * its thread ends by itself. */
#define ABANDON_MS 100

struct sc_dial {
    jf_loop_1 loop;
    sc_work work;
    pthread_mutex_t lock;
    atomic_int users; /**< the thread, and the task that it posts */
    bool is_abandoned;
    bool is_over; /**< the thread has nothing left that is anybody's */
    pthread_cond_t over;
};

static void dial_release(sc_dial *dial, int users) {
    if (atomic_fetch_sub(&dial->users, users) != users) return;
    pthread_cond_destroy(&dial->over);
    pthread_mutex_destroy(&dial->lock);
    free(dial);
}

static void deliver(void *user) {
    sc_dial *dial = user;
    sc_work work = dial->work;
    bool is_abandoned = dial->is_abandoned; /* set on this lane */
    dial_release(dial, 1);
    if (is_abandoned)
        work.drop(work.job);
    else
        work.done(work.user, work.job);
}

static void *run(void *user) {
    sc_dial *dial = user;
    dial->work.work(dial->work.job);
    pthread_mutex_lock(&dial->lock);
    /* Under the lock: once abandoned, the loop may be gone. */
    bool is_posted = !dial->is_abandoned && dial->loop.post(dial->loop.context, deliver, dial) == JF_OK;
    pthread_mutex_unlock(&dial->lock);
    if (!is_posted) dial->work.drop(dial->work.job);
    pthread_mutex_lock(&dial->lock);
    dial->is_over = true;
    pthread_cond_signal(&dial->over);
    pthread_mutex_unlock(&dial->lock);
    dial_release(dial, is_posted ? 1 : 2);
    return NULL;
}

sc_dial *sc_dial_start(const jf_loop_1 *loop, const sc_work *work) {
    sc_dial *dial = calloc(1, sizeof *dial);
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    if (dial == NULL) return NULL;
    dial->loop = *loop;
    dial->work = *work;
    atomic_init(&dial->users, 2);
    pthread_mutex_init(&dial->lock, NULL);
    pthread_cond_init(&dial->over, NULL);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the host's threads */
    int error = pthread_create(&thread, &attributes, run, dial);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (error == 0) return dial;
    dial_release(dial, 2);
    return NULL;
}

void sc_dial_abandon(sc_dial *dial) {
    atomic_fetch_add(&dial->users, 1);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ABANDON_MS * 1000000l;
    until.tv_sec += until.tv_nsec / 1000000000l;
    until.tv_nsec %= 1000000000l;
    pthread_mutex_lock(&dial->lock);
    dial->is_abandoned = true;
    while (!dial->is_over && pthread_cond_timedwait(&dial->over, &dial->lock, &until) == 0) {
    }
    pthread_mutex_unlock(&dial->lock);
    dial_release(dial, 1);
}
