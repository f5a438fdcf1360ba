/* SPDX-License-Identifier: Apache-2.0
 * One life of a server: a supervised child process that speaks MCP on its standard streams. A port (port.h)
 * has one that is current, and for a while others that take over or leave.
 */
#ifndef STDIO_CHANNEL_H
#define STDIO_CHANNEL_H

#include "child.h"
#include "errlog.h"
#include "lines.h"
#include "settings.h"
#include "tree.h"
#include "writer.h"

/** What a child is to its server. */
typedef enum channel_role {
    ROLE_CURRENT = 0, /**< requests go to it; it is started again when it ends */
    ROLE_NEXT = 1,    /**< it is to take over, once it has heard the first words */
    ROLE_SPARE = 2,   /**< it stands by and has heard nothing */
    ROLE_LEAVING = 3  /**< it answers what it has, then ends */
} channel_role;

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
    port *port;
    channel *sibling; /**< the next life of the same port */
    channel_role role;
    const char *name;         /**< the port's */
    const settings *settings; /**< the port's */
    char marker[MARKER_SIZE];
    cgroup group;
    usage usage; /**< as last seen */

    channel_state state;
    bool closing; /**< nothing is delivered any more, and it is freed when its child is gone */
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

    uint64_t calls;    /**< answered by this child */
    uint32_t open;     /**< requests that it has and has not answered */
    uint32_t busy;     /**< those of them that occupy a place */
    uint64_t drain_ns; /**< ROLE_LEAVING: when its patience with them is over */
    uint64_t age_ns;   /**< how old it may become; 0: any age */
    char blame[160];   /**< why we killed it; "" */

    bool told;   /**< `failed` was called for this child, or is not owed */
    bool exited; /**< the child itself has ended; it is reaped last, which keeps its pid and group reserved */
    bool noted;  /**< who descends from it was looked up once */
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

/** Makes a life of the port whose first start is a task. NULL: no memory. */
channel *channel_create(port *owner, channel_role role);
/** Frees it; no child may be left. */
void channel_destroy(channel *self);
/** Sends one message. [lane] */
int32_t channel_send(channel *self, const jf_message *message, jf_fault *why);
/** Writes one message of our own, whatever its length. False: it cannot be written. [lane] */
bool channel_say(channel *self, const uint8_t *text, uint64_t length);
/** Begins the end; it is freed in a task. `deadline_ns` 0: none. A second call may only shorten it. [control]
 */
void channel_close(channel *self, uint64_t deadline_ns);
/** Kills the child for a reason that its failure shows. */
void channel_condemn(channel *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Reads and delivers what the child has written, up to `turns` reads. True: there may be more. */
bool channel_read(channel *self, int turns);
/** Tells the host, once per child, that the channel is down, and plans the next attempt. `why` NULL: by exit
 * status and cause. The host may call close from inside. */
void channel_tell_down(channel *self, const jf_fault *why);
/** The tree is gone: the next start, or nothing more, or `closed`. */
void channel_rest(channel *self);
/** Takes the channel out of the table and frees it, then tells its port. */
void channel_finish(channel *self);
/** Removes the child's control group, and forgets it. */
void channel_ungroup(channel *self);

/** Ends the child: from GRACE after an unexpected end, from STDIN after close. [lane] */
void ending_begin(channel *self, ending_phase phase, const char *cause);
/** Looks at the tree and does what is due. */
void ending_step(channel *self);
/** Shortens the phases to the deadline of a close that comes during an ending. */
void ending_hurry(channel *self, uint64_t deadline_ns);
/** Kills all trees of the instance and waits at most `limit_ns` for their ends; releases the children.
 * [control] */
void ending_all(jf_self *self, uint64_t limit_ns);

/** Finds a place in the table. False: no memory. */
bool channel_enter(jf_self *self, channel *entered);
/** Takes it out. */
void channel_leave(channel *self);
/** Starts or stops the sweep for orphans, as there are channels or not. */
void sweep_schedule(jf_self *self);
/** Has the next one within a second: a tree ended, and what it left may have come to us. */
void sweep_hurry(jf_self *self);

#endif
