/* SPDX-License-Identifier: Apache-2.0
 * A small process that outlives the gateway by a moment: when the gateway is killed, it ends what servers
 * started.
 */
#ifndef STDIO_WATCH_H
#define STDIO_WATCH_H

#include "plugin.h"

/** Most processes that are named to it. */
#define WATCH_LIMIT 4096

/** What it needs to know; in memory that both share, read only once the gateway is gone. */
typedef struct watch_table {
    char marker[64];  /**< how the marker of every child of this instance begins, with its name */
    char cgroup[384]; /**< the group above those of the children, or "" */
    uint32_t count;
    struct {
        int32_t pid;
        int32_t leads; /**< 1: a child, which leads a process group */
        uint64_t born; /**< start time in clock ticks (proc(5)); 0: not checked */
    } known[WATCH_LIMIT];
} watch_table;

/** Starts it, unless it runs. Costs a fork(2) of the gateway, once. False: it could not be started, said on
 * the log. [lane] */
bool watcher_start(jf_self *self);
/** Writes down who there is now: the children and their descendants as they were last seen. [lane] */
void watcher_note(jf_self *self);
/** Ends it. [control] */
void watcher_stop(jf_self *self);

#endif
