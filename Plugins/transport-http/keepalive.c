/* SPDX-License-Identifier: Apache-2.0
 * Comments on event streams on which nothing was written for a while (WHATWG HTML, section 9.2.7): proxies
 * keep the connection, and one whose other end is gone shows. Streams stand in a list by the time of their
 * last write, so that one timer per loop is enough, however many there are. */
#include "listener.h"

/** Comments per turn of the loop, and how soon the next turn comes. */
enum { COMMENTS_PER_TURN = 128, TURN_NS = 1000000 };

static void unlink_stream(struct conn *c) {
    struct listener *l = c->listener;
    *(c->quiet_before != NULL ? &c->quiet_before->quiet_after : &l->quietest) = c->quiet_after;
    *(c->quiet_after != NULL ? &c->quiet_after->quiet_before : &l->latest) = c->quiet_before;
    c->quiet_before = c->quiet_after = NULL;
}

static void append(struct conn *c) {
    struct listener *l = c->listener;
    c->quiet_before = l->latest;
    *(l->latest != NULL ? &l->latest->quiet_after : &l->quietest) = c;
    l->latest = c;
    c->wrote = c->in.self->now;
}

static void comment(struct conn *c) {
    struct iovec part =
        c->chunked ? (struct iovec){"e\r\n: keep-alive\n\n\r\n", 19} : (struct iovec){": keep-alive\n\n", 14};
    if (c->state != CONN_STREAM || c->broken || c->closing)
        keepalive_end(c);
    else if (c->out.head == NULL)
        conn_write(c, &part, 1, NULL);
    else
        keepalive_wrote(c); // It has something to read already.
}

static void on_timer(void *user);

static void arm(jf_self *self, uint64_t due) {
    struct http *it = whole(self);
    if (self->stopped || (it->quiet_timer != 0 && it->quiet_due <= due)) return;
    if (it->quiet_timer != 0) self->loop.cancel(self->loop.context, it->quiet_timer);
    it->quiet_timer = 0;
    it->quiet_due = due;
    uint64_t wait = due > self->now + TURN_NS ? due - self->now : TURN_NS;
    self->loop.timer(self->loop.context, wait, on_timer, self, &it->quiet_timer);
}

static void on_timer(void *user) {
    jf_self *self = user;
    uint32_t left = COMMENTS_PER_TURN;
    whole(self)->quiet_timer = 0;
    self_tick(self);
    for (struct port *port = self->ports; port != NULL; port = port->next) {
        struct listener *l = (struct listener *)(void *)port;
        struct conn *c;
        for (; (c = l->quietest) != NULL && self->now - c->wrote >= l->keepalive && left != 0; left--)
            comment(c);
        if (c != NULL) arm(self, c->wrote + l->keepalive);
    }
}

void keepalive_begin(struct conn *c) {
    struct listener *l = c->listener;
    if (l->keepalive == 0 || c->quiet) return;
    c->quiet = true;
    append(c);
    arm(c->in.self, c->wrote + l->keepalive);
}

void keepalive_wrote(struct conn *c) {
    if (!c->quiet) return;
    unlink_stream(c);
    append(c);
}

void keepalive_end(struct conn *c) {
    if (!c->quiet) return;
    c->quiet = false;
    unlink_stream(c);
}
