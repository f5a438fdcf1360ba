/* SPDX-License-Identifier: Apache-2.0
 * The inside of the cell: the child process that runs one instance of one plugin. */
#ifndef CELL_CELL_H
#define CELL_CELL_H

#include "include/ccell.h"
#include "link.h"

#include <pthread.h>

/** What CELL_SETUP said. */
typedef struct cell_settings {
    uint64_t flags, threads, memory, address_space, files, workers, lane, lanes, control_ms, services, queue;
    char *library, *name, *listed_services, *state_dir;
    char **readable, **writable, **beside;
} cell_settings;

/** A plugin that runs beside the cell's own, for services that are function pointers. */
typedef struct cell_neighbour {
    jf_plugin plugin;
    jf_self *self;
} cell_neighbour;

/** An ask that waits for the host's answer. */
typedef struct cell_waiting {
    struct cell_waiting *next;
    uint32_t serial;
    bool is_answered;
    cell_packet *packet;
    cell_frame frame;
} cell_waiting;

/** What the host opened: the plugin's handle behind the host's id. */
typedef struct cell_object {
    uint64_t id;
    uint16_t type; /**< CELL_SET_OPEN, CELL_ATTACH, CELL_CHANNEL_OPEN, CELL_LISTEN, CELL_*_ATTACH or
                      CELL_STORE_WATCH */
    jf_ref handle;
    /* channel: messages that the plugin answered JF_E_BUSY, in order, until it is writable */
    struct cell_held *held, *held_last;
    bool is_closed;
} cell_object;

typedef struct cell_held {
    struct cell_held *next;
    cell_packet *packet;
    cell_frame frame;
} cell_held;

/** A passage that a filter may read for as long as its operation lasts. */
typedef struct cell_passage {
    _Atomic uint32_t refs;
    bool is_request;
    cell_packet *packet;
    jf_passage passage;
    jf_principal principal;
    jf_view names[]; /**< roles and scopes */
} cell_passage;

/** The process's one instance: also what the plugin knows as its host. */
struct jf_host {
    cell_settings settings;
    pthread_t lane;
    pthread_mutex_t lock; /**< guards the sending half of `link`, operations, asks, posts */
    pthread_cond_t answered;
    cell_link link;
    bool is_ended;
    uint32_t serial;
    cell_waiting *waiting;
    cell_packet *deferred, **deferred_last, *spare;
    _Atomic uint32_t log_levels;
    uint64_t lost_records;

    cell_neighbour beside[JF_CELL_BESIDE];
    uint32_t beside_count;
    jf_plugin plugin;
    jf_self *self;
    jf_toolset_1 toolset;
    jf_routing_1 routing;
    jf_connector_1 connector;
    jf_listener_1 listener;
    jf_seal_1 seal;
    jf_auth_1 auth;
    jf_credentials_1 source;
    jf_policy_1 policy;
    jf_filter_1 filter;
    jf_store_1 store;
    bool is_private; /**< it has one of those: what it finishes with may be a secret */
    uint32_t wants;  /**< what jf.inbound/1 points to: JF_WANTS_* of the host */

    cell_map objects;    /**< id to cell_object */
    cell_map operations; /**< op to its deadline */
    cell_map canceled;   /**< op to why */
    cell_map clients;    /**< a listener's client to 1, or to 2 where the host refused it */
    cell_map calls;      /**< jf.calls/1 handles to what to call when done */
    cell_map states;     /**< the same of jf.state/1, and its watches */
    cell_map passages;   /**< op to cell_passage; guarded by `lock`, as is the next */
    cell_map memories;   /**< what requests left, by the numbers that the host has instead */
    uint64_t next_memory;
    uint64_t next_ref;
    _Atomic uint64_t memory;
};

/** There is one for each process. */
extern jf_host cell_here;

/* cell_main.c */
bool cell_on_lane(void);
/** Opens a frame under the lock; end with cell_send. Waits for room where the queue is full. NULL: no memory
 * or the host is gone. [any] */
cell_writer *cell_out(uint16_t type, uint64_t ref, uint64_t number, int32_t status);
/** Ends the frame and gives the lock back. False: it could not be written. [any] */
bool cell_send(cell_writer *out);
/** Opens the answer to a frame of the host; NULL where none is due. */
cell_writer *cell_answer(const cell_frame *frame, int32_t status);
/** Answers with a status and a fault, and empty bytes where `has_bytes`. */
void cell_answer_plainly(const cell_frame *frame, int32_t status, const jf_fault *why, bool has_bytes);
/** Asks the host and waits at most control_ms: begin as with cell_out, with cell_ask_out. [any] */
cell_writer *cell_ask_out(cell_waiting *waiting, uint16_t type, uint64_t number);
/** JF_OK: answered, its status and frame are in `waiting`; free with cell_packet_free(waiting->packet). */
int32_t cell_ask(cell_waiting *waiting, cell_writer *out);
/** Ends the process: the host broke the rules or is gone. */
__attribute__((noreturn)) void cell_die(const char *why);

