/* SPDX-License-Identifier: Apache-2.0
 * Meters the border between the host and one plugin instance: counts and times each slot, traces, injects
 * faults.
 *
 * A jf_shim stands between the two: the host calls its tables with its `self`, the plugin is offered its
 * tables for the services. Both sides see ordinary tables of the ABI. The stubs are generated from the
 * headers (plugin-sdk/abi/stubs.py), since Swift cannot make a C function for each slot of each table.
 *
 * What it costs, measured with an empty slot: 3 to 5 ns more for a call. Every call is counted; rare slots
 * are timed each time, hot ones once in JF_METER_SAMPLE calls, and each time for a while after one took too
 * long. A time is the plugin's own: what the host did on the lane for the plugin meanwhile is taken off.
 * Services that the plugin calls are only counted.
 *
 * Tables are `void *` here, so that this header needs none of the ABI's.
 */
#ifndef JACKFIELD_CMETER_H
#define JACKFIELD_CMETER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Hot slots are timed once in so many calls. */
#define JF_METER_SAMPLE 16
/** Bucket n of a histogram counts times from 2^n up to 2^(n+1) ns; bucket 0 also 0 ns, the last all above. */
#define JF_METER_BUCKETS 36
/** Bytes of a text that a trace shows. */
#define JF_METER_SHOWN 80

/** The border of one instance. */
typedef struct jf_shim jf_shim;

/** One call across the border, as it is printed. Borrowed. */
typedef struct jf_trace_line {
    const char *table;     /**< "routing", "loop" */
    const char *slot;      /**< "pick" */
    const char *arguments; /**< "handle=0x1 name=5 \"hello\"", not NUL-terminated */
    size_t arguments_len;
    uint64_t duration_ns;
    int32_t status;
    uint8_t has_status;  /**< the slot answers with a status */
    uint8_t from_plugin; /**< the plugin calls the host */
    uint8_t injected;    /**< a fault was injected; with a status below 0 the other side was not called */
    uint8_t reserved;
} jf_trace_line;

/** How an instance is metered. */
typedef struct jf_shim_options {
    uint64_t budget_ns; /**< how long a [lane] slot may take */
    uint64_t quiet_ns;  /**< after a report of a slow slot, none of the same slot for so long */
    uint8_t traces;     /**< call `trace` for each call */
    uint8_t
        concurrent; /**< the manifest says `threads: concurrent`: requests run on workers, without a budget */
    uint8_t reserved[6];
    void *context;
    /** [any] */
    void (*trace)(void *context, const jf_trace_line *line);
    /** A [lane] slot exceeded the budget; `unreported` such calls before it were not reported. On the lane.
     */
    void (*slow)(void *context, const char *table, const char *slot, uint64_t duration_ns,
                 uint64_t unreported);
    /** Each [lane] slot above the budget, from inside its call; NULL: nobody counts them. On the lane. */
    void (*overrun)(void *context, uint32_t slot);
} jf_shim_options;

/** Counts of one slot since the instance was made. */
typedef struct jf_slot_counts {
    uint64_t calls;
    uint64_t errors;   /**< statuses below 0 */
    uint64_t overruns; /**< among the timed calls */
    uint64_t timed;    /**< calls that were timed; the rest of these members are of them */
    uint64_t total_ns;
    uint64_t longest_ns;
    uint64_t buckets[JF_METER_BUCKETS];
} jf_slot_counts;

/** What there is to meter. */
typedef struct jf_slot_name {
    const char *id;    /**< "jf.routing/1"; of the plugin's own table, "jf_plugin" */
    const char *table; /**< "routing" */
    const char *slot;  /**< "pick" */
} jf_slot_name;

/** How many slots there are, of all tables. */
uint32_t jf_slot_count(void);
/** The names of a slot; `slot` is below jf_slot_count. */
const jf_slot_name *jf_slot_named(uint32_t slot);

/** Whether a slot is a request of a client: such slots may run on workers. */
int32_t jf_slot_is_request(uint32_t slot);

/** Whether faults can be injected into the slots that `name` means: `TABLE.SLOT`, or `SLOT` for that slot of
 * any facet. `status` 0: a delay only. 0: yes. 2 (JF_ABSENT): no slot has that name. -2 (JF_E_UNSUPPORTED):
 * one that has it cannot fail, its function says nothing. */
int32_t jf_fault_check(const char *name, int32_t status);

/** The border of an instance of `plugin` (a complete jf_plugin) that is yet to be made; NULL without memory.
 */
