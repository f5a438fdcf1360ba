/* SPDX-License-Identifier: Apache-2.0
 * Proxy: the facets jf.toolset/1 and jf.routing/1, and jf.seal/1 where the plugin offers it. */
#include "proxy.h"

#include <string.h>

#define MS 1000000ull

/* ---- jf.toolset/1 ---- */

static int32_t open_set(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    proxy_object *object = proxy_object_new(self, PROXY_SET, set, name, config);
    uint64_t id = object != NULL ? object->id : 0;
    int32_t status = proxy_open_object(self, object, NULL, why);
    if (status == JF_OK) *handle = id;
    return status;
}

/* Closing and the like: told, without an answer. */
static void tell(jf_self *self, uint16_t type, uint64_t ref, uint64_t number, int32_t status) {
    cell_writer *out = proxy_begin(self, type, ref, number, status);
    if (out != NULL) proxy_send(self, out);
}

static void close_set(jf_self *self, jf_ref handle) {
    proxy_object *object = proxy_object_of(self, handle, PROXY_SET);
    if (object == NULL) return;
    proxy_object_free(self, object);
    tell(self, CELL_SET_CLOSE, handle, 0, 0);
}

/* Waits for an answer of fault and bytes, which `list` and export_state share. */
static int32_t fetch(jf_self *self, proxy_ask *ask, const char *what, jf_blob *out, jf_fault *why) {
    int32_t status = proxy_ask_end(self, ask, self->kind->spawn.limits.control_ms * MS, 0);
    if (!ask->waiting.is_answered) {
        proxy_ask_free(ask);
        return proxy_unanswered(self, status, what, why);
    }
    jf_fault fault;
    jf_blob bytes = {0};
    cell_get_fault(&ask->waiting.frame, &fault);
    bool good = cell_take_blob(&ask->waiting.frame, &bytes) && cell_frame_done(&ask->waiting.frame);
    proxy_ask_free(ask);
    if (!good || status == JF_PENDING || status > JF_ABSENT || (status == JF_OK && bytes.ptr == NULL))
        status = cell_fault(why, JF_E_FAULT, 0, 0, "plugin %s: its cell answered nonsense",
                            self->kind->spawn.name);
    else if (status < 0)
        cell_fault(why, status, fault.flags, fault.retry_ms, "%.*s", (int)fault.text_len, fault.text);
    if (status == JF_OK)
        *out = bytes;
    else if (bytes.drop != NULL)
        bytes.drop(bytes.owner);
    return status;
}

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    proxy_object *object = proxy_object_of(self, handle, PROXY_SET);
    proxy_ask ask;
    if (object == NULL) return JF_E_STALE;
    if (self->state != JF_CELL_UP || !proxy_ask_begin(self, &ask, CELL_SET_LIST, handle, kind))
        return proxy_refuse(self, why);
    int32_t status = fetch(self, &ask, "list", items, why);
    /* Looked up again: the lane may have closed it while it waited. */
    if (status == JF_OK && kind < 32 && (object = proxy_object_of(self, handle, PROXY_SET)) != NULL)
        object->listed |= 1u << kind;
    return status;
}

/* One request, on the lane or a worker. */
static int32_t request(jf_self *self, jf_ref op, const jf_request *given, uint32_t slot, jf_fault *why) {
    jf_request local;
    int32_t status = JF_OK;
    cell_attach(&local, sizeof local, given);
    cell_writer *out = proxy_operate(self, CELL_REQUEST, op, slot, &status, why);
    if (out == NULL) return status;
    cell_put_number(out, local.set);
    cell_put_number(out, local.deadline_ns);
    cell_put_view(out, local.name);
    cell_put_view(out, local.arguments);
    cell_put_view(out, local.params);
    cell_put_view(out, local.principal);
    return proxy_operated(self, out, op, why);
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *given, jf_blob *result, jf_fault *why) {
    (void)result;
    return request(self, op, given, 0, why);
}
static int32_t read_resource(jf_self *self, jf_ref op, const jf_request *given, jf_blob *result,
                             jf_fault *why) {
    (void)result;
    return request(self, op, given, 1, why);
}
static int32_t prompt(jf_self *self, jf_ref op, const jf_request *given, jf_blob *result, jf_fault *why) {
    (void)result;
    return request(self, op, given, 2, why);
}
static int32_t complete(jf_self *self, jf_ref op, const jf_request *given, jf_blob *result, jf_fault *why) {
    (void)result;
    return request(self, op, given, 3, why);
}

