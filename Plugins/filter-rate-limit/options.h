/* SPDX-License-Identifier: Apache-2.0
 * What a configured filter is: its limits, read once. */
#ifndef RATE_LIMIT_OPTIONS_H
#define RATE_LIMIT_OPTIONS_H

#include "host.h"
#include "limit.h"

#include <jackfield/filter.h>

enum { RL_LIMITS = 16, RL_NAME = 64, RL_COSTS = 256 };

/** What a limit is per. */
enum { RL_PRINCIPAL = 1, RL_TOOL = 2, RL_SERVER = 4, RL_TENANT = 8, RL_GATEWAY = 16, RL_ADDRESS = 32 };

typedef struct rl_cost {
    char *pattern; /**< over "server/item" */
    int64_t amount;
} rl_cost;

typedef struct rl_limit {
    char name[RL_NAME + 8];
    uint32_t per;
    bool has_rate, has_quota;
    bool shared, allows;  /**< in the store; calls go on while that does not answer */
    sc_limit rate, quota; /**< without key and cost */
    uint32_t concurrency; /**< 0: none */
    rl_cost *costs;
    uint32_t cost_count;
} rl_limit;

/** One entry of `filters`. */
typedef struct rl_filter {
    struct rl_filter *next;
    char name[RL_NAME + 1];
    uint32_t count;
    rl_limit limits[RL_LIMITS];
    bool any_shared;
    bool warned; /**< the log says already that the store does not answer */
} rl_filter;

/** Reads a filter's options. JF_E_INVALID says which limit is wrong, and how. */
int32_t rl_filter_read(const sc_host *host, jf_view name, jf_view options, rl_filter **out, jf_fault *why);
void rl_filter_free(rl_filter *filter);

/** What a call takes from a limit, in thousandths. `item` is "server/name". */
int64_t rl_cost_of(const rl_limit *limit, jf_view item);

#endif
