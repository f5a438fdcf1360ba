/* SPDX-License-Identifier: Apache-2.0
 * The map from endpoint ids to records: inserting and giving way. */
#include "strategy.h"

/** So many records are compared for the oldest one. */
#define NEIGHBOURS 16

bool rt_map_init(rt_map *map, rt_server *server, uint32_t size, uint32_t limit) {
    uint32_t places = 4;
    while (places < 2 * limit)
        places *= 2;
    *map = (rt_map){rt_keep(server, (uint64_t)places * size), places - 1, size, 0, limit};
    return map->places != NULL;
}

/* Frees a place and closes the gap: whoever stands behind it and belongs before it moves up (Knuth, The Art
 * of Computer Programming 3, 6.4, algorithm R). */
static void take_out(rt_map *map, uint32_t gap) {
    for (uint32_t place = gap;;) {
        place = (place + 1) & map->mask;
        rt_entry *entry = rt_map_place(map, place);
        if (entry->id == 0) break;
        uint32_t home = rt_map_home(map, entry->id);
        if (((place - home) & map->mask) < ((place - gap) & map->mask)) continue;
        memcpy(rt_map_place(map, gap), entry, map->size);
        gap = place;
    }
    memset(rt_map_place(map, gap), 0, map->size);
    map->count--;
}

/* The oldest of the next few records gives way. */
static void make_room(rt_map *map, jf_ref id) {
    uint32_t oldest = UINT32_MAX, seen = 0;
    uint64_t age = UINT64_MAX;
    for (uint32_t place = rt_map_home(map, id); seen < NEIGHBOURS && seen < map->count;
         place = (place + 1) & map->mask) {
        const rt_entry *entry = rt_map_place(map, place);
        if (entry->id == 0) continue;
        seen++;
        if (oldest == UINT32_MAX || entry->stamp < age) {
            oldest = place;
            age = entry->stamp;
        }
    }
    if (oldest != UINT32_MAX) take_out(map, oldest);
}

void *rt_map_put(rt_map *map, jf_ref id, uint64_t stamp) {
    if (id == 0) return NULL;
    rt_entry *known = rt_map_find(map, id);
    if (known != NULL) return known;
    if (map->count >= map->limit) make_room(map, id);
    uint32_t place = rt_map_home(map, id);
    for (;; place = (place + 1) & map->mask) {
        rt_entry *entry = rt_map_place(map, place);
        if (entry->id != 0) continue;
        entry->id = id;
        entry->stamp = stamp;
        map->count++;
        return entry;
    }
}

void rt_map_clear(rt_map *map) {
    memset(map->places, 0, ((uint64_t)map->mask + 1) * map->size);
    map->count = 0;
}
