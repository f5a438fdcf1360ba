/* SPDX-License-Identifier: Apache-2.0
 * Where sealed texts are kept: one vault in the process, of which every instance has a share. */
#define _GNU_SOURCE
#include "vault.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SECRET 32 /* hexadecimal digits that nobody can guess; the place follows */

/** Bytes that are wiped when they go. */
typedef struct bytes {
    size_t size;
    uint8_t data[];
} bytes;

typedef struct place {
    char ticket[TICKET];
    bytes *plain, *bound;
} place;

/* Global, since a ticket comes back to whichever event loop its client is on. */
static struct {
    pthread_mutex_t lock;
    place *places;
    uint32_t count, next, shares;
} vault = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bytes *keep(jf_view view) {
    bytes *it = malloc(sizeof *it + view.len);
    if (it == NULL) return NULL;
    it->size = view.len;
    if (view.len > 0) memcpy(it->data, view.ptr, view.len);
    return it;
}

static void wipe(void *owner) {
    bytes *it = owner;
    if (it == NULL) return;
    explicit_bzero(it->data, it->size);
    free(it);
}

static void forget(place *it) {
    wipe(it->plain);
    wipe(it->bound);
    explicit_bzero(it, sizeof *it);
}

bool vault_take(uint32_t most) {
    pthread_mutex_lock(&vault.lock);
    if (vault.places == NULL) {
        vault.places = calloc(most, sizeof *vault.places);
        vault.count = most;
        vault.next = 0;
    }
    bool is_there = vault.places != NULL;
    if (is_there) vault.shares++;
    pthread_mutex_unlock(&vault.lock);
    return is_there;
}

void vault_give(void) {
    pthread_mutex_lock(&vault.lock);
    if (--vault.shares == 0) {
        for (uint32_t i = 0; i < vault.count; i++)
            forget(&vault.places[i]);
        free(vault.places);
        vault.places = NULL;
    }
    pthread_mutex_unlock(&vault.lock);
}

int32_t vault_put(jf_view plain, jf_view bound, char ticket[TICKET]) {
    uint8_t random[SECRET / 2];
    char text[TICKET + 1];
    bytes *kept = keep(plain), *with = keep(bound);
    if (kept == NULL || with == NULL || getrandom(random, sizeof random, 0) != sizeof random) {
        wipe(kept);
        wipe(with);
        return JF_E_FAULT;
    }
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(text + 2 * i, 3, "%02x", random[i]);
    pthread_mutex_lock(&vault.lock);
    place *it = &vault.places[vault.next];
    snprintf(text + SECRET, 9, "%08x", vault.next);
    vault.next = (vault.next + 1) % vault.count;
    forget(it);
    *it = (place){.plain = kept, .bound = with};
    memcpy(it->ticket, text, TICKET);
    pthread_mutex_unlock(&vault.lock);
    memcpy(ticket, text, TICKET);
    return JF_OK;
}

/** Takes the same time wherever the difference is. */
static bool equal(const void *left, const void *right, size_t size) {
    const volatile uint8_t *a = left, *b = right;
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

int32_t vault_get(jf_view ticket, jf_view bound, jf_blob *plain) {
    uint32_t number = 0;
    bytes *copy = NULL;
    int32_t status = JF_ABSENT;
    if (ticket.len != TICKET) return JF_ABSENT;
    for (size_t i = SECRET; i < TICKET; i++) {
        uint8_t c = ticket.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return JF_ABSENT;
        number = number << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    pthread_mutex_lock(&vault.lock);
    place *it = number < vault.count ? &vault.places[number] : NULL;
    if (it != NULL && it->plain != NULL && equal(it->ticket, ticket.ptr, TICKET) &&
        it->bound->size == bound.len &&
        (bound.len == 0 || memcmp(it->bound->data, bound.ptr, bound.len) == 0)) {
        copy = keep((jf_view){it->plain->data, it->plain->size});
        status = copy != NULL ? JF_OK : JF_E_FAULT;
    }
    pthread_mutex_unlock(&vault.lock);
    if (copy != NULL) *plain = (jf_blob){copy->data, copy->size, copy, wipe};
    return status;
}
