/* SPDX-License-Identifier: Apache-2.0
 * What a routing strategy is to the sources that all of them share: the ABI side is in instance.c. */
#ifndef JF_ROUTING_STRATEGY_H
#define JF_ROUTING_STRATEGY_H

#include "map.h"
#include <jackfield/clock.h>
#include <jackfield/config.h>
#include <jackfield/memory.h>
#include <jackfield/routing.h>
#include <stdbool.h>

/** The host as one instance sees it. */
typedef struct rt_host {
    const char *strategy; /**< its name, for messages */
    const jf_config_1 *json;
    const jf_clock_1 *clock;
    const jf_memory_1 *memory; /**< NULL: the C library's */
    bool extended; /**< the host speaks 1.1: fields since then may be read where `size` has them */
} rt_host;

/** One attached server, on one loop. Strategies begin their own record with it. */
typedef struct rt_server {
    const rt_host *host;
    uint64_t random;  /**< state of rt_random */
    void *kept;       /**< memory of rt_keep */
    uint64_t ceiling; /**< no share was met that is larger (weigh.h) */
    uint32_t quick;   /**< counts quick draws */
} rt_server;

/** What `pick` chooses from. */
typedef struct rt_set {
    const jf_pick *call;
    const jf_endpoint *const *eligible;
    uint64_t count; /**< at least 1 */
    bool extended;  /**< as in rt_host */
} rt_set;

/** How learnt state is kept: entries of the server's map. Each begins with its id and the time (monotonic, in
 * nanoseconds) when it was last of use, and consists of 8-byte words only. */
typedef struct rt_learnt {
    char magic[4];
    uint16_t version;
    uint16_t entry; /**< bytes of one */
    uint32_t map;   /**< where the rt_map stands in the server's record */
    /** Whether `export_state` could have written it; may repair what only depends on this process. */
    bool (*sound)(rt_server *server, const void *entry);
    /** Called after an import, to rebuild what is derived. Optional. */
    void (*imported)(rt_server *server);
} rt_learnt;

/** Reads the options of one server; the first that is wrong is told to the operator. */
typedef struct rt_options {
    rt_server *server;
    jf_view json;
    jf_fault *why;
    int32_t status; /**< JF_OK as long as all is well */
} rt_options;

/** The strategy of a plugin, a static table named rt_this. */
typedef struct rt_strategy {
    const char *plugin, *name;
    uint32_t record; /**< bytes of a server's record */
    /** Reads the options into the zeroed record. What fails is in options->status. */
    void (*open)(rt_server *server, rt_options *options);
    /** As jf_routing_1.pick. */
    int32_t (*pick)(rt_server *server, const rt_set *set, uint32_t *chosen, jf_fault *why);
    /** A call that says something about its endpoint (canceled ones and probes do not). Optional. */
    void (*observe)(rt_server *server, const jf_outcome *outcome, uint64_t now);
    const rt_learnt *learnt; /**< NULL: nothing to hand over */
} rt_strategy;
extern const rt_strategy rt_this;

/** True when the host filled in `field` of an endpoint, pick or outcome that is younger than 1.0. */
#define RT_TOLD(extended, it, field)                                                                         \
    ((extended) && (it)->size >= offsetof(__typeof__(*(it)), field) + sizeof((it)->field))

/** Zeroed memory that lives until the server is detached; NULL when there is none. Only in `open`. */
void *rt_keep(rt_server *server, uint64_t size);
/** A copy of `text` with rt_keep; absent when there is no memory. */
jf_view rt_keep_text(rt_server *server, jf_view text);
/** Monotonic nanoseconds. */
uint64_t rt_now(const rt_server *server);
/** The same, from the call where its host told it. */
static inline uint64_t rt_pick_time(const rt_server *server, const rt_set *set) {
    if (RT_TOLD(set->extended, set->call, now_ns) && set->call->now_ns != 0) return set->call->now_ns;
    return rt_now(server);
}

/** Fills in a fault: "STRATEGY: " and the text. Returns `code`. */
int32_t rt_refuse(const rt_host *host, jf_fault *why, int32_t code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- Bytes of learnt state (state.c) ---- */

int32_t rt_export(const rt_server *server, const rt_learnt *learnt, jf_blob *out);
/** On error nothing has changed. JF_E_UNSUPPORTED: another version; JF_E_INVALID: damaged. */
int32_t rt_import(rt_server *server, const rt_learnt *learnt, jf_view bytes);

#endif
