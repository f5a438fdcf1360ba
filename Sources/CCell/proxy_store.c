/* SPDX-License-Identifier: Apache-2.0
 * Proxy: the facet jf.store/1, jf.state/1 for the plugin in the cell, and what it tells of credentials,
 * policies and watches. */
#include "proxy.h"

#include <stdlib.h>
#include <string.h>

/* Bounds on what one cell can make the gateway keep. */
#define STATES_MOST 4096u
#define WATCHES_MOST 256u

/* ---- jf.store/1: on the lane or a worker ---- */

static int32_t operate(jf_self *self, jf_ref op, const cell_store_ask *ask, jf_fault *why) {
    int32_t status = JF_OK;
    cell_writer *out = proxy_operate(self, CELL_STORE, op, ask->slot, &status, why);
    if (out == NULL) return status;
    cell_put_store(out, ask);
    return proxy_operated(self, out, op, why);
}

static int32_t get(jf_self *self, jf_ref op, jf_view key, jf_blob *entry, jf_fault *why) {
    (void)entry;
    return operate(self, op, &(cell_store_ask){.slot = CELL_STORE_GET, .key = key}, why);
}

static int32_t put(jf_self *self, jf_ref op, const jf_store_put *given, jf_blob *entry, jf_fault *why) {
    cell_store_ask ask = {.slot = CELL_STORE_PUT};
    (void)entry;
    cell_attach(&ask.put, sizeof ask.put, given);
    return operate(self, op, &ask, why);
}

static int32_t remove_key(jf_self *self, jf_ref op, jf_view key, uint64_t revision, jf_blob *entry,
                          jf_fault *why) {
    (void)entry;
    return operate(self, op, &(cell_store_ask){.slot = CELL_STORE_REMOVE, .key = key, .revision = revision},
                   why);
}

static int32_t list(jf_self *self, jf_ref op, const jf_store_list *given, jf_blob *entries, jf_fault *why) {
    cell_store_ask ask = {.slot = CELL_STORE_LIST};
    (void)entries;
    cell_attach(&ask.list, sizeof ask.list, given);
    return operate(self, op, &ask, why);
}

static int32_t add(jf_self *self, jf_ref op, const jf_store_add *given, jf_blob *entry, jf_fault *why) {
    cell_store_ask ask = {.slot = CELL_STORE_ADD};
    (void)entry;
    cell_attach(&ask.add, sizeof ask.add, given);
    return operate(self, op, &ask, why);
}

static int32_t take(jf_self *self, jf_ref op, const jf_store_limit *limits, uint64_t count, jf_blob *verdicts,
                    jf_fault *why) {
    cell_store_ask ask = {.slot = CELL_STORE_TAKE, .count = count};
    (void)verdicts;
    if (limits == NULL || count == 0 || count > JF_STORE_TAKE_MOST)
        return cell_fault(why, JF_E_INVALID, JF_FAULT_NOT_STARTED, 0, "%llu limits: 1 to %u can be taken",
                          (unsigned long long)count, JF_STORE_TAKE_MOST);
    memcpy(ask.limits, limits, count * sizeof *limits);
    return operate(self, op, &ask, why);
}

static int32_t watch(jf_self *self, jf_ref given, jf_view prefix, jf_fault *why) {
    /* An absent configuration, since it has none. */
    proxy_object *object = proxy_object_new(self, PROXY_WATCH, given, prefix, (jf_view){NULL, 0});
    return proxy_open_object(self, object, NULL, why);
}

static void unwatch(jf_self *self, jf_ref given) {
    proxy_object *object = self->objects;
    while (object != NULL && (object->kind != PROXY_WATCH || object->host != given))
        object = object->next;
    if (object == NULL) return;
    uint64_t id = object->id;
    proxy_object_free(self, object);
    cell_writer *out = proxy_begin(self, CELL_FACET_DETACH, id, 0, 0);
    if (out != NULL) proxy_send(self, out);
}

static void cancel(jf_self *self, jf_ref op) {
    proxy_cancel(self, op, CELL_OF_STORE);
}

