/* SPDX-License-Identifier: Apache-2.0
 * What was answered about tokens. */
#include "cache.h"

#include <stdlib.h>

static uint32_t bucket(const struct cache *cache, const uint8_t hash[AU_DIGEST]) {
    uint32_t place;
    memcpy(&place, hash, sizeof(place));
    return place & cache->mask;
}

bool cache_open(struct cache *cache, struct au_arena *memory, uint32_t most) {
    uint32_t size = 16;
    while (size < most)
        size *= 2;
    cache->buckets = au_take(memory, size * sizeof(struct entry *));
    cache->mask = size - 1;
    cache->most = most;
    return cache->buckets != NULL;
}

static void unlink_use(struct cache *cache, struct entry *it) {
    *(it->newer != NULL ? &it->newer->older : &cache->newest) = it->older;
    *(it->older != NULL ? &it->older->newer : &cache->oldest) = it->newer;
}

static void link_newest(struct cache *cache, struct entry *it) {
    it->newer = NULL;
    it->older = cache->newest;
    *(it->older != NULL ? &it->older->newer : &cache->oldest) = it;
    cache->newest = it;
}

struct entry *cache_find(struct cache *cache, const uint8_t hash[AU_DIGEST], jf_view resource) {
    struct entry *it = cache->buckets[bucket(cache, hash)];
    while (it != NULL && !(au_equal(it->hash, hash, AU_DIGEST) && au_same(it->resource, resource)))
        it = it->chain;
    if (it == NULL) return NULL;
    unlink_use(cache, it);
    link_newest(cache, it);
    return it;
}

void entry_free(struct entry *it) {
    au_text_end(&it->principal);
    free(it);
}

void cache_take(struct cache *cache, struct entry *it) {
    struct entry **at = &cache->buckets[bucket(cache, it->hash)];
    while (*at != it)
        at = &(*at)->chain;
    *at = it->chain;
    unlink_use(cache, it);
    cache->count--;
}

struct entry *cache_add(struct cache *cache, const uint8_t hash[AU_DIGEST], jf_view resource) {
    struct entry *oldest = cache->oldest;
    while (cache->count >= cache->most && oldest != NULL && oldest->state == ENTRY_ASKED)
        oldest = oldest->newer;
    if (cache->count >= cache->most) {
        if (oldest == NULL) return NULL;
        cache_remove(cache, oldest);
    }
    struct entry *it = calloc(1, sizeof(*it) + resource.len);
    if (it == NULL) return NULL;
    memcpy(it->hash, hash, AU_DIGEST);
    if (resource.len != 0) memcpy(it + 1, resource.ptr, resource.len);
    it->resource = (jf_view){(const uint8_t *)(it + 1), resource.len};
    it->last = &it->first;
    it->chain = cache->buckets[bucket(cache, hash)];
    cache->buckets[bucket(cache, hash)] = it;
    link_newest(cache, it);
    cache->count++;
    return it;
}
