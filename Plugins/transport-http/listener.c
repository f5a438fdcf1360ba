/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets: binding, accepting, configuration. */
#include "listener.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LISTENER_BACKLOG = 1024, ACCEPT_RETRY_MS = 100 };

static void accept_again(void *user);

static void refuse(int fd) {
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
                               "Content-Length: 0\r\n\r\n";
    ssize_t ignored = send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
    close(fd);
}

static void accept_all(struct listener *l) {
    jf_self *self = l->self;
    while (l->fd >= 0) {
        struct endpoint peer = {.length = sizeof(peer.address)};
        int fd = accept4(l->fd, &peer.address.any, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            if (l->open >= l->max_connections)
                refuse(fd);
            else
                conn_open(l, fd, &peer);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN) return;
        // Out of descriptors or memory: the edge is gone, so try again by the clock.
        self_log(self, JF_LOG_WARNING, "cannot accept a client: %s; trying again", strerrordesc_np(errno));
        if (l->retry == 0)
            self->loop.timer(self->loop.context, ACCEPT_RETRY_MS * 1000000u, accept_again, l, &l->retry);
        return;
    }
}

/** Closing a socket resets the connections that wait in it, so they are taken first. SYNs of new ones are
 * dropped meanwhile, for some microseconds: repeated, they find who else listens at this address, or nobody.
 */
static void take_waiting(struct listener *l) {
    enum { FLAGS = 13, SYN = 0x02, SYN_ACK = 0x12 };
    struct sock_filter no_syn[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS),      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN_ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    struct sock_fprog program = {.len = sizeof(no_syn) / sizeof(no_syn[0]), .filter = no_syn};
    if (l->fd < 0) return;
    setsockopt(l->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
    accept_all(l);
}

static void accept_again(void *user) {
    struct listener *l = user;
    l->retry = 0;
    self_tick(l->self);
    accept_all(l);
}

static void on_ready(void *user, uint32_t events) {
    struct listener *l = user;
    (void)events;
    self_tick(l->self);
    accept_all(l);
}

static bool has_star(struct text_list *list) {
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], "*") == 0) return true;
    return false;
}

static bool configure(struct listener *l, jf_view config) {
    jf_self *self = l->self;
    l->max_body = setting_number(self, config, "/limits/max_body", 4194304);
    if (l->max_body > 0x7fffffffu) l->max_body = 0x7fffffffu;
    uint64_t head = setting_number(self, config, "/limits/max_headers", 65536);
    l->max_head = head > (1u << 24) ? 1u << 24 : (uint32_t)head;
    l->max_connections = setting_number(self, config, "/limits/max_connections", 8192);
    l->header_timeout = setting_duration(self, config, "/limits/header_timeout_ms", 10000);
    l->body_timeout = setting_duration(self, config, "/limits/body_timeout_ms", 30000);
    l->idle_timeout = setting_duration(self, config, "/limits/idle_timeout_ms", 75000);
    l->keepalive = setting_duration(self, config, "/keep_alive_ms", 15000);
    l->slow_bytes = setting_number(self, config, "/stream_buffer", 1u << 20);
    l->full_bytes = 2 * l->max_body > 8 * l->slow_bytes ? 2 * l->max_body : 8 * l->slow_bytes;
    l->sse = setting_flag(self, config, "/sse", false);
    if (!setting_list(self, config, "/allowed_hosts", &l->hosts) ||
        !setting_list(self, config, "/allowed_origins", &l->origins))
        return false;
    l->any_host = has_star(&l->hosts);
    l->any_origin = has_star(&l->origins);
    sweep_need(self, l->header_timeout);
    sweep_need(self, l->body_timeout);
    sweep_need(self, l->idle_timeout);
    return true;
}

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

