/* SPDX-License-Identifier: Apache-2.0
 * Learnt state as bytes. Layout, little-endian: the strategy's magic (4 bytes), u16 version, u16 bytes of an
 * entry, u32 entry count, u32 zero, then the entries in ascending order of their ids, then u64 FNV-1a over
 * all that stands before it. */
#include "strategy.h"
#include <stdlib.h>

#define HEAD 16u
#define TAIL 8u

static uint64_t checksum(const uint8_t *bytes, uint64_t size) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash;
}

static const rt_map *map_of(const rt_server *server, const rt_learnt *learnt) {
    return (const rt_map *)(const void *)((const uint8_t *)server + learnt->map);
}

static int by_id(const void *left, const void *right) {
    jf_ref a, b;
    memcpy(&a, left, sizeof a);
    memcpy(&b, right, sizeof b);
    return a < b ? -1 : a > b;
}

int32_t rt_export(const rt_server *server, const rt_learnt *learnt, jf_blob *out) {
    const rt_map *map = map_of(server, learnt);
    uint64_t size = HEAD + (uint64_t)map->count * learnt->entry + TAIL;
    uint8_t *bytes = calloc(1, size); /* may be dropped after this instance and its services ended */
    if (bytes == NULL) return JF_E_BUSY;
    memcpy(bytes, learnt->magic, sizeof learnt->magic);
    memcpy(bytes + 4, &learnt->version, sizeof learnt->version);
    memcpy(bytes + 6, &learnt->entry, sizeof learnt->entry);
    memcpy(bytes + 8, &map->count, sizeof map->count);
    uint64_t at = HEAD;
    for (uint32_t place = 0; place <= map->mask && at < size - TAIL; place++) {
        const rt_entry *entry = rt_map_place(map, place);
        if (entry->id == 0) continue;
        memcpy(bytes + at, entry, learnt->entry);
        at += learnt->entry;
    }
    if (map->count > 1) qsort(bytes + HEAD, map->count, learnt->entry, by_id);
    uint64_t sum = checksum(bytes, size - TAIL);
    memcpy(bytes + size - TAIL, &sum, sizeof sum);
    *out = (jf_blob){bytes, size, bytes, free};
    return JF_OK;
}

int32_t rt_import(rt_server *server, const rt_learnt *learnt, jf_view view) {
    uint16_t version, entry;
    uint32_t count;
    uint64_t sum, words[16];
    if (view.len < HEAD + TAIL || memcmp(view.ptr, learnt->magic, sizeof learnt->magic) != 0)
        return JF_E_INVALID;
    memcpy(&version, view.ptr + 4, sizeof version);
    memcpy(&entry, view.ptr + 6, sizeof entry);
    memcpy(&count, view.ptr + 8, sizeof count);
    if (version != learnt->version) return JF_E_UNSUPPORTED;
    memcpy(&sum, view.ptr + view.len - TAIL, sizeof sum);
    if (entry != learnt->entry || view.len != HEAD + (uint64_t)count * entry + TAIL ||
        sum != checksum(view.ptr, view.len - TAIL))
        return JF_E_INVALID;
    jf_ref last = 0;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(words, view.ptr + HEAD + (uint64_t)i * entry, entry);
        if (words[0] <= last || !learnt->sound(server, words)) return JF_E_INVALID;
        last = words[0];
    }
    rt_map *map = (rt_map *)(void *)((uint8_t *)server + learnt->map);
    rt_map_clear(map);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(words, view.ptr + HEAD + (uint64_t)i * entry, entry);
        memcpy(rt_map_put(map, words[0], words[1]), words, entry);
    }
    if (learnt->imported != NULL) learnt->imported(server);
    return JF_OK;
}
