/* SPDX-License-Identifier: Apache-2.0
 * Facet jf.store/1: where state lives that must outlast a call, a loop or a gateway: sessions, limits, tasks,
 * tokens. Threads: per-loop (slots [lane], which must not block). */
#ifndef JACKFIELD_STORE_H
#define JACKFIELD_STORE_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most bytes of a key (at least one; any bytes), and of a value. */
#define JF_STORE_KEY_MOST 1024u
#define JF_STORE_VALUE_MOST 1048576u
/** Most entries and bytes of one answer of `list`, and most limits of one `take`. */
#define JF_STORE_LIST_MOST 1000u
#define JF_STORE_LIST_BYTES 4194304u
#define JF_STORE_TAKE_MOST 16u
/** Most milliseconds of a `ttl_ms` (ten years) and of a limit's period (a leap year). */
#define JF_STORE_TTL_MOST 315360000000u
#define JF_STORE_PERIOD_MOST 31622400000u
/** Most of `burst`, `rate` and `cost` of a limit: about a billion, in thousandths. */
#define JF_STORE_AMOUNT_MOST 1099511627776u

/** One entry of an answer: this head, the key's bytes, the value's bytes, then zeros up to a multiple of 8;
 * the next entry follows. Frozen: it stands in answers. Since 1.1. */
typedef struct jf_store_entry {
    uint64_t
        revision; /**< never 0; each change of a key gives it a greater one than any it had, gone or not */
    uint64_t expires_ms; /**< when it is gone, milliseconds of Unix time by the store's clock; 0: never */
    uint32_t key_len;
    uint32_t value_len;
} jf_store_entry;
JF_PIN_SIZE(jf_store_entry, 24);

/** jf_store_put.flags: only where the key is absent. */
#define JF_STORE_CREATE 1u
/** jf_store_put.flags: only where the key has the revision `revision`. */
#define JF_STORE_MATCH 2u

/** A value to be kept. Growable; borrowed. Since 1.1. */
typedef struct jf_store_put {
    uint32_t size;
    uint32_t flags;    /**< JF_STORE_CREATE, JF_STORE_MATCH or neither */
    uint64_t revision; /**< with JF_STORE_MATCH */
    uint64_t ttl_ms;   /**< it is gone after so long; 0: it stays */
    jf_view key;
    jf_view value;
} jf_store_put;
JF_PIN_SIZE(jf_store_put, 56);

/** jf_store_list.flags: values are left out (`value_len` 0). */
#define JF_STORE_KEYS 1u

/** Which keys. Growable; borrowed. Since 1.1. */
typedef struct jf_store_list {
    uint32_t size;
    uint32_t flags;
    uint64_t most;  /**< entries at most, 1 to JF_STORE_LIST_MOST */
    jf_view prefix; /**< keys that begin with it; empty: all */
    jf_view after;  /**< only keys behind this one; absent: from the first */
} jf_store_list;
JF_PIN_SIZE(jf_store_list, 48);

/** A counter's change. A counter is an entry: get, list and remove know it, put makes it a value.
 * Growable; borrowed. Since 1.1. */
typedef struct jf_store_add {
    uint32_t size;
    uint32_t flags;  /**< 0: none yet */
    int64_t delta;   /**< what is added; 0 reads it and changes nothing */
    uint64_t ttl_ms; /**< how long the counter lives from its first change on; 0: for ever */
    jf_view key;
} jf_store_add;
JF_PIN_SIZE(jf_store_add, 40);

/** jf_store_limit.kind. */
enum {
    /** Token bucket, full at first: `burst` tokens at most, `rate` (at least 1) of them come back in each
     * `period_ms` (ITU-T I.371, the generic cell rate algorithm, is the same in another form). Counted
     * exactly: `burst` times `period_ms`, after `rate` and `period_ms` are divided by what divides both, is
     * at most 2^53. */
    JF_LIMIT_BUCKET = 0,
    /** Sliding window: `rate` within any `period_ms`, counted as the running window plus that share of the
     * one before it which `period_ms` still reaches, rounded up. `burst` is 0. */
    JF_LIMIT_SLIDING = 1,
    /** Fixed window: `rate` within each `period_ms`, counted from Unix time 0: a day's quota begins at
     * midnight UTC. `burst` is 0. */
    JF_LIMIT_FIXED = 2
};

/** One limit that a `take` must fit under. Amounts are thousandths, so that half a token can be asked for.
 * Kind, `period_ms` and `key` name it: limits that differ in one of them are apart, and apart from entries,
 * also under one key; one that is asked with another `rate` or `burst` than before goes on with those.
 * Frozen: it stands in arrays. Since 1.1. */
typedef struct jf_store_limit {
    jf_view key;
    uint32_t kind;     /**< JF_LIMIT_* */
    uint32_t reserved; /**< 0 */
    uint64_t burst;
    uint64_t rate;
    uint64_t period_ms; /**< 1 to JF_STORE_PERIOD_MOST */
    uint64_t cost;      /**< what is taken; 0 asks how much is left */
} jf_store_limit;
JF_PIN_SIZE(jf_store_limit, 56);

