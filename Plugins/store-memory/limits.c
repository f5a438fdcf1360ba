/* SPDX-License-Identifier: Apache-2.0
 * The limits that say something: a hash table. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "limits.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { FIRST_SIZE = 256, MOVED_AT_ONCE = 8, OVERHEAD = 16 };

static uint64_t rotate(uint64_t x, int bits) {
    return x << bits | x >> (64 - bits);
}

static void mix(uint64_t v[4]) {
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012). */
static uint32_t hash_of(const limit_table *all, const sc_limit *limit) {
    uint64_t v[4] = {all->seed[0] ^ 0x736f6d6570736575u, all->seed[1] ^ 0x646f72616e646f6du,
                     all->seed[0] ^ 0x6c7967656e657261u, all->seed[1] ^ 0x7465646279746573u};
    uint64_t at = 0, word;
    for (; at + 8 <= limit->key.len; at += 8) {
        memcpy(&word, limit->key.ptr + at, 8);
        v[3] ^= word;
        mix(v);
        v[0] ^= word;
    }
    word = 0;
    memcpy(&word, limit->key.ptr + at, (size_t)(limit->key.len - at));
    word ^= limit->key.len << 56 ^ (uint64_t)limit->period_ms << 8 ^ (uint64_t)limit->kind << 50;
    v[3] ^= word;
    mix(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    mix(v), mix(v), mix(v);
    uint64_t all64 = v[0] ^ v[1] ^ v[2] ^ v[3];
    return (uint32_t)(all64 ^ all64 >> 32);
}

static record **chain_of(limit_table *all, uint32_t hash) {
    if (all->old != NULL && (hash & (all->old_size - 1)) >= all->moved)
        return &all->old[hash & (all->old_size - 1)];
    return &all->chains[hash & (all->size - 1)];
}

/* Moves some chains of the old table. */
static void move(limit_table *all, size_t chains) {
    for (; all->old != NULL && chains > 0; chains--) {
        for (record *it = all->old[all->moved], *next; it != NULL; it = next) {
            record **to = &all->chains[it->hash & (all->size - 1)];
            next = it->next;
            it->next = *to;
            *to = it;
        }
        if (++all->moved < all->old_size) continue;
        free(all->old);
        all->bytes -= all->old_size * sizeof(record *);
        all->old = NULL;
        all->old_size = 0;
    }
}

static bool grow(limit_table *all) {
    size_t size = all->size == 0 ? FIRST_SIZE : all->size * 2;
    if (all->size == 0 && getrandom(all->seed, sizeof all->seed, 0) != sizeof all->seed)
        all->seed[0] = (uintptr_t)all; /* no entropy at all: still works */
    record **chains = calloc(size, sizeof(record *));
    if (chains == NULL) return all->size > 0;
    all->old = all->chains;
    all->old_size = all->size;
    all->moved = 0;
    all->chains = chains;
    all->size = size;
    all->hand = 0;
    all->bytes += size * sizeof(record *);
    if (all->old_size == 0) all->old = NULL;
    return true;
}

record *limits_find(limit_table *all, const sc_limit *limit) {
    if (all->size == 0) return NULL;
    move(all, MOVED_AT_ONCE);
    uint32_t hash = hash_of(all, limit);
    record *it = *chain_of(all, hash);
    while (it != NULL && (it->hash != hash || it->kind != limit->kind || it->period_ms != limit->period_ms ||
                          it->key_len != limit->key.len || memcmp(it->key, limit->key.ptr, it->key_len) != 0))
        it = it->next;
    return it;
}

record *limits_add(limit_table *all, const sc_limit *limit) {
    if (all->old == NULL && all->count >= all->size && !grow(all)) return NULL;
    size_t size = sizeof(record) + (size_t)limit->key.len;
    record *it = malloc(size);
    if (it == NULL) return NULL;
    *it = (record){.period_ms = limit->period_ms,
                   .hash = hash_of(all, limit),
                   .key_len = (uint16_t)limit->key.len,
                   .kind = (uint16_t)limit->kind};
    memcpy(it->key, limit->key.ptr, it->key_len);
    record **chain = chain_of(all, it->hash);
    it->next = *chain;
    *chain = it;
    all->count++;
    all->bytes += size + OVERHEAD;
    return it;
}

static void drop(limit_table *all, record **link) {
    record *it = *link;
    *link = it->next;
    all->count--;
    all->bytes -= sizeof *it + it->key_len + OVERHEAD;
    free(it);
}

void limits_remove(limit_table *all, record *it) {
    record **link = chain_of(all, it->hash);
    while (*link != it)
        link = &(*link)->next;
    drop(all, link);
}

void limits_sweep(limit_table *all, int64_t now_ms, size_t chains) {
    move(all, chains);
    for (; chains > 0 && all->size > 0; chains--) {
        record **link = &all->chains[all->hand++ & (all->size - 1)];
        while (*link != NULL) {
            if ((*link)->end_ms <= now_ms)
                drop(all, link);
            else
                link = &(*link)->next;
        }
    }
}

static void clear(record **chains, size_t size) {
    for (size_t i = 0; i < size; i++) {
        for (record *it = chains[i], *next; it != NULL; it = next) {
            next = it->next;
            free(it);
        }
    }
    free(chains);
}

void limits_clear(limit_table *all) {
    if (all->old != NULL) clear(all->old + 0, all->old_size);
    clear(all->chains, all->size);
    *all = (limit_table){0};
}
