/* SPDX-License-Identifier: Apache-2.0
 * What the cases share: results, steps, lent views, a host, random numbers. Not for Swift. */
#ifndef JACKFIELD_CHECK_H
#define JACKFIELD_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "include/cplugincheck.h"
#include "mock/mock_internal.h"

/** One run of one case. */
typedef struct check {
    const check_setup *setup;
    const char *name;
    check_result *result;
    uint64_t random;
    bool guarded;     /**< lent views lie in pages of their own; see lent.c */
    bool is_isolated; /**< the plugin runs in a cell: another entry stands before it */
    jf_entry_fn entry;
} check;

/** A case. */
typedef struct check_case {
    const char *name, *summary, *facet;
    void (*run)(check *c);
    bool is_gate;
} check_case;

/** Where the cases of a file stand: each with CHECK_GROUP; registry.c has them all. */
typedef struct check_group {
    const check_case *cases;
    size_t count;
} check_group;
#define CHECK_GROUP(group, ...)                                                                              \
    static const check_case group##_list[] = {__VA_ARGS__};                                                  \
    const check_group check_cases_##group = {group##_list, sizeof group##_list / sizeof group##_list[0]}

/* ---- Results: the worst one counts, of equal ones the first ---- */

/** `advice`: one sentence, what to do. */
void check_fail(check *c, const char *advice, const char *format, ...) __attribute__((format(printf, 3, 4)));
void check_warn(check *c, const char *advice, const char *format, ...) __attribute__((format(printf, 3, 4)));
void check_skip(check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool check_failed(const check *c);
/** Writes a result that ends the process: for signal handlers. */
void check_emit(int outcome, const char *reason, const char *advice);
/** What the process was doing last. */
const char *check_last_step(void);

/* ---- Random numbers: the same for the same seed ---- */

uint64_t check_random(check *c);
/** Below `limit`. */
uint64_t check_below(check *c, uint64_t limit);

/* ---- Views that are lent to the plugin ---- */

/** A copy of bytes for the time of one call. Guarded: read-only, in pages of its own that end right behind
 * it, and gone after check_return. `what` must stay; it names the view in reports. */
jf_view check_lend(check *c, const char *what, const void *bytes, uint64_t length);
jf_view check_lend_text(check *c, const char *what, const char *text);
/** Makes everything that was lent since the last call unreadable. */
void check_return(check *c);
/** Frees the copies of unguarded views: before memory is measured. */
void check_forget(void);
/** A copy of a table whose bytes end at an unreadable page: what is read beyond them is reported. Stays. */
const void *check_cut_table(const char *what, const void *table, uint32_t size);
/** Tells a fault inside the guarded pages from others: a reason, or NULL. For the signal handler. */
const char *check_explain_fault(const void *address, bool is_write, char *text, size_t size);

/* ---- The plugin and its host ---- */

/** Loads the library once and finds its entry; NULL: reported as failed. */
jf_entry_fn check_entry(check *c);
/** The entry of a plugin whose instances run in cells; NULL: reported. */
jf_entry_fn check_cell_entry(check *c);
/** The case of that name; NULL: there is none. */
const check_case *check_find(const char *name);
/** Whether the manifest's list holds an id. */
bool check_lists(const char *const *ids, const char *id);
bool check_has_facet(const check *c, const char *id);

/** An operation that the check began. */
typedef struct check_op {
    jf_ref ref;
    bool open, owed, is_inline;
    int32_t status, state;
    uint32_t finishes;
    char *result; /**< NUL-terminated copy; NULL: none */
    uint64_t length;
    jf_fault why;
    jf_blob kept;                             /**< the result itself where the host keeps it */
    void (*cancel)(jf_self *self, jf_ref op); /**< the facet's; NULL: the toolset's */
} check_op;

enum { CHECK_RUNNING = 0, CHECK_STOPPED = 1, CHECK_ENDING = 2, CHECK_ENDED = 3 };

/** A mock host whose services are watched more closely than the mock does. One instance; one thread. */
typedef struct check_host {
    check *c;
    jf_mock *mock;
    atomic_int phase;
    jf_ops_1 ops;
    jf_loop_1 loop;
    jf_log_1 log;
    jf_config_1 config;
    jf_identity_1 identity;
    jf_connected_1 connected;
    jf_policies_1 policies;
    jf_watches_1 watches;
    jf_state_1 state;
    mock_list states;     /**< what was begun with jf.state/1; see services.c */
    jf_ref watch;         /**< the store's watch that is open; 0: none */
    atomic_uint told;     /**< changes that it told of */
    mock_list operations; /**< check_op * */
    uint32_t next_operation;
    mock_list blobs;  /**< given blobs, to see that each is dropped once */
    atomic_uint late; /**< calls after the end */
    bool keeps_results;
    uint32_t patience_ms;            /**< how long check_exercise waits for an operation */
    bool grows_structs;              /**< requests are longer than this ABI minor knows, as a newer host's */
    atomic_uint_fast64_t loop_calls; /**< of watch, timer and post so far; ... */
    uint64_t refuse_from;            /**< ... from this one on they answer JF_E_BUSY */
    int32_t ops_answer;              /**< what finish and progress answer where they would answer JF_OK */
    /* the longest slot call */
    uint64_t began_ns, began_cpu_ns;
    long began_switches;
    uint64_t worst_cpu_ns, worst_blocked_ns;
    const char *worst_slot, *blocked_slot;
    uint32_t calls;
} check_host;

/** Makes a host with the plugin loaded. `bare`: without the manifest's rules, and faster. NULL: reported. */
check_host *check_host_new(check *c, bool bare);
/** Offers a table in place of the one that is offered so far. It must outlive the instance. */
void check_offer(check_host *h, const char *id, const void *table);
/** Ends the instance, reports what the host saw, frees everything. */
void check_host_free(check_host *h);
/** Reports the host's problems so far as failures. */
void check_collect(check_host *h);
/** `create` with lent configuration (NULL: "{}"). */
int32_t check_create(check_host *h, const char *config);
int32_t check_start(check_host *h);
void check_stop(check_host *h);
void check_destroy(check_host *h);
/** A host with an instance that was created and started; NULL: it refused, and the case is skipped. */
check_host *check_up(check *c);
/** The same without a host of its own: for cases that set the host up first. */
bool check_up_on(check_host *h);

/** Around each call of a slot: names the step and measures. `slot` must stay. */
void check_enter(check_host *h, const char *slot);
void check_leave(check_host *h);
/** Judges the fault of an error. */
void check_why(check_host *h, const char *slot, int32_t status, const jf_fault *why);
/** The fault's text, NUL-terminated, in a buffer that the next call uses again. */
const char *check_text(const jf_fault *why);

/* ---- Toolsets ---- */

/** Opens a set with the setup's entry; false: skipped or failed. `set` may be NULL. */
bool check_open_set(check_host *h, const char *name, jf_ref *handle);
void check_close_set(check_host *h, jf_ref handle);
/** The list of a kind as text to be freed; NULL: none, or reported. */
char *check_list(check_host *h, jf_ref handle, uint32_t kind);
/** Calls a slot (JF_MOCK_CALL and so on). */
check_op *check_request(check_host *h, jf_ref handle, uint32_t slot, const char *name, const char *arguments);
/** Runs the loop until the operation is over; moves the clock when nothing happens. */
bool check_wait(check_host *h, check_op *op, uint32_t timeout_ms);
/** A new operation, for the slots of other facets; `cancel` is theirs. */
check_op *check_begin(check_host *h, void (*cancel)(jf_self *self, jf_ref op));
/** What the slot answered for it. Takes the result. */
void check_answered(check_host *h, check_op *op, const char *slot, bool may_be_absent, int32_t status,
                    jf_blob *result, const jf_fault *why);
/** Frees the operations that are over: before memory is measured. */
void check_forget_operations(check_host *h);
/** The caller leaves. */
void check_cancel(check_host *h, check_op *op, int32_t why);
/** Calls `each` with the name of every tool; false ends it. */
uint32_t check_each_tool(check_host *h, const char *tools,
                         bool (*each)(check_host *h, const char *name, void *user), void *user);

/* ---- Facets that are attached: auth, credentials, policy, filter (drive.c) ---- */

/** One of them, with what it is asked: `variants` inputs, each a use that a gateway could make of it. */
typedef struct check_driver {
    const char *facet, *option;
    const char *(*config)(const check_setup *setup);
    uint32_t variants;
    check_op *(*begin)(check_host *h, jf_ref handle, uint32_t variant);
    /** Judges how an operation ended that was answered or finished. */
    void (*judge)(check_host *h, const check_op *op, uint32_t variant);
} check_driver;
/** Attaches; false: skipped or failed. */
bool check_attach_to(check_host *h, const check_driver *driver, jf_ref *handle);
void check_detach_from(check_host *h, const check_driver *driver, jf_ref handle);
/** The cases that they share: each input has one answer; callers leave; handles; the end with open ones. */
void check_drive(check *c, const check_driver *driver);
void check_drive_canceled(check *c, const check_driver *driver);
void check_drive_handles(check *c, const check_driver *driver);
void check_drive_stopped(check *c, const check_driver *driver);
/** Waits for it; reports it, and cancels it, where nothing comes. */
bool check_ended(check_host *h, check_op *op);
/** Somebody with so many roles, lent until check_return; nobody: none, and id 0. */
const jf_principal *check_lend_principal(check_host *h, bool is_nobody, uint64_t roles);
extern const check_driver check_auth_driver, check_source_driver, check_policy_driver, check_request_driver,
    check_result_driver;

/* ---- Use of what a plugin has ---- */

/** A server's endpoints for jf.routing/1. */
typedef struct check_endpoints {
    uint64_t count;
    const jf_endpoint *const *list;
} check_endpoints;
/** Endpoints with the ids first, first + 1, ...; lent until check_return. */
check_endpoints check_lend_endpoints(check_host *h, jf_ref first, uint64_t count);
/** Attaches a server with the setup's routing options; false: skipped or failed. */
bool check_attach(check_host *h, jf_ref *handle);
/** Picks; the status, *chosen checked to be in range. `name`: the tool that is called. */
int32_t check_pick(check_host *h, jf_ref handle, jf_ref first, uint64_t count, const char *name,
                   uint32_t *chosen);
void check_observe(check_host *h, jf_ref handle, jf_ref endpoint, int32_t status);

/** Uses every facet once as a gateway would: lists, calls, picks. `rounds`: how often. */
void check_exercise(check_host *h, uint32_t rounds);

/* ---- The process ---- */

/** State that a plugin has no business with; see snapshot.c. */
typedef struct check_snapshot check_snapshot;
check_snapshot *check_snapshot_take(void);
/** Reports what differs as failures: "`what` left descriptor 5 open (...)". Frees the snapshot. */
void check_snapshot_compare(check *c, check_snapshot *before, const char *what);

/** Bytes that malloc has given out. */
uint64_t check_heap(void);
uint64_t check_clock(void);
/** Waits without running anything of the plugin on this thread. */
void check_pause(uint32_t ms);

#endif
