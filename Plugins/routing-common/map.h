/* SPDX-License-Identifier: Apache-2.0
 * A map from endpoint ids to small records: open addressing, all memory taken once, the least recently used
 * gives way when it is full. */
#ifndef JF_ROUTING_MAP_H
#define JF_ROUTING_MAP_H

#include <jackfield/base.h>
#include <stdbool.h>
#include <string.h>

/** How every record begins. */
typedef struct rt_entry {
    jf_ref id;      /**< 0: the place is free */
    uint64_t stamp; /**< monotonic time of its last use: what gives way is old */
} rt_entry;

typedef struct rt_map {
    uint8_t *places; /**< mask + 1 of them, at most half of them in use */
    uint32_t mask, size;
    uint32_t count, limit;
} rt_map;

struct rt_server;

/** Takes memory for `limit` records of `size` bytes. False: there is none. */
bool rt_map_init(rt_map *map, struct rt_server *server, uint32_t size, uint32_t limit);
/** The record of `id`; if there is none, a new one with everything but its id and stamp 0. NULL for id 0. */
void *rt_map_put(rt_map *map, jf_ref id, uint64_t stamp);
/** Forgets everything. */
void rt_map_clear(rt_map *map);

static inline void *rt_map_place(const rt_map *map, uint32_t place) {
    return map->places + (uint64_t)place * map->size;
}

static inline uint32_t rt_map_home(const rt_map *map, jf_ref id) {
    /* Fibonacci hashing: handles differ in their low and in their high bits */
    return (uint32_t)((id * 0x9e3779b97f4a7c15u) >> 32) & map->mask;
}

/** The record of `id`, or NULL. */
static inline void *rt_map_find(const rt_map *map, jf_ref id) {
    for (uint32_t place = rt_map_home(map, id);; place = (place + 1) & map->mask) {
        rt_entry *entry = rt_map_place(map, place);
        if (entry->id == id) return id != 0 ? entry : NULL;
        if (entry->id == 0) return NULL;
    }
}

#endif
