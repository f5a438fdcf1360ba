/* SPDX-License-Identifier: Apache-2.0
 * A mock host for plugin tests: loads a plugin, gives it real services on a real event loop, records what it
 * does.
 *
 * One jf_mock is one instance of one plugin on one loop; a test may have several and run them in turn. The
 * thread that called jf_mock_new is the lane: every function below belongs to it, unless it is marked [any].
 * Broken rules (a leak, a [lane] slot called from another thread, a double finish, ...) become "problems":
 * each is printed at once, and jf_mock_free returns how many there were. JF_MOCK_VERBOSE=1 prints the log and
 * all events. Unlike the real host, the mock does not check a configuration against the manifest's schema or
 * fill in defaults.
 */
#ifndef JF_MOCK_H
#define JF_MOCK_H

#include "jf_mock_guard.h"
#include <jackfield/jackfield.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct jf_mock jf_mock;

/* ---- Life of the mock and of the instance ---- */

/** Makes a mock with every service of the SDK. Never NULL: out of memory ends the test program. */
jf_mock *jf_mock_new(void);
/** Destroys the instance where the test did not, frees everything. Returns how many problems there were. */
uint32_t jf_mock_free(jf_mock *mock);

/** Loads a plugin's shared object (RTLD_NOW | RTLD_LOCAL, never unloaded) and calls its entry function twice,
 * as hosts may. JF_OK, or an error that jf_mock_why explains. */
int32_t jf_mock_load(jf_mock *mock, const char *path);
/** The same for a plugin that is linked into the test program, without a manifest. */
int32_t jf_mock_attach(jf_mock *mock, jf_entry_fn entry);
/** The manifest of a shared object, to be freed; NULL when there is none. */
char *jf_mock_manifest(const char *path);
/** Creates the instance with a JSON configuration (NULL: "{}"). After jf_mock_destroy it may be called again.
 */
int32_t jf_mock_create(jf_mock *mock, const char *config);
/** Calls `start`; like a host it destroys the instance where that fails. JF_OK also where there is no
 * `start`. */
int32_t jf_mock_start(jf_mock *mock);
void jf_mock_drain(jf_mock *mock, uint32_t timeout_ms);
/** Calls `stop`, then runs the tasks that were posted until then: a post is never lost. */
void jf_mock_stop(jf_mock *mock);
/** Stops if need be, destroys, and checks what is left: memory, buffers, blobs, watches, timers, posts,
 * operations. Returns the number of problems so far. */
uint32_t jf_mock_destroy(jf_mock *mock);
/** Load, create and start in one; false with a printed reason. */
bool jf_mock_up(jf_mock *mock, const char *path, const char *config);

/** The instance; NULL before create and after destroy. */
jf_self *jf_mock_self(jf_mock *mock);
/** The plugin's table, cut or zero-extended to the size known here. */
const jf_plugin *jf_mock_plugin(jf_mock *mock);
/** A facet or offered service as the plugin returns it, by id; NULL when it has none. */
const void *jf_mock_facet(jf_mock *mock, const char *id);
/** The same for a known facet, cut or zero-extended as a host does it; NULL when the plugin has none. */
const jf_listener_1 *jf_mock_listener(jf_mock *mock);
const jf_connector_1 *jf_mock_connector(jf_mock *mock);
const jf_toolset_1 *jf_mock_toolset(jf_mock *mock);
const jf_routing_1 *jf_mock_routing(jf_mock *mock);
const jf_store_1 *jf_mock_store(jf_mock *mock);

/** A cleared fault to pass into a slot that the test calls itself. */
jf_fault *jf_mock_fault(jf_mock *mock);
/** The text of the last fault, NUL-terminated; "" when there was none. */
const char *jf_mock_why(jf_mock *mock);

/** How many rules were broken so far, and which. [any] */
uint32_t jf_mock_problems(jf_mock *mock);
const char *jf_mock_problem(jf_mock *mock, uint32_t index);
/** Forgets the problems so far: for tests that provoke them. */
void jf_mock_forgive(jf_mock *mock);