const jf_store_1 proxy_store_table = {.size = sizeof(jf_store_1),
                                      .get = get,
                                      .put = put,
                                      .remove = remove_key,
                                      .list = list,
                                      .add = add,
                                      .take = take,
                                      .watch = watch,
                                      .unwatch = unwatch,
                                      .cancel = cancel};

/* ---- jf.inbound/1 ---- */

uint32_t proxy_wants(const jf_self *self) {
    return JF_HAS(&self->inbound, wants) ? __atomic_load_n(self->inbound.wants, __ATOMIC_RELAXED) : 0;
}

void proxy_tell_wants(jf_self *self) {
    uint32_t wants = proxy_wants(self);
    if (wants == self->wants) return;
    cell_writer *out = proxy_begin(self, CELL_WANTS, 0, wants, 0);
    if (out != NULL && proxy_send(self, out) == JF_OK) self->wants = wants;
}

/* ---- jf.state/1 ---- */

/* As proxy_begin, also while it starts: it may ask from inside `create`. */
static cell_writer *begin(jf_self *self, uint16_t type, uint64_t cell, uint64_t number, int32_t status) {
    pthread_mutex_lock(&self->lock);
    cell_writer *out = self->state <= JF_CELL_UP ? cell_link_writer(&self->link) : NULL;
    if (out == NULL) {
        pthread_mutex_unlock(&self->lock);
        return NULL;
    }
    cell_begin(out, type, cell, number, status, 0);
    out->is_secret = true;
    return out;
}

static void answer(jf_self *self, uint64_t cell, int32_t status, jf_view bytes, const jf_fault *why) {
    if (status == JF_PENDING || status > JF_ABSENT || status < JF_E_FAULT) status = JF_E_FAULT;
    cell_writer *out = begin(self, CELL_STATE_DONE, cell, 0, status);
    if (out == NULL) return;
    cell_put_fault(out, why);
    cell_put_view(out, bytes);
    if (proxy_send(self, out) == JF_OK) return;
    if ((out = begin(self, CELL_STATE_DONE, cell, 0, JF_E_FAULT)) == NULL) return;
    cell_put_fault(out, NULL);
    cell_put_view(out, (jf_view){NULL, 0});
    proxy_send(self, out);
}

static void forget(proxy_state *it) {
    cell_map_remove(&it->proxy->states, it->cell, NULL);
    if (it->is_watch) it->proxy->watch_count--;
    free(it);
}

static void state_done(void *user, jf_ref operation, int32_t status, jf_view bytes, const jf_fault *why) {
    proxy_state *it = user;
    jf_self *self = it->proxy;
    uint64_t cell = it->cell;
    (void)operation;
    forget(it);
    answer(self, cell, status, bytes, why);
}

static void state_changed(void *user, jf_ref given, jf_view key, uint64_t revision) {
    const proxy_state *it = user;
    (void)given;
    cell_writer *out = begin(it->proxy, CELL_STATE_CHANGED, it->cell, revision, 0);
    if (out == NULL) return;
    cell_put_view(out, key);
    proxy_send(it->proxy, out);
}

/* NULL: no room, or no memory. */
static proxy_state *new_state(jf_self *self, uint64_t cell, bool is_watch) {
    bool is_full = self->states.count >= STATES_MOST || (is_watch && self->watch_count >= WATCHES_MOST);
    proxy_state *it = is_full ? NULL : calloc(1, sizeof *it);
    if (it == NULL) return NULL;
    *it = (proxy_state){.proxy = self, .cell = cell, .is_watch = is_watch};
    if (!cell_map_put(&self->states, cell, (uint64_t)(uintptr_t)it)) {
        free(it);
        return NULL;
    }
    if (is_watch) self->watch_count++;
    return it;
}

static proxy_state *state_of(jf_self *self, uint64_t cell, bool is_watch) {
    uint64_t value;
    if (!cell_map_get(&self->states, cell, &value)) return NULL;
    proxy_state *it = (proxy_state *)(uintptr_t)value;
    return it->is_watch == is_watch ? it : NULL;
}

