/* SPDX-License-Identifier: Apache-2.0
 * Threads for functions that may block. One lock guards the queue and who finishes which operation. */
#include "workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_THREADS 64u

struct job {
    job *next;
    jf_ref op;
    bool finished; /**< somebody has finished `op` */
    uint8_t *principal;
    frame frame;
};

struct workers {
    reporter report;
    pthread_mutex_t lock;
    pthread_cond_t more, less; /**< a job came; a job or thread ended */
    job *first, **last;
    job *running[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    uint32_t most, begun, idle, waiting, room, busy;
    bool ending;
};

job *job_make(void) {
    return calloc(1, sizeof(job));
}

frame *job_frame(job *it) {
    return &it->frame;
}

bool job_keep(job *it) {
    frame *call = &it->frame;
    if (call->principal == NULL) return true;
    it->principal = malloc(call->principal_length + 1);
    if (it->principal == NULL) return false;
    if (call->principal_length != 0) memcpy(it->principal, call->principal, call->principal_length);
    call->principal = it->principal;
    return true;
}

void job_free(job *it) {
    if (it->frame.tool != NULL) frame_end(&it->frame);
    free(it->principal);
    free(it);
}

workers *workers_make(reporter report, uint32_t threads, uint32_t queue) {
    workers *it = calloc(1, sizeof *it);
    if (it == NULL) return NULL;
    pthread_condattr_t clock;
    it->report = report;
    it->most = threads > MOST_THREADS ? MOST_THREADS : threads;
    it->room = queue;
    it->last = &it->first;
    pthread_mutex_init(&it->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&it->more, &clock);
    pthread_cond_init(&it->less, &clock);
    pthread_condattr_destroy(&clock);
    return it;
}

static void finish(workers *it, job *work, int32_t status, jf_blob *result, const char *words) {
    jf_fault why = {.size = sizeof why, .code = status};
    jf_blob none = {0};
    int length = words == NULL ? 0 : snprintf(why.text, sizeof why.text, "%s", words);
    why.text_len = (uint32_t)(length < (int)sizeof why.text ? length : (int)sizeof why.text - 1);
    it->report.ops->finish(it->report.ops->context, work->op, status, result == NULL ? &none : result, &why);
}

/** Runs one job. Called without the lock. */
static void run(workers *it, job *work) {
    text out = {0};
    char why[WHY_SIZE] = "";
    int32_t status = it->report.ops->state(it->report.ops->context, work->op);
    if (status == JF_OK) {
        frame_call(&work->frame);
        if (!frame_answer(&work->frame, &out, why)) status = *why == 0 ? JF_E_BUSY : JF_E_FAULT;
    } else {
        snprintf(why, sizeof why, "nobody waits for this call any more");
    }
    /* Before anybody hears of the result: handles must be free for the next call. */
    frame_end(&work->frame);
    work->frame.tool = NULL;
    pthread_mutex_lock(&it->lock);
    bool late = work->finished;
    work->finished = true;
    pthread_mutex_unlock(&it->lock);
    if (status == JF_E_FAULT && it->report.log != NULL && !late)
        it->report.log->write(it->report.log->context, JF_LOG_ERROR, (jf_view){(uint8_t *)why, strlen(why)},
                              NULL, 0);
    jf_blob result = {out.bytes, out.length, out.bytes, free};
    if (late || status != JF_OK) text_free(&out);
    if (!late) finish(it, work, status, status == JF_OK ? &result : NULL, why);
}

static void *serve(void *user) {
    workers *it = user;
    pthread_mutex_lock(&it->lock);
    for (;;) {
        while (it->first == NULL && !it->ending) {
            it->idle++;
            pthread_cond_wait(&it->more, &it->lock);
            it->idle--;
        }
        job *work = it->first;
        if (work == NULL) break;
        it->first = work->next;
        if (it->first == NULL) it->last = &it->first;
        it->waiting--;
        uint32_t slot = 0;
        while (it->running[slot] != NULL)
            slot++;
        it->running[slot] = work;
        it->busy++;
        pthread_mutex_unlock(&it->lock);
        run(it, work);
        pthread_mutex_lock(&it->lock);
        it->running[slot] = NULL;
        pthread_mutex_unlock(&it->lock);
        job_free(work);
        pthread_mutex_lock(&it->lock);
        it->busy--;
        pthread_cond_broadcast(&it->less);
    }
    pthread_mutex_unlock(&it->lock);
    return NULL;
}

/** Begins one more thread; signals are the host's business. Under the lock. */
static bool begin(workers *it) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&it->threads[it->begun], NULL, serve, it);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) return false;
    pthread_setname_np(it->threads[it->begun++], "tools-native");
    return true;
}

int32_t workers_run(workers *it, job *work, jf_ref op) {
    pthread_mutex_lock(&it->lock);
    bool room = !it->ending && it->waiting < it->room;
    if (room && it->idle <= it->waiting && it->begun < it->most) room = begin(it) || it->begun > 0;
    if (room) {
        work->op = op;
        work->next = NULL;
        *it->last = work;
        it->last = &work->next;
        it->waiting++;
        pthread_cond_signal(&it->more);
    }
    pthread_mutex_unlock(&it->lock);
    return room ? JF_PENDING : JF_E_BUSY;
}

bool workers_end(workers *it, uint32_t wait_ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&it->lock);
    job *waiting = it->first;
    it->first = NULL;
    it->last = &it->first;
    it->waiting = 0;
    it->ending = true;
    pthread_cond_broadcast(&it->more);
    while (it->busy > 0 && pthread_cond_timedwait(&it->less, &it->lock, &until) != ETIMEDOUT)
        continue;
    jf_ref stuck[MOST_THREADS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < MOST_THREADS; i++) {
        if (it->running[i] == NULL || it->running[i]->finished) continue;
        it->running[i]->finished = true;
        stuck[count++] = it->running[i]->op;
    }
    /* The others have returned and are about to finish: that takes no time, and must be over. */
    while (it->busy > count)
        pthread_cond_wait(&it->less, &it->lock);
    bool quiet = it->busy == 0;
    pthread_mutex_unlock(&it->lock);
    while (waiting != NULL) {
        job *next = waiting->next;
        finish(it, waiting, JF_E_GONE, NULL, "the library is being closed");
        job_free(waiting);
        waiting = next;
    }
    for (uint32_t i = 0; i < count; i++)
        finish(it, &(job){.op = stuck[i]}, JF_E_GONE, NULL, "the function did not return in time");
    for (uint32_t i = 0; i < it->begun; i++) {
        if (quiet)
            pthread_join(it->threads[i], NULL);
        else
            pthread_detach(it->threads[i]);
    }
    if (!quiet) return false;
    pthread_cond_destroy(&it->more);
    pthread_cond_destroy(&it->less);
    pthread_mutex_destroy(&it->lock);
    free(it);
    return true;
}
