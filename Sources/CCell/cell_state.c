/* SPDX-License-Identifier: Apache-2.0
 * Cell: jf.state/1, and what providers, credential sources, policies and stores tell the gateway. */
#include "cell.h"

#include <stdlib.h>

/* ---- jf.state/1: all on the lane ---- */

typedef struct waiting_state {
    jf_state_done_fn done;
    jf_state_changed_fn changed; /**< of a watch */
    void *user;
} waiting_state;

static waiting_state *new_state(jf_ref *ref) {
    waiting_state *it = calloc(1, sizeof *it);
    *ref = ++cell_here.next_ref;
    if (it != NULL && cell_map_put(&cell_here.states, *ref, (uint64_t)(uintptr_t)it)) return it;
    free(it);
    return NULL;
}

/* What is known of a handle, taken away; `done` and `changed` NULL where it is stale. */
static waiting_state take_state(jf_ref ref) {
    uint64_t value;
    waiting_state it = {0};
    if (!cell_map_remove(&cell_here.states, ref, &value)) return it;
    it = *(waiting_state *)(uintptr_t)value;
    free((void *)(uintptr_t)value);
    return it;
}

static int32_t begin(const cell_store_ask *ask, jf_state_done_fn done, void *user, jf_ref *operation) {
    jf_ref ref;
    if (done == NULL) return JF_E_INVALID;
    waiting_state *it = new_state(&ref);
    if (it == NULL) return JF_E_BUSY;
    *it = (waiting_state){.done = done, .user = user};
    cell_writer *out = cell_out(CELL_STATE, ref, ask->slot, 0);
    bool sent = false;
    if (out != NULL) {
        cell_put_store(out, ask);
        sent = cell_send(out);
    }
    if (!sent) {
        take_state(ref);
        return JF_E_INVALID; /* it is larger than anything that a store keeps */
    }
    if (operation != NULL) *operation = ref;
    return JF_OK;
}

static int32_t state_get(void *context, jf_view key, jf_state_done_fn done, void *user, jf_ref *operation) {
    (void)context;
    return begin(&(cell_store_ask){.slot = CELL_STORE_GET, .key = key}, done, user, operation);
}

static int32_t state_put(void *context, const jf_store_put *put, jf_state_done_fn done, void *user,
                         jf_ref *operation) {
    cell_store_ask ask = {.slot = CELL_STORE_PUT};
    (void)context;
    cell_attach(&ask.put, sizeof ask.put, put);
    return begin(&ask, done, user, operation);
}

static int32_t state_remove(void *context, jf_view key, uint64_t revision, jf_state_done_fn done, void *user,
                            jf_ref *operation) {
    (void)context;
    return begin(&(cell_store_ask){.slot = CELL_STORE_REMOVE, .key = key, .revision = revision}, done, user,
                 operation);
}

static int32_t state_list(void *context, const jf_store_list *list, jf_state_done_fn done, void *user,
                          jf_ref *operation) {
    cell_store_ask ask = {.slot = CELL_STORE_LIST};
    (void)context;
    cell_attach(&ask.list, sizeof ask.list, list);
    return begin(&ask, done, user, operation);
}

static int32_t state_add(void *context, const jf_store_add *add, jf_state_done_fn done, void *user,
                         jf_ref *operation) {
    cell_store_ask ask = {.slot = CELL_STORE_ADD};
    (void)context;
    cell_attach(&ask.add, sizeof ask.add, add);
    return begin(&ask, done, user, operation);
}

static int32_t state_take(void *context, const jf_store_limit *limits, uint64_t count, jf_state_done_fn done,
                          void *user, jf_ref *operation) {
    cell_store_ask ask = {.slot = CELL_STORE_TAKE, .count = count};
    (void)context;
    if (limits == NULL || count == 0 || count > JF_STORE_TAKE_MOST) return JF_E_INVALID;
    for (uint64_t i = 0; i < count; i++)
        ask.limits[i] = limits[i];
    return begin(&ask, done, user, operation);
}

/* The one that has to know at once whether there will be anything: it asks. */
static int32_t state_watch(void *context, jf_view prefix, jf_state_changed_fn changed, void *user,
                           jf_ref *watch) {
    cell_waiting waiting;
    jf_ref ref;
    (void)context;
    if (changed == NULL || watch == NULL) return JF_E_INVALID;
    waiting_state *it = new_state(&ref);
    if (it == NULL) return JF_E_BUSY;
    *it = (waiting_state){.changed = changed, .user = user};
    cell_writer *out = cell_ask_out(&waiting, CELL_STATE_WATCH, ref);
    int32_t status = JF_E_BUSY;
    if (out != NULL) {
        cell_put_view(out, prefix);
        status = cell_ask(&waiting, out);
    }
    if (status == JF_OK) {
        status = waiting.frame.head.status;
        cell_packet_free(waiting.packet);
    } else if (status == JF_E_TIMEOUT && (out = cell_out(CELL_STATE_UNWATCH, ref, 0, 0)) != NULL) {
        cell_send(out); /* it may be made all the same */
    }
    if (status == JF_OK)
        *watch = ref;
    else
        take_state(ref);
    return status <= JF_OK ? status : JF_E_FAULT;
}

