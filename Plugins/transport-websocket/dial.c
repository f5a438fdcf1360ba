/* SPDX-License-Identifier: Apache-2.0
 * From a name to a connected, maybe secured socket. */
#include "uplink.h"

#include <errno.h>
#include <unistd.h>

/** Tries addresses from u->tried on. False: none is left, `errno` tells why the last one failed. */
static bool try_next(struct uplink *u) {
    struct remote *o = &u->remote;
    jf_self *self = o->self;
    int error = EHOSTUNREACH;
    for (; u->tried < o->address_count; u->tried++) {
        u->address = (uint8_t)((o->good + u->tried) % o->address_count);
        const struct endpoint *e = &o->addresses[u->address];
        u->fd = socket(e->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (u->fd < 0) {
            error = errno;
            continue;
        }
        socket_prepare(u->fd);
        int status = connect(u->fd, &e->address.any, e->length);
        if (status == 0 || errno == EINPROGRESS) {
            if (self->loop.watch(self->loop.context, u->fd, JF_READABLE | JF_WRITABLE, uplink_ready, u,
                                 &u->watch) == JF_OK) {
                uplink_arm(u, self->now + o->connect_timeout);
                return true;
            }
            errno = ENOMEM;
        }
        error = errno;
        close(u->fd);
        u->fd = -1;
    }
    errno = error;
    return false;
}

static void try_addresses(struct uplink *u, int error) {
    const struct remote *o = &u->remote;
    u->state = UPLINK_CONNECTING;
    if (try_next(u)) return;
    if (error == 0) error = errno;
    uplink_fail(
        u, error == ETIMEDOUT ? JF_E_TIMEOUT : JF_E_GONE,
        "cannot connect to server \"%s\" at %s port %u: %s; check that it runs and that its url is right",
        o->name, o->host, o->port, strerrordesc_np(error));
}

void dial_start(struct uplink *u) {
    struct remote *o = &u->remote;
    u->tried = 0;
    u->next_try = 0;
    if (remote_is_resolved(o)) {
        try_addresses(u, 0);
        return;
    }
    u->state = UPLINK_RESOLVING;
    if (o->lookup != NULL || resolve_start(o)) return;
    remote_resolved(o, "no thread for the look-up");
}

void remote_resolved(struct remote *o, const char *error) {
    struct uplink *u = (struct uplink *)(void *)((uint8_t *)o - offsetof(struct uplink, remote));
    if (u->state != UPLINK_RESOLVING) return;
    if (error == NULL)
        try_addresses(u, 0);
    else
        uplink_fail(u, JF_E_GONE,
                    "cannot find the host %s of server \"%s\": %s; check the url and the resolver", o->host,
                    o->name, error);
}

static void secure(struct uplink *u) {
    char text[160];
    int done = tls_handshake(u->tls);
    if (done > 0) greet_start(u);
    if (done >= 0) return;
    tls_error(u->tls, text, sizeof(text));
    uplink_fail(u, JF_E_GONE, "no TLS with server \"%s\" at %s port %u: %s", u->remote.name, u->remote.host,
                u->remote.port, text);
}

/** The system's verdict on the connection attempt. */
static void connected(struct uplink *u) {
    struct remote *o = &u->remote;
    int error = 0;
    socklen_t size = sizeof(error);
    struct endpoint peer = {.length = sizeof(peer.address)};
    if (getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error == 0 && getpeername(u->fd, &peer.address.any, &peer.length) != 0) {
        if (errno == ENOTCONN) return;
        error = errno;
    }
    if (error != 0) {
        watch_end(o->self, &u->watch);
        close(u->fd);
        u->fd = -1;
        u->tried++;
        try_addresses(u, error);
        return;
    }
    o->good = u->address;
    uplink_arm(u, o->self->now + u->handshake_timeout);
    if (o->tls == NULL) {
        greet_start(u);
        return;
    }
    u->tls = tls_open(o->tls, o->host, u->fd);
    if (u->tls == NULL) {
        uplink_fail(u, JF_E_FAULT, "out of memory for TLS to server \"%s\"", o->name);
        return;
    }
    u->state = UPLINK_SECURING;
    secure(u);
}

void dial_step(struct uplink *u) {
    if (u->state == UPLINK_CONNECTING)
        connected(u);
    else if (u->state == UPLINK_SECURING)
        secure(u);
}
