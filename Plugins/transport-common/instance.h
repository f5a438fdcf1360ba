/* SPDX-License-Identifier: Apache-2.0
 * One instance of a transport (one per event loop): the host's services, and what all transports of this kind
 * have. A transport's own instance begins with it. */
#ifndef TRANSPORT_COMMON_INSTANCE_H
#define TRANSPORT_COMMON_INSTANCE_H

#include "incoming.h"
#include "slots.h"
#include <jackfield/jackfield.h>

struct port;
struct lookup;

struct jf_self {
    jf_loop_1 loop;
    jf_config_1 config;
    jf_log_1 log;
    jf_clock_1 clock;
    jf_memory_1 memory;
    jf_inbound_1 inbound;   /**< all zero when the host has none */
    jf_channels_1 channels; /**< all zero when the host has none */

    uint64_t now; /**< of the current batch of events */
    uint8_t *spare;
    uint32_t spare_cap;
    struct head *free_heads;

    struct port *ports; /**< listening sockets */
    struct slots conns; /**< of clients */
    struct slots channel_table;
    struct lookup *lookups; /**< names that are being looked up */
    bool draining;
    bool stopped;
};

/** Makes an instance of `size` bytes, all zero behind its jf_self, with the services that transports need.
 * NULL: one is missing, or out of memory. `plugin` is for the message. */
jf_self *instance_make(const jf_offer *offer, uint64_t size, const char *plugin, jf_fault *why);
/** Frees it. What else it owns is the plugin's to free before. */
void instance_free(jf_self *self);

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

void self_log(jf_self *self, uint32_t level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** Ends a timer, if there is one. */
static inline void timer_end(jf_self *self, jf_ref *timer) {
    if (*timer != 0) self->loop.cancel(self->loop.context, *timer);
    *timer = 0;
}
static inline void watch_end(jf_self *self, jf_ref *watch) {
    if (*watch != 0) self->loop.unwatch(self->loop.context, *watch);
    *watch = 0;
}

/** Sets the options that every socket wants: TCP_NODELAY. */
void socket_prepare(int fd);

#endif
