/* SPDX-License-Identifier: Apache-2.0
 * One instance of the plugin (one per event loop). */
#ifndef TRANSPORT_WEBSOCKET_WEBSOCKET_H
#define TRANSPORT_WEBSOCKET_WEBSOCKET_H

#include "client_map.h"
#include "framer.h"
#include "settings.h"

/** The instance. `conns` of `self` holds struct conn, `channel_table` struct uplink. */
struct websocket {
    jf_self self;
    struct sender sender;
    struct client_map clients;
};

static inline struct websocket *whole(jf_self *self) {
    return (struct websocket *)(void *)self;
}

/** Reads of at most READ_SIZE bytes from one socket before others get their turn. */
enum { TURN = 16, READ_SIZE = 65536 };

/** Milliseconds to nanoseconds; nobody waits longer than a year. */
static inline uint64_t setting_wait(jf_self *self, jf_view config, const char *pointer, uint64_t fallback) {
    uint64_t ms = setting_number(self, config, pointer, fallback);
    return (ms > 31536000000u ? 31536000000u : ms) * 1000000u;
}

#endif
