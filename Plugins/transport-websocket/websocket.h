/* SPDX-License-Identifier: Apache-2.0
 * One instance of the plugin (one per event loop). */
#ifndef TRANSPORT_WEBSOCKET_WEBSOCKET_H
#define TRANSPORT_WEBSOCKET_WEBSOCKET_H

#include "client_map.h"
#include "framer.h"
#include "settings.h"

/** The instance. `self` is its part that the sources shared with transport-http know: services, buffers,
 * handle tables (`conns`: struct conn, `channel_table`: struct uplink), listeners. */
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

/** Frees a timer handle's timer, if there is one. */
static inline void timer_end(jf_self *self, jf_ref *timer) {
    if (*timer != 0) self->loop.cancel(self->loop.context, *timer);
    *timer = 0;
}
static inline void watch_end(jf_self *self, jf_ref *watch) {
    if (*watch != 0) self->loop.unwatch(self->loop.context, *watch);
    *watch = 0;
}
/** Milliseconds to nanoseconds; nobody waits longer than a year. */
static inline uint64_t setting_wait(jf_self *self, jf_view config, const char *pointer, uint64_t fallback) {
    uint64_t ms = setting_number(self, config, pointer, fallback);
    return (ms > 31536000000u ? 31536000000u : ms) * 1000000u;
}

#endif
