/* SPDX-License-Identifier: Apache-2.0
 * A child's standard error as log records, at a bounded rate. */
#ifndef STDIO_ERRLOG_H
#define STDIO_ERRLOG_H

#include "lines.h"

/** Bytes kept of the newest line, for the report on a child that ended. */
#define LAST_LINE 96

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
    char last[LAST_LINE + 1]; /**< the newest line, as UTF-8; "" before the first */
} errlog;

void errlog_init(errlog *self, jf_self *instance, const char *server, uint32_t rate, uint32_t line_limit);
/** Begins with the descriptor of the child `pid`. False: it could not be watched. */
bool errlog_open(errlog *self, int fd, int32_t pid);
/** Reads what is there (bounded), says what was left out, and lets go of the descriptor. */
void errlog_close(errlog *self);

#endif
