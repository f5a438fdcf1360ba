/* SPDX-License-Identifier: Apache-2.0
 * The rest of results, kept for a while: one store for all loops, since the next page may be asked for on
 * another. */
#include "size.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>

typedef struct kept {
    char token[SZ_TOKEN + 1]; /**< empty: free */
    uint64_t owner;           /**< of principal, server and tool */
    jf_view rest;
    uint64_t expires_ms;
    uint64_t number; /**< of its keeping */
} kept;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static kept store[SZ_MOST_KEPT];
static uint64_t held, last_number;

/* The texts' lengths keep them apart. */
static uint64_t owner_of(const jf_passage *passage) {
    const jf_view texts[] = {passage->principal->key, passage->server, passage->name};
    uint64_t hash = 0;
    for (uint32_t i = 0; i < 3; i++) {
        hash = fl_hash((jf_view){(const uint8_t *)&texts[i].len, sizeof texts[i].len}, hash);
        hash = fl_hash(texts[i], hash);
    }
    return hash;
}

static void drop(kept *it) {
    held -= it->rest.len;
    free((void *)(uintptr_t)it->rest.ptr);
    *it = (kept){0};
}

/* What is over, and then the oldest, until there is room. */
static kept *make_room(uint64_t bytes, uint64_t most, uint64_t now) {
    for (;;) {
        kept *empty = NULL, *oldest = NULL;
        for (uint32_t i = 0; i < SZ_MOST_KEPT; i++) {
            kept *it = &store[i];
            if (it->token[0] != 0 && it->expires_ms <= now) drop(it);
            if (it->token[0] == 0)
                empty = empty != NULL ? empty : it;
            else if (oldest == NULL || it->number < oldest->number)
                oldest = it;
        }
        if (held + bytes <= most && empty != NULL) return empty;
        if (oldest == NULL) return NULL;
        drop(oldest);
    }
}

bool sz_keep(const size_filter *by, const jf_passage *passage, jf_view rest, char token[SZ_TOKEN + 1]) {
    uint8_t random[SZ_TOKEN / 2];
    if (rest.len > by->keep_bytes || getrandom(random, sizeof random, 0) != sizeof random) return false;
    jf_view copy = fl_copy(rest);
    if (copy.ptr == NULL) return false;
    for (uint32_t i = 0; i < sizeof random; i++)
        snprintf(token + 2 * i, 3, "%02x", random[i]);
    pthread_mutex_lock(&lock);
    kept *it = make_room(rest.len, by->keep_bytes, passage->now_ms);
    if (it != NULL) {
        memcpy(it->token, token, SZ_TOKEN + 1);
        it->owner = owner_of(passage);
        it->rest = copy;
        it->number = ++last_number;
        it->expires_ms = passage->now_ms + by->keep_ms;
        held += copy.len;
    }
    pthread_mutex_unlock(&lock);
    if (it == NULL) free((void *)(uintptr_t)copy.ptr);
    return it != NULL;
}

jf_view sz_kept(const jf_passage *passage, jf_view token) {
    jf_view copy = {0};
    if (token.len != SZ_TOKEN) return copy;
    uint64_t owner = owner_of(passage);
    pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i < SZ_MOST_KEPT; i++) {
        kept *it = &store[i];
        if (it->token[0] == 0 || it->owner != owner || memcmp(it->token, token.ptr, SZ_TOKEN) != 0) continue;
        if (it->expires_ms > passage->now_ms) copy = fl_copy(it->rest);
        break;
    }
    pthread_mutex_unlock(&lock);
    return copy;
}

__attribute__((destructor)) static void forget_all(void) {
    for (uint32_t i = 0; i < SZ_MOST_KEPT; i++)
        if (store[i].token[0] != 0) drop(&store[i]);
}
