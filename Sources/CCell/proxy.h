/* SPDX-License-Identifier: Apache-2.0
 * The inside of the proxy: the gateway's side of a cell. Lane-confined but for what `lock` guards. */
#ifndef CELL_PROXY_H
#define CELL_PROXY_H

#include "include/ccell.h"
#include "link.h"

#include <pthread.h>
#include <sys/types.h>

/** A description with its own copies, and defaults filled in. */
typedef struct proxy_kind {
    jf_cell_spawn spawn;
    jf_plugin table;
    char **environment;
    uint32_t instances;
    bool used;
} proxy_kind;

/** What the host opened: a set, a server's strategy, a channel or a listener. Named in frames by `id`. */
enum {
    PROXY_SET = 1,
    PROXY_STRATEGY = 2,
    PROXY_CHANNEL = 3,
    PROXY_LISTENER = 4,
    PROXY_AUTH = 5,
    PROXY_SOURCE = 6,
    PROXY_POLICY = 7,
    PROXY_FILTER = 8,
    PROXY_WATCH = 9
};

typedef struct proxy_object {
    uint64_t id; /**< also the handle that the host gets */
    uint32_t kind;
    jf_ref host; /**< the host's handle: set, channel, listener or watch */
    char *name, *config, *address;
    uint64_t name_size, config_size, address_size; /**< UINT64_MAX: absent */
    bool is_open;                                  /**< in the cell that runs now */
    bool is_closing; /**< channel: `closed` is awaited; listener: accepts nobody */
    bool is_shared;  /**< channel: answers carry no exchange */
    bool is_slow;    /**< channel: the plugin answered JF_E_BUSY */
    bool owes_writable;
    bool asks_usage;       /**< channel: an answer about its processes is on its way */
    int32_t used;          /**< channel: the status of the last one; JF_ABSENT before it */
    jf_usage usage;        /**< and what it told */
    uint32_t listed;       /**< set: bit n: kind n was listed, so that a restart is a change */
    jf_blob description;   /**< provider: the last one that it gave */
    bool asks_description; /**< provider: a newer one is on its way */
    struct proxy_object *next;
} proxy_object;

/** A call through jf.calls/1; freed by its `done`. */
typedef struct proxy_call {
    struct jf_self *proxy; /**< NULL once the instance is gone */
    uint64_t epoch;
    uint64_t cell; /**< the cell's handle */
    jf_ref host;
    struct proxy_call *next, **link;
} proxy_call;

/** An operation or a watch of jf.state/1. */
typedef struct proxy_state {
    struct jf_self *proxy;
    uint64_t cell; /**< the cell's handle */
    jf_ref host;
    bool is_watch;
} proxy_state;

/** An exchange whose reply was answered JF_E_BUSY because of the queue. */
typedef struct proxy_waiter {
    jf_ref client, exchange;
} proxy_waiter;

typedef struct proxy_waiting {
    uint32_t serial;
    bool is_answered;
    cell_packet *packet; /**< to be freed by whoever waits */
    cell_frame frame;
} proxy_waiting;

/** A proxied instance. */
struct jf_self {
    proxy_kind *kind;
    const jf_host *host;
    /* the host's services; size 0 where absent */
    jf_loop_1 loop;
    jf_log_1 log;
    jf_ops_1 ops;
    jf_config_1 config_service;
    jf_toolsets_1 toolsets;
    jf_channels_1 channels;
    jf_inbound_1 inbound;
    jf_calls_1 calls;
    jf_seal_1 seal;
    jf_identity_1 identity;
    jf_connected_1 connected;
    jf_policies_1 policies;
    jf_watches_1 watches;
    jf_state_1 state_service;
    char *config; /**< the instance's, for restarts */
    uint64_t config_size;
    /* facets, with the slots that the plugin has */
    jf_toolset_1 toolset;
    jf_routing_1 routing;
    jf_connector_1 connector;
    jf_listener_1 listener;
    jf_seal_1 offered_seal;
    jf_auth_1 auth;
    jf_credentials_1 source;
    jf_policy_1 policy;
    jf_filter_1 filter;
    jf_store_1 store;
    uint64_t slots; /**< as the cell reported them: CELL_HAS_* */

