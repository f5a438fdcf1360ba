/* SPDX-License-Identifier: Apache-2.0
 * Proxy: what the host opened, kept so that a restarted cell can open it again. */
#include "proxy.h"

#include <stdlib.h>
#include <string.h>

#define MS 1000000ull

static bool keep(jf_view view, char **copy, uint64_t *size) {
    *size = view.ptr != NULL ? view.len : UINT64_MAX;
    if (view.ptr == NULL) return true;
    *copy = malloc(view.len + 1);
    if (*copy == NULL) return false;
    memcpy(*copy, view.ptr, view.len);
    (*copy)[view.len] = 0;
    return true;
}

static jf_view kept(const char *copy, uint64_t size) {
    return size == UINT64_MAX ? (jf_view){NULL, 0} : (jf_view){(const uint8_t *)copy, size};
}

proxy_object *proxy_object_new(jf_self *self, uint32_t kind, jf_ref host, jf_view name, jf_view config) {
    proxy_object *object = calloc(1, sizeof *object), **end = &self->objects;
    if (object == NULL) return NULL;
    object->id = (uint64_t)kind << 48 | ++self->next_id;
    object->kind = kind;
    object->host = host;
    object->address_size = UINT64_MAX;
    object->used = JF_ABSENT;
    while (*end != NULL) /* in the order in which they were opened */
        end = &(*end)->next;
    *end = object;
    if (keep(name, &object->name, &object->name_size) &&
        keep(config, &object->config, &object->config_size) &&
        cell_map_put(&self->by_id, object->id, (uint64_t)(uintptr_t)object))
        return object;
    proxy_object_free(self, object);
    return NULL;
}

proxy_object *proxy_object_of(jf_self *self, uint64_t id, uint32_t kind) {
    uint64_t value;
    if (!cell_map_get(&self->by_id, id, &value)) return NULL;
    proxy_object *object = (proxy_object *)(uintptr_t)value;
    return kind == 0 || object->kind == kind ? object : NULL;
}

void proxy_object_free(jf_self *self, proxy_object *object) {
    proxy_object **link = &self->objects;
    while (*link != NULL && *link != object)
        link = &(*link)->next;
    if (*link != NULL) *link = object->next;
    cell_map_remove(&self->by_id, object->id, NULL);
    if (object->kind == PROXY_CHANNEL) {
        /* Whatever is still under way on it ends with it, unheard. */
        cell_map_entry entry;
        uint32_t at = 0;
        while (cell_map_next(&self->exchanges, &at, &entry)) {
            if (entry.value != object->id) continue;
            cell_map_remove(&self->exchanges, entry.key, NULL);
            at = 0; /* removing moves entries */
        }
    }
    free(object->name);
    free(object->config);
    free(object->address);
    proxy_described(object, (jf_blob){0});
    free(object);
}

uint16_t proxy_open_type(uint32_t kind) {
    static const uint16_t types[] = {0,
                                     CELL_SET_OPEN,
                                     CELL_ATTACH,
                                     CELL_CHANNEL_OPEN,
                                     CELL_LISTEN,
                                     CELL_AUTH_ATTACH,
                                     CELL_SOURCE_ATTACH,
                                     CELL_POLICY_ATTACH,
                                     CELL_FILTER_ATTACH,
                                     CELL_STORE_WATCH};
    return types[kind];
}

void proxy_put_object(cell_writer *out, const proxy_object *object) {
    cell_put_view(out, kept(object->name, object->name_size));
    cell_put_view(out, kept(object->config, object->config_size));
    cell_put_view(out, kept(object->address, object->address_size));
}