/* ---- What the host offers: set before jf_mock_create ---- */

/** Hides a service: its lookup answers NULL. NULL as id: all of them. */
void jf_mock_hide(jf_mock *mock, const char *id);
/** Offers a table of the test's own, also in place of a built-in one. It must outlive the instance. */
void jf_mock_offer(jf_mock *mock, const char *id, const void *table);
/** The ABI version in the offer (default: that of the headers). */
void jf_mock_set_abi(jf_mock *mock, uint16_t major, uint16_t minor);
/** What jf.loop/1 `index` answers (default: loop 0 of 1). */
void jf_mock_set_loop(jf_mock *mock, uint32_t index, uint32_t count);
/** jf.memory/1 `allocate` and `borrow` answer NULL beyond so many outstanding bytes (default: no limit)... */
void jf_mock_set_memory_limit(jf_mock *mock, uint64_t bytes);
/** ... and from the allocation with this number on, counted from now (UINT64_MAX: never, the default). */
void jf_mock_fail_allocations(jf_mock *mock, uint64_t from);
/** A secret for jf.config/1 `secret`. */
void jf_mock_set_secret(jf_mock *mock, const char *name, const char *value);

/* ---- The event loop ---- */

/** Runs one batch: waits at most `timeout_ms` for something to happen. Returns how many callbacks ran. */
uint32_t jf_mock_run_once(jf_mock *mock, uint32_t timeout_ms);
/** Runs until `predicate(user)` is true; false after `timeout_ms` of real time. NULL: runs for that time. */
bool jf_mock_run_until(jf_mock *mock, bool (*predicate)(void *user), void *user, uint32_t timeout_ms);
/** Runs batches until one finds nothing to do (timers that are not due do not count). */
void jf_mock_settle(jf_mock *mock);
/** Moves this mock's clocks forward, so that long timers are due, and credentials expire, without waiting. */
void jf_mock_advance(jf_mock *mock, uint64_t ns);
/** This mock's monotonic time in nanoseconds. [any] */
uint64_t jf_mock_now(jf_mock *mock);
/** Ends the wait of jf_mock_run_until early, so that its predicate is asked again. [any] */
void jf_mock_wake(jf_mock *mock);
/** The longest single callback so far in nanoseconds: the ABI's budget is 1 ms. */
uint64_t jf_mock_longest(jf_mock *mock);

/* ---- What happened: events ---- */

enum {
    JF_MOCK_CLIENT_OPENED = 1,   /**< jf.inbound/1 opened: peer = the new client, text = its address */
    JF_MOCK_CLIENT_MESSAGE = 2,  /**< jf.inbound/1 deliver: text = the body */
    JF_MOCK_CLIENT_GONE = 3,     /**< jf.inbound/1 gone */
    JF_MOCK_CLIENT_WRITABLE = 4, /**< jf.inbound/1 writable */
    JF_MOCK_CLIENT_CLOSED = 5,   /**< jf.inbound/1 closed */
    JF_MOCK_CHANNEL_READY = 6,   /**< jf.channels/1 ready: flags = JF_CHANNEL_* */
    JF_MOCK_CHANNEL_MESSAGE = 7, /**< jf.channels/1 deliver: text = the body */
    JF_MOCK_CHANNEL_FAILED = 8,  /**< jf.channels/1 failed: fault; exchange 0 = the whole channel */
    JF_MOCK_CHANNEL_WRITABLE = 9,
    JF_MOCK_CHANNEL_CLOSED = 10,
    JF_MOCK_SET_CHANGED = 11,        /**< jf.toolsets/1 changed: peer = the set, flags = the kind */
    JF_MOCK_OP_FINISHED = 12,        /**< jf.ops/1 finish: peer = the op, status, text = the result, fault */
    JF_MOCK_OP_PROGRESS = 13,        /**< jf.ops/1 progress: peer = the op, done, total, text */
    JF_MOCK_STORE_CHANGED = 14,      /**< jf.watches/1 changed: peer = the watch, revision, text = the key */
    JF_MOCK_IDENTITY_FORGOTTEN = 15, /**< jf.identity/1 forget: text = the credential, NULL for all */
    JF_MOCK_POLICY_CHANGED = 16,     /**< jf.policies/1 changed: peer = the policy's handle */
    JF_MOCK_CONNECTED = 17,          /**< jf.connected/1 connected: text = the id, status */
    JF_MOCK_SUPPLY_FORGOTTEN = 18    /**< jf.connected/1 forget: text = a principal's key, NULL for all */
};

