/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.routing/1: picks one of a server's eligible endpoints. Threads: per-loop. */
#ifndef JACKFIELD_ROUTING_H
#define JACKFIELD_ROUTING_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One endpoint as a strategy sees it, on this loop. Growable: arrays hold pointers to it. Since 1.0. */
typedef struct jf_endpoint {
    uint32_t size;
    uint32_t flags;      /**< none yet */
    jf_ref id;           /**< stable for the life of the endpoint, equal on all loops */
    uint32_t weight;     /**< configured, 1 by default */
    uint32_t in_flight;  /**< calls open on it, all loops together where known, else this loop's */
    uint64_t latency_ns; /**< moving average of answered calls, 0: none yet */
    jf_view name;        /**< the server's name, or its URL for a replica */
} jf_endpoint;
JF_PIN_SIZE(jf_endpoint, 48);

/** The call to place. Growable. Since 1.0. */
typedef struct jf_pick {
    uint32_t size;
    uint32_t attempt;     /**< 0 for the first try, then counting up */
    uint64_t deadline_ns; /**< of the call */
    jf_view method;       /**< "tools/call" */
    jf_view name;         /**< tool, prompt or URI as the server spells it */
    jf_view params;       /**< the raw `params` object */
    jf_view principal;    /**< absent when not authenticated */
    jf_view session;      /**< the client's session, absent when stateless */
} jf_pick;
JF_PIN_SIZE(jf_pick, 96);

/** How a picked call ended. Growable. Since 1.0. */
typedef struct jf_outcome {
    uint32_t size;
    int32_t status;      /**< JF_OK, or the JF_E_* that ended it */
    jf_ref endpoint;     /**< jf_endpoint.id */
    uint64_t latency_ns; /**< from send to the last byte */
} jf_outcome;
JF_PIN_SIZE(jf_outcome, 24);

/** Facet table. All slots [lane]; `pick` should stay under a microsecond. Since 1.0. */
typedef struct jf_routing_1 {
    uint32_t size;
    uint32_t flags;
    /** Begins to serve one server's endpoints. `config` is the JSON of its `routing` options, valid against
     *  manifest.routing.config. `*handle` receives the plugin's handle for the calls below. */
    int32_t (*attach)(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why);
    /** Ends what `attach` began. */
    void (*detach)(jf_self *self, jf_ref handle);
    /** Chooses: writes an index below `count` to *chosen and answers JF_OK; or JF_ABSENT to refuse them all.
     * `eligible` holds only endpoints that may take the call, at least one, in configured order. */
    int32_t (*pick)(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why);
    /** Tells how a picked call ended. Optional. */
    void (*observe)(jf_self *self, jf_ref handle, const jf_outcome *outcome);
    /** Hands learnt state to a newer generation. Optional, both or neither. Bytes are the plugin's own,
     * versioned. */
    int32_t (*export_state)(jf_self *self, jf_ref handle, jf_blob *out, jf_fault *why);
    int32_t (*import_state)(jf_self *self, jf_ref handle, jf_view state, jf_fault *why);
} jf_routing_1;
JF_PIN_SIZE(jf_routing_1, 56);
#define JF_ROUTING_1 "jf.routing/1"

#ifdef __cplusplus
}
#endif
#endif
