/* SPDX-License-Identifier: Apache-2.0
 * One instance of the plugin (one per event loop): what HTTP adds to that of every transport. */
#ifndef TRANSPORT_HTTP_HTTP_H
#define TRANSPORT_HTTP_HTTP_H

#include "instance.h"
#include "legacy_sse.h"

struct origin;

/** Work that must not run inside a call of the host: done soon, from one post for all of it. */
struct later {
    struct later *next;
    void (*run)(struct later *item);
    bool queued;
};

/** The instance. `conns` of `self` holds struct conn, `channel_table` struct channel. */
struct http {
    jf_self self;
    jf_http_1 offered; /**< jf.http/1; its context is the instance */

    uint64_t exchange_count;
    uint64_t drain_ns; /**< when a drain has to be over */

    struct slots calls;
    struct slots upstreams;
    struct origin *origins; /**< of jf.http requests, by scheme, host and port */
    uint32_t sending;       /**< above 0: inside `send` or `request`, where nothing may be called back */

    struct slots mounts;

    struct later *later_head, *later_tail;
    bool posted;
    jf_ref sweep_timer;
    uint64_t sweep_ns;
    uint32_t sweep_at;  /**< where the sweep goes on */
    jf_ref quiet_timer; /**< of the keep-alive comments */
    uint64_t quiet_due;
    struct legacy_side legacy;

    uint64_t date_second;
    uint8_t date[29]; /**< "Sun, 06 Nov 1994 08:49:37 GMT" */
};

static inline struct http *whole(jf_self *self) {
    return (struct http *)(void *)self;
}

/** Runs `item->run` soon on the lane. An item that waits already is left where it is. */
void self_later(jf_self *self, struct later *item, void (*run)(struct later *item));
/** Takes an item back that waits. */
void self_not_later(jf_self *self, struct later *item);

/** The Date header's value, renewed once a second. */
const uint8_t *self_date(jf_self *self);

/** Makes sure that the sweep runs at least every `timeout_ns` / 4 (10 ms to 1 s). */
void sweep_need(jf_self *self, uint64_t timeout_ns);

#endif
