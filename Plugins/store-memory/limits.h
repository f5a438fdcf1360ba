/* SPDX-License-Identifier: Apache-2.0
 * The limits that say something, by their names. Not locked: the caller does it. */
#ifndef STORE_MEMORY_LIMITS_H
#define STORE_MEMORY_LIMITS_H

#include "limit.h"
#include <stddef.h>

typedef struct record {
    struct record *next;
    int64_t period_ms;
    int64_t end_ms; /**< when it says nothing any more */
    sc_state state;
    uint32_t hash;
    uint16_t key_len;
    uint16_t kind;
    uint8_t key[];
} record;

/** A hash table with chains that grows a few chains at a time, so that no take waits for it. */
typedef struct limit_table {
    record **chains, **old;
    size_t size, old_size; /**< powers of two; 0: none */
    size_t moved;          /**< chains of `old` that are in `chains` already */
    size_t hand;           /**< the chain that is swept next */
    uint64_t count, bytes;
    uint64_t seed[2]; /**< names come from clients: nobody may choose them to collide */
} limit_table;

/** NULL: there is none. */
record *limits_find(limit_table *all, const sc_limit *limit);
/** A new record that is not there yet; NULL: no memory. */
record *limits_add(limit_table *all, const sc_limit *limit);
void limits_remove(limit_table *all, record *it);
/** Looks through so many chains for records that ended before `now_ms`, and drops those. */
void limits_sweep(limit_table *all, int64_t now_ms, size_t chains);
void limits_clear(limit_table *all);

#endif
