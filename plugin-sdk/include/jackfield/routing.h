/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.routing/1: picks one of a server's eligible endpoints. Threads: per-loop. */
#ifndef JACKFIELD_ROUTING_H
#define JACKFIELD_ROUTING_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** jf_endpoint.flags. Since 1.1. */
enum {
    JF_ENDPOINT_SAME_ZONE = 1,   /**< in the gateway's own zone (`runtime.zone`) */
    JF_ENDPOINT_SAME_REGION = 2, /**< in the gateway's own region (`runtime.region`) */
    JF_ENDPOINT_TRIED = 4,       /**< an earlier attempt of this very call went there and failed */
    JF_ENDPOINT_DEGRADED = 8     /**< up, but suspected: its breaker is half open, or it is an outlier */
};

/** One endpoint as a strategy sees it, on this loop. Growable: arrays hold pointers to it. Since 1.0. */
typedef struct jf_endpoint {
    uint32_t size;
    uint32_t flags;      /**< JF_ENDPOINT_*; 0 from a host of 1.0 */
    jf_ref id;           /**< stable for the life of the endpoint, equal on all loops */
    uint32_t weight;     /**< configured, 1 by default */
    uint32_t in_flight;  /**< calls open on it, all loops together where known, else this loop's */
    uint64_t latency_ns; /**< moving average of answered calls, 0: none yet */
    jf_view name;        /**< the server's name, or its URL for a replica */
    /* Since 1.1; check `size` first. */
    uint32_t ready;    /**< share of its weight that it can bear now, permille: below 1000 while it starts */
    uint32_t priority; /**< configured tier: 0 is used first */
    uint32_t recent_calls;    /**< ended in the last 10 s, all loops together */
    uint32_t recent_failures; /**< of those, failed: not answered, or answered by the server's own failure */
    uint64_t cost;            /**< configured cost of one call, in millionths of the operator's unit */
    jf_view version;          /**< configured or announced version, absent: unknown */
    jf_view zone;             /**< configured, absent: unknown */
    jf_view region;           /**< configured, absent: unknown */
    const jf_pair *labels;    /**< configured `labels` and `tags` (a tag has an empty value) */
    uint64_t label_count;
    uint64_t revision; /**< another one whenever name, version, zone, region or labels became others: what was
                          derived from them is stale then */
} jf_endpoint;
JF_PIN_SIZE(jf_endpoint, 144);

/** jf_pick.traits: what the tool's annotations say; absent bits are unknown or false. Since 1.1. */
enum {
    JF_PICK_READ_ONLY = 1,   /**< readOnlyHint */
    JF_PICK_IDEMPOTENT = 2,  /**< idempotentHint, or read-only */
    JF_PICK_DESTRUCTIVE = 4, /**< destructiveHint said true */
    JF_PICK_OPEN_WORLD = 8,  /**< openWorldHint said true */
    JF_PICK_HEDGE = 16 /**< a second try beside one that is still open: JF_ENDPOINT_TRIED marks that one */
};

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
    /* Since 1.1; check `size` first. */
    uint32_t traits;   /**< JF_PICK_* */
    uint32_t total;    /**< endpoints of the server, eligible or not */
    jf_view arguments; /**< the raw `params.arguments` object, absent without */
    jf_view client;    /**< the client's implementation name, absent when unknown */
    jf_view tenant;    /**< absent without tenants */
    const jf_pair
        *headers; /**< of the client's request, lower-case names, as far as its listener delivers them */
    uint64_t header_count;
    const struct jf_endpoint *const
        *all;        /**< the `total` endpoints in configured order, eligible or not; NULL: not told. Of those
                        that are not eligible only what was configured is up to date */
    uint64_t now_ns; /**< the monotonic time, to save a call of jf.clock/1; 0: not told */
} jf_pick;
JF_PIN_SIZE(jf_pick, 184);

/** jf_outcome.flags. Since 1.1. */
enum {
    JF_OUTCOME_TOOL_ERROR = 1, /**< answered, with `isError`: the tool's failure, not the endpoint's */
    JF_OUTCOME_CANCELED = 2,   /**< nobody waited any more: says nothing about the endpoint */
    JF_OUTCOME_PROBE = 4       /**< a health probe, not a call */
};

/** How a picked call ended. Growable. Since 1.0. */
typedef struct jf_outcome {
    uint32_t size;
    int32_t status;      /**< JF_OK, or the JF_E_* that ended it */
    jf_ref endpoint;     /**< jf_endpoint.id */
    uint64_t latency_ns; /**< from send to the last byte */
    /* Since 1.1; check `size` first. */
    uint32_t flags;   /**< JF_OUTCOME_* */
    uint32_t attempt; /**< as in its jf_pick */
    uint64_t now_ns;  /**< the monotonic time when it ended; 0: not told */
} jf_outcome;
JF_PIN_SIZE(jf_outcome, 40);

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
