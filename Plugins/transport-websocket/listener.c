/* SPDX-License-Identifier: Apache-2.0
 * Listening sockets: accepting, configuration. */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { ACCEPT_RETRY_MS = 100 };

static void accept_again(void *user);

static void accept_all(struct listener *l) {
    jf_self *self = l->self;
    while (l->fd >= 0) {
        struct endpoint peer = {.length = sizeof(peer.address)};
        int fd = accept4(l->fd, &peer.address.any, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            if (l->open >= l->max_connections + EXCESS_MAX)
                close(fd);
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
    l->max_message = setting_number(self, config, "/limits/max_message", 4194304);
    if (l->max_message > 1u << 30) l->max_message = 1u << 30;
    uint64_t head = setting_number(self, config, "/limits/max_headers", 65536);
    l->max_head = head > (1u << 24) ? 1u << 24 : (uint32_t)head;
    l->max_connections = setting_number(self, config, "/limits/max_connections", 8192);
    l->handshake_timeout = setting_wait(self, config, "/limits/handshake_timeout_ms", 10000);
    l->ping_interval = setting_wait(self, config, "/limits/ping_interval_ms", 30000);
    l->pong_timeout = setting_wait(self, config, "/limits/pong_timeout_ms", 10000);
    l->close_timeout = setting_wait(self, config, "/limits/close_timeout_ms", 2000);
    l->slow_bytes = setting_number(self, config, "/limits/send_slow", 1048576);
    l->full_bytes = setting_number(self, config, "/limits/send_buffer", 8388608);
    if (!setting_list(self, config, "/allowed_hosts", &l->hosts) ||
        !setting_list(self, config, "/allowed_origins", &l->origins))
        return false;
    l->any_host = has_star(&l->hosts);
    l->any_origin = has_star(&l->origins);
    return true;
}

static int32_t tell_bound(struct listener *l, jf_blob *bound) {
    char *text = malloc(96);
    if (text == NULL) return JF_E_FAULT;
    memcpy(text, "ws://", 5);
    uint32_t length = endpoint_text(&l->bound, text + 5, 91);
    *bound = (jf_blob){.ptr = (const uint8_t *)text, .len = length + 5, .owner = text, .drop = free};
    return JF_OK;
}

static void listener_free(struct listener *l) {
    jf_self *self = l->self;
    if (l->fd >= 0) close(l->fd);
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
                         "transport-websocket cannot listen: the host offers no jf.inbound/1");
    reap(self);
    struct listener *l = self_allocate(self, sizeof(*l));
    if (l == NULL) return fault_set(why, JF_E_FAULT, 0, "out of memory for a listener");
    l->self = self;
    l->ref = ref;
    l->fd = -1;
    char *configured = setting_text(self, config, "/address");
    bool leads = address.len == 0;
    if (leads)
        address = configured != NULL ? view_make(configured, strlen(configured)) : LITERAL("127.0.0.1:8810");
    int32_t status =
        configure(l, config)
            ? listener_bind(l, address, leads, why)
            : fault_set(why, JF_E_INVALID, 0, "allowed_hosts and allowed_origins must be lists of texts");
    self_release(self, configured);
    if (status == JF_OK) {
        bool loopback = endpoint_is_loopback(&l->bound);
        l->check_host = l->hosts.count != 0 ? !l->any_host : loopback;
        l->loopback_origins = loopback && l->origins.count == 0;
        status = self->loop.watch(self->loop.context, l->fd, JF_READABLE, on_ready, l, &l->watch);
        if (status != JF_OK) {
            l->watch = 0;
            fault_set(why, JF_E_FAULT, 0, "the event loop refused a listening socket");
        }
    }
    if (status == JF_OK) status = tell_bound(l, bound);
    if (status != JF_OK) {
        watch_end(self, &l->watch);
        listener_free(l);
        return status;
    }
    l->next = self->listeners;
    self->listeners = l;
    return JF_OK;
}

static void stop_accepting(struct listener *l) {
    timer_end(l->self, &l->retry);
    watch_end(l->self, &l->watch);
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
}

void listener_close(jf_self *self, jf_ref ref) {
    for (struct listener *l = self->listeners; l != NULL; l = l->next)
        if (l->ref == ref) {
            // Closing the socket would reset the connections that wait in it.
            if (l->fd >= 0) accept_all(l);
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
