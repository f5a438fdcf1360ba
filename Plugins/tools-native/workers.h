/* SPDX-License-Identifier: Apache-2.0
 * Threads for functions that may block. */
#ifndef TOOLS_NATIVE_WORKERS_H
#define TOOLS_NATIVE_WORKERS_H

#include "bind.h"

#include <jackfield/log.h>
#include <jackfield/ops.h>

typedef struct job job;
typedef struct workers workers;

/** What workers use of the host. Copied. */
typedef struct reporter {
    const jf_ops_1 *ops;
    const jf_log_1 *log; /**< NULL: none */
} reporter;

/** Up to `threads` of them, begun when first needed, with room for `queue` waiting calls. NULL: no memory. */
workers *workers_make(reporter report, uint32_t threads, uint32_t queue);
/** A job whose frame is to be made, or given back with job_free. */
job *job_make(void);
frame *job_frame(job *it);
/** Takes over the memory of the principal that the frame refers to. False: no memory. */
bool job_keep(job *it);
void job_free(job *it);
/** Queues a job; it will finish `op`. JF_E_BUSY: it is full, the job stays the caller's. [lane] */
int32_t workers_run(workers *it, job *work, jf_ref op);
/** Ends everything: what waits is finished with JF_E_GONE, what runs is waited for, at most `wait_ms`. False:
 * a function is still running; its operation is finished, its thread and all that it may touch are left
 * alone. Otherwise `it` is freed. */
bool workers_end(workers *it, uint32_t wait_ms);

#endif
