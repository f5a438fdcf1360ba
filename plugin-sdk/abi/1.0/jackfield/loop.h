/* SPDX-License-Identifier: Apache-2.0
 * Host service jf.loop/1: file descriptors, timers and posts on the instance's own event loop. */
#ifndef JACKFIELD_LOOP_H
#define JACKFIELD_LOOP_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Readiness, edge-triggered: read or write until EAGAIN (or a short count on a stream socket). */
enum {
    JF_READABLE = 1,
    JF_WRITABLE = 2,
    JF_HANGUP = 4, /**< the peer closed its writing side, or the descriptor failed */
    JF_BROKEN = 8  /**< error condition */
};

/** Called on the lane with the events that occurred. */
typedef void (*jf_ready_fn)(void *user, uint32_t events);
/** Called on the lane, once. */
typedef void (*jf_task_fn)(void *user);

/** Since 1.0. */
typedef struct jf_loop_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** Watches `fd` for JF_READABLE | JF_WRITABLE (JF_HANGUP and JF_BROKEN always come). The fd stays the
     * plugin's. [lane] */
    int32_t (*watch)(void *context, int32_t fd, uint32_t events, jf_ready_fn ready, void *user,
                     jf_ref *watch);
    /** Stops watching; call before close(fd). No callback follows, not even one already collected. [lane] */
    void (*unwatch)(void *context, jf_ref watch);
    /** Calls `fire` once after `delay_ns` (resolution 1 ms, never early). [lane] */
    int32_t (*timer)(void *context, uint64_t delay_ns, jf_task_fn fire, void *user, jf_ref *timer);
    /** Cancels; a stale handle is ignored. [lane] */
    void (*cancel)(void *context, jf_ref timer);
    /** Runs `task` on the lane soon, never from inside this call. [any] */
    int32_t (*post)(void *context, jf_task_fn task, void *user);
    /** The monotonic time at which the current batch of events began: cheaper than a clock call. [lane] */
    uint64_t (*now)(void *context);
    /** This loop's number from 0, and how many there are. [any] */
    uint32_t (*index)(void *context, uint32_t *count);
} jf_loop_1;
JF_PIN_SIZE(jf_loop_1, 72);
#define JF_LOOP_1 "jf.loop/1"

#ifdef __cplusplus
}
#endif
#endif
