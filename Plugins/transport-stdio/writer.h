/* SPDX-License-Identifier: Apache-2.0
 * Writes messages to a pipe as lines: coalesced within a loop turn, queued while the reader is slow. */
#ifndef STDIO_WRITER_H
#define STDIO_WRITER_H

#include "plugin.h"

/** What became of the descriptor. All [lane]; never called from inside writer_put(). */
typedef struct writer_events {
    /** The queue fell below half its limit after a put had been refused (or marked) as too much. */
    void (*writable)(void *user);
    /** Writing failed for good with this errno (EPIPE: nobody reads any more). Called once. */
    void (*broken)(void *user, int error);
    /** The queue is empty after writer_finish(). Called once; the descriptor is still open. */
    void (*finished)(void *user);
} writer_events;

/** A queue of bytes towards one descriptor. It does not own the descriptor. All [lane]. */
typedef struct writer {
    jf_self *self;
    const writer_events *events;
    void *user;
    uint64_t limit; /**< bytes queued at which a put is too much */

    int fd;       /**< -1: closed */
    int error;    /**< errno of the failure; 0: none */
    jf_ref watch; /**< taken at the first write that would block */
    deferred flush;
    uint8_t *queue;
    uint64_t capacity, start, end;
    bool blocked;   /**< a write would have blocked: the watch tells when to go on */
    bool polled;    /**< the descriptor cannot be watched (regular file) and never blocks */
    bool full;      /**< `writable` is owed */
    bool finishing; /**< `finished` is owed */
} writer;

void writer_init(writer *self, jf_self *instance, const writer_events *events, void *user, uint64_t limit);
/** Begins with `fd`, which must not block. The host process must ignore SIGPIPE. */
void writer_open(writer *self, int fd);
/** Stops using the descriptor and drops the queue; no event follows. */
void writer_close(writer *self);

/** Bytes that wait. */
static inline uint64_t writer_queued(const writer *self) {
    return self->end - self->start;
}

/** Writes one message and a newline; raw CR and LF inside, legal JSON whitespace, become spaces. Small ones
 * are written at the end of the loop turn, together. JF_E_GONE: the descriptor is closed or broken;
 * JF_E_BUSY: no memory. In both cases nothing was taken. The caller compares writer_queued() with the limit
 * first. */
int32_t writer_put(writer *self, const jf_view *segments, uint32_t count);
/** Asks for `writable`. */
void writer_mark_full(writer *self);
/** Asks for `finished`, which comes from a task of its own even when nothing waits. */
void writer_finish(writer *self);
/** Writes what can be written now, without events. True: nothing waits any more. */
bool writer_push(writer *self);

#endif