/** One event. Everything in it is a copy that lives until jf_mock_free. */
typedef struct jf_mock_event {
    uint32_t type;
    uint32_t index;   /**< its place in the list */
    jf_ref peer;      /**< client, channel, set or op */
    jf_ref exchange;  /**< 0 where the event has none */
    jf_ref listener;  /**< CLIENT_OPENED */
    int32_t status;   /**< messages: JF_STATUS_*; OP_FINISHED: the operation's; FAILED: the fault's code */
    uint32_t flags;   /**< messages: JF_MSG_*; see above for the others */
    const char *text; /**< NUL-terminated; NULL when absent (a message without a body) */
    uint64_t length;  /**< of text, without the NUL */
    double done, total;
    uint64_t time_ns;   /**< jf_mock_now at the time */
    jf_message message; /**< messages: the whole of it; `body` is one joined segment */
    jf_fault fault;
    uint64_t revision; /**< STORE_CHANGED */
    /** CLIENT_OPENED: the whole of it. */
    jf_client_info client;
} jf_mock_event;

/** Called on the lane, from inside the plugin's call, right after an event was recorded: the place to answer
 * from inside `deliver`. Its result is what `opened` and `deliver` answer; ignored for other events. */
typedef int32_t (*jf_mock_event_fn)(void *user, jf_mock *mock, const jf_mock_event *event);
/** Sets the hook; NULL: none (every `opened` and `deliver` is answered JF_OK). Not called for what may
 * come from any thread: *_CHANGED, *_FORGOTTEN, CONNECTED and OP_* events. */
void jf_mock_on_event(jf_mock *mock, jf_mock_event_fn hook, void *user);

/** How many events there are: also the mark to search from later. [any] */
uint32_t jf_mock_mark(jf_mock *mock);
const jf_mock_event *jf_mock_event_at(jf_mock *mock, uint32_t index);
/** The first event from `mark` on with this type, peer and exchange (0: any of them); NULL: none. [any] */
const jf_mock_event *jf_mock_find(jf_mock *mock, uint32_t mark, uint32_t type, jf_ref peer, jf_ref exchange);
/** How many such events there are. [any] */
uint32_t jf_mock_count(jf_mock *mock, uint32_t mark, uint32_t type, jf_ref peer, jf_ref exchange);
/** Runs the loop until there is such an event; NULL after `timeout_ms`. */
const jf_mock_event *jf_mock_wait(jf_mock *mock, uint32_t mark, uint32_t type, jf_ref peer, jf_ref exchange,
                                  uint32_t timeout_ms);
/** Runs the loop until there are `count` such events; false after `timeout_ms`. */
bool jf_mock_wait_count(jf_mock *mock, uint32_t count, uint32_t mark, uint32_t type, jf_ref peer,
                        jf_ref exchange, uint32_t timeout_ms);

/* ---- Driving a listener ---- */

/** What jf_inbound_1.wants says from now on: JF_WANTS_*; at first nothing. */
void jf_mock_want(jf_mock *mock, uint32_t wants);
/** Calls jf.listener/1 `listen`. Returns the host's listener handle, 0 on error. `bound` (may be NULL)
 * receives the address as text, cut to `bound_size`. `address` NULL: absent. */
jf_ref jf_mock_listen(jf_mock *mock, const char *address, const char *config, char *bound, size_t bound_size);
/** Calls `reply` with one body segment (`json` NULL: none). Other members: build a jf_message and call the
 * facet. */
int32_t jf_mock_reply(jf_mock *mock, jf_ref client, jf_ref exchange, uint32_t flags, int32_t status,
                      const char *json);