static int32_t start(jf_self *self, const cell_store_ask *ask, proxy_state *it) {
    const jf_state_1 *of = &self->state_service;
    switch (ask->slot) {
    case CELL_STORE_GET:
        return JF_HAS(of, get) ? of->get(of->context, ask->key, state_done, it, &it->host) : JF_E_UNSUPPORTED;
    case CELL_STORE_PUT:
        return JF_HAS(of, put) ? of->put(of->context, &ask->put, state_done, it, &it->host)
                               : JF_E_UNSUPPORTED;
    case CELL_STORE_REMOVE:
        return JF_HAS(of, remove)
                   ? of->remove(of->context, ask->key, ask->revision, state_done, it, &it->host)
                   : JF_E_UNSUPPORTED;
    case CELL_STORE_LIST:
        return JF_HAS(of, list) ? of->list(of->context, &ask->list, state_done, it, &it->host)
                                : JF_E_UNSUPPORTED;
    case CELL_STORE_ADD:
        return JF_HAS(of, add) ? of->add(of->context, &ask->add, state_done, it, &it->host)
                               : JF_E_UNSUPPORTED;
    default:
        return JF_HAS(of, take) ? of->take(of->context, ask->limits, ask->count, state_done, it, &it->host)
                                : JF_E_UNSUPPORTED;
    }
}

static const char *on_state(jf_self *self, cell_frame *frame) {
    cell_store_ask ask;
    uint64_t cell = frame->head.ref;
    cell_get_store(frame, frame->head.number, &ask);
    if (!cell_frame_done(frame)) return frame->bad;
    if (cell == 0 || cell_map_get(&self->states, cell, NULL)) return "an operation on state twice";
    proxy_state *it = new_state(self, cell, false);
    int32_t status = it != NULL ? start(self, &ask, it) : JF_E_BUSY;
    if (status == JF_OK) return NULL;
    if (it != NULL) forget(it);
    jf_fault why = {.size = sizeof why};
    cell_fault(&why, status < 0 ? status : JF_E_FAULT, JF_FAULT_NOT_STARTED, 0,
               "the gateway does not take the operation on state");
    answer(self, cell, why.code, (jf_view){NULL, 0}, &why);
    return NULL;
}

static const char *on_state_abandon(jf_self *self, cell_frame *frame) {
    if (!cell_frame_done(frame)) return frame->bad;
    proxy_state *it = state_of(self, frame->head.ref, false);
    if (it == NULL) return NULL; /* it ended meanwhile */
    if (JF_HAS(&self->state_service, abandon))
        self->state_service.abandon(self->state_service.context, it->host);
    forget(it);
    return NULL;
}

static const char *on_state_watch(jf_self *self, cell_frame *frame) {
    jf_view prefix = cell_get_view(frame);
    uint64_t cell = frame->head.number;
    if (!cell_frame_done(frame)) return frame->bad;
    if (cell == 0 || cell_map_get(&self->states, cell, NULL)) return "a watch on state twice";
    const jf_state_1 *of = &self->state_service;
    int32_t status = JF_HAS(of, watch) ? JF_E_BUSY : JF_E_UNSUPPORTED;
    proxy_state *it = JF_HAS(of, watch) ? new_state(self, cell, true) : NULL;
    if (it != NULL) status = of->watch(of->context, prefix, state_changed, it, &it->host);
    if (it != NULL && status != JF_OK) forget(it);
    cell_writer *out = proxy_answer(self, frame, status);
    if (out != NULL) proxy_send(self, out);
    return NULL;
}

static const char *on_state_unwatch(jf_self *self, cell_frame *frame) {
    if (!cell_frame_done(frame)) return frame->bad;
    proxy_state *it = state_of(self, frame->head.ref, true);
    if (it == NULL) return NULL;
    if (JF_HAS(&self->state_service, unwatch))
        self->state_service.unwatch(self->state_service.context, it->host);
    forget(it);
    return NULL;
}

