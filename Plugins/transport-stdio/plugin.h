/* SPDX-License-Identifier: Apache-2.0
 * The instance: host services, deferred work, log records and faults, as every file of this plugin uses them.
 */
#ifndef STDIO_PLUGIN_H
#define STDIO_PLUGIN_H

#include <jackfield/clock.h>
#include <jackfield/config.h>
#include <jackfield/connector.h>
#include <jackfield/listener.h>
#include <jackfield/log.h>
#include <jackfield/loop.h>
#include <jackfield/memory.h>
#include <stdbool.h>

typedef struct channel channel;
typedef struct port port;
typedef struct client client;

/** Nanoseconds per millisecond. */
#define MS_NS 1000000ull

/** Work that runs on the lane soon, once, unless it is called off first. Lives inside its owner; unlike a
 * host post it can be withdrawn, so that an owner may be freed at any time. All of it is [lane]. */
typedef struct deferred {
    struct deferred *next, *previous; /**< NULL while not queued */
    void (*run)(void *user);
    void *user;
} deferred;

/** The process that ends servers when this one is killed; see watch.h. */
typedef struct watcher {
    struct watch_table *table; /**< shared with it; NULL before the first start */
    int32_t pid;               /**< 0: it does not run */
    int pidfd;
    jf_ref watch;
} watcher;

/** One instance, on one event loop. */
struct jf_self {
    jf_loop_1 loop;
    jf_config_1 config;
    jf_log_1 log;
    jf_clock_1 clock;
    jf_memory_1 memory;
    jf_channels_1 channels; /**< size 0 when absent: no connector facet then */
    jf_inbound_1 inbound;   /**< size 0 when absent: no listener facet then */

    deferred work; /**< head of the ring of queued work */
    bool posted;   /**< a host post that runs the ring is on its way */
    bool stopped;

    port **ports; /**< by handle; NULL where free */
    uint32_t port_count;
    uint32_t generation; /**< of the newest handle */
    channel **slots;     /**< every process that is started, or to be; NULL where free */
    uint32_t slot_count;
    char marker[56]; /**< "JACKFIELD_CHILD=…", how the markers of all children of the instance begin */
    uint32_t marked; /**< children that got one */
    struct cgroups *groups; /**< see cgroup.h */
    watcher watcher;
    uint64_t start_turn; /**< loop time of the newest first start of a child */
    jf_ref sweep;        /**< timer that looks for orphans of running children; 0: none */
    bool sweep_soon;
    struct strays *strays; /**< see tree.h; NULL before the first sweep */

    client *client; /**< the one client of the listener, or NULL */
};

/** Copies the host's tables. False: a required service is missing, and `why` names it. [control] */
bool host_attach(jf_self *self, const jf_offer *offer, jf_fault *why);

/** Queues `work`; nothing happens when it is queued already. [lane] */
void defer(jf_self *self, deferred *work);
/** Takes `work` out of the queue. [lane] */
void defer_cancel(deferred *work);

/** Fills `why` (NULL is fine) with printf-style text, cut at a character boundary, and answers `code`. */
int32_t fault(jf_fault *why, int32_t code, uint32_t flags, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/** Writes one log record. `server` and `pid` become fields when not NULL and not 0. [lane] */
void say(const jf_self *self, uint32_t level, const char *server, int32_t pid, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/** Copies `length` bytes as valid UTF-8 without NUL: what is not becomes '?'. `out` needs `length` bytes. */
void copy_utf8(char *out, const uint8_t *bytes, uint64_t length);

/** Memory of the instance; NULL when its limit is reached. Zeroed. */
static inline void *allocate(const jf_self *self, uint64_t size) {
    return self->memory.allocate(self->memory.context, size);
}

static inline void release(const jf_self *self, void *memory) {
    self->memory.release(self->memory.context, memory);
}

static inline uint64_t monotonic_ns(const jf_self *self) {
    return self->clock.monotonic_ns(self->clock.context);
}

/** Cancels the timer in *timer, if any, and forgets it. */
static inline void cancel_timer(const jf_self *self, jf_ref *timer) {
    if (*timer != 0) self->loop.cancel(self->loop.context, *timer);
    *timer = 0;
}

/** Stops the watch in *watch, if any, and forgets it. */
static inline void end_watch(const jf_self *self, jf_ref *watch) {
    if (*watch != 0) self->loop.unwatch(self->loop.context, *watch);
    *watch = 0;
}

#endif
