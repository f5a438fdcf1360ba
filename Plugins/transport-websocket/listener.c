/* SPDX-License-Identifier: Apache-2.0
 * Listeners: their configuration, whom they take. */
#include "server.h"

#include <unistd.h>

static void accepted(struct port *port, int fd, const struct endpoint *peer) {
    struct listener *l = (struct listener *)(void *)port;
    if (port->open >= l->max_connections + EXCESS_MAX)
        close(fd);
    else
        conn_open(l, fd, peer);
}

static const struct port_kind kind = {"transport-websocket", "ws://", "wss://", "127.0.0.1:8810", accepted};

static void configure(struct listener *l, jf_view config) {
    jf_self *self = l->port.self;
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
}

int32_t listener_open(jf_self *self, jf_ref ref, jf_view address, jf_view config, jf_blob *bound,
                      jf_fault *why) {
    struct listener *l = (struct listener *)(void *)port_make(self, sizeof(*l), &kind, why);
    if (l == NULL) return why->code;
    configure(l, config);
    return port_open(&l->port, ref, address, config, bound, why);
}
