/* SPDX-License-Identifier: Apache-2.0
 * What the loops of a process share. Every function locks for as long as it copies a few texts. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "held.h"

#include <pthread.h>
#include <stdlib.h>

enum { CHAINS = 1024 };

struct copy {
    struct copy *next;
    struct vault_key key;
    struct au_text server, plain;
    uint64_t revision, since; /**< `since`: monotonic, when the revision was seen first; 0: not yet */
    bool unsaved;
};

struct vault_waiter {
    struct vault_waiter *next;
    struct entry *entry; /**< NULL: gone; only its own lane touches it */
    const jf_loop_1 *loop;
    bool posted; /**< not in the list any more: its lane frees it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct copy *chains[CHAINS];
static struct vault_waiter *waiters;
static uint32_t copy_count;

static jf_view server_of(const struct entry *entry) {
    return view_of(entry->of->source.au.name);
}

/* ---- Copies ---- */

/** The key ends with a digest, which is as good as random. */
static struct copy **chain_of(const struct vault_key *key) {
    size_t length = strlen(key->text);
    uint32_t number = 0;
    for (size_t i = length > 6 ? length - 6 : 0; i < length; i++)
        number = number * 31 + (uint8_t)key->text[i];
    return &chains[number % CHAINS];
}

static struct copy **copy_at(const struct vault_key *key) {
    struct copy **at = chain_of(key);
    while (*at != NULL && strcmp((*at)->key.text, key->text) != 0)
        at = &(*at)->next;
    return at;
}

static void copy_drop(struct copy **at) {
    struct copy *it = *at;
    if (it == NULL) return;
    *at = it->next;
    copy_count--;
    au_text_end(&it->server);
    au_text_end(&it->plain);
    free(it);
}

/** Makes room for one more, nearby first; locked. */
static void shrink(struct copy **chain) {
    for (uint32_t i = 0; copy_count >= HELD_MOST && i < CHAINS; i++) {
        struct copy **last = NULL;
        struct copy **first = &chains[((size_t)(chain - chains) + i) % CHAINS];
        for (struct copy **at = first; *at != NULL; at = &(*at)->next)
            if (!(*at)->unsaved) last = at;
        if (last != NULL) copy_drop(last);
    }
}

void held_keep(const struct vault_key *key, jf_view server, jf_view plain, uint64_t revision, bool unsaved) {
    pthread_mutex_lock(&lock);
    struct copy *it = *copy_at(key);
    if (it == NULL) {
        shrink(chain_of(key));
        it = copy_count < HELD_MOST ? calloc(1, sizeof(*it)) : NULL;
        if (it != NULL) {
            it->key = *key;
            text_set(&it->server, server);
            it->next = *chain_of(key);
            *chain_of(key) = it;
            copy_count++;
        }
    }
    if (it != NULL) {
        text_set(&it->plain, plain);
        if (it->revision != revision) it->since = 0;
        it->revision = revision;
        it->unsaved = unsaved;
        if (it->plain.failed || it->server.failed) copy_drop(copy_at(key));
    }
    pthread_mutex_unlock(&lock);
}

bool held_copy(const struct vault_key *key, uint64_t revision, struct au_text *plain) {
    pthread_mutex_lock(&lock);
    const struct copy *it = *copy_at(key);
    bool found = it != NULL && (revision == 0 || it->revision == revision);
    if (found) text_set(plain, VIEW(it->plain));
    pthread_mutex_unlock(&lock);
    return found && !plain->failed;
}

uint64_t held_age(const struct vault_key *key, uint64_t revision, uint64_t now) {
    uint64_t age = 0;
    pthread_mutex_lock(&lock);
    struct copy *it = *copy_at(key);
    if (it != NULL && it->revision == revision) {
        if (it->since == 0) it->since = now;
        age = now - it->since;
    }
    pthread_mutex_unlock(&lock);
    return age;
}

void held_drop(const struct vault_key *key) {
    pthread_mutex_lock(&lock);
    copy_drop(copy_at(key));
    pthread_mutex_unlock(&lock);
}

bool held_unsaved(jf_view server, struct vault_key *key, struct au_text *plain, uint64_t *revision) {
    bool found = false, passed = key->text[0] == 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < CHAINS && !found; i++)
        for (const struct copy *it = chains[i]; it != NULL && !found; it = it->next) {
            if (!passed) {
                passed = strcmp(it->key.text, key->text) == 0;
            } else if (it->unsaved && au_same(VIEW(it->server), server)) {
                found = true;
                *key = it->key;
                *revision = it->revision;
                text_set(plain, VIEW(it->plain));
            }
        }
    pthread_mutex_unlock(&lock);
    return found;
}

/* ---- Waiting ---- */

static void woken(void *user) {
    struct vault_waiter *it = user;
    struct entry *entry = it->entry;
    free(it);
    if (entry == NULL) return;
    entry->vault = NULL;
    entry_go(entry);
}

void held_wake(jf_view server, jf_view principal) {
    pthread_mutex_lock(&lock);
    for (struct vault_waiter **at = &waiters; *at != NULL;) {
        struct vault_waiter *it = *at;
        if (!au_same(it->entry->key, principal) || !au_same(server_of(it->entry), server)) {
            at = &it->next;
            continue;
        }
        *at = it->next;
        it->posted = true;
        // What was posted before an instance stops still runs, so that it is freed.
        if (it->loop->post(it->loop->context, woken, it) != JF_OK) {
            it->posted = false;
            it->next = waiters;
            waiters = it;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
}

void held_wait(struct entry *entry) {
    if (entry->vault != NULL) return;
    struct vault_waiter *it = calloc(1, sizeof(*it));
    if (it == NULL) return;
    it->entry = entry;
    it->loop = entry->of->source.au.host->loop;
    pthread_mutex_lock(&lock);
    it->next = waiters;
    waiters = it;
    pthread_mutex_unlock(&lock);
    entry->vault = it;
}

void held_forget(struct entry *entry) {
    struct vault_waiter *it = entry->vault;
    if (it == NULL) return;
    entry->vault = NULL;
    pthread_mutex_lock(&lock);
    it->entry = it->posted ? NULL : it->entry;
    if (!it->posted) {
        struct vault_waiter **at = &waiters;
        while (*at != it)
            at = &(*at)->next;
        *at = it->next;
        free(it);
    }
    pthread_mutex_unlock(&lock);
}
