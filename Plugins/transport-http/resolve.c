/* SPDX-License-Identifier: Apache-2.0
 * Host names: getaddrinfo in a short-lived thread, its result posted to the loop. */
#include "connector.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/** Outlives its instance's `stop` while the thread runs: the thread frees it then. */
struct lookup {
    struct lookup *next;
    jf_self *self;
    struct origin *origin; /**< NULL: nobody waits any more */
    jf_loop_1 loop;
    pthread_mutex_t lock;
    bool abandoned; /**< the instance has stopped; a post that is under way still comes and frees it */
    const char *error;
    uint32_t count;
    struct endpoint addresses[ADDRESSES_MAX];
    char port[8];
    char host[];
};

static void lookup_free(struct lookup *l) {
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static void on_result(void *user) {
    struct lookup *l = user;
    jf_self *self = l->self;
    // The thread posts while it holds the lock: once we have it, the thread has let go for good.
    pthread_mutex_lock(&l->lock);
    bool abandoned = l->abandoned;
    pthread_mutex_unlock(&l->lock);
    if (abandoned) {
        lookup_free(l);
        return;
    }
    for (struct lookup **at = &self->lookups; *at != NULL; at = &(*at)->next)
        if (*at == l) {
            *at = l->next;
            break;
        }
    self_tick(self);
    if (l->origin != NULL) origin_resolved(l->origin, l->addresses, l->count, l->error);
    lookup_free(l);
}

static void *run(void *user) {
    struct lookup *l = user;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    int status = getaddrinfo(l->host, l->port, &hints, &found);
    l->error = status == 0 ? "it has no address" : gai_strerror(status);
    for (struct addrinfo *a = found; a != NULL && l->count < ADDRESSES_MAX; a = a->ai_next) {
        if ((a->ai_family != AF_INET && a->ai_family != AF_INET6) ||
            a->ai_addrlen > sizeof(l->addresses[0].address))
            continue;
        struct endpoint *e = &l->addresses[l->count++];
        e->length = a->ai_addrlen;
        memcpy(&e->address, a->ai_addr, a->ai_addrlen);
    }
    if (found != NULL) freeaddrinfo(found);
    pthread_mutex_lock(&l->lock);
    bool abandoned = l->abandoned;
    if (!abandoned) l->loop.post(l->loop.context, on_result, l);
    pthread_mutex_unlock(&l->lock);
    if (abandoned) lookup_free(l);
    return NULL;
}

bool resolve_start(struct origin *o) {
    size_t length = strlen(o->host);
    struct lookup *l = calloc(1, sizeof(*l) + length + 1);
    if (l == NULL) return false;
    memcpy(l->host, o->host, length);
    snprintf(l->port, sizeof(l->port), "%u", o->port);
    l->self = o->self;
    l->origin = o;
    l->loop = o->self->loop;
    pthread_mutex_init(&l->lock, NULL);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    int status = pthread_create(&thread, &attributes, run, l);
    pthread_attr_destroy(&attributes);
    if (status != 0) {
        lookup_free(l);
        return false;
    }
    l->next = o->self->lookups;
    o->self->lookups = l;
    o->lookup = l;
    return true;
}

void resolve_forget(struct origin *o) {
    if (o->lookup != NULL) o->lookup->origin = NULL;
    o->lookup = NULL;
}

void resolve_end(jf_self *self) {
    while (self->lookups != NULL) {
        struct lookup *l = self->lookups;
        self->lookups = l->next;
        if (l->origin != NULL) l->origin->lookup = NULL;
        pthread_mutex_lock(&l->lock);
        l->abandoned = true;
        pthread_mutex_unlock(&l->lock);
    }
}
