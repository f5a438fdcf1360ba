/* SPDX-License-Identifier: Apache-2.0
 * The inside of the mock host: shared by its source files, not for tests. */
#ifndef JF_MOCK_INTERNAL_H
#define JF_MOCK_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "jf_mock.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** A list of pointers that only grows. */
typedef struct mock_list {
    void **items;
    uint32_t count, capacity;
} mock_list;

typedef struct mock_record {
    uint32_t level;
    char *text;
} mock_record;

/** One slot of the watch or timer table; its ref is index + 1 and the generation. */
typedef struct mock_slot {
    uint32_t generation;
    bool used;
    int32_t fd;
    jf_ready_fn ready;
    jf_task_fn fire;
    void *user;
} mock_slot;

typedef struct mock_slots {
    mock_slot *items;
    uint32_t count, used;
} mock_slots;

typedef struct mock_timer {
    uint64_t deadline_ns, sequence;
    jf_ref ref;
} mock_timer;

typedef struct mock_task {
    jf_task_fn run;
    void *user;
} mock_task;

typedef struct mock_loop {
    int epoll, wake;
    mock_slots watches, timers;
    mock_timer *heap;
    uint32_t heap_count, heap_capacity;
    uint64_t sequence, batch_ns, longest_ns;
    mock_task *tasks;
    uint32_t task_count, task_capacity;
    uint32_t index, count;
    bool busy;
} mock_loop;

/** A host object: listener, client, channel, set, exchange, operation or call, named by its ref. */
typedef struct mock_object {
    uint32_t kind;
    bool open;
    bool refused; /**< client: the host itself dropped it, so that late calls are expected */
    jf_ref ref;
    jf_ref handle; /**< the plugin's handle of a channel or set */
    jf_mock_op op;
    int32_t state; /**< operation: what jf.ops/1 `state` answers while it is open */
    bool owed;     /**< operation: its slot answered JF_PENDING, so that a finish must come */
    uint32_t form; /**< operation: what its result must be, MOCK_FORM_* */
    void (*cancel)(jf_self *self, jf_ref op); /**< operation: the facet's slot; may be NULL */
    mock_list lent;                           /**< operation: what the plugin may read until it is over */
    uint64_t items;                           /**< a review: how many */
    jf_passage passage;                       /**< a filter's operation: what passes; its views are kept */
    jf_mock_filtered filtered;
    jf_call_done_fn done;
    void *user;
    int32_t status;
    char *text;
} mock_object;

enum {
    MOCK_LISTENER = 1,
    MOCK_CLIENT = 2,
    MOCK_CHANNEL = 3,
    MOCK_SET = 4,
    MOCK_OP = 5,
    MOCK_CALL = 6,
    MOCK_WATCH = 7,
    MOCK_STATE_OP = 8,
    MOCK_STATE_WATCH = 9
};

/** What an operation's result is. */
enum {
    MOCK_FORM_JSON = 0,
    MOCK_FORM_STORE = 1,     /**< entries or verdicts of a store */
    MOCK_FORM_PRINCIPAL = 2, /**< jf.auth/1 */
    MOCK_FORM_RULING = 3,    /**< jf.policy/1 decide */
    MOCK_FORM_REVIEW = 4,    /**< jf.policy/1 review: a byte for each */
    MOCK_FORM_REQUEST = 5,   /**< jf.filter/1: a verdict on a request, or on a result */
    MOCK_FORM_RESULT = 6,
    MOCK_FORM_SUPPLY = 7 /**< jf.credentials/1 */
};

/** Counters that blobs refer to. They outlive the mock, so that a late `drop` touches no freed memory. */
typedef struct mock_counters {
    atomic_uint blobs;
} mock_counters;

typedef struct mock_buffer {
    uint8_t *data;
    uint64_t capacity;
} mock_buffer;

struct jf_host {
    jf_mock *mock;
};

