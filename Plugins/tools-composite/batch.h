/* SPDX-License-Identifier: Apache-2.0
 * Calls of a composite tool that become one call of a server's batch tool. */
#ifndef TOOLS_COMPOSITE_BATCH_H
#define TOOLS_COMPOSITE_BATCH_H

#include "run.h"

/** One caller. */
typedef struct waiter {
    struct batch *in;
    struct entry *of;
    jf_ref op, timer;
    struct waiter *previous, *next;
} waiter;

/** One item: of one caller, or of several that ask for the same. */
typedef struct entry {
    asking from; /**< its first caller's */
    json_value item;
    text same;   /**< the item's canonical form */
    text key;    /**< what its result is known by, canonical; empty where results come in order */
    size_t room; /**< what it takes of the params */
    uint64_t hash;
    waiter *waiters;
} entry;

/** One call of the batch tool, from its first caller to its answer. */
typedef struct batch {
    jf_self *self; /**< NULL: the instance is gone */
    set *set;
    composite *it;
    uint8_t *principal;
    size_t principal_length;
    text rest; /**< the other arguments as the batch tool gets them, canonical: those of a batch are equal */
    entry **entries;
    uint32_t count, depth, waiting, held;
    size_t room;
    jf_ref window, call;
    uint64_t closes; /**< when the window ends */
    uint64_t began;  /**< when the call went out */
    bool sent, outstanding, over;
    struct batch *previous, *next;           /**< of the instance */
    struct batch *open_previous, *open_next; /**< of the composite, while it collects */
} batch;

/** Begins a call. JF_PENDING: jf.ops/1 tells how it ended. [lane] */
int32_t batch_call(jf_self *self, set *in, composite *it, jf_ref op, const jf_request *request,
                   jf_fault *why);
/** The caller left. [lane] */
void batch_cancel(jf_self *self, jf_ref op, int32_t why);
/** Ends everything that is under way. [lane] */
void batch_stop_all(jf_self *self);
/** As run_orphan_all. */
void batch_orphan_all(jf_self *self);

/** A result that several callers get: dropped by the last one, on any thread. */
typedef struct shared_result shared_result;
/** Takes the text over; NULL: out of memory, or it has failed. */
shared_result *shared_take(text *words);
/** One more blob of it. */
jf_blob shared_blob(shared_result *it);
void shared_release(shared_result *it);

/** Gives all callers of an entry a result, and lets go of it; NULL: there is no memory for one. */
void batch_finish(batch *of, entry *to, shared_result *result);
/** Tells all callers the same failure. `status` is a word for programs. */
void batch_fail(batch *of, const char *status, const char *why);
/** Gives each caller its part of the answer. */
void batch_share(batch *of, const jf_call_result *result);
/** The result of a call that failed. */
void batch_write_failure(const batch *of, const char *status, const char *why, text *out);

#endif