jf_shim *jf_shim_new(const jf_shim_options *options, const void *plugin);
/** Replaces `options.context`; before jf_shim_create only. */
void jf_shim_set_context(jf_shim *shim, void *context);
/** From now on requests run on workers, one at a time, without a budget. On the lane, outside the plugin. */
void jf_shim_leave_lane(jf_shim *shim);
/** Frees it and all tables that it gave; only when neither side calls any more. */
void jf_shim_free(jf_shim *shim);

/** From now on, each `every`-th call (1: each) of the slots that `name` means waits `delay_ns` first and,
 * where `status` is below 0, ends with it instead of reaching the other side. Answers like jf_fault_check;
 * before jf_shim_create only. */
int32_t jf_shim_inject(jf_shim *shim, const char *name, uint64_t delay_ns, int32_t status, uint32_t every);
/** The plugin is told that there is no such service; before jf_shim_create only. JF_E_BUSY: 16 are hidden. */
int32_t jf_shim_hide(jf_shim *shim, const char *id);

/** Makes the instance: jf_plugin.create with the shim's own offer in place of `offer` (a jf_offer, copied).
 * `config` is JSON, `why` a jf_fault. JF_OK only with an instance. [control] */
int32_t jf_shim_create(jf_shim *shim, const void *offer, const uint8_t *config, uint64_t config_len,
                       void *why);
/** What stands for the plugin's jf_self in every slot of the shim's tables. */
void *jf_shim_self(jf_shim *shim);
/** The plugin's own jf_self; NULL without an instance. Any thread, until the instance is destroyed. */
void *jf_shim_inner(const jf_shim *shim);
/** The jf_plugin to call in place of the plugin's own; its `create` is NULL. Facets and services that its
 * slot `facet` returns are metered as well. A facet of an unknown id is NULL: it could not be called with the
 * shim's `self`. Services of unknown ids are the plugin's own tables; jf_border_new
 * meters those. */
const void *jf_shim_plugin(const jf_shim *shim);

/* What a plugin gave jf.loop/1 to be called back: metered as slots `callback.ready`, `callback.timer` and
 * `callback.task`, on the lane, with its budget. The host keeps the shim beside the function. */
void jf_shim_ready(jf_shim *shim, void (*ready)(void *user, uint32_t events), void *user, uint32_t events);
void jf_shim_fire(jf_shim *shim, void (*fire)(void *user), void *user);
void jf_shim_run(jf_shim *shim, void (*task)(void *user), void *user);

/** The counts of a slot at this moment. False: it was never called. [any] */
int32_t jf_shim_read(const jf_shim *shim, uint32_t slot, jf_slot_counts *counts);

/* ---- tables of third parties, whose slots a manifest describes ----------------------------------------- */

/** The border of one table. The calls come from whoever stands in front of it (jf.interpose/1). */
typedef struct jf_border jf_border;

/** Most slots of one table, and parameters of a slot, the context included. */
#define JF_BORDER_SLOTS 64u
#define JF_BORDER_PARAMETERS 16u

/** What is known of a parameter. */
typedef struct jf_border_parameter {
    const char *name;
    /** "view"; "secret", a view of which only the size is shown; "text", "ref", "i8" to "u64", "f32", "f64",
     * "blob", "fault", "pointer". */
    const char *type;
    uint8_t is_out; /**< a pointer to it, shown after the call */
    uint8_t reserved[7];
} jf_border_parameter;

/** What is known of a slot. */
typedef struct jf_border_slot {
    const char *name;
    const char *lane;                      /**< "control", "lane"; all else: any thread, no budget */
    const jf_border_parameter *parameters; /**< the first is the context */
    uint32_t count;
    uint8_t gives_status; /**< it answers with one of base.h's statuses */
    uint8_t reserved[3];
} jf_border_slot;

/** Metered like a service's table: every call is counted, one in JF_METER_SAMPLE timed. `id` is the table's;
 * everything but `options.context` is copied. NULL without memory, or with too many slots or parameters. */
jf_border *jf_border_new(const jf_shim_options *options, const char *id, const jf_border_slot *slots,
                         uint32_t count);
/** Only when nobody calls any more. */
void jf_border_free(jf_border *border);
/** Like jf_shim_inject, for the slots of this table: `ID.SLOT` or `SLOT`. */
int32_t jf_border_inject(jf_border *border, const char *name, uint64_t delay_ns, int32_t status,
                         uint32_t every);
/** Those of jf_interpose_plan; `border` is its `user`. [any] */
int32_t jf_border_before(void *border, uint32_t slot, void *const *arguments, uint64_t *note);
void jf_border_after(void *border, uint32_t slot, void *const *arguments, const void *result,
                     const uint64_t *note);
/** Like jf_shim_read. [any] */
int32_t jf_border_read(const jf_border *border, uint32_t slot, jf_slot_counts *counts);

#ifdef __cplusplus
}
#endif
#endif
