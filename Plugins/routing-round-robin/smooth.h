/* SPDX-License-Identifier: Apache-2.0
 * Smooth weighted round-robin over a set of endpoints that may change from pick to pick. */
#ifndef JF_ROUND_ROBIN_SMOOTH_H
#define JF_ROUND_ROBIN_SMOOTH_H

#include <jackfield/memory.h>
#include <jackfield/routing.h>
#include <stdbool.h>

/** What is known of one endpoint. */
typedef struct rr_entry {
    jf_ref id;
    int64_t credit; /**< "current weight": how far the endpoint is behind its share */
    uint64_t seen;  /**< the number of the pick that last had it among the eligible */
} rr_entry;

/** The state of one server on one loop. Owned by whoever called rr_init; used on one thread. */
typedef struct rr_state {
    const jf_memory_1 *memory; /**< NULL: the C library's */
    uint32_t limit;            /**< at most so many entries, unless more are eligible at once */
    uint32_t count, capacity;
    rr_entry *entries;
    uint32_t *index; /**< open addressing, entry number + 1; 2 * capacity places, a power of two */
    uint32_t *found; /**< scratch of one pick: the entry of each eligible endpoint */
    uint64_t found_capacity;
    uint64_t picks;
} rr_state;

/** Begins with nothing known; allocates nothing. */
void rr_init(rr_state *state, const jf_memory_1 *memory, uint32_t limit);
/** Frees everything. */
void rr_clear(rr_state *state);

/** Chooses among `count` >= 1 endpoints. Allocates only when an endpoint is new. JF_E_BUSY: out of memory;
 * JF_E_INVALID: an endpoint without id. */
int32_t rr_pick(rr_state *state, const jf_endpoint *const *eligible, uint64_t count, uint32_t *chosen);

/** The state as bytes (see state.c for the layout), in C library memory that outlives the instance. */
int32_t rr_export(const rr_state *state, jf_blob *out);
/** Takes over exported bytes in place of what is known. On error nothing has changed. JF_E_UNSUPPORTED:
 * another version; JF_E_INVALID: damaged; JF_E_BUSY: out of memory. */
int32_t rr_import(rr_state *state, jf_view bytes);

/** Adds an endpoint that is not known yet. False: out of memory. */
bool rr_add(rr_state *state, jf_ref id, int64_t credit);
/** Its entry number, or UINT32_MAX. */
uint32_t rr_find(const rr_state *state, jf_ref id);

#endif
