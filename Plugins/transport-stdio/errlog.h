/* SPDX-License-Identifier: Apache-2.0
 * A child's standard error as log records, at a bounded rate. */
#ifndef STDIO_ERRLOG_H
#define STDIO_ERRLOG_H

#include "lines.h"

/** Most bytes of the end of standard error that an error message shows. */
#define LAST_WORDS 96
/** Least time between two records of the kept end, so that a crash loop cannot fill the log: 10 s. */
#define TAIL_EVERY_NS (10000 * MS_NS)

/** Reads one child's standard error after another. All [lane]. */
typedef struct errlog {
    jf_self *self;
    const char *server;
    lines lines;
    uint32_t rate; /**< records per second; also how many may come at once */

    int32_t pid;
    int fd; /**< not owned; -1: none */
    jf_ref watch;
    jf_ref report;   /**< timer that says how many lines were left out; 0: none were */
    deferred again;  /**< goes on with a child that writes faster than one turn reads */
    uint64_t tokens; /**< records that may be written now, in nanoseconds of waiting */
    uint64_t filled; /**< when `tokens` was brought up to date */
    uint64_t dropped;
    char *tail; /**< a ring: the last `kept` bytes of whole lines, as UTF-8; NULL: none kept */
    uint32_t kept;
    uint64_t written;          /**< bytes that went into the ring */
    uint64_t unlogged;         /**< lines since the last record that was left out of the log */
    uint64_t told;             /**< when the tail was last written to the log; 0: never */
    char last[LAST_WORDS + 1]; /**< the newest line, as UTF-8; "" before the first */
} errlog;

/** `kept`: bytes of the end that are kept for errlog_tell(). */
void errlog_init(errlog *self, jf_self *instance, const char *server, uint32_t rate, uint32_t line_limit,
                 uint32_t kept);
/** Begins with the descriptor of the child `pid`. False: it could not be watched. */
bool errlog_open(errlog *self, int fd, int32_t pid);
/** Reads what is there (bounded), says what was left out, and lets go of the descriptor. */
void errlog_close(errlog *self);
/** Writes the kept end to the log, where lines of it were left out before: at most once in TAIL_EVERY_NS. */
void errlog_tell(errlog *self);
/** Frees what is kept. */
void errlog_release(errlog *self);

#endif