void proxy_end_states(jf_self *self) {
    const jf_state_1 *of = &self->state_service;
    cell_map_entry entry;
    uint32_t at = 0;
    while (cell_map_next(&self->states, &at, &entry)) {
        proxy_state *it = (proxy_state *)(uintptr_t)entry.value;
        if (it->is_watch && JF_HAS(of, unwatch)) of->unwatch(of->context, it->host);
        if (!it->is_watch && JF_HAS(of, abandon)) of->abandon(of->context, it->host);
        forget(it);
        at = 0; /* removing moves entries */
    }
}

/* ---- What it tells ---- */

static const char *on_described(jf_self *self, cell_frame *frame) {
    jf_blob description;
    bool enough = cell_take_blob(frame, &description);
    proxy_object *object = NULL;
    if (cell_frame_done(frame)) object = proxy_object_of(self, frame->head.ref, PROXY_AUTH);
    int32_t status = frame->head.status;
    if (object != NULL) object->asks_description = false;
    if (object != NULL && enough && ((status == JF_OK && description.ptr != NULL) || status == JF_ABSENT))
        proxy_described(object, description);
    else if (description.drop != NULL)
        description.drop(description.owner);
    return frame->bad;
}

static const char *on_forget(jf_self *self, cell_frame *frame) {
    jf_view what = cell_get_view(frame);
    if (!cell_frame_done(frame)) return frame->bad;
    if (frame->head.type == CELL_IDENTITY_FORGET && JF_HAS(&self->identity, forget))
        self->identity.forget(self->identity.context, what);
    if (frame->head.type == CELL_CONNECTED_FORGET && JF_HAS(&self->connected, forget))
        self->connected.forget(self->connected.context, what);
    return NULL;
}

static const char *on_connected(jf_self *self, cell_frame *frame) {
    jf_view id = cell_get_view(frame);
    if (!cell_frame_done(frame)) return frame->bad;
    if (frame->head.status > JF_OK || frame->head.status < JF_E_FAULT) return "a connection of no status";
    if (JF_HAS(&self->connected, connected))
        self->connected.connected(self->connected.context, id, frame->head.status);
    return NULL;
}

static const char *on_policy_changed(jf_self *self, cell_frame *frame) {
    if (!cell_frame_done(frame)) return frame->bad;
    const proxy_object *object = proxy_object_of(self, frame->head.ref, PROXY_POLICY);
    if (object != NULL && JF_HAS(&self->policies, changed))
        self->policies.changed(self->policies.context, object->id);
    return NULL;
}

static const char *on_watch_changed(jf_self *self, cell_frame *frame) {
    jf_view key = cell_get_view(frame);
    if (!cell_frame_done(frame)) return frame->bad;
    const proxy_object *object = proxy_object_of(self, frame->head.ref, PROXY_WATCH);
    if (object != NULL && JF_HAS(&self->watches, changed))
        self->watches.changed(self->watches.context, object->host, key, frame->head.number);
    return NULL;
}

bool proxy_handle_access(jf_self *self, cell_frame *frame, const char **bad) {
    typedef const char *(*handler)(jf_self *, cell_frame *);
    static const struct {
        uint16_t type;
        handler handle;
    } handlers[] = {{CELL_DESCRIBED, on_described},
                    {CELL_IDENTITY_FORGET, on_forget},
                    {CELL_CONNECTED, on_connected},
                    {CELL_CONNECTED_FORGET, on_forget},
                    {CELL_POLICY_CHANGED, on_policy_changed},
                    {CELL_WATCH_CHANGED, on_watch_changed},
                    {CELL_STATE, on_state},
                    {CELL_STATE_ABANDON, on_state_abandon},
                    {CELL_STATE_WATCH, on_state_watch},
                    {CELL_STATE_UNWATCH, on_state_unwatch}};
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (handlers[i].type != frame->head.type) continue;
        *bad = handlers[i].handle(self, frame);
        return true;
    }
    return false;
}
