/* SPDX-License-Identifier: Apache-2.0
 * tools-composite: what the operator declared, and what is known of the tools behind it. */
#ifndef TOOLS_COMPOSITE_MODEL_H
#define TOOLS_COMPOSITE_MODEL_H

#include <jackfield/calls.h>
#include <jackfield/log.h>
#include <jackfield/loop.h>
#include <jackfield/ops.h>
#include <jackfield/toolset.h>
#include <json.h>

#define MOST_SETS 256u
#define MOST_COMPOSITES 64u
#define MOST_TARGETS 64u
/** Most different items of one batch. */
#define MOST_ITEMS 1000u
#define LATENCIES 128u
/** So many answers must be known before a percentile is taken from them. */
#define LATENCIES_NEEDED 20u
#define WHY_SIZE 200u
/** The member of `_meta` that counts how many composite tools a call has come through. */
#define DEPTH_KEY "jackfield/composite-depth"

typedef enum mode { MODE_ALL, MODE_MERGE, MODE_FIRST, MODE_VOTE, MODE_RACE, MODE_HEDGE, MODE_BATCH } mode;
typedef enum vote_rule { VOTE_MAJORITY, VOTE_WEIGHTED, VOTE_UNANIMOUS } vote_rule;
/** Whether a target's tool may be called in excess, as its server's list says. */
typedef enum safety { SAFETY_UNKNOWN, SAFETY_ABSENT, SAFETY_UNSAFE, SAFETY_SAFE } safety;

/** One tool of one server. Strings belong to the set. */
typedef struct target {
    const char *label;  /**< its name in reports */
    const char *server; /**< as the configuration names it: a server or an endpoint */
    const char *path;   /**< the endpoint */
    const char *tool;
    json_value constants, rename, drop; /**< JSON_NULL where there is none */
    double weight;
    uint64_t timeout_ns; /**< 0: its server's own */
    safety safety;
    safety seen; /**< in the listing that is under way */
    bool missed; /**< the log says that it is not listed */
} target;

/** batch: how calls become one. `targets[0]` is the batch tool, `targets[1]`, if there is one, takes calls
 * that are alone. */
typedef struct batching {
    const char *argument; /**< of the batch tool: the list */
    const char *item;     /**< the argument of a call that goes into it; NULL: all of them, as an object */
    const char *results;  /**< JSON Pointer of the list in the answer; NULL: found */
    const char *key;      /**< JSON Pointer in a result of what names its item; NULL: they come in order */
    const char *error;    /**< JSON Pointer in a result of why it failed; NULL: none does */
    bool missing_empty;   /**< an item without a result is no failure */
    uint32_t most;
    uint64_t window_ns;
    struct batch *open; /**< those that still collect */
} batching;

typedef struct composite {
    const char *name;
    json_value title, description, input_schema, annotations; /**< JSON_NULL where there is none */
    mode mode;
    vote_rule rule;
    bool plurality, tie_first, allow_unsafe, stop_at_quorum, unique;
    const char *compare;   /**< vote: JSON Pointer of what is compared; NULL: everything */
    const char *items;     /**< merge: JSON Pointer of the array; NULL: found */
    const char *unique_by; /**< merge: JSON Pointer inside an item; NULL: the whole item */
    target *targets;
    uint32_t count, quorum, concurrency, percentile;
    uint64_t timeout_ns, delay_ns;
    batching batch;
    uint8_t *schema; /**< derived from a target's, from malloc; NULL: not known yet */
    size_t schema_length;
    uint64_t latencies[LATENCIES]; /**< hedge: of the answers that came last */
    uint32_t latency_count;
} composite;

/** One configured server. Kept while calls refer to it, also after it was closed. */
typedef struct set {
    jf_self *self;
    jf_ref host;
    char *name;
    uint8_t *config; /**< the entry as JSON: json_values point into it */
    char *room;      /**< the decoded strings */
    size_t room_used, room_size;
    composite *composites;
    uint32_t count, max_calls, max_depth;
    uint64_t max_answer_bytes, max_total_bytes, refresh_ns;
    uint32_t open_calls, references;
    bool closed;
    /* Listing the targets' tools. */
    const char **paths;
    uint32_t path_count, path_at, pages;
    bool listing, incomplete, changed;
    uint64_t retry_ns;
    jf_ref timer, list_call;
    uint32_t generation;
} set;

struct run;
struct batch;

struct jf_self {
    const jf_ops_1 *ops;
    const jf_calls_1 *calls;
    const jf_loop_1 *loop;
    const jf_log_1 *log;           /**< may be NULL */
    const jf_toolsets_1 *toolsets; /**< may be NULL */
    set *sets[MOST_SETS];
    struct run *runs; /**< calls of composite tools */
    struct batch *batches;
    uint32_t generation;
    bool stopped;
};

__attribute__((format(printf, 4, 5))) int32_t refuse(jf_fault *why, int32_t code, uint32_t flags,
                                                     const char *format, ...);
static inline jf_view view_of(const char *words) {
    return (jf_view){(const uint8_t *)words, __builtin_strlen(words)};
}

/** Reads a server's entry into `it`, whose `config` is set. False: `why` says what is wrong, and where. */
bool declare_set(set *it, jf_fault *why);
/** Frees a set with everything in it. */
void set_free(set *it);
/** Gives one reference back. */
void set_release(set *it);

/** The JSON array for `list`. */
void schema_write_tools(const set *it, text *out);
/** A target's input schema as the composite's: without constants and dropped arguments, renamed. */
void schema_derive(const target *from, const json_value *schema, text *out);
/** That of a call that becomes an item, from the batch tool's. */
void schema_derive_item(const composite *of, const json_value *schema, text *out);

/** Lists the targets' tools now, where nobody does already: [lane]. */
void discover_begin(set *it);
/** Ends it for good. */
void discover_end(set *it);
/** Called when a listing is complete. */
void runs_listed(set *it);

#endif
