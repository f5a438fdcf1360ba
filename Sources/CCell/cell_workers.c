/* SPDX-License-Identifier: Apache-2.0
 * Cell: the threads on which requests of concurrent toolsets run, because such slots may block. */
#include "cell.h"

#include <stdlib.h>

typedef struct job {
    struct job *next;
    cell_frame frame;
    cell_job_fn run;
} job;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static job *first, **last = &first;
static uint32_t threads, idle, waiting;

static void *work(void *unused) {
    (void)unused;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (first == NULL) {
            idle++;
            pthread_cond_wait(&arrived, &lock);
            idle--;
        }
        job *it = first;
        first = it->next;
        if (first == NULL) last = &first;
        waiting--;
        pthread_mutex_unlock(&lock);
        it->run(&it->frame);
        cell_packet_free(it->frame.packet);
        free(it);
        pthread_mutex_lock(&lock);
    }
    return NULL;
}

bool cell_work(const cell_frame *frame, cell_job_fn run) {
    job *it = malloc(sizeof *it);
    if (it == NULL) return false;
    *it = (job){NULL, *frame, run};
    pthread_mutex_lock(&lock);
    /* Threads are started when there is work for them, not before. */
    if (idle <= waiting && threads < cell_here.settings.workers) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) == 0) {
            pthread_detach(thread);
            threads++;
        }
    }
    bool good = threads > 0;
    if (good) {
        frame->packet->refs++;
        *last = it;
        last = &it->next;
        waiting++;
        pthread_cond_signal(&arrived);
    }
    pthread_mutex_unlock(&lock);
    if (!good) free(it);
    return good;
}
