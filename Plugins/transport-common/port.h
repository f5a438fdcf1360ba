/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets: binding, accepting, closing. A transport's listener begins with its port. */
#ifndef TRANSPORT_COMMON_PORT_H
#define TRANSPORT_COMMON_PORT_H

#include "allowed.h"
#include "instance.h"
#include "tls_server.h"

struct port;

/** What transports differ in. */
struct port_kind {
    const char *plugin; /**< for messages */
    const char *scheme; /**< "http://" */
    const char *secure; /**< "https://" */
    const char *usual;  /**< the address where none is configured: "127.0.0.1:8808" */
    /** A client is there; the socket is the transport's from now on. */
    void (*accepted)(struct port *port, int fd, const struct endpoint *peer);
};

struct port {
    struct port *next;
    const struct port_kind *kind;
    jf_self *self;
    jf_ref ref; /**< the host's handle */
    int fd;     /**< -1 once it accepts no more */
    jf_ref watch;
    jf_ref retry;  /**< timer: accept again after the process ran out of descriptors */
    bool closed;   /**< by the host */
    uint32_t open; /**< connections that it accepted and that are still there: the transport counts */
    struct endpoint bound;
    struct allowed allowed;
    struct tls_server *tls; /**< NULL: plain */
};

/** A listener of `size` bytes, all zero but its port, for port_open. NULL: the host has no use for one, or
 * out of memory. */
struct port *port_make(jf_self *self, uint64_t size, const struct port_kind *kind, jf_fault *why);
/** Reads who is allowed, binds and accepts from now on; `*bound` is its URL. Frees the listener on failure.
 * An `address` is what another loop got; without one the configuration has it. */
int32_t port_open(struct port *port, jf_ref ref, jf_view address, jf_view config, jf_blob *bound,
                  jf_fault *why);
/** Accepts no more. The listener stays until its connections are gone. */
void port_close(jf_self *self, jf_ref ref);
/** Closes all listening sockets. */
void ports_stop(jf_self *self);
/** Frees all listeners. */
void ports_end(jf_self *self);

#endif