struct jf_mock {
    pthread_t lane;
    pthread_mutex_t lock; /**< recursive; guards lists, objects, tasks */
    bool verbose;
    /* plugin */
    jf_host host;
    jf_offer offer;
    jf_plugin plugin;
    jf_self *self;
    bool loaded, started, stopped;
    const char *manifest; /**< NULL: none known */
    jf_fault fault;
    char why[sizeof(((jf_fault *)0)->text) + 1];
    jf_listener_1 listener;
    jf_connector_1 connector;
    jf_toolset_1 toolset;
    jf_routing_1 routing;
    jf_store_1 store;
    jf_auth_1 auth;
    jf_credentials_1 credentials;
    jf_policy_1 policy;
    jf_filter_1 filter;
    /* services */
    mock_list hidden; /**< char * */
    bool hide_all;
    mock_list offered; /**< pairs: char *, table */
    mock_list secrets; /**< pairs: char *, char * */
    jf_loop_1 loop_table;
    jf_log_1 log_table;
    jf_clock_1 clock_table;
    jf_memory_1 memory_table;
    jf_ops_1 ops_table;
    jf_config_1 config_table;
    jf_toolsets_1 toolsets_table;
    jf_calls_1 calls_table;
    jf_inbound_1 inbound_table;
    uint32_t wants;
    jf_channels_1 channels_table;
    jf_watches_1 watches_table;
    jf_identity_1 identity_table;
    jf_connected_1 connected_table;
    jf_policies_1 policies_table;
    jf_state_1 state_table;
    mock_loop loop;
    _Atomic uint64_t clock_offset;
    atomic_uint_fast64_t bytes, allocations;
    uint64_t fail_from, memory_limit;
    mock_list buffers; /**< mock_buffer * */
    mock_counters *counters;
    jf_mock_call_fn on_call;
    void *on_call_user;
    jf_mock_event_fn on_event;
    void *on_event_user;
    uint32_t retained, retains; /**< references to segments: held now, taken so far */
    bool refuse_retain;
    struct mock_store *kept_state; /**< what jf.state/1 keeps */
    int32_t state_failure;
    /* records */
    mock_list problems; /**< char * */
    mock_list records;  /**< mock_record * */
    mock_list events;   /**< jf_mock_event * */
    mock_list objects;  /**< mock_object * */
    mock_list kept;     /**< memory that lives until jf_mock_free */
    jf_ref next_ref;
};