    _Atomic pthread_t
        lane;             /**< the thread that runs the loop; before it runs and after, the control thread */
    pthread_mutex_t lock; /**< guards link's sending half, operations, asks, `state` and the counters */
    uint32_t state;       /**< JF_CELL_* */
    bool is_started, is_stopping, is_burying;
    uint64_t epoch; /**< counts processes */
    /* the process */
    cell_link link;
    pid_t pid;
    int pidfd, errors;
    jf_ref link_watch, pid_watch, error_watch;
    uint32_t link_events; /**< what link_watch watches */
    char cause[256];      /**< why this process is to end, where the proxy has it end */
    char reason[256];     /**< why one ended last */
    char last_words[160];
    /* receiving */
    cell_packet *spare, *deferred, **deferred_last;
    uint32_t depth; /**< of handling frames */
    bool is_paused, pump_posted, flush_posted, bury_posted;
    _Atomic uint64_t frames_in, bytes_in, throttled, late_picks;
    uint64_t window_ns, window_frames, window_bytes, throttled_since_ns;
    jf_ref pause_timer;
    /* asks */
    uint32_t serial;
    proxy_waiting *waiting[8];
    bool picks_late;
    uint32_t late_serial;
    /* life */
    jf_ref heartbeat, restart_timer;
    uint64_t ping_ns, started_ns, heartbeat_ns, memory, restart_at_ns;
    _Atomic uint32_t restarts, ends;
    uint32_t forgiven; /**< of `ends`: those before the last jf_cell_lift */
    uint32_t log_levels;
    uint64_t ends_ns[64];
    uint32_t backoff_ms;
    /* standard error */
    char line[1024];
    uint32_t line_used, lines_now, lines_lost;
    uint64_t lines_ns;
    /* what is open */
    uint64_t next_id;
    proxy_object *objects;
    cell_map by_id;        /**< object id to object */
    cell_map operations;   /**< the host's op to 1 */
    cell_map exchanges;    /**< connector: the host's exchange to the channel's object id */
    cell_map clients;      /**< the cell's client to the host's */
    cell_map cell_clients; /**< the host's client to the cell's */
    cell_map
        answering; /**< listener: client and exchange mixed, to the client: messages without their answer */
    cell_map slow; /**< client and exchange mixed, to whether the host was told */
    cell_map call_map; /**< the cell's call to proxy_call */
    proxy_call *call_list;
    cell_map states;      /**< the cell's operation or watch of jf.state/1 to proxy_state */
    uint32_t watch_count; /**< of them: watches */
    uint32_t wants;       /**< JF_WANTS_* that the cell was told */
    bool owes_writable;   /**< the queue was full: tell who was refused when it has drained */
    proxy_waiter *full;
    uint32_t full_count;
};

/** An ask under way: the frame is written between proxy_ask_begin and proxy_ask_end. */
typedef struct proxy_ask {
    proxy_waiting waiting;
    cell_writer *out;
    uint64_t epoch;
} proxy_ask;

/* proxy_link.c: frames out, frames in, asks. */

/** Takes the lock and opens a frame; NULL and no lock where the cell is not up (or the queue has no memory).
 * End with proxy_send. */
cell_writer *proxy_begin(jf_self *self, uint16_t type, uint64_t ref, uint64_t number, int32_t status);
/** Ends the frame, sends it now or with the current batch, gives the lock back. JF_OK, or JF_E_FAULT where
 * the frame could not be written. [any] */
int32_t proxy_send(jf_self *self, cell_writer *out);
/** As proxy_begin, in any state that has a process. */
bool proxy_ask_begin(jf_self *self, proxy_ask *ask, uint16_t type, uint64_t ref, uint64_t number);
/** Sends and waits for the answer: its status, with what follows it in `ask->waiting.frame`; JF_E_TIMEOUT
 * after `budget_ns`, JF_E_GONE where the cell ends. Always followed by proxy_ask_free. [any] */
int32_t proxy_ask_end(jf_self *self, proxy_ask *ask, uint64_t budget_ns, uint64_t spin_ns);
void proxy_ask_free(proxy_ask *ask);
/** Hands an answer to who waits for it; false: nobody does any more. [lane] */
bool proxy_take_answer(jf_self *self, const cell_frame *frame);
/** The answer to an ask of the cell: begins the frame under the lock; end with proxy_send. */
cell_writer *proxy_answer(jf_self *self, const cell_frame *ask, int32_t status);
/** Receives and handles what has come. [lane] */
void proxy_pump(jf_self *self);
void proxy_link_ready(void *user, uint32_t events);
/** Watches the socket for what it waits for now. [lane] */
void proxy_watch_link(jf_self *self);
/** Frees received packets that were put aside. [lane] */
void proxy_forget_packets(jf_self *self);
bool proxy_on_lane(const jf_self *self);
/** The calling thread runs the loop from here on, or is alone with the instance. [lane] [control] */
void proxy_adopt_lane(jf_self *self);

/* proxy_child.c: the process. */

/** Starts it and its socket. JF_OK, or a fault. [lane] */
int32_t proxy_spawn(jf_self *self, jf_fault *why);
/** Watches socket, process and standard error. [lane] */
int32_t proxy_watch(jf_self *self);
void proxy_unwatch(jf_self *self);
/** Kills the process and whatever is in its group. */
void proxy_kill(jf_self *self);
/** Waits for its end at most `wait_ms`, and says in words how it ended. False: it still runs. */
bool proxy_reap(jf_self *self, int wait_ms, char *text, uint64_t size);
/** Closes socket and pipe of a process that has ended. */
void proxy_close(jf_self *self);
/** Logs the lines of standard error that have come. */
void proxy_read_errors(jf_self *self);
/** The same, and what comes after the last of them: nothing more will come. */
void proxy_end_errors(jf_self *self);

