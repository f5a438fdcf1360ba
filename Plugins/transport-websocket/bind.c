/* SPDX-License-Identifier: Apache-2.0
 * Binding a listening socket. */
#include "server.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { LISTENER_BACKLOG = 1024 };

/** Whether somebody listens there already: SO_REUSEPORT, which our own loops share the port with, would join
 * in silently. Port 0 is never taken. */
static bool is_taken(const struct endpoint *bound, int family) {
    int one = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    bool taken = bind(fd, &bound->address.any, bound->length) != 0 && errno == EADDRINUSE;
    close(fd);
    return taken;
}

static int32_t refused(jf_view address, int error, jf_fault *why) {
    return fault_set(why, error == EADDRINUSE ? JF_E_BUSY : JF_E_FAULT, 0,
                     "cannot listen on %.*s: %s; choose another address or stop what uses it",
                     (int)address.len, (const char *)address.ptr, strerrordesc_np(error));
}

int32_t listener_bind(struct listener *l, jf_view address, bool leads, jf_fault *why) {
    jf_view host;
    uint16_t port = 8810;
    if (!authority_split(address, &host, &port) || !endpoint_literal(host, port, &l->bound))
        return fault_set(why, JF_E_INVALID, 0,
                         "cannot listen on \"%.*s\": write an IP address and a port, such as 127.0.0.1:8810",
                         (int)address.len, (const char *)address.ptr);
    int family = l->bound.address.any.sa_family, one = 1;
    if (leads && is_taken(&l->bound, family)) return refused(address, EADDRINUSE, why);
    l->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd >= 0) {
        setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        setsockopt(l->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
        if (family == AF_INET6) setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
        // Accepted sockets inherit it: no call per connection.
        setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }
    if (l->fd < 0 || bind(l->fd, &l->bound.address.any, l->bound.length) != 0 ||
        listen(l->fd, LISTENER_BACKLOG) != 0) {
        int error = errno;
        if (l->fd >= 0) close(l->fd);
        l->fd = -1;
        return refused(address, error, why);
    }
    l->bound.length = sizeof(l->bound.address);
    getsockname(l->fd, &l->bound.address.any, &l->bound.length);
    return JF_OK;
}
