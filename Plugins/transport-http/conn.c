/* SPDX-License-Identifier: Apache-2.0
 * One client connection: reading, writing, its life and its timeouts. */
#include "listener.h"

#include <errno.h>
#include <unistd.h>

enum { DRAIN_QUIET_MS = 500, LINGER_MS = 2000, EXCHANGE_SLOT_BITS = 24, TURN = 32 };

static void conn_release(struct conn *c) {
    jf_self *self = c->in.self;
    incoming_drop(&c->in);
    outq_clear(self, &c->out);
    if (c->tls != NULL) tls_link_close(c->tls);
    self_release(self, c->origin);
    c->listener->port.open--;
    slots_give(&self->conns, c);
}

static inline void pin(struct conn *c) {
    c->pins++;
}

static inline void unpin(struct conn *c) {
    if (--c->pins == 0 && c->state == CONN_DEAD) conn_release(c);
}

void conn_free(struct conn *c) {
    conn_release(c);
}

void conn_drop(struct conn *c) {
    jf_self *self = c->in.self;
    if (c->state == CONN_DEAD) return;
    pin(c);
    c->state = CONN_DEAD;
    c->exchange = 0;
    keepalive_end(c);
    legacy_close(c);
    self->loop.unwatch(self->loop.context, c->watch);
    if (c->tls != NULL) secure_end(c);
    close(c->fd);
    c->fd = -1;
    // What others lent is given back at once, however long a pin keeps the rest.
    outq_clear(self, &c->out);
    unpin(c);
}

void conn_lost(struct conn *c) {
    jf_self *self = c->in.self;
    if (c->state == CONN_DEAD) return;
    jf_ref client = c->client, exchange = c->route == ROUTE_MCP ? c->exchange : 0;
    pin(c);
    conn_drop(c);
    c->client = 0;
    if (client != 0 && exchange != 0) self->inbound.gone(self->inbound.context, client, exchange);
    if (client != 0) self->inbound.closed(self->inbound.context, client);
    unpin(c);
}

struct conn *conn_of_exchange(jf_self *self, jf_ref exchange) {
    uint32_t index = (uint32_t)(exchange & ((1u << EXCHANGE_SLOT_BITS) - 1));
    struct conn *c = slots_at(&self->conns, index);
    return c != NULL && exchange != 0 && c->slot.ref != 0 && c->exchange == exchange ? c : NULL;
}

/** All is written and nothing more will be: close, gently when the client may still be sending. */
static void finish(struct conn *c) {
    if (!c->lingering || c->broken) {
        conn_lost(c);
        return;
    }
    jf_ref client = c->client;
    c->client = 0;
    c->state = CONN_LINGER;
    c->since = c->in.self->now;
    if (c->tls != NULL) tls_link_goodbye(c->tls, &c->out);
    shutdown(c->fd, SHUT_WR);
    incoming_drop(&c->in);
    if (client != 0) c->in.self->inbound.closed(c->in.self->inbound.context, client);
    // What arrived before has had its event already.
    conn_later(c);
}

static void linger(struct conn *c) {
    uint8_t waste[4096];
    for (uint32_t i = 0; i < 64; i++) {
        ssize_t got = recv(c->fd, waste, sizeof(waste), 0);
        if (got > 0) continue;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return;
        conn_lost(c);
        return;
    }
    // More than its share in one go: the rest after other connections had theirs.
    conn_later(c);
}

static uint16_t refusal(const struct incoming *in) {
    return in->refused != 0 ? in->refused : 400;
}

static const char *refusal_text(uint16_t status) {
    switch (status) {
    case 413:
        return "Payload too large: the body exceeds this server's max_body";
    case 431:
        return "Header fields too large: the head exceeds this server's max_headers";
    case 505:
        return "HTTP version not supported: use HTTP/1.1";
    default:
        return "Bad request: not a well-formed HTTP/1.1 message";
    }
}

/** A client that asks on without reading its answers: its next request waits until it has. */
static bool held_back(const struct conn *c) {
    return c->in.phase == INCOMING_IDLE && c->out.bytes > c->listener->slow_bytes;
}

