/* SPDX-License-Identifier: Apache-2.0
 * Listeners: their configuration, whom they take. */
#include "listener.h"

#include <unistd.h>

static void refuse(int fd) {
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
                               "Content-Length: 0\r\n\r\n";
    ssize_t ignored = send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
    close(fd);
}

static void accepted(struct port *port, int fd, const struct endpoint *peer) {
    struct listener *l = (struct listener *)(void *)port;
    if (port->open < l->max_connections)
        conn_open(l, fd, peer);
    else if (port->tls == NULL)
        refuse(fd);
    else
        close(fd); // A handshake to say so is what it cannot afford.
}

static const struct port_kind kind = {"transport-http", "http://", "https://", "127.0.0.1:8808", accepted};

static void configure(struct listener *l, jf_view config) {
    jf_self *self = l->port.self;
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
    sweep_need(self, l->header_timeout);
    sweep_need(self, l->body_timeout);
    sweep_need(self, l->idle_timeout);
}

int32_t listener_open(jf_self *self, jf_ref ref, jf_view address, jf_view config, jf_blob *bound,
                      jf_fault *why) {
    struct listener *l = (struct listener *)(void *)port_make(self, sizeof(*l), &kind, why);
    if (l == NULL) return why->code;
    configure(l, config);
    return port_open(&l->port, ref, address, config, bound, why);
}
