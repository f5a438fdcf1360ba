/* SPDX-License-Identifier: Apache-2.0
 * Tables of objects that are named by handles (slot and generation). Objects never move, and their memory
 * stays readable until the instance ends: a stale pointer is recognised by its changed handle. */
#ifndef TRANSPORT_COMMON_SLOTS_H
#define TRANSPORT_COMMON_SLOTS_H

#include "text.h"
#include <jackfield/memory.h>

/** The first member of every object in a table. */
struct slot {
    jf_ref ref; /**< 0 while the slot is free */
    uint32_t index;
    uint32_t generation;
    struct slot *next_free;
};

struct slots {
    uint32_t object_size;
    uint32_t made; /**< slots that exist, free ones included */
    uint32_t live;
    uint32_t chunk_count;
    void **chunks;
    struct slot *free;
};

enum { SLOTS_PER_CHUNK = 32 };

/** A fresh object, all zero behind its `slot`; NULL when out of memory. */
void *slots_take(struct slots *table, const jf_memory_1 *memory);
/** Ends an object: its handle is stale from now on. */
void slots_give(struct slots *table, void *object);
/** The object at `index` whether live or free; NULL beyond the end. */
static inline void *slots_at(const struct slots *table, uint32_t index) {
    if (index >= table->made) return NULL;
    return (uint8_t *)table->chunks[index / SLOTS_PER_CHUNK] +
           (size_t)(index % SLOTS_PER_CHUNK) * table->object_size;
}
/** The live object that `ref` names, or NULL. */
static inline void *slots_find(const struct slots *table, jf_ref ref) {
    struct slot *slot = slots_at(table, (uint32_t)ref - 1);
    return slot != NULL && ref != 0 && slot->ref == ref ? slot : NULL;
}
/** Releases the table's memory. */
void slots_end(struct slots *table, const jf_memory_1 *memory);

#endif
