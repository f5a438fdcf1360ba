/* SPDX-License-Identifier: Apache-2.0
 * The keys, their rotation and their end. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "keyring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;
    struct key key;
    uint64_t born_ns;
    bool has_id;
};

/* Global, against the custom of state per instance: a token is opened by whichever loop it comes back to.
 * Another version of this library has rings of its own, and shares nothing but configured keys. */
struct keyring {
    struct keyring *next;
    uint32_t users;
    bool random;
    uint64_t rotate_ns, keep_ns;
    struct entry *entries; /**< configured: in their order; random: newest first */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct keyring *rings;

static void entry_drop(struct entry *e) {
    explicit_bzero(e, sizeof(*e));
    free(e);
}

static void entries_drop(struct entry **at) {
    while (*at != NULL) {
        struct entry *e = *at;
        *at = e->next;
        entry_drop(e);
    }
}

static bool same_keys(const struct keyring *ring, const struct settings *s) {
    if (ring->random) return s->key_count == 0;
    uint32_t i = 0;
    for (const struct entry *e = ring->entries; e != NULL; e = e->next, i++)
        if (i == s->key_count || memcmp(e->key.secret, s->keys[i], KEY_SIZE) != 0) return false;
    return i == s->key_count;
}

static struct keyring *ring_make(const struct settings *s) {
    struct keyring *ring = calloc(1, sizeof(*ring));
    if (ring == NULL) return NULL;
    ring->random = s->key_count == 0;
    struct entry **end = &ring->entries;
    for (uint32_t i = 0; i < s->key_count; i++, end = &(*end)->next) {
        *end = calloc(1, sizeof(**end));
        if (*end == NULL) {
            entries_drop(&ring->entries);
            free(ring);
            return NULL;
        }
        memcpy((*end)->key.secret, s->keys[i], KEY_SIZE);
    }
    ring->next = rings;
    rings = ring;
    return ring;
}

struct keyring *keyring_take(const struct settings *s) {
    pthread_mutex_lock(&lock);
    struct keyring *ring = rings;
    while (ring != NULL && !same_keys(ring, s))
        ring = ring->next;
    if (ring == NULL) ring = ring_make(s);
    if (ring != NULL) {
        ring->users++;
        ring->rotate_ns = s->rotate_ns;
        ring->keep_ns = s->keep_ns;
    }
    pthread_mutex_unlock(&lock);
    return ring;
}

void keyring_give(struct keyring *ring) {
    pthread_mutex_lock(&lock);
    if (--ring->users == 0) {
        struct keyring **at = &rings;
        while (*at != ring)
            at = &(*at)->next;
        *at = ring->next;
        entries_drop(&ring->entries);
        free(ring);
    }
    pthread_mutex_unlock(&lock);
}

/** Loops may read the clock a little apart: what seems to be in the future is new. */
static uint64_t age(const struct entry *e, uint64_t now_ns) {
    return now_ns > e->born_ns ? now_ns - e->born_ns : 0;
}

/** Drops what is too old. A key's end counts from the time when it had to stop sealing, used or not: a token
 * lives at least keep_ns and at most rotate_ns longer, however quiet the gateway was. */
static void expire(struct keyring *ring, uint64_t now_ns) {
    if (!ring->random) return;
    struct entry **at = &ring->entries;
    while (*at != NULL && age(*at, now_ns) < ring->rotate_ns + ring->keep_ns)
        at = &(*at)->next;
    entries_drop(at);
}

/** The id: 32 bits of the key's own expansion, under a label that no token uses. */
static bool identify(const struct crypto *c, struct entry *e) {
    static const char label[] = "jackfield seal 1 id";
    uint8_t block[KEY_SIZE];
    if (e->has_id) return true;
    if (!crypto_expand(c, e->key.secret, label, sizeof(label) - 1, block)) return false;
    memcpy(e->key.id, block, KEY_ID_SIZE);
    e->has_id = true;
    explicit_bzero(block, sizeof(block));
    return true;
}

static struct entry *renew(struct keyring *ring, const struct crypto *c, uint64_t now_ns) {
    struct entry *e = calloc(1, sizeof(*e));
    if (e == NULL) return NULL;
    e->born_ns = now_ns;
    if (c->RAND_priv_bytes(e->key.secret, KEY_SIZE) != 1 || !identify(c, e)) {
        c->ERR_clear_error();
        entry_drop(e);
        return NULL;
    }
    e->next = ring->entries;
    ring->entries = e;
    return e;
}

bool keyring_sealing(struct keyring *ring, const struct crypto *c, uint64_t now_ns, struct key *out) {
    pthread_mutex_lock(&lock);
    expire(ring, now_ns);
    struct entry *e = ring->entries;
    if (ring->random && (e == NULL || age(e, now_ns) >= ring->rotate_ns)) e = renew(ring, c, now_ns);
    bool ok = e != NULL && identify(c, e);
    if (ok) *out = e->key;
    pthread_mutex_unlock(&lock);
    return ok;
}

bool keyring_find(struct keyring *ring, const struct crypto *c, uint64_t now_ns,
                  const uint8_t id[KEY_ID_SIZE], uint32_t nth, struct key *out) {
    bool found = false;
    pthread_mutex_lock(&lock);
    expire(ring, now_ns);
    for (struct entry *e = ring->entries; e != NULL && !found; e = e->next) {
        if (!identify(c, e) || memcmp(e->key.id, id, KEY_ID_SIZE) != 0 || nth-- != 0) continue;
        found = true;
        *out = e->key;
    }
    pthread_mutex_unlock(&lock);
    return found;
}