/* proxy_life.c: ends, restarts, heartbeats. */

/** The process is of no more use: kills it. What was open ends when its end is seen. [lane] */
__attribute__((format(printf, 2, 3))) void proxy_lost(jf_self *self, const char *format, ...);
/** Sends CELL_SETUP; with `again` its answer is handled when it comes. [lane] */
int32_t proxy_setup(jf_self *self, bool again, jf_fault *why);
/** The answer to a frame that was sent with CELL_AGAIN. NULL, or what is wrong with it. */
const char *proxy_answered_again(jf_self *self, cell_frame *frame);
/** Finishes operations, fails channels, closes clients. [lane] */
void proxy_end_all(jf_self *self, const char *text, uint32_t retry_ms);
int32_t proxy_arm_heartbeat(jf_self *self);
void proxy_pid_ready(void *user, uint32_t events);
/** The fault for a slot of a cell that is not up. Answers JF_E_GONE. [any] */
int32_t proxy_refuse(jf_self *self, jf_fault *why);
/** The fault for an ask that was not answered. */
int32_t proxy_unanswered(jf_self *self, int32_t status, const char *what, jf_fault *why);
__attribute__((format(printf, 3, 4))) void proxy_log(jf_self *self, uint32_t level, const char *format, ...);

/* proxy_objects.c: what the host opened. */

proxy_object *proxy_object_new(jf_self *self, uint32_t kind, jf_ref host, jf_view name, jf_view config);
proxy_object *proxy_object_of(jf_self *self, uint64_t id, uint32_t kind);
void proxy_object_free(jf_self *self, proxy_object *object);
/** Writes the object's open frame's payload. */
void proxy_put_object(cell_writer *out, const proxy_object *object);
uint16_t proxy_open_type(uint32_t kind);
/** Asks the cell to open it; on failure the object is freed. */
int32_t proxy_open_object(jf_self *self, proxy_object *object, jf_blob *bound, jf_fault *why);

/** Opens the frame of an operation that finishes later, on `object` where that is not 0. NULL: *status and
 * `why` say why not. End with proxy_operated. Any thread. */
cell_writer *proxy_operate(jf_self *self, uint16_t type, jf_ref op, uint64_t number, int32_t *status,
                           jf_fault *why);
/** Sends it. JF_PENDING, or a fault: then it was never begun. */
int32_t proxy_operated(jf_self *self, cell_writer *out, jf_ref op, jf_fault *why);
/** Tells the cell that nobody waits; `facet` is CELL_OF_*. */
void proxy_cancel(jf_self *self, jf_ref op, uint64_t facet);

/* The facets. */
extern const jf_toolset_1 proxy_toolset_table;
extern const jf_routing_1 proxy_routing_table;
extern const jf_connector_1 proxy_connector_table;
extern const jf_listener_1 proxy_listener_table;
void proxy_seal_table(jf_self *self, jf_seal_1 *table);
extern const jf_auth_1 proxy_auth_table;
extern const jf_credentials_1 proxy_source_table;
extern const jf_policy_1 proxy_policy_table;
extern const jf_filter_1 proxy_filter_table;
extern const jf_store_1 proxy_store_table;
/** Fills in those of the five that the cell has and the manifest lists. */
void proxy_make_access(jf_self *self, uint64_t slots);
/** A provider's description; it belongs to the object from now on. */
void proxy_described(proxy_object *object, jf_blob description);
/** What jf.inbound/1 wants now. */
uint32_t proxy_wants(const jf_self *self);
/** Tells the cell, where that changed. [lane] */
void proxy_tell_wants(jf_self *self);
/** Gives up what the cell began with jf.state/1. [lane] */
void proxy_end_states(jf_self *self);
/** Frames about them and jf.state/1; *bad: what is wrong. False: another type. */
bool proxy_handle_access(jf_self *self, cell_frame *frame, const char **bad);
/** Tells channels and clients that were refused because the queue was full. [lane] */
void proxy_drained(jf_self *self);
/** Names an exchange of a client in `slow` and `answering`. */
uint64_t proxy_exchange_key(jf_ref client, jf_ref exchange);

/* proxy_in.c: one frame of the cell. NULL, or what is wrong with it. [lane] */
const char *proxy_handle(jf_self *self, cell_frame *frame);
/** Whether it must be answered at once, even while the lane waits for something else. */
bool proxy_is_urgent(const cell_frame *frame);

#endif
