/* SPDX-License-Identifier: Apache-2.0
 * Connection pools: which connection a call gets, and which calls wait. */
#include "connector.h"

void origin_idle_push(struct upstream *u) {
    struct origin *o = u->origin;
    u->state = UPSTREAM_IDLE;
    u->since = o->to.self->now;
    u->previous_idle = NULL;
    u->next_idle = o->idle;
    if (o->idle != NULL) o->idle->previous_idle = u;
    o->idle = u;
    o->idle_count++;
}

void origin_idle_remove(struct upstream *u) {
    struct origin *o = u->origin;
    if (u->previous_idle != NULL)
        u->previous_idle->next_idle = u->next_idle;
    else
        o->idle = u->next_idle;
    if (u->next_idle != NULL) u->next_idle->previous_idle = u->previous_idle;
    u->next_idle = u->previous_idle = NULL;
    o->idle_count--;
}

struct upstream *origin_idle_pop(struct origin *o) {
    struct upstream *u = o->idle;
    if (u != NULL) origin_idle_remove(u);
    return u;
}

bool call_is_pressing(const struct call *call) {
    return call->done == NULL && call->exchange == 0;
}

bool origin_has_room(const struct origin *o, const struct call *call) {
    uint32_t busy = o->open - o->idle_count - o->streams;
    return busy < o->max_open + (call_is_pressing(call) ? SPARE_CONNECTIONS : 0);
}

void origin_queue(struct origin *o, struct call *call) {
    struct call **at = o->queue_tail == NULL ? &o->queue_head : &o->queue_tail->next;
    if (call_is_pressing(call)) {
        at = o->queue_pressing == NULL ? &o->queue_head : &o->queue_pressing->next;
        o->queue_pressing = call;
    }
    call->next = *at;
    *at = call;
    if (call->next == NULL) o->queue_tail = call;
    call->queued_at = o->to.self->now;
    o->queued++;
    sweep_need(o->to.self, 0);
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
        // Before the last pressing one there are pressing ones only.
        if (o->queue_pressing == call) o->queue_pressing = before;
        call->next = NULL;
        o->queued--;
        return true;
    }
    return false;
}

static struct call *take(struct origin *o) {
    struct call *call = o->queue_head;
    origin_unqueue(o, call);
    return call;
}

/** The first of the queue came too late: the host has given it up, or is about to. */
static bool is_late(const struct origin *o, const struct call *call) {
    return call->done == NULL && call->deadline != 0 && o->to.self->now >= call->deadline;
}

void origin_dispatch(struct origin *o) {
    // While it closes only what is pressing is still here.
    while (o->queue_head != NULL) {
        if (!origin_has_room(o, o->queue_head)) break;
        if (is_late(o, o->queue_head)) {
            call_fail(take(o), JF_E_TIMEOUT, JF_FAULT_NOT_STARTED,
                      "the time for a request to server \"%s\" was over before it could be sent", o->to.name);
            continue;
        }
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
        if (!remote_is_resolved(&o->to)) {
            if (o->to.lookup != NULL || resolve_start(&o->to)) break;
            remote_resolved(&o->to, "no thread for the look-up");
            break;
        }
        upstream_connect(o, take(o));
    }
    if (o->blocked && o->queued < QUEUE_MAX / 2) {
        o->blocked = false;
        if (o->channel != NULL) channel_writable(o->channel);
    }
}

/** Event streams that count as calls under way: nothing but their answer has yet to come on them. */
static uint32_t silent_streams(const struct origin *o) {
    uint32_t count = 0;
    for (const struct upstream *u = o->all; u != NULL; u = u->next)
        count += u->state == UPSTREAM_ACTIVE && u->answer == ANSWER_EVENTS && !u->streams;
    return count;
}

void origin_sweep(struct origin *o) {
    uint64_t now = o->to.self->now;
    struct call *next;
    for (struct call *call = o->queue_head; call != NULL; call = next) {
        next = call->next;
        uint64_t until = o->queue_timeout == 0 ? UINT64_MAX : call->queued_at + o->queue_timeout;
        if (call->deadline != 0 && call->deadline > call->queued_at) {
            // A little before the host gives it up itself: it could not say why.
            uint64_t due = call->deadline - (call->deadline - call->queued_at) / 8;
            if (due < until) until = due;
        }
        if (now < until) continue;
        bool found = o->to.lookup == NULL;
        origin_unqueue(o, call);
        if (!found)
            call_fail(call, JF_E_TIMEOUT, JF_FAULT_NOT_STARTED,
                      "the host %s of server \"%s\" was not found in time; check the resolver", o->to.host,
                      o->to.name);
        else
            call_fail(call, JF_E_BUSY, JF_FAULT_NOT_STARTED,
                      "no connection to server \"%s\" became free in time: all %u are in use, %u of them by "
                      "open event streams; raise its max_connections",
                      o->to.name, o->max_open, silent_streams(o));
        // Whoever was told may have cancelled others.
        next = o->queue_head;
    }
}

void remote_resolved(struct remote *r, const char *error) {
    struct origin *o = (struct origin *)(void *)((uint8_t *)r - offsetof(struct origin, to));
    if (error == NULL) {
        origin_dispatch(o);
        return;
    }
    // Those that come while these are told begin a look-up of their own.
    uint32_t waiting = o->queued;
    while (waiting-- != 0 && o->queue_head != NULL)
        call_fail(take(o), JF_E_GONE, JF_FAULT_NOT_STARTED,
                  "cannot find the host %s of server \"%s\": %s; check the url and the resolver", o->to.host,
                  o->to.name, error);
    origin_go_on(o);
}

static void dispatch_later(struct later *item) {
    origin_dispatch((struct origin *)(void *)((uint8_t *)item - offsetof(struct origin, later)));
}

void origin_go_on(struct origin *o) {
    if (o->queue_head == NULL && !o->blocked) return;
    if (whole(o->to.self)->sending == 0)
        origin_dispatch(o);
    else
        self_later(o->to.self, &o->later, dispatch_later);
}

bool origin_stream(struct upstream *u) {
    struct origin *o = u->origin;
    if (u->streams) return true;
    if (o->streams >= o->max_streams) return false;
    u->streams = true;
    o->streams++;
    // Its place is free for who waits. Later: this is inside of the parser, for a message not delivered yet.
    if (o->queue_head != NULL) self_later(o->to.self, &o->later, dispatch_later);
    return true;
}

void origin_stream_end(struct upstream *u) {
    if (!u->streams) return;
    u->streams = false;
    u->origin->streams--;
}

void origin_end(struct origin *o) {
    jf_self *self = o->to.self;
    o->closing = true;
    resolve_forget(&o->to);
    self_not_later(self, &o->later);
    while (o->all != NULL)
        upstream_close(o->all);
    self_release(self, o->to.name);
    self_release(self, o->to.host);
    self_release(self, o->to.authority);
    o->to.name = o->to.host = o->to.authority = NULL;
}
