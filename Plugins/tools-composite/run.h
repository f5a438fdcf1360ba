/* SPDX-License-Identifier: Apache-2.0
 * One call of a composite tool: its targets' calls, and when it is decided. */
#ifndef TOOLS_COMPOSITE_RUN_H
#define TOOLS_COMPOSITE_RUN_H

#include "asking.h"

typedef enum leg_state {
    LEG_WAITING,     /**< not asked yet */
    LEG_ASKED,       /**< the only state between a start and its end */
    LEG_GOOD,        /**< a complete result without isError */
    LEG_ERROR,       /**< isError */
    LEG_REFUSED,     /**< a JSON-RPC error, or the gateway refused it */
    LEG_TIMEOUT,     /**< its own time or that of the whole was over */
    LEG_GONE,        /**< its server went away, or the gateway failed it */
    LEG_QUESTION,    /**< it wants to ask the client something */
    LEG_TOO_LARGE,   /**< more bytes than allowed */
    LEG_UNREADABLE,  /**< no result of a tool */
    LEG_NO_VALUE,    /**< vote: nothing to compare */
    LEG_UNSAFE,      /**< race, hedge: not known to be read-only or idempotent */
    LEG_NOT_STARTED, /**< the gateway took no call */
    LEG_CANCELLED    /**< decided without it */
} leg_state;

/** The call of one target. */
typedef struct leg {
    struct run *run;
    jf_ref call;
    leg_state state;
    bool open; /**< `done` is owed */
    uint64_t began, took;
    uint8_t *body; /**< a copy of the answer where it is good, or wrong but readable */
    size_t length;
    json_value result, content, structured; /**< in `body` */
    uint8_t *canonical;                     /**< vote: what is compared, from malloc */
    size_t canonical_length;
    uint64_t hash;
    uint32_t group; /**< vote: the first leg with the same value */
    char why[WHY_SIZE];
} leg;

/** How a run is decided. */
typedef enum decision { UNDECIDED, DECIDED_GOOD, DECIDED_FAILED } decision;

typedef struct run {
    jf_self *self;
    set *set;
    composite *it;
    jf_ref op;
    asking from;
    jf_ref timer, hedge;
    uint64_t began, deadline;
    uint32_t released, started, ended, good, outstanding, held;
    size_t bytes;
    bool over, waiting, expired;
    leg *winner;        /**< of first, race, hedge; vote: the first of those who won */
    char why[WHY_SIZE]; /**< one sentence on how it ended */
    struct run *previous, *next;
    leg legs[];
} run;

/** Begins a call. JF_PENDING: jf.ops/1 tells how it ended. [lane] */
int32_t run_call(jf_self *self, set *set, composite *it, jf_ref op, const jf_request *request, jf_fault *why);
/** The caller left. [lane] */
void run_cancel(jf_self *self, jf_ref op, int32_t why);
/** Ends everything that is under way. [lane] */
void run_stop_all(jf_self *self);
/** Lets go of what still waits for the end of cancelled calls: it frees itself when that comes. */
void run_orphan_all(jf_self *self);

/** Reads a target's answer into the leg; `bytes` counts those of all good answers of the call. */
void answer_read(leg *to, const set *in, size_t *bytes, const jf_call_result *result);
/** The array in an answer: at `pointer`; without one the value itself, else its only array. */
bool answer_items(const char *pointer, const json_value *from, json_value *out);
/** The words for a state in reports. */
const char *answer_state(leg_state state);
/** Adds a good answer to the vote. */
void vote_count(run *of, leg *answer);
/** Whether the vote is decided; `why` and `winner` of the run are set when it is. */
decision vote_decide(run *of);
/** The votes of the group that begins at this leg. */
double vote_weight(const run *of, uint32_t group, uint32_t *voters);

/** The CallToolResult of a run that is over. */
void report_write(run *of, decision how, text *out);
/** `merge` in a report: "items":[…] and the counts. */
void merge_write(const run *of, text *out);

#endif
