/* SPDX-License-Identifier: Apache-2.0
 * From a name to a connected, maybe secured socket. */
#include "uplink.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

static const uint64_t names_kept = 30000000000u;

/** Tries addresses from u->tried on. False: none is left, `errno` tells why the last one failed. */
static bool try_next(struct uplink *u) {
    struct origin *o = &u->origin;
    jf_self *self = o->self;
    int error = EHOSTUNREACH, one = 1;
    for (; u->tried < o->address_count; u->tried++) {
        u->address = (uint8_t)((o->good + u->tried) % o->address_count);
        const struct endpoint *e = &o->addresses[u->address];
        u->fd = socket(e->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (u->fd < 0) {
            error = errno;
            continue;
        }
        setsockopt(u->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
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
    const struct origin *o = &u->origin;
    u->state = UPLINK_CONNECTING;
    if (try_next(u)) return;
    if (error == 0) error = errno;
    uplink_fail(
        u, error == ETIMEDOUT ? JF_E_TIMEOUT : JF_E_GONE,
        "cannot connect to server \"%s\" at %s port %u: %s; check that it runs and that its url is right",
        o->name, o->host, o->port, strerrordesc_np(error));
}

void dial_start(struct uplink *u) {
    struct origin *o = &u->origin;
    u->tried = 0;
    u->next_try = 0;
    if (o->literal || (o->address_count != 0 && o->self->now < o->resolved_until)) {
        try_addresses(u, 0);
        return;
    }
    u->state = UPLINK_RESOLVING;
    if (o->lookup != NULL || resolve_start(o)) return;
    origin_resolved(o, NULL, 0, "no thread for the look-up");
}

void origin_resolved(struct origin *o, const struct endpoint *addresses, uint32_t count, const char *error) {
    struct uplink *u = (struct uplink *)(void *)((uint8_t *)o - offsetof(struct uplink, origin));
    o->lookup = NULL;
    if (u->state != UPLINK_RESOLVING) return;
    if (count == 0) {
        uplink_fail(u, JF_E_GONE,
                    "cannot find the host %s of server \"%s\": %s; check the url and the resolver", o->host,
                    o->name, error);
        return;
    }
    o->address_count = (uint8_t)(count > ADDRESSES_MAX ? ADDRESSES_MAX : count);
    memcpy(o->addresses, addresses, o->address_count * sizeof(*addresses));
    o->good = 0;
    o->resolved_until = o->self->now + names_kept;
    try_addresses(u, 0);
}

static void secure(struct uplink *u) {
    char text[160];
    int done = tls_handshake(u->tls);
    if (done > 0) greet_start(u);
    if (done >= 0) return;
    tls_error(u->tls, text, sizeof(text));
    uplink_fail(u, JF_E_GONE, "no TLS with server \"%s\" at %s port %u: %s", u->origin.name, u->origin.host,
                u->origin.port, text);
}

/** The system's verdict on the connection attempt. */
static void connected(struct uplink *u) {
    struct origin *o = &u->origin;
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
