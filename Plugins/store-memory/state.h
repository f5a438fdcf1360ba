/* SPDX-License-Identifier: Apache-2.0
 * The state of the process, which all instances share. All functions [any]: one lock guards it. */
#ifndef STORE_MEMORY_STATE_H
#define STORE_MEMORY_STATE_H

#include "host.h"
#include "limit.h"
#include "watch.h"

struct bounds {
    uint64_t bytes, entries, limits;
};

/** One instance as the others see it. */
struct member {
    struct member *next;
    sc_host host;
    sc_watches watches;
};

/** Joins; the bounds of the newest member hold. The state ends with the last one. */
void state_join(struct member *it, const struct bounds *bounds);
void state_leave(struct member *it);

int32_t state_get(const struct member *it, jf_view key, jf_blob *entry, jf_fault *why);
int32_t state_put(const struct member *it, const jf_store_put *put, jf_blob *entry, jf_fault *why);
int32_t state_remove(const struct member *it, jf_view key, uint64_t revision, jf_fault *why);
int32_t state_list(const struct member *it, const jf_store_list *list, jf_blob *entries, jf_fault *why);
int32_t state_add(const struct member *it, const jf_store_add *add, jf_blob *entry, jf_fault *why);
int32_t state_take(const struct member *it, const sc_limit *limits, uint64_t count, jf_blob *verdicts,
                   jf_fault *why);
/** Drops some of what has expired and tells of it, unless another member did within `interval_ms`. True:
 * there may be more of it. */
bool state_sweep(const struct member *it, uint64_t interval_ms);

#endif
