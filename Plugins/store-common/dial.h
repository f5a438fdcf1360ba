/* SPDX-License-Identifier: Apache-2.0
 * One piece of blocking work (name lookup, connecting, authentication, migration) on a thread of its own,
 * with its end told on the lane. */
#ifndef STORE_COMMON_DIAL_H
#define STORE_COMMON_DIAL_H

#include "host.h"

typedef struct sc_dial sc_dial;

typedef struct sc_work {
    void (*work)(void *job);             /**< on the thread */
    void (*done)(void *user, void *job); /**< on the lane; `job` is its own from then on */
    void (*drop)(void *job);             /**< instead of `done`, once abandoned; on any thread */
    void *job, *user;
} sc_work;

/** NULL: no thread or memory; the job is still the caller's. [lane] */
sc_dial *sc_dial_start(const jf_loop_1 *loop, const sc_work *work);
/** `done` will not be called any more; waits a moment for the thread. For a dial whose `done` was not called
 * yet. [lane] */
void sc_dial_abandon(sc_dial *dial);

#endif