int32_t proxy_open_object(jf_self *self, proxy_object *object, jf_blob *bound, jf_fault *why) {
    static const char *const names[] = {"",       "open",   "attach", "open",   "listen",
                                        "attach", "attach", "attach", "attach", "watch"};
    proxy_ask ask;
    if (object == NULL) return cell_fault(why, JF_E_BUSY, 0, 0, "out of memory");
    uint32_t kind = object->kind;
    if (self->state != JF_CELL_UP || !proxy_ask_begin(self, &ask, proxy_open_type(kind), object->id, 0)) {
        proxy_object_free(self, object);
        return proxy_refuse(self, why);
    }
    proxy_put_object(ask.out, object);
    int32_t status = proxy_ask_end(self, &ask, self->kind->spawn.limits.control_ms * MS, 0);
    jf_fault fault = {.size = sizeof fault};
    jf_blob where = {0};
    if (!ask.waiting.is_answered) {
        proxy_object_free(self, object);
        status = proxy_unanswered(self, status, names[kind], why);
        /* It may have opened it all the same, and nobody would ever close that. */
        if (status == JF_E_TIMEOUT) proxy_lost(self, "it did not answer '%s' in time", names[kind]);
        proxy_ask_free(&ask);
        return status;
    }
    cell_get_fault(&ask.waiting.frame, &fault);
    bool good = cell_take_blob(&ask.waiting.frame, &where) && cell_frame_done(&ask.waiting.frame);
    proxy_ask_free(&ask);
    if (!good || status > JF_OK) {
        status = cell_fault(why, JF_E_FAULT, 0, 0, "plugin %s: its cell answered nonsense",
                            self->kind->spawn.name);
    } else if (status != JF_OK) {
        cell_fault(why, status, fault.flags, fault.retry_ms, "%.*s", (int)fault.text_len, fault.text);
    }
    if (status == JF_OK) {
        object->is_open = true;
    } else {
        proxy_object_free(self, object);
    }
    if (bound != NULL && status == JF_OK)
        *bound = where;
    else if (where.drop != NULL)
        where.drop(where.owner);
    return status;
}

/* ---- Operations ---- */

cell_writer *proxy_operate(jf_self *self, uint16_t type, jf_ref op, uint64_t number, int32_t *status,
                           jf_fault *why) {
    const jf_cell_limits *limits = &self->kind->spawn.limits;
    if (!JF_HAS(&self->ops, finish)) {
        *status = cell_fault(why, JF_E_UNSUPPORTED, 0, 0, "plugin %s: in a cell it needs the service %s",
                             self->kind->spawn.name, JF_OPS_1);
        return NULL;
    }
    cell_writer *out = proxy_begin(self, type, op, number, 0);
    if (out == NULL) {
        *status = proxy_refuse(self, why);
        return NULL;
    }
    bool is_full = self->operations.count >= limits->operations || self->link.queued > limits->queue;
    if (!is_full && cell_map_put(&self->operations, op, 1)) return out;
    out->failed = true; /* the frame just begun is taken back */
    proxy_send(self, out);
    *status = cell_fault(why, JF_E_BUSY, JF_FAULT_PUBLIC | JF_FAULT_NOT_STARTED, 50,
                         "plugin %s has too much to do: try again later", self->kind->spawn.name);
    return NULL;
}

int32_t proxy_operated(jf_self *self, cell_writer *out, jf_ref op, jf_fault *why) {
    if (out->failed) cell_map_remove(&self->operations, op, NULL);
    if (proxy_send(self, out) == JF_OK) return JF_PENDING;
    return cell_fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED, 0,
                      "plugin %s: the request cannot be sent to its cell", self->kind->spawn.name);
}

void proxy_cancel(jf_self *self, jf_ref op, uint64_t facet) {
    int32_t state = JF_HAS(&self->ops, state) ? self->ops.state(self->ops.context, op) : JF_E_GONE;
    if (state == JF_E_STALE) return;
    cell_writer *out =
        proxy_begin(self, CELL_REQUEST_CANCEL, op, facet, state == JF_E_TIMEOUT ? JF_E_TIMEOUT : JF_E_GONE);
    if (out != NULL) proxy_send(self, out);
}
