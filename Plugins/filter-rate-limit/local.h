/* SPDX-License-Identifier: Apache-2.0
 * What is counted in this gateway: rates and quotas that are not shared, and calls under way. One state for
 * all loops; all functions [any]: one lock guards it. */
#ifndef RATE_LIMIT_LOCAL_H
#define RATE_LIMIT_LOCAL_H

#include "limits.h"
#include "options.h"

/** One thing to be taken from. */
typedef struct rl_item {
    sc_limit limit; /**< with key and cost */
    const rl_limit *of;
    bool is_quota;
} rl_item;

/** Calls that a call counts among while it is under way: what `ended` gives back. */
typedef struct rl_hold {
    struct rl_hold *next, *previous; /**< its instance's others */
    jf_verdict verdict;
    uint32_t count;
    record *records[RL_LIMITS];
} rl_hold;

/** Why nothing was taken. */
typedef struct rl_refusal {
    const rl_limit *of; /**< NULL: there is no room for another key */
    bool is_quota, is_concurrency;
    uint32_t retry_ms; /**< UINT32_MAX: it never fits */
} rl_refusal;

/** An instance joins; the bound of the newest one holds. The state ends with the last one. */
void rl_local_join(const sc_host *host, uint64_t max_keys);
void rl_local_leave(void);

/** Takes everything of a call, or nothing. `under_way` are limits by concurrency, each with the key of the
 * call; `hold` (NULL where there are none) is filled in. */
bool rl_local_take(const sc_host *host, const rl_item *items, uint32_t count, const rl_item *under_way,
                   uint32_t holds, rl_hold *hold, rl_refusal *refusal);
/** Gives back what another limit then refused. */
void rl_local_refund(const sc_host *host, const rl_item *items, uint32_t count);
void rl_local_release(rl_hold *hold);

/** Drops some of what says nothing any more. True: there is more of the round to do. */
bool rl_local_sweep(const sc_host *host, uint64_t interval_ms);
/** Keys that say something, and the bytes that they take. */
void rl_local_size(uint64_t *count, uint64_t *bytes);

#endif
