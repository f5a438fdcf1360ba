/* SPDX-License-Identifier: Apache-2.0
 * Connections to Redis: made on a thread with hiredis, used on the lane without it but for its parser. */
#ifndef STORE_REDIS_CONNECT_H
#define STORE_REDIS_CONNECT_H

#include "scripts.h"
#include "settings.h"

#include <hiredis/hiredis.h>

/** A job for sc_dial: connects, logs in, and prepares either scripts or a subscription. */
struct job {
    struct settings *settings;
    bool subscribes;
    redisContext *context; /**< NULL: it failed */
    char sha[SCRIPT_COUNT][SHA_LENGTH + 1];
    jf_fault why;
};

void *job_make(struct settings *settings, bool subscribes);
void job_work(void *job);
void job_drop(void *job);

/** A connection on the lane. */
struct wire {
    const sc_host *host;
    redisContext *context; /**< NULL: none */
    jf_ref watch;
    uint8_t *out;
    size_t out_at, out_used, out_room;
};

/** Takes the connection out of a job, and watches it; the job is dropped. */
int32_t wire_adopt(struct wire *wire, const sc_host *host, struct job *job, jf_ready_fn ready, void *user,
                   jf_fault *why);
void wire_close(struct wire *wire);
/** Appends to what will be written; false: no memory. */
bool wire_send(struct wire *wire, const uint8_t *bytes, size_t length);
/** Writes as much as goes; false: it broke. */
bool wire_flush(struct wire *wire);
/** Reads once, into the parser. 1: there may be more; 0: nothing now; -1: it broke, or is no Redis. */
int wire_read(struct wire *wire);

#endif