static void tell_state(uint16_t type, jf_ref ref) {
    cell_writer *out = cell_out(type, ref, 0, 0);
    if (out != NULL) cell_send(out);
}

static void state_unwatch(void *context, jf_ref watch) {
    uint64_t value;
    (void)context;
    if (!cell_map_get(&cell_here.states, watch, &value)) return;
    if (((waiting_state *)(uintptr_t)value)->changed == NULL) return;
    take_state(watch);
    tell_state(CELL_STATE_UNWATCH, watch);
}

static void state_abandon(void *context, jf_ref operation) {
    uint64_t value;
    (void)context;
    if (!cell_map_get(&cell_here.states, operation, &value)) return;
    if (((waiting_state *)(uintptr_t)value)->done == NULL) return;
    take_state(operation);
    tell_state(CELL_STATE_ABANDON, operation);
}

const jf_state_1 cell_state_table = {.size = sizeof(jf_state_1),
                                     .get = state_get,
                                     .put = state_put,
                                     .remove = state_remove,
                                     .list = state_list,
                                     .add = state_add,
                                     .take = state_take,
                                     .watch = state_watch,
                                     .unwatch = state_unwatch,
                                     .abandon = state_abandon};

static void on_state_done(cell_frame *frame) {
    jf_fault why;
    int32_t status = frame->head.status;
    cell_get_fault(frame, &why);
    jf_view answer = cell_get_view(frame);
    cell_expect(frame);
    frame->packet->is_secret = true;
    waiting_state it = take_state(frame->head.ref); /* stale: it was abandoned meanwhile */
    bool is_plain = status == JF_OK || status == JF_ABSENT || status == JF_E_STALE;
    if (it.done != NULL) it.done(it.user, frame->head.ref, status, answer, is_plain ? NULL : &why);
}

static void on_state_changed(cell_frame *frame) {
    uint64_t value;
    jf_view key = cell_get_view(frame);
    cell_expect(frame);
    if (!cell_map_get(&cell_here.states, frame->head.ref, &value)) return;
    waiting_state it = *(waiting_state *)(uintptr_t)value;
    if (it.changed != NULL) it.changed(it.user, frame->head.ref, key, frame->head.number);
}

bool cell_handle_state(cell_frame *frame) {
    switch (frame->head.type) {
    case CELL_STATE_DONE:
        on_state_done(frame);
        return true;
    case CELL_STATE_CHANGED:
        on_state_changed(frame);
        return true;
    case CELL_WANTS:
        cell_expect(frame);
        __atomic_store_n(&cell_here.wants, (uint32_t)frame->head.number, __ATOMIC_RELAXED);
        return true;
    default:
        return false;
    }
}

/* ---- jf.identity/1, jf.connected/1, jf.policies/1, jf.watches/1: any thread ---- */

static void tell_view(uint16_t type, uint64_t ref, uint64_t number, int32_t status, jf_view view) {
    cell_writer *out = cell_out(type, ref, number, status);
    if (out == NULL) return;
    cell_put_view(out, view);
    cell_send(out);
}

static void identity_forget(void *context, jf_view credential) {
    (void)context;
    tell_view(CELL_IDENTITY_FORGET, 0, 0, 0, credential);
}

const jf_identity_1 cell_identity_table = {.size = sizeof(jf_identity_1), .forget = identity_forget};

static void connected(void *context, jf_view id, int32_t status) {
    (void)context;
    if (status > JF_OK || status < JF_E_FAULT) status = JF_E_FAULT;
    tell_view(CELL_CONNECTED, 0, 0, status, id);
}

static void connected_forget(void *context, jf_view key) {
    (void)context;
    tell_view(CELL_CONNECTED_FORGET, 0, 0, 0, key);
}

const jf_connected_1 cell_connected_table = {
    .size = sizeof(jf_connected_1), .connected = connected, .forget = connected_forget};

/* On the lane, which knows the gateway's number of the plugin's handle. */
static void tell_policy(void *user) {
    jf_ref handle = (jf_ref)(uintptr_t)user;
    cell_map_entry entry;
    uint32_t at = 0;
    while (cell_map_next(&cell_here.objects, &at, &entry)) {
        const cell_object *object = (const cell_object *)(uintptr_t)entry.value;
        if (object->type == CELL_POLICY_ATTACH && object->handle == handle)
            tell_state(CELL_POLICY_CHANGED, object->id);
    }
}

static void policies_changed(void *context, jf_ref handle) {
    (void)context;
    cell_loop_table.post(NULL, tell_policy, (void *)(uintptr_t)handle);
}

const jf_policies_1 cell_policies_table = {.size = sizeof(jf_policies_1), .changed = policies_changed};

static void watches_changed(void *context, jf_ref watch, jf_view key, uint64_t revision) {
    (void)context;
    tell_view(CELL_WATCH_CHANGED, watch, revision, 0, key);
}

const jf_watches_1 cell_watches_table = {.size = sizeof(jf_watches_1), .changed = watches_changed};