/* jf_mock.c */
void *mock_allocate(size_t size);
void mock_push(mock_list *list, void *item);
void mock_problem(jf_mock *mock, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Reports a call from a foreign thread into a [lane] slot. */
void mock_on_lane(jf_mock *mock, const char *slot);
void mock_lock(jf_mock *mock);
void mock_unlock(jf_mock *mock);
/** A NUL-terminated copy that lives until jf_mock_free; NULL for an absent view. */
char *mock_keep(jf_mock *mock, jf_view view);
void *mock_keep_bytes(jf_mock *mock, size_t size);
/** Copies min(declared, own) bytes of a table into a zeroed one. */
void mock_copy_table(void *to, size_t own, const void *from, const char *what, jf_mock *mock);

/* mock_manifest.c */
void mock_manifest_load(jf_mock *mock, const char *path);
/** Reports a service that the manifest does not list. */
void mock_manifest_service(jf_mock *mock, const char *id);
/** Reports facets and services that the manifest lists and the plugin does not have. */
void mock_manifest_facets(jf_mock *mock);

/* mock_loop.c */
void mock_loop_open(jf_mock *mock);
void mock_loop_close(jf_mock *mock);
void mock_loop_check(jf_mock *mock);
void mock_run_posts(jf_mock *mock);
uint64_t mock_clock(void);

/* mock_json.c */
void mock_json_open(jf_mock *mock);
/** Whether the bytes are exactly one JSON text. */
bool mock_json_valid(jf_view document);

/* mock_services.c */
void mock_services_open(jf_mock *mock);
void mock_services_check(jf_mock *mock);

/* mock_objects.c */
mock_object *mock_new_object(jf_mock *mock, uint32_t kind);
/** The object, also when it is over; NULL when the ref was never given or names another kind. */
mock_object *mock_object_of(jf_mock *mock, jf_ref ref, uint32_t kind);
/** Makes an event; nobody sees it before mock_event_show. */
jf_mock_event *mock_event(jf_mock *mock, uint32_t type, jf_ref peer, jf_ref exchange);
void mock_event_text(jf_mock *mock, jf_mock_event *event, jf_view text);
/** Publishes a filled-in event: appends it to the list, prints it where verbose. */
void mock_event_show(jf_mock *mock, jf_mock_event *event);
void mock_objects_check(jf_mock *mock);

/* mock_retain.c */
void mock_retain_check(jf_mock *mock);

/* mock_ops.c, mock_store.c, mock_transport.c */
/** Stores how an operation ended. The result is taken in every case. */
void mock_op_settle(jf_mock *mock, mock_object *object, int32_t status, jf_blob *result, const jf_fault *why);
/** What a slot answered for its operation: it is over, or a finish is owed. Takes the result. */
void mock_op_answered(jf_mock *mock, mock_object *object, int32_t status, jf_blob *result,
                      const jf_fault *why);
/** A new operation of a facet, to be answered in that form. */
mock_object *mock_op_begin(jf_mock *mock, uint32_t form, void (*cancel)(jf_self *self, jf_ref op));
void mock_ops_open(jf_mock *mock);
void mock_store_open(jf_mock *mock);

/* mock_lend.c */
/** A copy that is freed with the list: AddressSanitizer sees a view kept for too long. */
jf_view mock_lend(mock_list *lent, jf_view view);
void *mock_lend_bytes(mock_list *lent, size_t size);
jf_pair *mock_lend_pairs(mock_list *lent, const jf_pair *pairs, uint64_t count);
const jf_principal *mock_lend_principal(mock_list *lent, const jf_principal *principal);
jf_access *mock_lend_access(mock_list *lent, const jf_access *access);
void mock_lent_free(mock_list *lent);
/** Whether JSON is a principal; false: a problem was reported. */
bool mock_principal_valid(jf_mock *mock, jf_view json, const char *where);

/* mock_answers.c */
/** Checks what an operation was answered with, and returns it as the text that tests see, kept until
 * jf_mock_free. */
char *mock_answer_text(jf_mock *mock, mock_object *object, jf_view bytes, uint64_t *length);

/* mock_guard.c */
void mock_guard_open(jf_mock *mock);

/* mock_entries.c: what jf.state/1 keeps, by the rules of jf.store/1 */
typedef struct mock_store mock_store;
mock_store *mock_store_new(void);
void mock_store_free(mock_store *store);
/** The slots of jf.store/1; answers are malloc'ed into *answer. `changed` is the key's new revision, 0 where
 * nothing changed, UINT64_MAX where it is gone. */
int32_t mock_store_get(mock_store *store, uint64_t now, jf_view key, jf_view *answer);
int32_t mock_store_put(mock_store *store, uint64_t now, const jf_store_put *put, jf_view *answer,
                       uint64_t *changed);
int32_t mock_store_remove(mock_store *store, uint64_t now, jf_view key, uint64_t revision, uint64_t *changed);
int32_t mock_store_list(mock_store *store, uint64_t now, const jf_store_list *list, jf_view *answer);
int32_t mock_store_add(mock_store *store, uint64_t now, const jf_store_add *add, jf_view *answer);
int32_t mock_store_take(mock_store *store, uint64_t now, const jf_store_limit *limits, uint64_t count,
                        jf_view *answer);
uint32_t mock_store_count(const mock_store *store, bool limits);

/* mock_state.c */
void mock_state_open(jf_mock *mock);
void mock_state_close(jf_mock *mock);
void mock_transport_open(jf_mock *mock);

#endif