/** What a limit says. Frozen: an answer of `take` has one for each limit, in their order. Since 1.1. */
typedef struct jf_store_verdict {
    uint32_t fits;     /**< 1: there was enough under this limit */
    uint32_t retry_ms; /**< if not: when there will be, if nobody else takes it; UINT32_MAX: never */
    uint64_t left;     /**< what remains now, in thousandths */
} jf_store_verdict;
JF_PIN_SIZE(jf_store_verdict, 16);

/** Host service jf.watches/1, for stores. [any]. Since 1.1. */
typedef struct jf_watches_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** A watched key changed, or is gone. `revision` 0: gone, or not known. A change may be told late, twice,
     * and several changes of a key as one; an expiry when the store comes upon it. An absent key: whatever
     * the watch covers may have changed (after a lost connection, for example). */
    void (*changed)(void *context, jf_ref watch, jf_view key, uint64_t revision);
} jf_watches_1;
JF_PIN_SIZE(jf_watches_1, 24);
#define JF_WATCHES_1 "jf.watches/1"

/** Facet table. Answers are blobs: the host drops them. Slots that answer JF_PENDING finish through jf.ops/1
 * with the same bytes. Every change is atomic, and seen by all gateways that share the store once it is
 * answered; operations that are open at once happen in any order. Times are the store's: gateways whose
 * clocks differ see the same limits and the same ends.
 * Errors of every slot: JF_E_INVALID, a key, value or number outside its bounds; JF_E_GONE, the store cannot
 * be reached, and JF_E_TIMEOUT, it did not answer in time (either with JF_FAULT_NOT_STARTED: nothing was
 * changed; else it may have been); JF_E_BUSY, no more room, nothing was changed; JF_E_DENIED, it refuses
 * who we are; JF_E_FAULT, it is broken.
 * A lease is a `put` with JF_STORE_CREATE and a `ttl_ms`, renewed by JF_STORE_MATCH, given back by `remove`;
 * the revision that the first `put` gave is its fencing token (Kleppmann, "How to do distributed locking",
 * 2016). Since 1.1. */
typedef struct jf_store_1 {
    uint32_t size;
    uint32_t flags;
    /** The entry of `key`. JF_ABSENT: there is none. */
    int32_t (*get)(jf_self *self, jf_ref op, jf_view key, jf_blob *entry, jf_fault *why);
    /** Keeps a value: `*entry` is its new entry without value. JF_E_STALE: the condition does not hold;
     * nothing was changed. */
    int32_t (*put)(jf_self *self, jf_ref op, const jf_store_put *put, jf_blob *entry, jf_fault *why);
    /** Forgets a key; `revision` 0: whatever it has. `*entry` stays absent. JF_ABSENT: there is none.
     * JF_E_STALE: it has another revision. */
    int32_t (*remove)(jf_self *self, jf_ref op, jf_view key, uint64_t revision, jf_blob *entry,
                      jf_fault *why);
    /** Entries in the order of their keys' bytes: at most as many as asked for, and no more than fit into
     * JF_STORE_LIST_BYTES. A walk goes on after the last key until JF_ABSENT: none are left. Changes
     * meanwhile may be seen or not; a key is never answered twice in one walk. */
    int32_t (*list)(jf_self *self, jf_ref op, const jf_store_list *list, jf_blob *entries, jf_fault *why);
    /** Adds to a counter, which begins at 0: `*entry` is its entry, whose value is the sum, an int64_t.
     * JF_ABSENT: there is none, and `delta` is 0. JF_E_INVALID: the sum does not fit, or the key holds
     * something else. */
    int32_t (*add)(jf_self *self, jf_ref op, const jf_store_add *add, jf_blob *entry, jf_fault *why);
    /** Takes from all of `limits` (1 to JF_STORE_TAKE_MOST, none of them twice), or, where one of them has
     * too little, from none. `*verdicts` is one jf_store_verdict for each. JF_OK in either case. State of a
     * limit that nobody asks for is forgotten once it says nothing any more. */
    int32_t (*take)(jf_self *self, jf_ref op, const jf_store_limit *limits, uint64_t count, jf_blob *verdicts,
                    jf_fault *why);
    /** Tells of changes of keys that begin with `prefix`, by jf.watches/1, until `unwatch`, the host's own
     * included. Where a connection must be made first, an absent key tells from when on it does. Changes of
     * counters by `add` and of limits are not told. JF_E_UNSUPPORTED: this store cannot. JF_E_BUSY: too many.
     * Optional. [control] */
    int32_t (*watch)(jf_self *self, jf_ref watch, jf_view prefix, jf_fault *why);
    /** Ends a watch: nothing is told once it returns. Optional. [control] */
    void (*unwatch)(jf_self *self, jf_ref watch);
    /** Nobody waits for a pending operation any more; finish is still owed. Optional. [any] */
    void (*cancel)(jf_self *self, jf_ref op);
} jf_store_1;
JF_PIN_SIZE(jf_store_1, 80);
#define JF_STORE_1 "jf.store/1"

#ifdef __cplusplus
}
#endif
#endif