static void cancel(jf_self *self, jf_ref op) {
    proxy_cancel(self, op, CELL_OF_TOOLSET);
}

const jf_toolset_1 proxy_toolset_table = {.size = sizeof(jf_toolset_1),
                                          .open = open_set,
                                          .close = close_set,
                                          .list = list,
                                          .call = call,
                                          .read = read_resource,
                                          .prompt = prompt,
                                          .complete = complete,
                                          .cancel = cancel};

/* ---- jf.routing/1 ---- */

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    proxy_object *object = proxy_object_new(self, PROXY_STRATEGY, 0, name, config);
    uint64_t id = object != NULL ? object->id : 0;
    int32_t status = proxy_open_object(self, object, NULL, why);
    if (status == JF_OK) *handle = id;
    return status;
}

static void detach(jf_self *self, jf_ref handle) {
    proxy_object *object = proxy_object_of(self, handle, PROXY_STRATEGY);
    if (object == NULL) return;
    proxy_object_free(self, object);
    tell(self, CELL_DETACH, handle, 0, 0);
}

static void put_endpoint(cell_writer *out, const jf_endpoint *given) {
    jf_endpoint it;
    cell_attach(&it, sizeof it, given);
    cell_put_number(out, it.id);
    cell_put_number(out, (uint64_t)it.in_flight << 32 | it.weight);
    cell_put_number(out, it.latency_ns);
    cell_put_view(out, it.name);
    cell_put_number(out, (uint64_t)it.ready << 32 | it.flags);
    cell_put_number(out, it.priority);
    cell_put_number(out, (uint64_t)it.recent_failures << 32 | it.recent_calls);
    cell_put_number(out, it.cost);
    cell_put_number(out, it.revision);
    cell_put_view(out, it.version);
    cell_put_view(out, it.zone);
    cell_put_view(out, it.region);
    cell_put_pairs(out, it.labels, it.label_count < CELL_LABELS_MOST ? it.label_count : CELL_LABELS_MOST);
}

/* Writes all endpoints and which of them are eligible, where the host lists them; else the eligible ones. */
static void put_endpoints(cell_writer *out, const jf_pick *call, const jf_endpoint *const *eligible,
                          uint64_t count) {
    uint64_t listed = call->all != NULL && call->total >= count ? call->total : 0, at = 0, found = 0;
    for (; listed > 0 && at < listed && found < count; at++)
        if (call->all[at] == eligible[found]) found++;
    if (found < count) listed = 0; /* in another order, or others */
    cell_put_number(out, listed);
    cell_put_number(out, count);
    if (listed == 0) {
        for (uint64_t i = 0; i < count; i++)
            put_endpoint(out, eligible[i]);
        return;
    }
    for (at = 0; at < listed; at++)
        put_endpoint(out, call->all[at]);
    for (at = found = 0; found < count; at++) {
        if (call->all[at] != eligible[found]) continue;
        cell_put_number(out, at);
        found++;
    }
}

/* Waits a few milliseconds at most. A strategy that is late or down must not stop calls: the first endpoint
 * is as good as any. */
