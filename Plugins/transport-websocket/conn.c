/* SPDX-License-Identifier: Apache-2.0
 * One client connection: reading, writing, its life and its timeouts. */
#include "server.h"

#include <errno.h>
#include <unistd.h>

static void conn_release(struct conn *c) {
    jf_self *self = c->self;
    incoming_drop(&c->in);
    framer_end(&c->framer);
    outq_clear(self, &c->out);
    if (c->tls != NULL) tls_link_close(c->tls);
    self_release(self, c->target);
    fields_wipe(c->fields);
    self_release(self, c->fields);
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

static void hang_up(struct conn *c) {
    jf_self *self = c->self;
    if (c->state == CONN_DEAD) return;
    pin(c);
    c->state = CONN_DEAD;
    client_map_remove(&whole(self)->clients, c->client);
    timer_end(self, &c->timer);
    watch_end(self, &c->watch);
    if (c->tls != NULL) tls_link_goodbye(c->tls, &c->out);
    close(c->fd);
    c->fd = -1;
    // What others lent is given back at once, however long a pin keeps the rest.
    outq_clear(self, &c->out);
    unpin(c);
}

void conn_drop(struct conn *c) {
    pin(c);
    if (c->state == CONN_OPEN) framer_close(&c->framer, WSLAY_CODE_GOING_AWAY, "the gateway stops", false);
    hang_up(c);
    unpin(c);
}

static void tell_closed(struct conn *c) {
    jf_ref client = c->client;
    if (client == 0) return;
    client_map_remove(&whole(c->self)->clients, client);
    c->client = 0;
    c->self->inbound.closed(c->self->inbound.context, client);
}

void conn_lost(struct conn *c) {
    pin(c);
    hang_up(c);
    tell_closed(c);
    unpin(c);
}

static void on_time(void *user);

void conn_arm(struct conn *c, uint64_t due) {
    jf_self *self = c->self;
    timer_end(self, &c->timer);
    if (due == UINT64_MAX) return;
    self->loop.timer(self->loop.context, due > self->now ? due - self->now : 0, on_time, c, &c->timer);
}

void conn_settle(struct conn *c) {
    if (c->state != CONN_CLOSING || c->out.head != NULL) return;
    if (framer_close_came(&c->framer)) {
        conn_lost(c);
    } else if (!framer_reads(&c->framer) && !c->shut) {
        // The peer may still be sending: closing now would reset our last words away.
        c->shut = true;
        if (c->tls != NULL) tls_link_goodbye(c->tls, &c->out);
        shutdown(c->fd, SHUT_WR);
    }
}

void conn_finish(struct conn *c) {
    c->state = CONN_CLOSING;
    conn_arm(c, c->self->now + c->listener->close_timeout);
    tell_closed(c);
    conn_settle(c);
}

void conn_leave(struct conn *c, uint16_t code, const char *reason) {
    if (c->state != CONN_OPEN) return;
    framer_close(&c->framer, code, reason,
                 code == WSLAY_CODE_NORMAL_CLOSURE || code == WSLAY_CODE_GOING_AWAY);
    conn_finish(c);
}

static void output(struct conn *c) {
    jf_self *self = c->self;
    uint64_t before = c->out.bytes;
    if (outq_flush(self, &c->out, c->fd) < 0) {
        conn_lost(c);
        return;
    }
    // A slow reader is not a dead one.
    if (c->out.bytes < before) c->framer.heard = self->now;
    if (c->slow && c->out.bytes <= c->listener->slow_bytes / 4) {
        c->slow = false;
        if (c->client != 0) self->inbound.writable(self->inbound.context, c->client, 0);
    }
    conn_settle(c);
    if (c->state != CONN_DEAD && c->unread && !intake_held_back(c)) conn_later(c);
}

static void on_ready(void *user, uint32_t events) {
    struct conn *c = user;
    self_tick(c->self);
    pin(c);
    if ((events & JF_WRITABLE) != 0 && c->out.head != NULL) output(c);
    if ((events & JF_BROKEN) != 0) conn_lost(c);
    if ((events & (JF_READABLE | JF_HANGUP)) != 0 && c->state != CONN_DEAD) intake_read(c);
    unpin(c);
}

static const char *leaving_text(uint16_t code) {
    return code == WSLAY_CODE_POLICY_VIOLATION ? "answers are not read" : "closed by the gateway";
}

static void go_on(void *user) {
    struct conn *c = user;
    // After `stop` only the end of the instance looks at connections.
    if (c->self->stopped) return;
    c->posted = false;
    self_tick(c->self);
    if (c->broken) conn_lost(c);
    if (c->leaving != 0) conn_leave(c, c->leaving, leaving_text(c->leaving));
    if (c->unread && c->state != CONN_DEAD && !intake_held_back(c)) intake_read(c);
    unpin(c);
}

void conn_later(struct conn *c) {
    if (c->posted || c->self->stopped) return;
    c->posted = true;
    pin(c);
    c->self->loop.post(c->self->loop.context, go_on, c);
}

static void on_time(void *user) {
    struct conn *c = user;
    uint64_t due;
    c->timer = 0;
    self_tick(c->self);
    pin(c);
    if (c->state == CONN_SHAKING) {
        upgrade_refuse(c, 408, "Request timeout: the upgrade request did not arrive in time");
    } else if (c->state == CONN_CLOSING || c->state == CONN_SECURING) {
        conn_lost(c);
    } else if (framer_pulse(&c->framer, c->self->now, &due)) {
        conn_arm(c, due);
    } else {
        self_log(c->self, JF_LOG_INFO, "a WebSocket client answered no ping in time; it is given up");
        conn_leave(c, WSLAY_CODE_INTERNAL_SERVER_ERROR, "no pong in time");
    }
    unpin(c);
}

void conn_open(struct listener *l, int fd, const struct endpoint *peer) {
    jf_self *self = l->port.self;
    struct conn *c = slots_take(&self->conns, &self->memory);
    if (c == NULL) {
        close(fd);
        return;
    }
    c->listener = l;
    c->self = self;
    c->fd = fd;
    c->peer = *peer;
    c->in.self = self;
    c->in.owner = c;
    c->in.on_head = upgrade_head;
    c->in.max_head = l->max_head;
    c->excess = l->port.open >= l->max_connections;
    l->port.open++;
    if (l->port.tls != NULL) {
        c->state = CONN_SECURING;
        c->tls = tls_link_open(l->port.tls, fd);
    }
    bool secured = l->port.tls == NULL || c->tls != NULL;
    if (secured && incoming_begin(&c->in, HTTP_REQUEST) &&
        self->loop.watch(self->loop.context, fd, JF_READABLE | JF_WRITABLE, on_ready, c, &c->watch) ==
            JF_OK) {
        conn_arm(c, self->now + l->handshake_timeout);
        return;
    }
    close(fd);
    conn_release(c);
}

void conn_write(void *owner, struct iovec *parts, uint32_t count, const struct keeper *keeper) {
    struct conn *c = owner;
    uint64_t sent = 0;
    if (c->broken || c->shut || c->fd < 0) return;
    if (c->tls != NULL) {
        // Ciphertext is nobody else's to keep: what waits is a copy.
        if (!tls_link_write(c->tls, &c->out, parts, count)) {
            c->broken = true;
            conn_later(c);
        }
        return;
    }
    if (c->out.head == NULL) {
        ssize_t done = socket_write(c->fd, parts, count);
        if (done < 0 && errno != EAGAIN) c->broken = true;
        if (done > 0) sent = (uint64_t)done;
    }
    if (!c->broken && !outq_append(c->self, &c->out, parts, count, sent, keeper)) {
        self_log(c->self, JF_LOG_WARNING, "out of memory for a message; its connection is closed");
        c->broken = true;
    }
    if (c->broken) conn_later(c);
}
