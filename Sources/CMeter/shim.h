/* SPDX-License-Identifier: Apache-2.0
 * What the generated stubs and the meter share: the shim, its counters, and the probe of a call on the slow
 * path. */
#ifndef JACKFIELD_CMETER_SHIM_H
#define JACKFIELD_CMETER_SHIM_H

#include "cmeter.h"
#include "stubs.h"

#include <jackfield/jackfield.h>

#include <stdatomic.h>
#include <stdbool.h>

#define COLD __attribute__((noinline, cold))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)

/** How a slot is called, and hence counted. */
enum slot_class {
    SLOT_CONTROL, /**< rarely: timed each time, no budget */
    SLOT_LANE,    /**< on the lane: timed by samples, has a budget */
    SLOT_REQUEST, /**< on the lane, or on workers where the plugin is concurrent */
    SLOT_ANY      /**< on any thread: counted with atomic additions */
};

/** What a slot's function returns. */
enum slot_answer { ANSWER_NONE, ANSWER_STATUS, ANSWER_NUMBER, ANSWER_POINTER };

/** What is known of a slot. */
struct slot_info {
    jf_slot_name name;
    uint8_t kind;   /**< enum slot_class */
    uint8_t answer; /**< enum slot_answer */
    uint8_t service;
};
extern const struct slot_info jf_slots[JF_SLOT_COUNT];

/** What each call touches. A call whose number has none of the mask's bits takes the slow path: 0 means all.
 */
struct slot_hot {
    _Atomic uint64_t calls;
    _Atomic uint64_t mask;
};

/** One injected fault; a slot may have several. */
struct fault {
    struct fault *next;
    uint64_t delay_ns;
    _Atomic uint64_t seen;
    int32_t status;
    uint32_t every;
};

/** What the slow path and failures touch. */
struct slot_cold {
    _Atomic uint64_t errors, overruns, timed, total_ns, longest_ns;
    _Atomic uint64_t reported_ns, unreported;
    _Atomic uint32_t alert; /**< calls that are still timed one by one after an overrun */
    uint64_t mask;          /**< the mask when there is no alert */
    struct fault *faults;
    _Atomic uint32_t buckets[JF_METER_BUCKETS];
};

/** A service's table in either direction; what the stubs get as `context`. */
struct service {
    jf_shim *shim;
    void *context;
    bool is_provided; /**< the plugin's own, called by others */
    const char *id;
    struct service *next;
    union service_tables real;
    union service_tables own;
};

enum { HIDDEN_MOST = 16 };

struct jf_shim {
    jf_self *self;
    jf_shim_options options;
    const struct slot_info *slots; /**< jf_slots, or those of a third party's table */
    bool is_private;               /**< a facet answers with secrets: what `finish` brings is not shown */
    bool is_foreign; /**< the latter: whether slots keep to their lane is its author's word only */
    struct facet_tables real, own;
    struct slot_cold *cold;
    jf_offer offer, own_offer;
    struct service *services;
    char *hidden[HIDDEN_MOST];
    uint32_t hidden_count;
    /* While a call that is timed goes on: time that the host spent for it, which is not the plugin's. Lane
     * only. */
    uint32_t is_timing;
    uint64_t host_ns;
    struct slot_hot hot[JF_SLOT_COUNT];
};

/* ---- the fast path ------------------------------------------------------------------------------------ */

/** Counts a call that comes on the lane only. True: it goes straight through. */
static inline bool pass_lane(struct slot_hot *hot) {
    uint64_t calls = atomic_load_explicit(&hot->calls, memory_order_relaxed);
    atomic_store_explicit(&hot->calls, calls + 1, memory_order_relaxed);
    return LIKELY((calls & atomic_load_explicit(&hot->mask, memory_order_relaxed)) != 0);
}

/** Counts a service's call on the lane; during a slot that is timed, it is timed too. */
static inline bool pass_service(const jf_shim *shim, struct slot_hot *hot) {
    bool passes = pass_lane(hot);
    return LIKELY(passes && !shim->is_timing);
}

/** Counts a call that may come on any thread. */
static inline bool pass_any(struct slot_hot *hot) {
    uint64_t calls = atomic_fetch_add_explicit(&hot->calls, 1, memory_order_relaxed);
    return LIKELY((calls & atomic_load_explicit(&hot->mask, memory_order_relaxed)) != 0);
}

/** Counts a request: on workers, when the plugin is concurrent. */
static inline bool pass_request(const jf_shim *shim, struct slot_hot *hot) {
    return shim->options.concurrent ? pass_any(hot) : pass_lane(hot);
}

