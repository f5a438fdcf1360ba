/* SPDX-License-Identifier: Apache-2.0
 * Proxy: the facets jf.auth/1, jf.credentials/1, jf.policy/1 and jf.filter/1. Every answer comes later: where
 * the plugin answers at once, the cell makes a finish of it. */
#include "proxy.h"

#include <stdlib.h>
#include <string.h>

static int32_t attach(jf_self *self, uint32_t kind, jf_view name, jf_view config, jf_ref *handle,
                      jf_blob *bound, jf_fault *why) {
    proxy_object *object = proxy_object_new(self, kind, 0, name, config);
    uint64_t id = object != NULL ? object->id : 0;
    int32_t status = proxy_open_object(self, object, bound, why);
    if (status == JF_OK) *handle = id;
    return status;
}

static void detach(jf_self *self, uint32_t kind, jf_ref handle) {
    proxy_object *object = proxy_object_of(self, handle, kind);
    if (object == NULL) return;
    proxy_object_free(self, object);
    cell_writer *out = proxy_begin(self, CELL_FACET_DETACH, handle, 0, 0);
    if (out != NULL) proxy_send(self, out);
}

/* Begins an operation on something that is attached: its first number is written already. */
static cell_writer *operate(jf_self *self, uint16_t type, jf_ref op, uint64_t number, uint32_t kind,
                            jf_ref handle, int32_t *status, jf_fault *why) {
    if (proxy_object_of(self, handle, kind) == NULL) {
        *status = cell_fault(why, JF_E_STALE, JF_FAULT_NOT_STARTED, 0, "plugin %s: this was detached",
                             self->kind->spawn.name);
        return NULL;
    }
    cell_writer *out = proxy_operate(self, type, op, number, status, why);
    if (out != NULL) cell_put_number(out, handle);
    return out;
}

/* ---- jf.auth/1 ---- */

void proxy_described(proxy_object *object, jf_blob description) {
    if (object->description.drop != NULL) object->description.drop(object->description.owner);
    object->description = description;
    object->asks_description = false;
}

static int32_t attach_auth(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    jf_blob description = {0};
    int32_t status = attach(self, PROXY_AUTH, name, config, handle, &description, why);
    proxy_object *object = status == JF_OK ? proxy_object_of(self, *handle, PROXY_AUTH) : NULL;
    if (object != NULL)
        proxy_described(object, description);
    else if (description.drop != NULL)
        description.drop(description.owner);
    return status;
}

static void detach_auth(jf_self *self, jf_ref handle) {
    detach(self, PROXY_AUTH, handle);
}

static int32_t identify(jf_self *self, jf_ref op, jf_ref handle, const jf_credentials *credentials,
                        jf_blob *principal, jf_fault *why) {
    int32_t status = JF_OK;
    (void)principal;
    cell_writer *out = operate(self, CELL_IDENTIFY, op, 0, PROXY_AUTH, handle, &status, why);
    if (out == NULL) return status;
    cell_put_credentials(out, credentials);
    return proxy_operated(self, out, op, why);
}

/* The lane does not wait: what the cell told last is the answer, and the next one is asked for. */
static int32_t describe(jf_self *self, jf_ref handle, jf_blob *description, jf_fault *why) {
    proxy_object *object = proxy_object_of(self, handle, PROXY_AUTH);
    if (object == NULL) return JF_E_STALE;
    cell_writer *out = object->asks_description ? NULL : proxy_begin(self, CELL_DESCRIBE, handle, 0, 0);
    if (out != NULL) object->asks_description = proxy_send(self, out) == JF_OK;
    if (object->description.ptr == NULL) return JF_ABSENT;
    uint8_t *copy = malloc(object->description.len + 1);
    if (copy == NULL) return cell_fault(why, JF_E_BUSY, 0, 0, "out of memory");
    memcpy(copy, object->description.ptr, object->description.len);
    *description = (jf_blob){copy, object->description.len, copy, free};
    return JF_OK;
}

static void cancel_auth(jf_self *self, jf_ref op) {
    proxy_cancel(self, op, CELL_OF_AUTH);
}

const jf_auth_1 proxy_auth_table = {.size = sizeof(jf_auth_1),
                                    .attach = attach_auth,
                                    .detach = detach_auth,
                                    .identify = identify,
                                    .describe = describe,
                                    .cancel = cancel_auth};

/* ---- jf.credentials/1 ---- */

