/* SPDX-License-Identifier: Apache-2.0
 * Host names: getaddrinfo in a short-lived thread, its result posted to the loop. */
#include "remote.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEPT_S = 30 };

/** Outlives its instance's `stop` while the thread runs: the thread frees it then. */
struct lookup {
    struct lookup *next;
    jf_self *self;
    struct remote *remote; /**< NULL: nobody waits any more */
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

/** Leaves only public addresses; connections go to those that are kept, so that no second look-up can differ.
 */
static void keep_public(struct lookup *l) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < l->count; i++)
        if (!endpoint_is_special(&l->addresses[i])) l->addresses[count++] = l->addresses[i];
    if (count == 0 && l->count != 0) l->error = "all its addresses are of private networks";
    l->count = count;
}

static void tell(struct remote *r, struct lookup *l) {
    r->lookup = NULL;
    if (r->open) keep_public(l);
    if (l->count != 0) {
        r->address_count = (uint8_t)l->count;
        memcpy(r->addresses, l->addresses, l->count * sizeof(*l->addresses));
        r->good = 0;
        r->resolved_until = r->self->now + KEPT_S * 1000000000ull;
    }
    remote_resolved(r, l->count != 0 ? NULL : l->error);
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
    if (l->remote != NULL) tell(l->remote, l);
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

bool resolve_start(struct remote *r) {
    size_t length = strlen(r->host);
    struct lookup *l = calloc(1, sizeof(*l) + length + 1);
    if (l == NULL) return false;
    memcpy(l->host, r->host, length);
    snprintf(l->port, sizeof(l->port), "%u", r->port);
    l->self = r->self;
    l->remote = r;
    l->loop = r->self->loop;
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
    l->next = r->self->lookups;
    r->self->lookups = l;
    r->lookup = l;
    return true;
}

void resolve_forget(struct remote *r) {
    if (r->lookup != NULL) r->lookup->remote = NULL;
    r->lookup = NULL;
}

void resolve_end(jf_self *self) {
    while (self->lookups != NULL) {
        struct lookup *l = self->lookups;
        self->lookups = l->next;
        if (l->remote != NULL) l->remote->lookup = NULL;
        pthread_mutex_lock(&l->lock);
        l->abandoned = true;
        pthread_mutex_unlock(&l->lock);
    }
}

bool remote_is_resolved(const struct remote *r) {
    return r->literal || (r->address_count != 0 && r->self->now < r->resolved_until);
}

void remote_find_literal(struct remote *r) {
    jf_view host = view_make(r->host, strlen(r->host));
    r->literal = endpoint_literal(host, r->port, &r->addresses[0]);
    if (!r->literal) return;
    r->address_count = 1;
    if (view_is_nocase(host, "localhost") && endpoint_literal(LITERAL("::1"), r->port, &r->addresses[1]))
        r->address_count = 2;
}
