/* SPDX-License-Identifier: Apache-2.0
 * One instance of the plugin (one per event loop): the host's services and everything that the loop owns. */
#ifndef TRANSPORT_HTTP_INSTANCE_H
#define TRANSPORT_HTTP_INSTANCE_H

#include "incoming.h"
#include "legacy_sse.h"
#include "slots.h"
#include <jackfield/jackfield.h>

struct conn;
struct listener;
struct channel;
struct call;
struct origin;
struct mount;
struct lookup;

/** Work that must not run inside a call of the host: done soon, from one post for all of it. */
struct later {
    struct later *next;
    void (*run)(struct later *item);
    bool queued;
};

struct jf_self {
    jf_loop_1 loop;
    jf_config_1 config;
    jf_log_1 log;
    jf_clock_1 clock;
    jf_memory_1 memory;
    jf_inbound_1 inbound;   /**< all zero when the host has none */
    jf_channels_1 channels; /**< all zero when the host has none */
    jf_http_1 http;         /**< what this plugin offers; its context is the instance */

    uint64_t now; /**< of the current batch of events */
    uint8_t *spare;
    uint32_t spare_cap;
    struct head *free_heads;

    struct slots conns;
    struct listener *listeners;
    uint64_t exchange_count;
    uint64_t drain_ns; /**< when a drain has to be over */
    bool draining;
    bool stopped;

    struct slots channel_table;
    struct slots calls;
    struct slots upstreams;
    struct origin *origins; /**< of jf.http requests, by scheme, host and port */
    struct lookup *lookups;
    uint32_t sending; /**< above 0: inside `send` or `request`, where nothing may be called back */

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

static inline void self_pop_head(jf_self *self) {
    self->free_heads = self->free_heads->next_free;
}
static inline void self_push_head(jf_self *self, struct head *head) {
    head->next_free = self->free_heads;
    self->free_heads = head;
}

static inline void *self_allocate(jf_self *self, uint64_t size) {
    return self->memory.allocate(self->memory.context, size);
}
static inline void self_release(jf_self *self, void *memory) {
    self->memory.release(self->memory.context, memory);
}
/** A copy with a NUL behind it; NULL: out of memory. */
char *self_copy(jf_self *self, jf_view text);

/** Takes the loop's time once per callback. */
static inline uint64_t self_tick(jf_self *self) {
    return self->now = self->loop.now(self->loop.context);
}

/** Runs `item->run` soon on the lane. An item that waits already is left where it is. */
void self_later(jf_self *self, struct later *item, void (*run)(struct later *item));
/** Takes an item back that waits. */
void self_not_later(jf_self *self, struct later *item);

/** The Date header's value, renewed once a second. */
const uint8_t *self_date(jf_self *self);

/** Makes sure that the sweep runs at least every `timeout_ns` / 4 (10 ms to 1 s). */
void sweep_need(jf_self *self, uint64_t timeout_ns);

void self_log(jf_self *self, uint32_t level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** Keeps a socket's options that both sides want: TCP_NODELAY. */
void socket_prepare(int fd);

#endif
