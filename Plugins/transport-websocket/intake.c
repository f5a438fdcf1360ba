/* SPDX-License-Identifier: Apache-2.0
 * Reading from a client: the upgrade request, then frames. */
#include "server.h"

#include <errno.h>

/** Frames for an open connection, or for one that waits for the peer's close frame. */
static void receive(struct conn *c, const uint8_t *bytes, uint64_t length) {
    framer_receive(&c->framer, bytes, length);
    if (c->state == CONN_OPEN && c->framer.over) {
        if (c->framer.code != 0)
            self_log(c->self, JF_LOG_INFO, "a WebSocket client broke a rule: closed with code %u",
                     c->framer.code);
        conn_finish(c);
    }
    conn_settle(c);
}

bool intake_held_back(const struct conn *c) {
    return c->state == CONN_OPEN && c->out.bytes > c->listener->slow_bytes;
}

/** What recv answered; true when there is something to look at. */
static bool took(struct conn *c, ssize_t got) {
    if (got > 0) return true;
    if (got < 0 && errno == EINTR) return false;
    c->unread = false;
    if (got == 0 || errno != EAGAIN) conn_lost(c);
    return false;
}

static const char *refusal_text(uint16_t status) {
    return status == 431   ? "Header fields too large: the head exceeds this server's max_headers"
           : status == 505 ? "HTTP version not supported: use HTTP/1.1"
                           : "Bad request: not a well-formed HTTP/1.1 upgrade request";
}

static ssize_t receive_some(struct conn *c, uint8_t *to, size_t room) {
    return c->tls == NULL ? recv(c->fd, to, room, 0) : tls_link_read(c->tls, &c->out, to, room);
}

/** Goes on with the TLS handshake. */
static void secure(struct conn *c) {
    switch (tls_link_handshake(c->tls, &c->out, &c->peer)) {
    case TLS_WAIT:
        c->unread = false;
        break;
    case TLS_DONE:
        c->state = CONN_SHAKING;
        break;
    case TLS_MORE:
        break;
    case TLS_PLAIN:
        tls_link_close(c->tls);
        c->tls = NULL;
        upgrade_refuse(c, 400, "Bad request: this port speaks TLS, use wss");
        break;
    case TLS_FAILED:
        incoming_drop(&c->in);
        conn_finish(c);
        break;
    case TLS_GONE:
        conn_lost(c);
        break;
    }
}

/** Reads the upgrade request. */
static void shake(struct conn *c) {
    struct incoming *in = &c->in;
    uint32_t room = incoming_room(in);
    if (room == 0) {
        conn_lost(c);
        return;
    }
    ssize_t got = receive_some(c, in->buf.ptr + in->buf.len, room);
    if (!took(c, got)) return;
    in->buf.len += (uint32_t)got;
    int whole_head = incoming_parse(in);
    if (whole_head < 0) upgrade_refuse(c, in->refused != 0 ? in->refused : 400, refusal_text(in->refused));
    if (whole_head <= 0) return;
    upgrade_run(c);
    if (c->state != CONN_OPEN) return;
    uint64_t due;
    framer_pulse(&c->framer, c->self->now, &due);
    conn_arm(c, due);
    if (in->buf.pos < in->buf.len) receive(c, in->buf.ptr + in->buf.pos, in->buf.len - in->buf.pos);
    incoming_drop(in);
}

void intake_read(struct conn *c) {
    jf_self *self = c->self;
    struct buffer scratch = {0};
    c->unread = true;
    for (uint32_t turn = 0; turn < TURN && c->unread && c->state != CONN_DEAD; turn++) {
        if (intake_held_back(c)) break;
        if (c->state == CONN_SECURING) {
            secure(c);
            continue;
        }
        if (c->state == CONN_SHAKING) {
            shake(c);
            continue;
        }
        if (scratch.ptr == NULL && !buffer_take(self, &scratch, READ_SIZE)) {
            conn_lost(c);
            break;
        }
        ssize_t got = receive_some(c, scratch.ptr, READ_SIZE);
        if (took(c, got) && framer_reads(&c->framer)) receive(c, scratch.ptr, (uint64_t)got);
    }
    buffer_release(self, &scratch);
    if (c->state == CONN_DEAD) return;
    if (c->state == CONN_SHAKING) incoming_settle(&c->in);
    if (c->unread && !intake_held_back(c)) conn_later(c);
}