static int32_t attach_source(jf_self *self, jf_view server, jf_view config, jf_ref *handle, jf_fault *why) {
    return attach(self, PROXY_SOURCE, server, config, handle, NULL, why);
}

static void detach_source(jf_self *self, jf_ref handle) {
    detach(self, PROXY_SOURCE, handle);
}

static int32_t supply(jf_self *self, jf_ref op, jf_ref handle, const jf_demand *demand, jf_blob *given,
                      jf_fault *why) {
    int32_t status = JF_OK;
    (void)given;
    cell_writer *out = operate(self, CELL_SUPPLY, op, 0, PROXY_SOURCE, handle, &status, why);
    if (out == NULL) return status;
    cell_put_demand(out, demand);
    return proxy_operated(self, out, op, why);
}

static void cancel_source(jf_self *self, jf_ref op) {
    proxy_cancel(self, op, CELL_OF_SOURCE);
}

const jf_credentials_1 proxy_source_table = {.size = sizeof(jf_credentials_1),
                                             .attach = attach_source,
                                             .detach = detach_source,
                                             .supply = supply,
                                             .cancel = cancel_source};

/* ---- jf.policy/1 ---- */

static int32_t attach_policy(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    return attach(self, PROXY_POLICY, name, config, handle, NULL, why);
}

static void detach_policy(jf_self *self, jf_ref handle) {
    detach(self, PROXY_POLICY, handle);
}

static const jf_principal *principal_of(const jf_access *access) {
    jf_access it;
    cell_attach(&it, sizeof it, access);
    return it.principal;
}

static int32_t decide(jf_self *self, jf_ref op, jf_ref handle, const jf_access *access, jf_ruling *ruling,
                      jf_fault *why) {
    int32_t status = JF_OK;
    (void)ruling;
    cell_writer *out = operate(self, CELL_DECIDE, op, 0, PROXY_POLICY, handle, &status, why);
    if (out == NULL) return status;
    cell_put_principal(out, principal_of(access));
    cell_put_access(out, access);
    return proxy_operated(self, out, op, why);
}

/* Thousands of accesses are too much for a frame, and most have the principal of the one before: they are
 * packed into one view, each behind the number of its principal, which follows where it is a new one. */
typedef struct packed {
    cell_writer bytes;
    uint64_t principals, names, pairs;
} packed;

static void pack(packed *it, const jf_access *const *accesses, uint64_t count) {
    const jf_principal *last = NULL;
    it->bytes = (cell_writer){.is_bare = true, .is_secret = true};
    for (uint64_t i = 0; i < count; i++) {
        jf_access access;
        cell_attach(&access, sizeof access, accesses[i]);
        bool is_new = it->principals == 0 || access.principal != last;
        cell_put_number(&it->bytes, is_new ? it->principals : it->principals - 1);
        if (is_new) {
            jf_principal principal;
            cell_attach(&principal, sizeof principal, access.principal);
            it->names += principal.roles != NULL ? principal.role_count : 0;
            it->names += principal.scopes != NULL ? principal.scope_count : 0;
            it->principals++;
            last = access.principal;
            cell_put_principal(&it->bytes, &principal);
        }
        it->pairs += access.labels != NULL ? access.label_count : 0;
        cell_put_access(&it->bytes, &access);
    }
}

static int32_t review(jf_self *self, jf_ref op, jf_ref handle, const jf_access *const *accesses,
                      uint64_t count, jf_blob *decisions, jf_fault *why) {
    int32_t status = JF_OK;
    packed it = {0};
    if (count == 0) {
        *decisions = (jf_blob){(const uint8_t *)"", 0, NULL, NULL};
        return JF_OK;
    }
    if (count > CELL_ACCESSES_MOST)
        return cell_fault(why, JF_E_INVALID, JF_FAULT_NOT_STARTED, 0,
                          "plugin %s: a list of %llu items is too long for a policy in a cell: at most %u",
                          self->kind->spawn.name, (unsigned long long)count, CELL_ACCESSES_MOST);
    pack(&it, accesses, count);
    cell_writer *out = operate(self, CELL_REVIEW, op, 0, PROXY_POLICY, handle, &status, why);
    if (out != NULL) {
        if (it.bytes.failed) out->failed = true;
        cell_put_number(out, count);
        cell_put_number(out, it.principals);
        cell_put_number(out, it.names);
        cell_put_number(out, it.pairs);
        cell_put_view(out, (jf_view){it.bytes.bytes, it.bytes.used});
        out->is_secret = true;
        status = proxy_operated(self, out, op, why);
    }
    cell_writer_clear(&it.bytes);
    return status;
}