/** `leads`: the first loop to bind this address; the others share what it got. */
static int32_t bind_to(struct listener *l, jf_view address, bool leads, jf_fault *why) {
    jf_view host;
    uint16_t port = 8808;
    if (!authority_split(address, &host, &port) || !endpoint_literal(host, port, &l->bound))
        return fault_set(why, JF_E_INVALID, 0,
                         "cannot listen on \"%.*s\": write an IP address and a port, such as 127.0.0.1:8808",
                         (int)address.len, (const char *)address.ptr);
    int family = l->bound.address.any.sa_family, one = 1;
    if (leads && is_taken(&l->bound, family))
        return fault_set(why, JF_E_BUSY, 0,
                         "cannot listen on %.*s: %s; choose another address or stop what uses it",
                         (int)address.len, (const char *)address.ptr, strerrordesc_np(EADDRINUSE));
    l->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd >= 0) {
        setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        setsockopt(l->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
        if (family == AF_INET6) setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
        // Accepted sockets inherit it: no call per connection.
        socket_prepare(l->fd);
    }
    if (l->fd < 0 || bind(l->fd, &l->bound.address.any, l->bound.length) != 0 ||
        listen(l->fd, LISTENER_BACKLOG) != 0) {
        int32_t status = fault_set(why, errno == EADDRINUSE ? JF_E_BUSY : JF_E_FAULT, 0,
                                   "cannot listen on %.*s: %s; choose another address or stop what uses it",
                                   (int)address.len, (const char *)address.ptr, strerrordesc_np(errno));
        if (l->fd >= 0) close(l->fd);
        l->fd = -1;
        return status;
    }
    l->bound.length = sizeof(l->bound.address);
    getsockname(l->fd, &l->bound.address.any, &l->bound.length);
    return JF_OK;
}

static int32_t tell_bound(struct listener *l, jf_blob *bound) {
    char *text = malloc(96);
    if (text == NULL) return JF_E_FAULT;
    memcpy(text, "http://", 7);
    uint32_t length = endpoint_text(&l->bound, text + 7, 89);
    *bound = (jf_blob){.ptr = (const uint8_t *)text, .len = length + 7, .owner = text, .drop = free};
    return JF_OK;
}

static void listener_free(struct listener *l) {
    jf_self *self = l->self;
    text_list_end(self, &l->hosts);
    text_list_end(self, &l->origins);
    self_release(self, l);
}

/** Frees closed listeners whose last connection has gone. */
static void reap(jf_self *self) {
    for (struct listener **at = &self->listeners; *at != NULL;) {
        struct listener *l = *at;
        if (!l->closed || l->open != 0) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        listener_free(l);
    }
}

int32_t listener_open(jf_self *self, jf_ref ref, jf_view address, jf_view config, jf_blob *bound,
                      jf_fault *why) {
    if (self->inbound.deliver == NULL)
        return fault_set(why, JF_E_UNSUPPORTED, 0,
                         "transport-http cannot listen: the host offers no jf.inbound/1");
    reap(self);
    struct listener *l = self_allocate(self, sizeof(*l));
    if (l == NULL) return fault_set(why, JF_E_FAULT, 0, "out of memory for a listener");
    l->self = self;
    l->ref = ref;
    l->fd = -1;
    char *configured = setting_text(self, config, "/address");
    bool leads = address.len == 0;
    if (leads)
        address = configured != NULL ? view_make(configured, strlen(configured)) : LITERAL("127.0.0.1:8808");
    int32_t status =
        configure(l, config)
            ? bind_to(l, address, leads, why)
            : fault_set(why, JF_E_INVALID, 0, "allowed_hosts and allowed_origins must be lists of texts");
    self_release(self, configured);
    if (status == JF_OK) {
        bool loopback = endpoint_is_loopback(&l->bound);
        l->check_host = l->hosts.count != 0 ? !l->any_host : loopback;
        l->loopback_origins = loopback && l->origins.count == 0;
        status = tell_bound(l, bound);
    }
    if (status == JF_OK) {
        status = self->loop.watch(self->loop.context, l->fd, JF_READABLE, on_ready, l, &l->watch);
        if (status != JF_OK) {
            free(bound->owner);
            *bound = (jf_blob){0};
            fault_set(why, JF_E_FAULT, 0, "the event loop refused a listening socket");
        }
    }
    if (status != JF_OK) {
        if (l->fd >= 0) close(l->fd);
        listener_free(l);
        return status;
    }
    l->next = self->listeners;
    self->listeners = l;
    return JF_OK;
}

static void stop_accepting(struct listener *l) {
    jf_self *self = l->self;
    if (l->retry != 0) self->loop.cancel(self->loop.context, l->retry);
    l->retry = 0;
    if (l->fd < 0) return;
    self->loop.unwatch(self->loop.context, l->watch);
    close(l->fd);
    l->fd = -1;
}

void listener_close(jf_self *self, jf_ref ref) {
    for (struct listener *l = self->listeners; l != NULL; l = l->next)
        if (l->ref == ref) {
            take_waiting(l);
            stop_accepting(l);
            // Its memory stays for the connections that it accepted.
            l->closed = true;
        }
}

void listeners_stop(jf_self *self) {
    for (struct listener *l = self->listeners; l != NULL; l = l->next)
        stop_accepting(l);
}

void listeners_end(jf_self *self) {
    while (self->listeners != NULL) {
        struct listener *l = self->listeners;
        self->listeners = l->next;
        listener_free(l);
    }
}
