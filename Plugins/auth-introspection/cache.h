/* SPDX-License-Identifier: Apache-2.0
 * What was answered about tokens, and what is being asked: by the tokens' hashes, at most so many, the one
 * that was not used for longest gives way. */
#ifndef AUTH_INTROSPECTION_CACHE_H
#define AUTH_INTROSPECTION_CACHE_H

#include "library.h"
#include "provider.h"

/** An operation that waits for an answer. */
struct waiting {
    struct waiting *next;
    jf_ref op;
};

enum entry_state { ENTRY_ASKED, ENTRY_ACTIVE, ENTRY_REFUSED };

/** One token, asked about for one resource. */
struct entry {
    struct entry *chain, *newer, *older; /**< same bucket; by use */
    struct introspection *of;
    uint8_t hash[AU_DIGEST]; /**< of the token, which is not kept */
    jf_view resource;        /**< behind it */
    enum entry_state state;
    uint64_t until;           /**< monotonic: the answer holds */
    uint64_t now_ms, since;   /**< the time of the request that asked, and the monotonic time then */
    char why[96];             /**< ENTRY_REFUSED: for the client */
    struct au_text principal; /**< ENTRY_ACTIVE: without its end (au_principal_put) */
    jf_ref request;
    struct waiting *first, **last;
};

struct cache {
    struct entry **buckets, *newest, *oldest;
    uint32_t mask, count, most;
};

/** Takes memory for the table; false: there is none. */
bool cache_open(struct cache *cache, struct au_arena *memory, uint32_t most);
/** The entry, now the newest; NULL: there is none. */
struct entry *cache_find(struct cache *cache, const uint8_t hash[AU_DIGEST], jf_view resource);
/** Makes one that is asked about. NULL: no memory, or all entries are being asked about. */
struct entry *cache_add(struct cache *cache, const uint8_t hash[AU_DIGEST], jf_view resource);
/** Takes it out: nobody finds it any more. */
void cache_take(struct cache *cache, struct entry *entry);
void entry_free(struct entry *entry);
/** Both. */
static inline void cache_remove(struct cache *cache, struct entry *entry) {
    cache_take(cache, entry);
    entry_free(entry);
}

#endif