/** Calls `reply` with copies of `segments`, of which those in the bit mask `retainable` may be retained: they
 * are freed with the last reference, the others when `reply` has returned. A reference too many, too late or
 * never released is a problem. */
int32_t jf_mock_reply_retainable(jf_mock *mock, jf_ref client, jf_ref exchange, uint32_t flags,
                                 const jf_view *segments, uint32_t count, uint64_t retainable);
/** Makes `retain` answer JF_E_BUSY from now on. */
void jf_mock_refuse_retain(jf_mock *mock, bool refuse);
/** How many references are held now, and how many were taken so far. */
uint32_t jf_mock_retained(jf_mock *mock);
uint32_t jf_mock_retains(jf_mock *mock);
/** Makes the client handle stale, as the host does when it refuses a client: later calls for it are answered
 * with JF_E_STALE and are no problem. */
void jf_mock_refuse(jf_mock *mock, jf_ref client);

/* ---- Driving a connector ---- */

/** Calls jf.connector/1 `open`. Returns the host's channel handle, 0 on error. */
jf_ref jf_mock_open(jf_mock *mock, const char *name, const char *config);
/** The plugin's handle of a channel, for calls of the facet itself. */
jf_ref jf_mock_handle(jf_mock *mock, jf_ref channel);
/** A new exchange handle, never used before. */
jf_ref jf_mock_exchange(jf_mock *mock);
/** Calls `send` with one body segment, JF_MSG_FINAL set. */
int32_t jf_mock_send(jf_mock *mock, jf_ref channel, jf_ref exchange, const char *json);
void jf_mock_cancel(jf_mock *mock, jf_ref channel, jf_ref exchange);
/** Calls `usage` with a cleared structure. JF_E_UNSUPPORTED where the plugin has no such slot. */
int32_t jf_mock_usage(jf_mock *mock, jf_ref channel, jf_usage *usage);
/** Calls `close` and runs the loop until `closed` came; false after `timeout_ms`. */
bool jf_mock_close(jf_mock *mock, jf_ref channel, uint32_t timeout_ms);

/* ---- Driving a toolset ---- */

/** Opens a set, 0 on error; closes it. */
jf_ref jf_mock_open_set(jf_mock *mock, const char *name, const char *config);
void jf_mock_close_set(jf_mock *mock, jf_ref set);
/** Calls `list`. The JSON text, to be freed; NULL on an error or JF_ABSENT (then *status, if not NULL, says
 * which). */
char *jf_mock_list(jf_mock *mock, jf_ref set, uint32_t kind, int32_t *status);

/** The slot that jf_mock_request calls. */
enum { JF_MOCK_CALL = 0, JF_MOCK_READ = 1, JF_MOCK_PROMPT = 2, JF_MOCK_COMPLETE = 3 };

/** An operation as it stands. */
typedef struct jf_mock_op {
    int32_t status;     /**< JF_PENDING while it is open, else how it ended */
    bool inline_result; /**< the slot itself answered, not jf.ops/1 */
    uint32_t strikes;   /**< late or double finishes */
    uint32_t progress;  /**< progress reports */
    const char
        *result; /**< the JSON text, or a store's bytes; NULL when there is none; see jf_mock_guard.h */
    jf_fault fault;
    const char *why; /**< the fault's text, NUL-terminated */
    uint64_t length; /**< of result */
} jf_mock_op;

/** Begins an operation on a set: `name` is the tool, URI or prompt; `arguments` is JSON (NULL: "{}"; for
 * COMPLETE the whole params object). Returns the op; its state is in jf_mock_op_at. */
jf_ref jf_mock_request(jf_mock *mock, jf_ref set, uint32_t slot, const char *name, const char *arguments);
/** An operation without a slot, for facets that the test calls itself. */
jf_ref jf_mock_begin(jf_mock *mock);
/** The state of an operation, a copy. The strings live until jf_mock_free. [any] */
jf_mock_op jf_mock_op_at(jf_mock *mock, jf_ref op);
/** Runs the loop until the operation is over; false after `timeout_ms`. */
bool jf_mock_wait_op(jf_mock *mock, jf_ref op, uint32_t timeout_ms);
/** The caller left (JF_E_GONE) or time ran out (JF_E_TIMEOUT): jf.ops/1 `state` says so and `cancel` is
 * called. The operation stays open until `finish`, as the ABI says. */
