/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets: binding, accepting, closing. */
#include "port.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <unistd.h>

enum { LISTENER_BACKLOG = 1024, ACCEPT_RETRY_MS = 100 };

/* ---- Accepting ---- */

static void accept_again(void *user);

static void accept_all(struct port *p) {
    jf_self *self = p->self;
    while (p->fd >= 0) {
        struct endpoint peer = {.length = sizeof(peer.address)};
        int fd = accept4(p->fd, &peer.address.any, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            p->kind->accepted(p, fd, &peer);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN) return;
        // Out of descriptors or memory: the edge is gone, so try again by the clock.
        self_log(self, JF_LOG_WARNING, "cannot accept a client: %s; trying again", strerrordesc_np(errno));
        if (p->retry == 0)
            self->loop.timer(self->loop.context, ACCEPT_RETRY_MS * 1000000u, accept_again, p, &p->retry);
        return;
    }
}

/** Closing a socket resets the connections that wait in it, so they are taken first. SYNs of new ones are
 * dropped meanwhile, for some microseconds: repeated, they find who else listens at this address, or nobody.
 */
static void take_waiting(struct port *p) {
    enum { FLAGS = 13, SYN = 0x02, SYN_ACK = 0x12 };
    struct sock_filter no_syn[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS),      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN_ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    struct sock_fprog program = {.len = sizeof(no_syn) / sizeof(no_syn[0]), .filter = no_syn};
    if (p->fd < 0) return;
    setsockopt(p->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
    accept_all(p);
}

static void accept_again(void *user) {
    struct port *p = user;
    p->retry = 0;
    self_tick(p->self);
    accept_all(p);
}

static void on_ready(void *user, uint32_t events) {
    struct port *p = user;
    (void)events;
    self_tick(p->self);
    accept_all(p);
}

/* ---- Binding ---- */

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
    return jf_fault_set(why, error == EADDRINUSE ? JF_E_BUSY : JF_E_FAULT, 0,
                        "cannot listen on %.*s: %s; choose another address or stop what uses it",
                        (int)address.len, (const char *)address.ptr, strerrordesc_np(error));
}

/** `leads`: the first loop to bind this address; the others share what it got. */
static int32_t bind_to(struct port *p, jf_view address, bool leads, jf_fault *why) {
    jf_view usual = view_make(p->kind->usual, strlen(p->kind->usual)), host;
    uint16_t number = 0;
    authority_split(usual, &host, &number);
    if (!authority_split(address, &host, &number) || !endpoint_literal(host, number, &p->bound))
        return jf_fault_set(why, JF_E_INVALID, 0,
                            "cannot listen on \"%.*s\": write an IP address and a port, such as %s",
                            (int)address.len, (const char *)address.ptr, p->kind->usual);
    int family = p->bound.address.any.sa_family, one = 1;
    if (leads && is_taken(&p->bound, family)) return refused(address, EADDRINUSE, why);
    p->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd >= 0) {
        setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        setsockopt(p->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
        if (family == AF_INET6) setsockopt(p->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
        // Accepted sockets inherit it: no call per connection.
        socket_prepare(p->fd);
    }
    if (p->fd < 0 || bind(p->fd, &p->bound.address.any, p->bound.length) != 0 ||
        listen(p->fd, LISTENER_BACKLOG) != 0) {
        int error = errno;
        if (p->fd >= 0) close(p->fd);
        p->fd = -1;
        return refused(address, error, why);
    }
    p->bound.length = sizeof(p->bound.address);
    getsockname(p->fd, &p->bound.address.any, &p->bound.length);
    return JF_OK;
}

static int32_t tell_bound(const struct port *p, jf_blob *bound) {
    const char *scheme = p->tls != NULL ? p->kind->secure : p->kind->scheme;
    size_t length = strlen(scheme);
    char *text = malloc(length + 90);
    if (text == NULL) return JF_E_FAULT;
    memcpy(text, scheme, length);
    length += endpoint_text(&p->bound, text + length, 90);
    *bound = (jf_blob){.ptr = (const uint8_t *)text, .len = length, .owner = text, .drop = free};
    return JF_OK;
}

/* ---- Their life ---- */

static void stop_accepting(struct port *p) {
    timer_end(p->self, &p->retry);
    watch_end(p->self, &p->watch);
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
}

static void port_free(struct port *p) {
    jf_self *self = p->self;
    stop_accepting(p);
    allowed_end(&p->allowed, self);
    tls_server_close(p->tls);
    self_release(self, p);
}

/** Frees closed listeners whose last connection has gone. */
static void reap(jf_self *self) {
    for (struct port **at = &self->ports; *at != NULL;) {
        struct port *p = *at;
        if (!p->closed || p->open != 0) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        port_free(p);
    }
}

struct port *port_make(jf_self *self, uint64_t size, const struct port_kind *kind, jf_fault *why) {
    if (self->inbound.deliver == NULL) {
        jf_fault_set(why, JF_E_UNSUPPORTED, 0, "%s cannot listen: the host offers no jf.inbound/1",
                     kind->plugin);
        return NULL;
    }
    reap(self);
    struct port *p = self_allocate(self, size);
    if (p == NULL) {
        jf_fault_set(why, JF_E_FAULT, 0, "out of memory for a listener");
        return NULL;
    }
    p->kind = kind;
    p->self = self;
    p->fd = -1;
    return p;
}

static int32_t open_at(struct port *p, jf_view address, jf_view config, jf_blob *bound, jf_fault *why) {
    jf_self *self = p->self;
    if (!allowed_read(&p->allowed, self, config))
        return jf_fault_set(why, JF_E_INVALID, 0, "allowed_hosts and allowed_origins must be lists of texts");
    int32_t status = tls_server_open(self, config, &p->tls, why);
    if (status != JF_OK) return status;
    char *configured = setting_text(self, config, "/address");
    const char *own = configured != NULL ? configured : p->kind->usual;
    bool leads = address.len == 0;
    status = bind_to(p, leads ? view_make(own, strlen(own)) : address, leads, why);
    self_release(self, configured);
    if (status != JF_OK) return status;
    allowed_settle(&p->allowed, &p->bound);
    if (self->loop.watch(self->loop.context, p->fd, JF_READABLE, on_ready, p, &p->watch) != JF_OK) {
        p->watch = 0;
        return jf_fault_set(why, JF_E_FAULT, 0, "the event loop refused a listening socket");
    }
    return tell_bound(p, bound);
}

int32_t port_open(struct port *p, jf_ref ref, jf_view address, jf_view config, jf_blob *bound,
                  jf_fault *why) {
    jf_self *self = p->self;
    p->ref = ref;
    int32_t status = open_at(p, address, config, bound, why);
    if (status != JF_OK) {
        port_free(p);
        return status;
    }
    p->next = self->ports;
    self->ports = p;
    return JF_OK;
}

void port_close(jf_self *self, jf_ref ref) {
    for (struct port *p = self->ports; p != NULL; p = p->next)
        if (p->ref == ref) {
            take_waiting(p);
            stop_accepting(p);
            // Its memory stays for the connections that it accepted.
            p->closed = true;
        }
}

void ports_stop(jf_self *self) {
    for (struct port *p = self->ports; p != NULL; p = p->next)
        stop_accepting(p);
}

void ports_end(jf_self *self) {
    while (self->ports != NULL) {
        struct port *p = self->ports;
        self->ports = p->next;
        port_free(p);
    }
}