void jf_count_error(jf_shim *shim, uint32_t slot);

/** Passes a status on, counting failures. */
static inline int32_t passed(jf_shim *shim, uint32_t slot, int32_t status) {
    if (!LIKELY(status >= 0)) jf_count_error(shim, slot);
    return status;
}

/* ---- the slow path ------------------------------------------------------------------------------------ */

/** One call that is timed, traced or made to fail. */
struct probe {
    jf_shim *shim;
    uint64_t start, end;
    uint64_t duration; /**< without the host's part */
    uint64_t outer_host_ns;
    uint32_t outer_is_timing;
    uint32_t slot;
    int32_t injected; /**< below 0: the call ends with it */
    bool is_provided, is_out, is_on_lane, traces, was_injected;
    uint32_t len;
    char text[1024];
};

/** Begins a call: waits where a delay is injected. */
void probe_begin(struct probe *probe, jf_shim *shim, uint32_t slot, bool is_provided);
/** Says why in place of the other side. */
void probe_refuse(const struct probe *probe, jf_fault *why);
/** Ends the call and accounts for it; `status` is 0 where the slot has none. */
void probe_end(struct probe *probe, int32_t status);
/** Hands the line to the trace. */
void probe_print(const struct probe *probe, int32_t status);

/* ---- what a trace shows; `note_…` appends one argument ------------------------------------------------- */

void note_view(struct probe *probe, const char *name, jf_view value);
/** Only how long it is: it may hold secrets. */
void note_size(struct probe *probe, const char *name, jf_view value);
void note_text(struct probe *probe, const char *name, const char *value);
void note_ref(struct probe *probe, const char *name, jf_ref value);
void note_number(struct probe *probe, const char *name, int64_t value);
void note_real(struct probe *probe, const char *name, double value);
void note_blob(struct probe *probe, const char *name, const jf_blob *value);
void note_blob_size(struct probe *probe, const char *name, const jf_blob *value);
/** What an operation brings: only how long it is where it may hold secrets. */
void note_result(struct probe *probe, const char *name, const jf_blob *value);
void note_jf_fault(struct probe *probe, const char *name, const jf_fault *value);
void note_jf_message(struct probe *probe, const char *name, const jf_message *value);
void note_jf_pick(struct probe *probe, const char *name, const jf_pick *value);
void note_jf_outcome(struct probe *probe, const char *name, const jf_outcome *value);
void note_jf_request(struct probe *probe, const char *name, const jf_request *value);
void note_jf_callback_request(struct probe *probe, const char *name, const jf_callback_request *value);
void note_jf_interpose_plan(struct probe *probe, const char *name, const jf_interpose_plan *value);
void note_jf_call(struct probe *probe, const char *name, const jf_call *value);
void note_jf_client_info(struct probe *probe, const char *name, const jf_client_info *value);
void note_jf_http_request(struct probe *probe, const char *name, const jf_http_request *value);
void note_jf_http_response(struct probe *probe, const char *name, const jf_http_response *value);
void note_jf_principal(struct probe *probe, const char *name, const jf_principal *value);
void note_jf_credentials(struct probe *probe, const char *name, const jf_credentials *value);
void note_jf_demand(struct probe *probe, const char *name, const jf_demand *value);
void note_jf_access(struct probe *probe, const char *name, const jf_access *value);
void note_jf_ruling(struct probe *probe, const char *name, const jf_ruling *value);
void note_jf_passage(struct probe *probe, const char *name, const jf_passage *value);
void note_jf_passed(struct probe *probe, const char *name, const jf_passed *value);
void note_jf_store_put(struct probe *probe, const char *name, const jf_store_put *value);
void note_jf_store_list(struct probe *probe, const char *name, const jf_store_list *value);
void note_jf_store_add(struct probe *probe, const char *name, const jf_store_add *value);
void note_jf_store_limit(struct probe *probe, const char *name, const jf_store_limit *value);

/* ---- generated tables ---------------------------------------------------------------------------------- */

/** The metered table of a facet; NULL where the id is none of the known facets. */
const void *wrap_facet(jf_shim *shim, const char *id, const void *table);
/** Fills `service->own` from `table`; false where the id is none of the known services. */
bool wrap_service(struct service *service, const char *id, const void *table);
/** What jf_plugin.facet returned, metered: a facet, or a service of the plugin. */
const void *wrap_offered(jf_shim *shim, const char *id, const void *table);
/** The service behind a stub's context is counted like this from now on. */
void set_masks(jf_shim *shim, const char *id, bool is_provided);

#endif
