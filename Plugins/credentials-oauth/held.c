/* SPDX-License-Identifier: Apache-2.0
 * What the loops of a process share. Every function locks for as long as it copies a few texts. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "held.h"

#include <pthread.h>
#include <stdlib.h>

struct record {
    struct record *next;
    struct au_text server, key, issuer, resource, access, refresh;
    uint64_t expires_ms;
    bool busy; /**< an entry refreshes it */
};

struct vault_waiter {
    struct vault_waiter *next;
    struct entry *entry; /**< NULL: gone; only its own lane touches it */
    const jf_loop_1 *loop;
    bool posted; /**< not in the list any more: its lane frees it */
};

struct registered {
    struct registered *next;
    struct au_text issuer, redirect, id, secret;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct record *records;
static struct vault_waiter *waiters;
static struct connecting *connectings;
static struct registered *registereds;
static uint32_t record_count, registered_count;

static jf_view server_of(const struct entry *entry) {
    return view_of(entry->of->source.au.name);
}

static void record_free(struct record *it) {
    au_text_end(&it->server);
    au_text_end(&it->key);
    au_text_end(&it->issuer);
    au_text_end(&it->resource);
    au_text_end(&it->access);
    au_text_end(&it->refresh);
    free(it);
}

static struct record **record_at(jf_view server, jf_view key) {
    struct record **at = &records;
    while (*at != NULL && !(au_same(VIEW((*at)->key), key) && au_same(VIEW((*at)->server), server)))
        at = &(*at)->next;
    return at;
}

static void record_drop(struct record **at) {
    struct record *it = *at;
    if (it == NULL) return;
    *at = it->next;
    record_count--;
    record_free(it);
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

/** Wakes those who wait for a user's tokens; locked. */
static void wake(jf_view server, jf_view key) {
    for (struct vault_waiter **at = &waiters; *at != NULL;) {
        struct vault_waiter *it = *at;
        if (!au_same(it->entry->key, key) || !au_same(server_of(it->entry), server)) {
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
            return;
        }
    }
}

static void wait_locked(struct entry *entry) {
    if (entry->vault != NULL) return;
    struct vault_waiter *it = calloc(1, sizeof(*it));
    if (it == NULL) return;
    it->entry = entry;
    it->loop = entry->of->source.au.host->loop;
    it->next = waiters;
    waiters = it;
    entry->vault = it;
}

void held_wait(struct entry *entry) {
    pthread_mutex_lock(&lock);
    wait_locked(entry);
    pthread_mutex_unlock(&lock);
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

/* ---- Tokens ---- */

enum held held_find(struct entry *entry, struct au_text *access, uint64_t *expires_ms,
                    struct au_text *refresh) {
    enum held found = HELD_NONE;
    uint64_t now = wall_ms(entry->of);
    pthread_mutex_lock(&lock);
    struct record **at = record_at(server_of(entry), entry->key), *it = *at;
    // Another server or authorization server than then: what the old one gave is nothing to it.
    if (it != NULL && !(au_same(VIEW(it->issuer), entry->place->metadata.issuer) &&
                        au_same(VIEW(it->resource), resource_of(entry)))) {
        record_drop(at);
        it = NULL;
    }
    if (it != NULL && it->access.len != 0 && (it->expires_ms == 0 || now < it->expires_ms)) {
        found = HELD_TOKEN;
        text_set(access, VIEW(it->access));
        *expires_ms = it->expires_ms;
    } else if (it != NULL && it->busy) {
        found = HELD_WAIT;
        wait_locked(entry);
    } else if (it != NULL && it->refresh.len != 0) {
        found = HELD_REFRESH;
        it->busy = true;
        text_set(refresh, VIEW(it->refresh));
    } else if (it != NULL) {
        record_drop(at);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

/** Makes room for one more; locked. */
static void shrink(void) {
    struct record **last = NULL;
    if (record_count < HELD_MOST) return;
    for (struct record **at = &records; *at != NULL; at = &(*at)->next)
        if (!(*at)->busy) last = at;
    if (last != NULL) record_drop(last);
}

bool held_put(jf_view server, jf_view key, const struct metadata *at, const struct tokens *tokens) {
    pthread_mutex_lock(&lock);
    struct record *it = *record_at(server, key);
    if (it == NULL) shrink();
    if (it == NULL && record_count < HELD_MOST) {
        it = calloc(1, sizeof(*it));
        if (it != NULL) {
            text_set(&it->server, server);
            text_set(&it->key, key);
            it->next = records;
            records = it;
            record_count++;
        }
    }
    if (it != NULL) {
        if (!au_same(VIEW(it->issuer), at->issuer) || !au_same(VIEW(it->resource), at->resource))
            au_text_end(&it->refresh);
        text_set(&it->issuer, at->issuer);
        text_set(&it->resource, at->resource);
        text_set(&it->access, VIEW(tokens->access));
        if (tokens->refresh.len != 0) text_set(&it->refresh, VIEW(tokens->refresh));
        it->expires_ms = tokens->expires_ms;
        it->busy = false;
    }
    wake(server, key);
    pthread_mutex_unlock(&lock);
    return it != NULL && !it->access.failed;
}

void held_release(const struct entry *entry, bool gone) {
    pthread_mutex_lock(&lock);
    struct record **at = record_at(server_of(entry), entry->key);
    if (*at != NULL) (*at)->busy = false;
    if (gone) record_drop(at);
    wake(server_of(entry), entry->key);
    pthread_mutex_unlock(&lock);
}

void held_refuse(const struct entry *entry, jf_view access, bool more) {
    pthread_mutex_lock(&lock);
    struct record **at = record_at(server_of(entry), entry->key);
    if (*at != NULL && !(*at)->busy && (access.len == 0 || au_same(VIEW((*at)->access), access))) {
        if (more)
            record_drop(at);
        else
            au_text_end(&(*at)->access);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- Users ---- */

void connecting_free(struct connecting *it) {
    if (it == NULL) return;
    au_arena_end(&it->keep);
    explicit_bzero(it, sizeof(*it));
    free(it);
}

bool connecting_again(const struct entry *entry, jf_view scopes, uint64_t now, char id[44]) {
    bool found = false;
    pthread_mutex_lock(&lock);
    for (struct connecting *it = connectings; it != NULL && !found; it = it->next) {
        found = au_same(it->key, entry->key) && au_same(it->server, server_of(entry)) &&
                au_same(it->scopes, scopes) && au_same(it->at.issuer, entry->place->metadata.issuer) &&
                now + 60000000000ull < it->until;
        if (found) memcpy(id, it->id, sizeof(it->id));
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void connecting_add(struct connecting *it) {
    uint32_t count = 0;
    struct connecting *dropped = NULL;
    pthread_mutex_lock(&lock);
    for (struct connecting **at = &connectings; *at != NULL;) {
        struct connecting *old = *at;
        bool same = au_same(old->key, it->key) && au_same(old->server, it->server);
        // The newest are in front.
        if (!same && ++count < CONNECTING_MOST) {
            at = &old->next;
            continue;
        }
        *at = old->next;
        old->next = dropped;
        dropped = old;
    }
    it->next = connectings;
    connectings = it;
    pthread_mutex_unlock(&lock);
    while (dropped != NULL) {
        struct connecting *next = dropped->next;
        connecting_free(dropped);
        dropped = next;
    }
}

static const char *text_by(const struct connecting *it, enum by by) {
    return by == BY_ID ? it->id : by == BY_STATE ? it->state : it->login_state;
}

struct connecting *connecting_take(enum by by, jf_view text, jf_view server, uint64_t now) {
    struct connecting *found = NULL;
    if (text.len != 43) return NULL;
    pthread_mutex_lock(&lock);
    for (struct connecting **at = &connectings; *at != NULL; at = &(*at)->next) {
        if (!au_same((*at)->server, server) || !au_same(view_of(text_by(*at, by)), text)) continue;
        found = *at;
        *at = found->next;
        break;
    }
    pthread_mutex_unlock(&lock);
    if (found == NULL || now < found->until) return found;
    connecting_free(found);
    return NULL;
}

/* ---- Clients ---- */

static struct registered *registered_of(jf_view issuer, jf_view redirect) {
    struct registered *it = registereds;
    while (it != NULL && !(au_same(VIEW(it->issuer), issuer) && au_same(VIEW(it->redirect), redirect)))
        it = it->next;
    return it;
}

bool registered_find(jf_view issuer, jf_view redirect, struct client *out) {
    pthread_mutex_lock(&lock);
    const struct registered *it = registered_of(issuer, redirect);
    pthread_mutex_unlock(&lock);
    if (it == NULL) return false;
    *out = (struct client){.id = VIEW(it->id), .secret = VIEW(it->secret)};
    out->auth = it->secret.len != 0 ? AUTH_AUTO : AUTH_NONE;
    return true;
}

bool registered_put(jf_view issuer, jf_view redirect, jf_view id, jf_view secret) {
    pthread_mutex_lock(&lock);
    bool kept = registered_of(issuer, redirect) != NULL;
    struct registered *it = !kept && registered_count < REGISTERED_MOST ? calloc(1, sizeof(*it)) : NULL;
    if (it != NULL) {
        text_set(&it->issuer, issuer);
        text_set(&it->redirect, redirect);
        text_set(&it->id, id);
        text_set(&it->secret, secret);
        it->next = registereds;
        registereds = it;
        registered_count++;
    }
    pthread_mutex_unlock(&lock);
    return kept || it != NULL;
}
