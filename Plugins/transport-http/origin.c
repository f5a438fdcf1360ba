/* SPDX-License-Identifier: Apache-2.0
 * Connection pools: which connection a call gets, and which calls wait. */
#include "connector.h"

void origin_idle_push(struct upstream *u) {
    struct origin *o = u->origin;
    u->state = UPSTREAM_IDLE;
    u->since = o->self->now;
    u->previous_idle = NULL;
    u->next_idle = o->idle;
    if (o->idle != NULL) o->idle->previous_idle = u;
    o->idle = u;
}

void origin_idle_remove(struct upstream *u) {
    struct origin *o = u->origin;
    if (u->previous_idle != NULL)
        u->previous_idle->next_idle = u->next_idle;
    else
        o->idle = u->next_idle;
    if (u->next_idle != NULL) u->next_idle->previous_idle = u->previous_idle;
    u->next_idle = u->previous_idle = NULL;
}

struct upstream *origin_idle_pop(struct origin *o) {
    struct upstream *u = o->idle;
    if (u != NULL) origin_idle_remove(u);
    return u;
}

void origin_queue(struct origin *o, struct call *call) {
    call->next = NULL;
    if (o->queue_tail != NULL)
        o->queue_tail->next = call;
    else
        o->queue_head = call;
    o->queue_tail = call;
    o->queued++;
}

bool origin_unqueue(struct origin *o, struct call *call) {
    struct call *before = NULL;
    for (struct call *at = o->queue_head; at != NULL; before = at, at = at->next) {
        if (at != call) continue;
        if (before != NULL)
            before->next = call->next;
        else
            o->queue_head = call->next;
        if (o->queue_tail == call) o->queue_tail = before;
        call->next = NULL;
        o->queued--;
        return true;
    }
    return false;
}

void origin_find_literal(struct origin *o) {
    jf_view host = view_make(o->host, strlen(o->host));
    o->literal = endpoint_literal(host, o->port, &o->addresses[0]);
    if (!o->literal) return;
    o->address_count = 1;
    if (view_is_nocase(host, "localhost") && endpoint_literal(LITERAL("::1"), o->port, &o->addresses[1]))
        o->address_count = 2;
}

static struct call *take(struct origin *o) {
    struct call *call = o->queue_head;
    o->queue_head = call->next;
    if (o->queue_head == NULL) o->queue_tail = NULL;
    call->next = NULL;
    o->queued--;
    return call;
}

static bool resolved(struct origin *o) {
    if (o->literal) return true;
    return o->address_count != 0 && o->self->now < o->resolved_until;
}

void origin_dispatch(struct origin *o) {
    while (o->queue_head != NULL && !o->closing) {
        struct upstream *u = origin_idle_pop(o);
        if (u != NULL) {
            struct call *call = take(o);
            u->state = UPSTREAM_ACTIVE;
            u->call = call;
            u->wrote = false;
            call->upstream = u;
            upstream_flush(u);
            continue;
        }
        if (o->open >= o->max_open) break;
        if (!resolved(o)) {
            if (o->lookup != NULL || resolve_start(o)) break;
            origin_resolved(o, NULL, 0, "no thread for the look-up");
            break;
        }
        upstream_connect(o, take(o));
    }
    if (o->blocked && o->queued < QUEUE_MAX / 2) {
        o->blocked = false;
        if (o->channel != NULL) channel_writable(o->channel);
    }
}

void origin_resolved(struct origin *o, const struct endpoint *addresses, uint32_t count, const char *error) {
    o->lookup = NULL;
    if (count != 0) {
        o->address_count = (uint8_t)(count > ADDRESSES_MAX ? ADDRESSES_MAX : count);
        memcpy(o->addresses, addresses, o->address_count * sizeof(*addresses));
        o->good = 0;
        o->resolved_until = o->self->now + 30000000000ull;
        origin_dispatch(o);
        return;
    }
    // Those that come while these are told begin a look-up of their own.
    uint32_t waiting = o->queued;
    while (waiting-- != 0 && o->queue_head != NULL)
        call_fail(take(o), JF_E_GONE, JF_FAULT_NOT_STARTED,
                  "cannot find the host %s of server \"%s\": %s; check the url and the resolver", o->host,
                  o->name, error);
    origin_go_on(o);
}

static void dispatch_later(struct later *item) {
    origin_dispatch((struct origin *)(void *)((uint8_t *)item - offsetof(struct origin, later)));
}

void origin_go_on(struct origin *o) {
    if (o->closing || (o->queue_head == NULL && !o->blocked)) return;
    if (o->self->sending == 0)
        origin_dispatch(o);
    else
        self_later(o->self, &o->later, dispatch_later);
}

void origin_end(struct origin *o) {
    jf_self *self = o->self;
    o->closing = true;
    resolve_forget(o);
    self_not_later(self, &o->later);
    while (o->all != NULL)
        upstream_close(o->all);
    self_release(self, o->name);
    self_release(self, o->host);
    self_release(self, o->authority);
    o->name = o->host = o->authority = NULL;
}
