/* SPDX-License-Identifier: Apache-2.0
 * TLS on a client's connection: its handshake and its end. */
#include "listener.h"

bool secure_begin(struct conn *c) {
    c->tls = tls_link_open(c->listener->port.tls, c->fd);
    c->state = CONN_SECURING;
    return c->tls != NULL;
}

/** What was said ends the connection. */
static void leave(struct conn *c) {
    c->keep = false;
    c->lingering = true;
}

void secure_step(struct conn *c) {
    switch (tls_link_handshake(c->tls, &c->out, &c->peer)) {
    case TLS_WAIT:
        break;
    case TLS_DONE:
        c->state = CONN_READING;
        c->since = c->in.self->now;
        // The first request may lie behind the handshake's last words.
        c->unread = true;
        conn_later(c);
        break;
    case TLS_MORE:
        conn_later(c);
        break;
    case TLS_PLAIN:
        tls_link_close(c->tls);
        c->tls = NULL;
        leave(c);
        answer_error(c, 400, "Bad request: this port speaks TLS, use https", (jf_view){0});
        break;
    case TLS_FAILED:
        leave(c);
        c->state = CONN_FLUSHING;
        c->since = c->in.self->now;
        conn_later(c);
        break;
    case TLS_GONE:
        conn_lost(c);
        break;
    }
}

void secure_end(struct conn *c) {
    tls_link_goodbye(c->tls, &c->out);
    tls_link_close(c->tls);
    c->tls = NULL;
}