/* cell_setup.c: the first frame, and loading the plugin. */
void cell_read_setup(cell_frame *frame, jf_view *config);
/** Loads the library and creates the instance. */
int32_t cell_load(jf_view config, jf_fault *why, uint64_t *slots);

/* cell_harden.c, cell_seccomp.c: before the plugin is loaded. */
/** Applies limits, capabilities, Landlock and system call filter. Notes for the log go through `note`. NULL,
 * or what failed. */
const char *cell_harden(void);
/** 0 or an errno. */
int cell_filter_calls(uint64_t flags);

/* cell_loop.c: jf.loop/1 */
bool cell_loop_open(void);
extern const jf_loop_1 cell_loop_table;
/** Runs one batch: events, posts, timers. `socket` receives whether the host has sent something. */
void cell_loop_turn(bool *socket, bool may_wait);
/** Watches the socket for room too, or not. */
void cell_loop_want_room(bool want);
void cell_loop_wake(void);

/* cell_services.c */
const void *cell_service(const jf_host *host, const char *id);
/** The services of this process alone, for plugins beside. */
const void *cell_own_service(const jf_host *host, const char *id);
void cell_note(uint32_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Ends an operation that a slot answered by itself. */
void cell_finish(jf_ref op, int32_t status, jf_blob *result, const jf_fault *why);
void cell_call_done(cell_frame *frame);
extern const jf_config_1 cell_config_table;
extern const jf_channels_1 cell_channels_table;
extern const jf_inbound_1 cell_inbound_table;
/* cell_state.c */
extern const jf_state_1 cell_state_table;
extern const jf_identity_1 cell_identity_table;
extern const jf_connected_1 cell_connected_table;
extern const jf_policies_1 cell_policies_table;
extern const jf_watches_1 cell_watches_table;
bool cell_handle_state(cell_frame *frame);

/* cell_facets.c, cell_transport.c: one frame of the host. */
void cell_handle(cell_frame *frame);
/** Those of connectors and listeners; false: another type. */
bool cell_handle_transport(cell_frame *frame);
/** Ends the cell unless the frame was read whole: the gateway is trusted, but not to be of the same build. */
void cell_expect(cell_frame *frame);
/* cell_access.c, cell_filter.c: the same of the facets from auth to store. */
uint64_t cell_find_access(void);
int32_t cell_open_facet(uint16_t type, uint64_t id, jf_view name, jf_view config, jf_ref *handle,
                        jf_blob *bound, jf_fault *why);
bool cell_handle_access(cell_frame *frame);
bool cell_handle_filter(cell_frame *frame);
/** Notes an operation of the host, whose finish is owed from now on. */
void cell_operation(jf_ref op, uint64_t deadline_ns);
/** The same of one on an object; NULL: it is not open, and the operation is over. */
cell_object *cell_operation_on(jf_ref op, uint64_t object, uint16_t type, uint64_t deadline_ns);
/** Finishes it with what its slot answered, but for JF_PENDING. */
void cell_operation_answered(jf_ref op, int32_t status, jf_blob *result, const jf_fault *why);
/** `facet` is CELL_OF_*. */
void cell_cancel_operation(jf_ref op, uint64_t facet);
/** Takes one reference away; NULL is ignored. [any] */
void cell_passage_free(cell_passage *passage);
/** Replaces what a verdict leaves by a number that means nothing elsewhere. [any] */
void cell_verdict_out(const cell_passage *passage, jf_verdict *head);
/* cell_routing.c */
void cell_pick(cell_frame *frame);
void cell_observe(cell_frame *frame);
cell_object *cell_object_of(uint64_t id, uint16_t type);
/** Remembers what a slot opened; false without memory. */
bool cell_object_add(uint64_t id, uint16_t type, jf_ref handle);
void cell_object_remove(cell_object *object);
/** Keeps a frame readable after its packet was handled. */
void cell_hold(const cell_frame *frame);

/* cell_workers.c: requests of concurrent toolsets. */
typedef void (*cell_job_fn)(cell_frame *frame);
/** False without memory or threads. The frame is held until the job is done. */
bool cell_work(const cell_frame *frame, cell_job_fn job);

#endif
