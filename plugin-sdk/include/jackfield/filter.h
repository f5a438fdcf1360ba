/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.filter/1: sees requests on their way to a server and results on their way back. Threads: per-loop.
 */
#ifndef JACKFIELD_FILTER_H
#define JACKFIELD_FILTER_H

#include "principal.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One request or one result on its way. Growable; borrowed until the slot returns, or, where it answers
 * JF_PENDING, until the operation is over. Since 1.1. */
typedef struct jf_passage {
    uint32_t size;
    uint32_t flags;                /**< JF_PASSAGE_* */
    const jf_principal *principal; /**< never NULL; `id` 0: nobody is known */
    uint64_t call;                 /**< the same for a call's request, result and end, on this lane */
    uint64_t memory;               /**< what `request` left for this call in its verdict; 0 at first */
    uint64_t deadline_ns;          /**< when nobody waits for the answer any more */
    uint64_t now_ms;               /**< milliseconds of Unix time */
    uint32_t kind;                 /**< JF_TOOLS, JF_RESOURCES, JF_PROMPTS (toolset.h) */
    uint32_t traits;               /**< of a tool: JF_PICK_* (routing.h) */
    jf_view method;     /**< "tools/call", "resources/read", "prompts/get", "completion/complete" */
    jf_view server;     /**< the server's name in the configuration */
    jf_view name;       /**< the item as its server spells it */
    jf_view shown;      /**< the item as this endpoint's clients know it */
    jf_view target;     /**< the endpoint; absent for calls of plugins */
    jf_view definition; /**< what the server listed of it: a JSON object; absent: it is in no list */
    jf_view address;    /**< the client's address; absent where none is known */
    jf_view body;       /**< a request: its raw `params` object; a result: the raw result object */
    jf_view arguments;  /**< a request: the part of `body` that is `arguments`; absent: it has none */
} jf_passage;
JF_PIN_SIZE(jf_passage, 200);
/** jf_passage.flags: the result says `isError`. */
#define JF_PASSAGE_ERROR 1u
/** jf_passage.flags: of a result: the client knows links and the gateway can keep resources for it now, so
 * that JF_SPILL is worth while. Only for filters whose manifest says `links`. */
#define JF_PASSAGE_LINKS 2u

/** What is to become of a passage. */
enum {
    JF_PASS = 0,   /**< it goes on as it is */
    JF_SPLICE = 1, /**< it goes on changed: `jf_splice`s follow */
    JF_ANSWER = 2, /**< a result object follows: of a request, the server is not asked; of a result, it takes
                      its place */
    JF_SPILL = 3   /**< of a tool's result: the gateway keeps it whole, and a link to it takes its place: a
                      jf_spill follows, then `count` splices, which hold where it cannot be kept. Since 1.1 */
};

/** The head of a verdict; what it announces follows in the same bytes. Frozen. Since 1.1. */
typedef struct jf_verdict {
    uint32_t decision; /**< JF_PASS, JF_SPLICE, JF_ANSWER, JF_SPILL */
    uint32_t count;    /**< JF_SPLICE, JF_SPILL: how many splices */
    uint64_t memory;   /**< of a request: kept for `result` and `ended`; not 0: `ended` will come */
} jf_verdict;
JF_PIN_SIZE(jf_verdict, 16);

/** One change: this head, then `len` bytes that take the place of body[start, end), then zeros up to a
 * multiple of 8. In ascending order, none overlapping. What comes out must be the same kind of JSON value,
 * else the call fails. Frozen. Since 1.1. */
typedef struct jf_splice {
    uint64_t start;
    uint64_t end;
    uint64_t len;
} jf_splice;
JF_PIN_SIZE(jf_splice, 24);

/** A result that is to be kept: this head, then `len` bytes, then zeros up to a multiple of 8. The bytes are
 * a result object with a `content`, whose last element the link becomes. The client reads what was kept with
 * `resources/read`, whole and as often as it wants; nobody else can. Filters do not see that. Frozen. Since
 * 1.1. */
typedef struct jf_spill {
    uint64_t ttl_ms; /**< how long it is kept, 1 to JF_STORE_TTL_MOST (store.h) */
    uint64_t most;   /**< bytes that the gateway may hold of all kept results; above, this one is not kept */
    uint64_t len;
} jf_spill;
JF_PIN_SIZE(jf_spill, 24);

/** How a call ended whose request left a `memory`. Growable; borrowed. Since 1.1. */
typedef struct jf_passed {
    uint32_t size;
    int32_t
        status; /**< JF_OK: answered; JF_E_DENIED: another filter refused it; else why there was no answer */
    uint64_t call;       /**< as in its jf_passage */
    uint64_t memory;     /**< as in its verdict */
    uint64_t latency_ns; /**< since `request` */
    uint64_t bytes;      /**< of the result, 0 without */
} jf_passed;
JF_PIN_SIZE(jf_passed, 40);

/** jf_filter_1.flags: it never answers JF_PENDING, so that the host lends bodies where they are instead of
 * copies that can outlive the slot. */
#define JF_FILTER_INLINE 1u

/** Facet table. Several filters see requests in configured order and results in the opposite one, but
 * those that link after all others. What a cache answers goes through `result` as what a server answers.
 * Where a filter's error refuses a call, the client is told: JF_E_DENIED 403, JF_E_INVALID invalid params,
 * JF_E_BUSY 429 with `retry_ms`, each with the text of `why` if it is public; any other error is the filter's
 * own failure, and whether the passage goes on then is the operator's `on_error`. Since 1.1. */
typedef struct jf_filter_1 {
    uint32_t size;
    uint32_t flags; /**< JF_FILTER_* */
    /** Begins to serve one configured filter. `config` is its options, JSON, valid against
     * manifest.filter.config. [control] */
    int32_t (*attach)(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why);
    /** Ends what `attach` began; no passage of it is under way. [control] */
    void (*detach)(jf_self *self, jf_ref handle);
    /** A request. JF_OK: `*verdict` absent: it goes on as it is; else a jf_verdict and what follows.
     * JF_PENDING: finish(op) brings the same. Optional. [lane] */
    int32_t (*request)(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage, jf_blob *verdict,
                       jf_fault *why);
    /** A result, never an error: the same. Optional. [lane] */
    int32_t (*result)(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage, jf_blob *verdict,
                      jf_fault *why);
    /** A call is over whose request left a `memory`; once for each, also where it was cancelled. Optional.
     * [lane] */
    void (*ended)(jf_self *self, jf_ref handle, const jf_passed *passed);
    /** Nobody waits for a pending operation any more; finish is still owed. Optional. [any] */
    void (*cancel)(jf_self *self, jf_ref op);
} jf_filter_1;
JF_PIN_SIZE(jf_filter_1, 56);
#define JF_FILTER_1 "jf.filter/1"

#ifdef __cplusplus
}
#endif
#endif