/* The answer is wanted at once, and must not be a guess: kept lists would outlive it. */
static int32_t classify(jf_self *self, jf_ref handle, const jf_principal *principal, jf_blob *name,
                        jf_fault *why) {
    (void)self;
    (void)handle;
    (void)principal;
    (void)name;
    (void)why;
    return JF_E_UNSUPPORTED;
}

static void cancel_policy(jf_self *self, jf_ref op) {
    proxy_cancel(self, op, CELL_OF_POLICY);
}

const jf_policy_1 proxy_policy_table = {.size = sizeof(jf_policy_1),
                                        .attach = attach_policy,
                                        .detach = detach_policy,
                                        .decide = decide,
                                        .review = review,
                                        .classify = classify,
                                        .cancel = cancel_policy};

/* ---- jf.filter/1 ---- */

static int32_t attach_filter(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    return attach(self, PROXY_FILTER, name, config, handle, NULL, why);
}

static void detach_filter(jf_self *self, jf_ref handle) {
    detach(self, PROXY_FILTER, handle);
}

static int32_t pass(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage, uint64_t phase,
                    jf_fault *why) {
    int32_t status = JF_OK;
    cell_writer *out = operate(self, CELL_PASSAGE, op, phase, PROXY_FILTER, handle, &status, why);
    if (out == NULL) return status;
    cell_put_passage(out, passage);
    return proxy_operated(self, out, op, why);
}

static int32_t pass_request(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage,
                            jf_blob *verdict, jf_fault *why) {
    (void)verdict;
    return pass(self, op, handle, passage, 0, why);
}

static int32_t pass_result(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *passage,
                           jf_blob *verdict, jf_fault *why) {
    (void)verdict;
    return pass(self, op, handle, passage, 1, why);
}

/* Told also where the queue is full: there is one for each request at most. */
static void ended(jf_self *self, jf_ref handle, const jf_passed *given) {
    jf_passed it;
    cell_attach(&it, sizeof it, given);
    cell_writer *out = proxy_begin(self, CELL_PASSED, handle, it.call, it.status);
    if (out == NULL) return;
    cell_put_number(out, it.memory);
    cell_put_number(out, it.latency_ns);
    cell_put_number(out, it.bytes);
    proxy_send(self, out);
}

static void cancel_filter(jf_self *self, jf_ref op) {
    proxy_cancel(self, op, CELL_OF_FILTER);
}

const jf_filter_1 proxy_filter_table = {.size = sizeof(jf_filter_1),
                                        .attach = attach_filter,
                                        .detach = detach_filter,
                                        .request = pass_request,
                                        .result = pass_result,
                                        .ended = ended,
                                        .cancel = cancel_filter};

void proxy_make_access(jf_self *self, uint64_t slots) {
    const char *facets = self->kind->spawn.facets;
    if ((slots & CELL_HAS_AUTH) != 0 && cell_lists(facets, JF_AUTH_1)) {
        self->auth = proxy_auth_table;
        if ((slots & CELL_HAS_DESCRIBE) == 0) self->auth.describe = NULL;
    }
    if ((slots & CELL_HAS_CREDENTIALS) != 0 && cell_lists(facets, JF_CREDENTIALS_1))
        self->source = proxy_source_table;
    if ((slots & CELL_HAS_POLICY) != 0 && cell_lists(facets, JF_POLICY_1)) {
        self->policy = proxy_policy_table;
        if ((slots & CELL_HAS_REVIEW) == 0) self->policy.review = NULL;
        if ((slots & CELL_HAS_CLASSIFY) == 0) self->policy.classify = NULL;
    }
    if ((slots & CELL_HAS_FILTER) != 0 && cell_lists(facets, JF_FILTER_1)) {
        self->filter = proxy_filter_table;
        if ((slots & CELL_HAS_FILTER_REQUEST) == 0) self->filter.request = NULL;
        if ((slots & CELL_HAS_FILTER_RESULT) == 0) self->filter.result = NULL;
        if ((slots & CELL_HAS_FILTER_ENDED) == 0) self->filter.ended = NULL;
    }
    if ((slots & CELL_HAS_STORE) != 0 && cell_lists(facets, JF_STORE_1)) {
        self->store = proxy_store_table;
        if ((slots & CELL_HAS_WATCH) == 0) self->store.watch = NULL;
        if ((slots & CELL_HAS_WATCH) == 0) self->store.unwatch = NULL;
    }
}
