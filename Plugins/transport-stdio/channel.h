/* SPDX-License-Identifier: Apache-2.0
 * One channel: a supervised child process that speaks MCP on its standard streams. */
#ifndef STDIO_CHANNEL_H
#define STDIO_CHANNEL_H

#include "child.h"
#include "errlog.h"
#include "lines.h"
#include "settings.h"
#include "tree.h"
#include "writer.h"

/** Where a channel is in its life. */
typedef enum channel_state {
    CHANNEL_WAITING = 0, /**< no child; one is started by a task or a timer */
    CHANNEL_UP = 1,      /**< a child runs and messages flow */
    CHANNEL_ENDING = 2,  /**< the child or its tree is being ended; see ending.c */
    CHANNEL_GAVE_UP = 3  /**< no child and no more attempts */
} channel_state;

/** Steps of ending a child, in order. */
typedef enum ending_phase {
    ENDING_GRACE = 0, /**< its output ended: the exit status should follow at once */
    ENDING_STDIN = 1, /**< its standard input is closed: a server exits by itself (MCP, stdio shutdown) */
    ENDING_TERM = 2,  /**< SIGTERM went to the tree */
    ENDING_KILL = 3   /**< SIGKILL goes to the tree until it is gone */
} ending_phase;

struct channel {
    jf_self *self;
    jf_ref host;   /**< the host's handle */
    jf_ref handle; /**< ours */
    char *name;
    settings settings;

    channel_state state;
    bool closing; /**< the host called close: nothing is delivered any more, `closed` is owed */
    child child;
    tree tree;
    lines out;
    errlog err;
    writer in;
    jf_ref out_watch, pid_watch;
    jf_ref timer;  /**< restart, or the next step of the ending */
    deferred task; /**< start, next step of the ending, or `closed`: see on_task() */
    deferred more; /**< goes on reading a child that writes faster than one turn reads */
    uint64_t started_ns;
    uint64_t restart_ns; /**< when the next attempt is due, once `told` */
    uint32_t failures;   /**< in a row */
    uint32_t random;     /**< state of the jitter */

    bool told;   /**< `failed` was called for this child, or is not owed */
    bool exited; /**< the child itself has ended; it is reaped last, which keeps its pid and group reserved */
    bool wide;   /**< the pipes were enlarged for this child */
    bool hangup; /**< every writer of the child's output is gone: read on to the end */
    child_end end;
    const char *cause; /**< what began the ending, where it was not the exit */
    ending_phase phase;
    uint64_t phase_ns;                     /**< when the phase is over */
    uint32_t looks;                        /**< at a tree that is empty but for unclear processes */
    uint64_t poll_ns;                      /**< pause until the tree is looked at again */
    uint64_t close_stdin_ns, terminate_ns; /**< lengths of the phases, cut to the deadline of `close` */
};

/** Makes a channel whose first start is a task. On error nothing is left. [control] */
int32_t channel_create(jf_self *self, jf_ref host, jf_view name, jf_view config, channel **out,
                       jf_fault *why);
/** Frees it; no child may be left. */
void channel_destroy(channel *self);
/** Sends one message. [lane] */
int32_t channel_send(channel *self, const jf_message *message, jf_fault *why);
/** Begins the end; `closed` follows in a task. `deadline_ns` 0: none. [control] */
void channel_close(channel *self, uint64_t deadline_ns);
/** Reads and delivers what the child has written, up to `turns` reads. True: there may be more. */
bool channel_read(channel *self, int turns);
/** Tells the host, once per child, that the channel is down, and plans the next attempt. `why` NULL: by exit
 * status and cause. The host may call close from inside. */
void channel_tell_down(channel *self, const jf_fault *why);
/** The tree is gone: the next start, or nothing more, or `closed`. */
void channel_rest(channel *self);
/** Takes the channel out of the table and frees it, then tells `closed`. */
void channel_finish(channel *self);

/** Ends the child: from GRACE after an unexpected end, from STDIN after close. [lane] */
void ending_begin(channel *self, ending_phase phase, const char *cause);
/** Looks at the tree and does what is due. */
void ending_step(channel *self);
/** Shortens the phases to the deadline of a close that comes during an ending. */
void ending_hurry(channel *self, uint64_t deadline_ns);
/** Kills all trees of the instance and waits at most `limit_ns` for their ends; releases the children.
 * [control] */
void ending_all(jf_self *self, uint64_t limit_ns);

/** The channel of a handle, or NULL. */
channel *channel_find(const jf_self *self, jf_ref handle);
/** Finds a place in the table and gives the channel its handle. False: no memory. */
bool channel_enter(jf_self *self, channel *entered);
/** Starts or stops the sweep for orphans, as there are channels or not. */
void sweep_schedule(jf_self *self);

#endif