/** Parses and runs what is in the buffer for as long as requests are answered at once. */
static void parse(struct conn *c) {
    struct incoming *in = &c->in;
    jf_self *self = in->self;
    while (c->state == CONN_READING && in->buf.pos < in->buf.len && c->budget != 0 && !held_back(c)) {
        if (in->phase == INCOMING_IDLE) {
            if (!incoming_begin(in, HTTP_REQUEST)) {
                conn_lost(c);
                return;
            }
            c->since = self->now;
            c->verdict = 0;
            c->keep = false;
        }
        uint8_t phase = in->phase;
        int whole = incoming_parse(in);
        if (whole > 0) {
            c->budget--;
            c->running = true;
            request_run(c);
            c->running = false;
            if (c->state == CONN_DEAD) return;
            incoming_end(in);
        } else if (whole < 0) {
            uint16_t status = refusal(in);
            c->keep = false;
            c->lingering = true;
            answer_error(c, status, c->verdict != 0 ? c->verdict_text : refusal_text(status), (jf_view){0});
            return;
        } else {
            // The header timeout runs from the first byte, the body timeout from the latest.
            if (phase != in->phase || phase == INCOMING_BODY) c->since = self->now;
            return;
        }
    }
}

static void input(struct conn *c, bool hangup) {
    struct incoming *in = &c->in;
    c->budget = TURN;
    parse(c);
    while (c->state == CONN_READING && c->budget != 0) {
        if (held_back(c)) {
            c->unread = true;
            break;
        }
        uint32_t room = incoming_room(in);
        if (room == 0) {
            self_log(in->self, JF_LOG_WARNING, "out of memory for a request; its connection is closed");
            conn_lost(c);
            break;
        }
        uint8_t *to = in->buf.ptr + in->buf.len;
        ssize_t got = c->tls == NULL ? recv(c->fd, to, room, 0) : tls_link_read(c->tls, &c->out, to, room);
        if (got > 0) {
            in->buf.len += (uint32_t)got;
            // Of TLS a record came, whatever the room for it: what is behind it shows when it is asked for.
            c->unread = (uint32_t)got == room || hangup || c->tls != NULL;
            parse(c);
            if (c->budget != 0) c->budget--;
            if (!c->unread) break;
        } else if (got < 0 && errno == EINTR) {
            if (c->tls == NULL) continue;
            c->unread = true;
            c->budget--;
        } else if (got < 0 && errno == EAGAIN) {
            c->unread = false;
            break;
        } else if (got == 0 && c->out.head != NULL && in->phase == INCOMING_IDLE) {
            // It asks no more but may still read the answers that wait.
            c->state = CONN_FLUSHING;
        } else {
            conn_lost(c);
            break;
        }
    }
    if (c->state == CONN_DEAD) return;
    incoming_settle(in);
    if (c->state == CONN_READING && c->budget == 0) {
        c->unread = c->unread || hangup;
        if (c->unread || in->buf.pos < in->buf.len) conn_later(c);
    }
}

static void caught_up(struct conn *c) {
    jf_self *self = c->in.self;
    if (c->slow && c->out.bytes <= c->listener->slow_bytes / 4) {
        c->slow = false;
        bool open = c->route == ROUTE_SSE || (c->route == ROUTE_MCP && c->exchange != 0);
        if (open && c->client != 0) self->inbound.writable(self->inbound.context, c->client, c->exchange);
    }
}

static void output(struct conn *c) {
    int done = outq_flush(c->in.self, &c->out, c->fd);
    if (done < 0) {
        conn_lost(c);
        return;
    }
    keepalive_wrote(c);
    // A slow reader is not an idle one.
    if (c->state == CONN_FLUSHING || (c->state == CONN_READING && c->in.phase == INCOMING_IDLE))
        c->since = c->in.self->now;
    caught_up(c);
    if (c->state == CONN_FLUSHING && c->out.head == NULL)
        finish(c);
    else if (c->state == CONN_READING && !held_back(c) && (c->unread || c->in.buf.pos < c->in.buf.len))
        conn_later(c);
}

static void on_ready(void *user, uint32_t events) {
    struct conn *c = user;
    self_tick(c->in.self);
    pin(c);
    if ((events & JF_WRITABLE) != 0 && c->out.head != NULL) output(c);
    if ((events & JF_BROKEN) != 0) conn_lost(c);
    if ((events & (JF_READABLE | JF_HANGUP)) != 0) {
        bool hangup = (events & JF_HANGUP) != 0;
        if (c->state == CONN_READING)
            input(c, hangup);
        else if (c->state == CONN_LINGER)
            linger(c);
        else if (c->state == CONN_SECURING)
            secure_step(c);
        else
            c->unread = true;
        if (hangup && (c->state == CONN_BUSY || c->state == CONN_STREAM)) conn_lost(c);
    }
    unpin(c);
}