static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *given, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    const jf_cell_limits *limits = &self->kind->spawn.limits;
    proxy_ask ask;
    jf_pick local;
    (void)why;
    *chosen = 0;
    if (count == 0) return JF_ABSENT;
    if (self->state != JF_CELL_UP || self->picks_late || !proxy_ask_begin(self, &ask, CELL_PICK, handle, 0)) {
        self->late_picks++;
        return JF_OK;
    }
    cell_attach(&local, sizeof local, given);
    cell_put_number(ask.out, local.attempt);
    cell_put_number(ask.out, local.deadline_ns);
    cell_put_view(ask.out, local.method);
    cell_put_view(ask.out, local.name);
    cell_put_view(ask.out, local.params);
    cell_put_view(ask.out, local.principal);
    cell_put_view(ask.out, local.session);
    cell_put_number(ask.out, (uint64_t)local.total << 32 | local.traits);
    bool inside = local.arguments.ptr != NULL && local.params.ptr != NULL &&
                  local.arguments.ptr >= local.params.ptr &&
                  local.arguments.ptr + local.arguments.len <= local.params.ptr + local.params.len;
    cell_put_number(ask.out, inside ? (uint64_t)(local.arguments.ptr - local.params.ptr) : 0);
    cell_put_number(ask.out, inside ? local.arguments.len : 0);
    cell_put_view(ask.out, local.client);
    cell_put_view(ask.out, local.tenant);
    cell_put_number(ask.out, local.now_ns);
    cell_put_pairs(ask.out, local.headers, local.header_count);
    put_endpoints(ask.out, &local, eligible, count);
    uint64_t spin = limits->spin_us == UINT32_MAX ? 0 : limits->spin_us * 1000ull;
    int32_t status = proxy_ask_end(self, &ask, limits->pick_us * 1000ull, spin);
    if (!ask.waiting.is_answered) {
        if (status == JF_E_TIMEOUT) {
            /* Not asked again before this answer has come: one slow pick, not one for each call. */
            self->picks_late = true;
            self->late_serial = ask.waiting.serial;
        }
        self->late_picks++;
        proxy_ask_free(&ask);
        return JF_OK;
    }
    uint64_t index = cell_get_number(&ask.waiting.frame);
    bool good = cell_frame_done(&ask.waiting.frame) && status <= JF_ABSENT && status != JF_PENDING;
    proxy_ask_free(&ask);
    if (!good || (status == JF_OK && index >= count)) {
        proxy_lost(self, "it picked an endpoint that is not there");
        return JF_OK;
    }
    /* Its own failure is no reason to refuse the call; its refusal is. */
    if (status < 0) {
        self->late_picks++;
        return JF_OK;
    }
    if (status == JF_OK) *chosen = (uint32_t)index;
    return status;
}

static void observe(jf_self *self, jf_ref handle, const jf_outcome *given) {
    jf_outcome outcome;
    cell_attach(&outcome, sizeof outcome, given);
    cell_writer *out = proxy_begin(self, CELL_OBSERVE, handle, outcome.endpoint, outcome.status);
    if (out == NULL) return;
    if (self->link.queued > self->kind->spawn.limits.queue) out->failed = true; /* a lost hint */
    cell_put_number(out, outcome.latency_ns);
    cell_put_number(out, (uint64_t)outcome.attempt << 32 | outcome.flags);
    cell_put_number(out, outcome.now_ns);
    proxy_send(self, out);
}

static int32_t export_state(jf_self *self, jf_ref handle, jf_blob *out, jf_fault *why) {
    proxy_ask ask;
    if (self->state != JF_CELL_UP || !proxy_ask_begin(self, &ask, CELL_EXPORT, handle, 0))
        return proxy_refuse(self, why);
    return fetch(self, &ask, "export_state", out, why);
}

static int32_t import_state(jf_self *self, jf_ref handle, jf_view state, jf_fault *why) {
    proxy_ask ask;
    if (self->state != JF_CELL_UP || !proxy_ask_begin(self, &ask, CELL_IMPORT, handle, 0))
        return proxy_refuse(self, why);
    cell_put_view(ask.out, state);
    jf_blob nothing = {0};
    int32_t status = fetch(self, &ask, "import_state", &nothing, why);
    if (nothing.drop != NULL) nothing.drop(nothing.owner);
    return status;
}

const jf_routing_1 proxy_routing_table = {.size = sizeof(jf_routing_1),
                                          .attach = attach,
                                          .detach = detach,
                                          .pick = pick,
                                          .observe = observe,
                                          .export_state = export_state,
                                          .import_state = import_state};

/* ---- jf.seal/1, offered by the plugin: both slots [any] ---- */

static int32_t sealing(void *context, uint64_t which, jf_view text, jf_view bound, jf_blob *out,
                       jf_fault *why) {
    jf_self *self = context;
    proxy_ask ask;
    if (!proxy_ask_begin(self, &ask, CELL_SEAL, 0, which))
        return cell_fault(why, JF_E_FAULT, 0, 0, "plugin %s is not running", self->kind->spawn.name);
    cell_put_view(ask.out, text);
    cell_put_view(ask.out, bound);
    return fetch(self, &ask, which == 0 ? "seal" : "open", out, why);
}

static int32_t seal(void *context, jf_view plain, jf_view bound, jf_blob *sealed, jf_fault *why) {
    return sealing(context, 0, plain, bound, sealed, why);
}
static int32_t unseal(void *context, jf_view sealed, jf_view bound, jf_blob *plain, jf_fault *why) {
    return sealing(context, 1, sealed, bound, plain, why);
}

void proxy_seal_table(jf_self *self, jf_seal_1 *table) {
    *table = (jf_seal_1){.size = sizeof *table, .context = self, .seal = seal, .open = unseal};
}