void jf_mock_cancel_op(jf_mock *mock, jf_ref op, int32_t why);
/** Takes a blob's bytes as a NUL-terminated string to be freed, and drops it; NULL for an absent one. [any]
 */
char *jf_mock_take(jf_blob *blob);

/* ---- Driving a store ---- */

/** Each calls a slot of jf.store/1 with copies of its arguments that are freed at once. Returns the op, whose
 * state is in jf_mock_op_at; where the slot answered at once, it is over already. Answers with an entry in
 * them are checked for their form. */
jf_ref jf_mock_store_get(jf_mock *mock, jf_view key);
jf_ref jf_mock_store_put(jf_mock *mock, const jf_store_put *put);
jf_ref jf_mock_store_remove(jf_mock *mock, jf_view key, uint64_t revision);
jf_ref jf_mock_store_list(jf_mock *mock, const jf_store_list *list);
jf_ref jf_mock_store_add(jf_mock *mock, const jf_store_add *add);
jf_ref jf_mock_store_take(jf_mock *mock, const jf_store_limit *limits, uint64_t count);
/** Calls `watch`. Returns the host's watch, 0 on error (then jf_mock_why). */
jf_ref jf_mock_store_watch(jf_mock *mock, jf_view prefix);
/** Calls `unwatch`; what is told of the watch from now on is a problem. */
void jf_mock_store_unwatch(jf_mock *mock, jf_ref watch);
/** The entry at *offset of an answer, with its key and value (which may be NULL), and *offset moved behind
 * it; false at its end. */
bool jf_mock_store_next(const char *bytes, uint64_t length, uint64_t *offset, jf_store_entry *entry,
                        jf_view *key, jf_view *value);

/* ---- Other services ---- */

/** Whether a log record of at least this level contains `part` (in its text or its rendered fields). [any] */
bool jf_mock_logged(jf_mock *mock, uint32_t level, const char *part);
uint32_t jf_mock_log_count(jf_mock *mock);
/** One record as "text key=value ..."; its level in *level (may be NULL). */
const char *jf_mock_log_at(jf_mock *mock, uint32_t index, uint32_t *level);

/** Outstanding memory of jf.memory/1, and JSON or secret blobs not dropped yet. [any] */
uint64_t jf_mock_bytes(jf_mock *mock);
uint32_t jf_mock_buffers(jf_mock *mock);
uint32_t jf_mock_blobs(jf_mock *mock);

/** Serves jf.calls/1. `call` is borrowed until it returns. JF_OK: accepted, jf_mock_answer follows (also from
 * inside); an error refuses the call. Without a handler every call is refused with JF_E_UNSUPPORTED. */
typedef int32_t (*jf_mock_call_fn)(void *user, jf_mock *mock, jf_ref id, const jf_call *call);
void jf_mock_on_call(jf_mock *mock, jf_mock_call_fn handler, void *user);
/** Answers a call; `done` runs on the lane in a later batch. JF_E_STALE: over already, or canceled. */
int32_t jf_mock_answer(jf_mock *mock, jf_ref call, int32_t status, const char *body);

/** jf.config/1 outside any instance: the mock's own JSON reader, for tests that look into answers. */
const jf_config_1 *jf_mock_json(jf_mock *mock);
/** The text of a JSON value by pointer, strings decoded, everything else raw; to be freed. NULL: no such
 * value. */
char *jf_mock_json_get(jf_mock *mock, const char *json, const char *pointer);

/** A C string as a view; NULL is an absent one. */
static inline jf_view jf_mock_view(const char *text) {
    jf_view view = {NULL, 0};
    if (text != NULL) {
        view.ptr = (const uint8_t *)text;
        while (text[view.len] != 0)
            view.len++;
    }
    return view;
}

#ifdef __cplusplus
}
#endif
#endif
