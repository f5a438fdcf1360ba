/* SPDX-License-Identifier: Apache-2.0
 * A connection to a remote store: it is made on a thread, used on the lane, and made again after it broke.
 * Operations are answered in the order in which they were sent. All functions [lane].
 *
 * While the first try to connect (again) runs, operations wait for it; after it failed, they are refused at
 * once until a try succeeds. An answer that is overdue ends the connection: what else was sent is behind it.
 */
#ifndef STORE_COMMON_LINK_H
#define STORE_COMMON_LINK_H

#include "dial.h"

typedef struct sc_link sc_link;

/** An operation on its way; the first member of the driver's own struct. */
typedef struct sc_op {
    struct sc_op *next;
    jf_ref ref; /**< 0: the driver's own, which nobody waits for */
    uint64_t deadline_ns;
    uint64_t bytes; /**< what it holds */
} sc_op;

typedef struct sc_ops {
    sc_op *first, **end;
    uint32_t count;
} sc_ops;

/** What is different with each kind of server. */
typedef struct sc_driver {
    /** A job that connects; NULL: no memory. */
    void *(*prepare)(void *user);
    /** Connects: blocking, on a thread. */
    void (*work)(void *job);
    void (*drop)(void *job);
    /** Takes the connection out of the job and drops that. Not JF_OK: there is none, `why` says so. */
    int32_t (*adopt)(void *user, void *job, jf_fault *why);
    /** Writes an operation to the connection, or to what will be written. False: it broke. NULL: it has none.
     */
    bool (*send)(void *user, sc_op *op);
    /** Writes what `send` left. False: it broke. */
    bool (*flush)(void *user);
    void (*close)(void *user);
    void (*discard)(sc_op *op);
    /** It is up, or broken, or could not be made; may be NULL. */
    void (*changed)(void *user, bool is_up);
} sc_driver;

typedef struct sc_bounds {
    uint64_t timeout_ms, backoff_ms, backoff_most_ms;
    uint64_t bytes; /**< of open operations */
    uint32_t in_flight;
} sc_bounds;

enum { SC_IDLE = 0, SC_DIALING = 1, SC_UP = 2, SC_WAITING = 3 };

struct sc_link {
    const sc_host *host;
    const sc_driver *driver;
    void *user;
    const char *name; /**< what it leads to, for people */
    sc_bounds bounds;
    uint32_t state;    /**< SC_* */
    uint32_t failures; /**< in a row */
    sc_dial *dial;
    jf_ref redial, overdue; /**< timers */
    sc_ops waiting, sent;
    uint64_t bytes, up_since_ns, retry_ns, random;
    bool is_broken, has_answered;
    struct sc_flush *flush_task;
    jf_fault last; /**< why it is down */
};

void sc_link_open(sc_link *link, const sc_host *host, const sc_driver *driver, void *user, const char *name,
                  const sc_bounds *bounds);
/** Begins to connect. */
void sc_link_start(sc_link *link);
/** Ends everything: open operations are answered with JF_E_GONE. It may be started again. */
void sc_link_stop(sc_link *link);

/** Takes an operation: JF_PENDING, or an error, and then the operation is discarded already. */
int32_t sc_link_submit(sc_link *link, sc_op *op, jf_fault *why);
/** Whether there is room for an operation of so many bytes: asked before it is made. */
int32_t sc_link_room(sc_link *link, uint64_t bytes, jf_fault *why);
/** The operation that the next answer is for; NULL: none was sent. */
sc_op *sc_link_next(sc_link *link);
/** Answers that operation. */
void sc_link_answer(sc_link *link, int32_t status, jf_blob *answer, const jf_fault *why);
/** Sends that operation once more, behind the others: the server did not carry it out. */
void sc_link_repeat(sc_link *link);
/** The connection broke. The driver's `close` is called, and another one is made. To be called last. */
void sc_link_lost(sc_link *link, int32_t code, const char *text);

#endif