static void go_on(struct later *item) {
    struct conn *c = (struct conn *)(void *)((uint8_t *)item - offsetof(struct conn, later));
    if (c->broken) conn_lost(c);
    if (c->state == CONN_LINGER) linger(c);
    if (c->closing && c->state != CONN_DEAD && c->state != CONN_LINGER) c->state = CONN_FLUSHING;
    if (c->state == CONN_FLUSHING && c->out.head == NULL) finish(c);
    if (c->state == CONN_SECURING) secure_step(c);
    if (c->state == CONN_READING && (c->unread || c->in.buf.pos < c->in.buf.len)) input(c, c->unread);
    unpin(c);
}

void conn_later(struct conn *c) {
    if (c->later.queued) return;
    pin(c);
    self_later(c->in.self, &c->later, go_on);
}

void conn_open(struct listener *l, int fd, const struct endpoint *peer) {
    jf_self *self = l->port.self;
    struct conn *c = slots_take(&self->conns, &self->memory);
    if (c == NULL || c->slot.index >= 1u << EXCHANGE_SLOT_BITS) {
        if (c != NULL) slots_give(&self->conns, c);
        close(fd);
        return;
    }
    c->listener = l;
    c->fd = fd;
    c->peer = *peer;
    c->in.self = self;
    c->in.owner = c;
    c->in.on_head = request_head;
    c->in.max_body = l->max_body;
    c->in.max_head = l->max_head;
    c->since = self->now;
    l->port.open++;
    if (l->port.tls != NULL && !secure_begin(c)) {
        close(fd);
        conn_release(c);
        return;
    }
    if (self->loop.watch(self->loop.context, fd, JF_READABLE | JF_WRITABLE, on_ready, c, &c->watch) !=
        JF_OK) {
        close(fd);
        conn_release(c);
        return;
    }
    sweep_need(self, 0);
}

void conn_write(struct conn *c, struct iovec *parts, uint32_t count, const struct keeper *keeper) {
    jf_self *self = c->in.self;
    uint64_t sent = 0;
    if (c->broken) return;
    if (c->tls != NULL) {
        // Ciphertext is nobody else's to keep: what waits is a copy.
        if (!tls_link_write(c->tls, &c->out, parts, count)) {
            c->broken = true;
            conn_later(c);
        }
        keepalive_wrote(c);
        return;
    }
    if (c->out.head == NULL) {
        ssize_t done = socket_write(c->fd, parts, count);
        if (done < 0 && errno != EAGAIN) {
            c->broken = true;
            conn_later(c);
            return;
        }
        if (done > 0) sent = (uint64_t)done;
    }
    if (!outq_append(self, &c->out, parts, count, sent, keeper)) {
        self_log(self, JF_LOG_WARNING, "out of memory for an answer; its connection is closed");
        c->broken = true;
        conn_later(c);
    }
    keepalive_wrote(c);
}

void conn_answered(struct conn *c) {
    jf_self *self = c->in.self;
    c->exchange = 0;
    c->slow = false;
    c->mount = NULL;
    keepalive_end(c);
    c->since = self->now;
    if (!c->keep || c->closing || self->draining) {
        c->state = CONN_FLUSHING;
        if (c->out.head == NULL) conn_later(c);
        return;
    }
    c->state = CONN_READING;
    c->served = true;
    // Inside `parse` the loop there goes on by itself: no recursion however many requests are queued up.
    if (!c->running && (c->unread || c->in.buf.pos < c->in.buf.len)) conn_later(c);
}

void conn_sweep(struct conn *c) {
    jf_self *self = c->in.self;
    const struct listener *l = c->listener;
    uint64_t waited = self->now > c->since ? self->now - c->since : 0;
    pin(c);
    switch (c->state) {
    case CONN_READING:
        if (c->in.phase == INCOMING_IDLE) {
            uint64_t limit =
                !c->served && l->header_timeout < l->idle_timeout ? l->header_timeout : l->idle_timeout;
            bool quiet = waited >= DRAIN_QUIET_MS * 1000000ull || self->now >= whole(self)->drain_ns;
            if (waited >= limit || (self->draining && quiet && c->out.head == NULL)) conn_lost(c);
        } else if (waited >= (c->in.phase == INCOMING_HEAD ? l->header_timeout : l->body_timeout)) {
            c->keep = false;
            c->lingering = true;
            answer_error(c, 408, "Request timeout: the request did not arrive in time", (jf_view){0});
        }
        break;
    case CONN_SECURING:
        if (waited >= l->header_timeout || (self->draining && self->now >= whole(self)->drain_ns))
            conn_lost(c);
        break;
    case CONN_FLUSHING:
        if (waited >= l->idle_timeout) conn_lost(c);
        break;
    case CONN_LINGER:
        if (waited >= LINGER_MS * 1000000ull) conn_lost(c);
        break;
    default:
        break;
    }
    unpin(c);
}
