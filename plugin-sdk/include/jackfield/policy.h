/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.policy/1: says who may do what. Threads: per-loop. */
#ifndef JACKFIELD_POLICY_H
#define JACKFIELD_POLICY_H

#include "principal.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One thing that somebody wants to do with one item. Growable: arrays hold pointers to it; borrowed.
 * Since 1.1. */
typedef struct jf_access {
    uint32_t size;
    uint32_t flags;                /**< JF_ACCESS_* */
    const jf_principal *principal; /**< never NULL; `id` 0: nobody is known */
    uint32_t kind;                 /**< JF_TOOLS, JF_RESOURCES, JF_TEMPLATES, JF_PROMPTS (toolset.h) */
    uint32_t traits;               /**< of a tool: JF_PICK_* (routing.h) */
    jf_view action; /**< the MCP method: "tools/call", "resources/read", "resources/subscribe", "prompts/get",
                       "completion/complete" */
    jf_view server; /**< the server's name in the configuration */
    jf_view name;   /**< the item as its server spells it: a tool's name, a URI */
    jf_view shown;  /**< the item as this endpoint's clients know it */
    jf_view target; /**< the endpoint ("/mcp", "/mcp/bundles/NAME") */
    jf_view definition;    /**< what the server listed of it: a JSON object; absent: it is in no list */
    jf_view arguments;     /**< a call's arguments, a JSON object; absent where the item is only listed */
    jf_view address;       /**< the client's address; absent where none is known */
    jf_view region;        /**< the gateway's own region; absent: not configured */
    const jf_pair *labels; /**< of the server: configured labels, and tags with an empty value */
    uint64_t label_count;
    uint64_t now_ms; /**< milliseconds of Unix time */
} jf_access;
JF_PIN_SIZE(jf_access, 192);
/** jf_access.flags: it is only asked whether a list shows the item. Whoever may not use it does not see it.
 */
#define JF_ACCESS_LISTING 1u
/** jf_access.flags: nothing happens, somebody wants to know (`jackfield explain`). Not to be counted. */
#define JF_ACCESS_EXPLAIN 2u

/** jf_ruling.decision */
enum {
    JF_ALLOW = 0,
    JF_DENY = 1, /**< refused with 403 and the rule's text */
    JF_HIDE = 2  /**< refused as if there were no such item */
};

/** A decision. The caller sets `size`; texts are the policy's and stay until its next call on this lane.
 * Growable. Since 1.1. */
typedef struct jf_ruling {
    uint32_t size;
    uint32_t flags;    /**< JF_RULING_* */
    uint32_t decision; /**< JF_ALLOW, JF_DENY, JF_HIDE */
    uint32_t reserved; /**< 0 */
    jf_view
        rule; /**< which rule decided, for audit and `explain`: "rules[3]", "role reader"; may be absent */
    jf_view text;   /**< a denial: one sentence for the client; may be absent */
    jf_view scopes; /**< a denial that more scopes would lift: all that are needed, joined by spaces. The
                       client gets `insufficient_scope` (RFC 6750) and can step up */
} jf_ruling;
JF_PIN_SIZE(jf_ruling, 64);
/** jf_ruling.flags: a dry run: it would be so, and is only recorded; the call goes on. */
#define JF_RULING_DRY 1u

/** Host service jf.policies/1, for policies. [any]. Since 1.1. */
typedef struct jf_policies_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** Decisions may be others from now on: lists are made anew, and clients hear that they changed. `handle`
     * is the policy's own. */
    void (*changed)(void *context, jf_ref handle);
} jf_policies_1;
JF_PIN_SIZE(jf_policies_1, 24);
#define JF_POLICIES_1 "jf.policies/1"

/** Facet table. Several policies are asked in configured order: what one refuses is refused, what none
 * refuses is allowed. An error is not a decision: whether the call then is refused (the default) or goes on
 * is the operator's `on_error`. Since 1.1. */
typedef struct jf_policy_1 {
    uint32_t size;
    uint32_t flags;
    /** Begins to serve one configured policy. `config` is its options, JSON, valid against
     * manifest.policy.config. [control] */
    int32_t (*attach)(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why);
    /** Ends what `attach` began; no operation of it is open. [control] */
    void (*detach)(jf_self *self, jf_ref handle);
    /** Decides about one access. JF_OK: *ruling is filled in. JF_PENDING: finish(op) brings a JSON object:
     * "decision" ("allow", "deny", "hide"), "rule", "text", "scopes" [texts], "dry" (boolean). [lane] */
    int32_t (*decide)(jf_self *self, jf_ref op, jf_ref handle, const jf_access *access, jf_ruling *ruling,
                      jf_fault *why);
    /** Decides about many items of one list: `*decisions` is one byte for each, JF_ALLOW, JF_DENY or JF_HIDE
     * (either of them leaves the item out; a dry run allows). JF_PENDING as above, with the same bytes.
     * At most 512 at once. JF_E_UNSUPPORTED: not just now, as without it `decide` is asked for each.
     * Optional. [lane] */
    int32_t (*review)(jf_self *self, jf_ref op, jf_ref handle, const jf_access *const *accesses,
                      uint64_t count, jf_blob *decisions, jf_fault *why);
    /** Names the class that a principal belongs to: bytes; those of one class get the same answers of
     * `review` until `changed` is told. JF_ABSENT: this one is a class of its own. JF_E_UNSUPPORTED: answers
     * depend on more than the principal (the time), they are never kept. Optional: every principal is a class
     * of its own. [lane] */
    int32_t (*classify)(jf_self *self, jf_ref handle, const jf_principal *principal, jf_blob *name,
                        jf_fault *why);
    /** Nobody waits for a pending operation any more; finish is still owed. Optional. [any] */
    void (*cancel)(jf_self *self, jf_ref op);
} jf_policy_1;
JF_PIN_SIZE(jf_policy_1, 56);
#define JF_POLICY_1 "jf.policy/1"

#ifdef __cplusplus
}
#endif
#endif
