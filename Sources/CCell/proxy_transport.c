/* SPDX-License-Identifier: Apache-2.0
 * Proxy: the facets jf.connector/1 and jf.listener/1. All on the lane. */
#define _GNU_SOURCE
#include "proxy.h"

#include <stdlib.h>
#include <string.h>

#define MS 1000000ull
/* Replies in spite of JF_E_BUSY are taken up to so many times the queue's bound. */
#define QUEUE_SLACK 4u

static bool is_full(jf_self *self) {
    return self->link.queued > self->kind->spawn.limits.queue;
}

/* ---- jf.connector/1 ---- */

static int32_t open_channel(jf_self *self, jf_ref channel, jf_view name, jf_view config, jf_ref *handle,
                            jf_fault *why) {
    proxy_object *object = proxy_object_new(self, PROXY_CHANNEL, channel, name, config);
    uint64_t id = object != NULL ? object->id : 0;
    int32_t status = proxy_open_object(self, object, NULL, why);
    if (status == JF_OK) *handle = id;
    return status;
}

static int32_t send_message(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why) {
    proxy_object *object = proxy_object_of(self, handle, PROXY_CHANNEL);
    jf_ref exchange = 0;
    if (object == NULL || object->is_closing)
        return cell_fault(why, JF_E_STALE, 0, 0, "the channel is closed");
    if (message->size >= offsetof(jf_message, exchange) + sizeof exchange) exchange = message->exchange;
    if (object->is_slow) {
        object->owes_writable = true;
        return cell_fault(why, JF_E_BUSY, 0, 0, "plugin %s: the channel's queue is full",
                          self->kind->spawn.name);
    }
    cell_writer *out = proxy_begin(self, CELL_SEND, handle, 0, 0);
    if (out == NULL) return proxy_refuse(self, why);
    if (is_full(self)) {
        object->owes_writable = self->owes_writable = true;
        out->failed = true;
        proxy_send(self, out);
        return cell_fault(why, JF_E_BUSY, 0, 0, "plugin %s: its cell's queue is full",
                          self->kind->spawn.name);
    }
    cell_put_message(out, message);
    if (object->is_shared) exchange = 0;
    if (exchange != 0 && !cell_map_put(&self->exchanges, exchange, handle)) out->failed = true;
    if (proxy_send(self, out) == JF_OK) return JF_OK;
    cell_map_remove(&self->exchanges, exchange, NULL);
    return cell_fault(why, JF_E_FAULT, 0, 0, "plugin %s: the message cannot be sent to its cell",
                      self->kind->spawn.name);
}

static void cancel_exchange(jf_self *self, jf_ref handle, jf_ref exchange) {
    uint64_t of = 0;
    if (!cell_map_get(&self->exchanges, exchange, &of) || of != handle) return;
    cell_map_remove(&self->exchanges, exchange, NULL);
    cell_writer *out = proxy_begin(self, CELL_EXCHANGE_CANCEL, handle, exchange, 0);
    if (out != NULL) proxy_send(self, out);
}

/* `closed` of a channel whose cell is not there to say it; never from inside `close`. */
typedef struct closing {
    jf_self *self;
    uint64_t id;
} closing;

static void close_now(void *user) {
    closing *it = user;
    proxy_object *object = proxy_object_of(it->self, it->id, PROXY_CHANNEL);
    jf_self *self = it->self;
    free(it);
    if (object == NULL) return;
    jf_ref host = object->host;
    proxy_object_free(self, object);
    if (!self->is_stopping && JF_HAS(&self->channels, closed))
        self->channels.closed(self->channels.context, host);
}

static void close_channel(jf_self *self, jf_ref handle, uint64_t deadline_ns) {
    proxy_object *object = proxy_object_of(self, handle, PROXY_CHANNEL);
    if (object == NULL || object->is_closing) return;
    object->is_closing = true;
    cell_writer *out = object->is_open ? proxy_begin(self, CELL_CHANNEL_CLOSE, handle, deadline_ns, 0) : NULL;
    if (out != NULL && proxy_send(self, out) == JF_OK) return;
    closing *it = malloc(sizeof *it);
    if (it != NULL) {
        *it = (closing){self, handle};
        if (self->loop.post(self->loop.context, close_now, it) == JF_OK) return;
        free(it);
    }
    proxy_lost(self, "a channel could not be closed");
}

/* The lane does not wait: what the cell told last is the answer, and the next one is asked for. */
static int32_t channel_usage(jf_self *self, jf_ref handle, jf_usage *usage) {
    proxy_object *object = proxy_object_of(self, handle, PROXY_CHANNEL);
    if (object == NULL || object->is_closing) return JF_E_STALE;
    uint32_t size = usage->size < sizeof object->usage ? usage->size : (uint32_t)sizeof object->usage;
    if (!object->is_open) return JF_ABSENT;
    if (!object->asks_usage) {
        cell_writer *out = proxy_begin(self, CELL_CHANNEL_USAGE, handle, 0, 0);
        if (out != NULL && is_full(self)) {
            out->failed = true;
            proxy_send(self, out);
        } else if (out != NULL) {
            object->asks_usage = proxy_send(self, out) == JF_OK;
        }
    }
    if (object->used != JF_OK) return object->used;
    memcpy(usage, &object->usage, size);
    usage->size = size;
    return JF_OK;
}

const jf_connector_1 proxy_connector_table = {.size = sizeof(jf_connector_1),
                                              .open = open_channel,
                                              .send = send_message,
                                              .cancel = cancel_exchange,
                                              .close = close_channel,
                                              .usage = channel_usage};

/* ---- jf.listener/1 ---- */

static int32_t listen_on(jf_self *self, jf_ref listener, jf_view address, jf_view config, jf_blob *bound,
                         jf_fault *why) {
    proxy_object *object = proxy_object_new(self, PROXY_LISTENER, listener, (jf_view){NULL, 0}, config);
    uint64_t id = object != NULL ? object->id : 0;
    if (object != NULL && address.ptr != NULL) {
        object->address = malloc(address.len + 1);
        if (object->address == NULL) {
            proxy_object_free(self, object);
            return cell_fault(why, JF_E_BUSY, 0, 0, "out of memory");
        }
        memcpy(object->address, address.ptr, address.len);
        object->address_size = address.len;
    }
    int32_t status = proxy_open_object(self, object, bound, why);
    if (status != JF_OK) return status;
    /* After a restart it must be found where it was, also where the system chose the port. */
    object = proxy_object_of(self, id, PROXY_LISTENER);
    jf_view where = {bound->ptr, bound->len};
    const uint8_t *scheme = where.len > 0 ? memmem(where.ptr, where.len, "://", 3) : NULL;
    if (scheme != NULL) { /* `bound` is for people, an address has no scheme */
        where.len -= (uint64_t)(scheme + 3 - where.ptr);
        where.ptr = scheme + 3;
    }
    char *copy = object != NULL && where.len > 0 ? malloc(where.len) : NULL;
    if (copy != NULL) {
        memcpy(copy, where.ptr, where.len);
        free(object->address);
        object->address = copy;
        object->address_size = where.len;
    }
    return JF_OK;
}

/* The object stays as long as the process: connections that were accepted before have yet to say who they
 * are. */
static void unlisten(jf_self *self, jf_ref listener) {
    proxy_object *object = self->objects;
    while (object != NULL &&
           (object->kind != PROXY_LISTENER || object->host != listener || object->is_closing))
        object = object->next;
    if (object == NULL) return;
    object->is_closing = true;
    proxy_ask ask;
    if (self->state != JF_CELL_UP || !proxy_ask_begin(self, &ask, CELL_UNLISTEN, object->id, 0)) {
        proxy_object_free(self, object);
        return;
    }
    /* Waited for: whoever is told that nobody listens any more may listen there. */
    proxy_ask_end(self, &ask, self->kind->spawn.limits.control_ms * MS, 0);
    proxy_ask_free(&ask);
}

uint64_t proxy_exchange_key(jf_ref client, jf_ref exchange) {
    uint64_t mixed = client * 0x9e3779b97f4a7c15u ^ (exchange + 0x632be59bd9b4e019u) * 0xff51afd7ed558ccdu;
    return mixed != 0 ? mixed : 1;
}

/* MCP event ids, see jf_message: what the plugin would answer synchronously is checked here. */
static bool is_event_id(jf_view id) {
    if (id.len > 256) return false;
    for (uint64_t i = 0; i < id.len; i++)
        if (id.ptr[i] == 0 || id.ptr[i] == '\r' || id.ptr[i] == '\n') return false;
    return true;
}

/* Remembers who is to be told when the queue has drained. */
static bool note_full(jf_self *self, jf_ref client, jf_ref exchange) {
    for (uint32_t i = 0; i < self->full_count; i++)
        if (self->full[i].client == client && self->full[i].exchange == exchange) return true;
    proxy_waiter *more = realloc(self->full, (self->full_count + 1) * sizeof *more);
    if (more == NULL) return false;
    self->full = more;
    self->full[self->full_count++] = (proxy_waiter){client, exchange};
    return true;
}

static int32_t reply(jf_self *self, jf_ref client, const jf_message *given) {
    uint64_t cell_client, told;
    jf_message message;
    cell_attach(&message, sizeof message, given);
    if (!cell_map_get(&self->cell_clients, client, &cell_client)) return JF_E_STALE;
    if (!is_event_id(message.resume)) return JF_E_INVALID;
    uint64_t key = proxy_exchange_key(client, message.exchange);
    if (message.exchange != 0 && !cell_map_get(&self->answering, key, NULL)) return JF_E_STALE;
    proxy_tell_wants(self); /* before the client's next message */
    cell_writer *out = proxy_begin(self, CELL_REPLY, cell_client, 0, 0);
    if (out == NULL) return JF_E_STALE;
    if (self->link.queued > self->kind->spawn.limits.queue * QUEUE_SLACK) {
        out->failed = true;
        proxy_send(self, out);
        proxy_lost(self, "it does not read the replies for its clients");
        return JF_E_STALE;
    }
    bool full = is_full(self);
    cell_put_message(out, &message);
    if (proxy_send(self, out) != JF_OK) return JF_E_STALE;
    if (message.flags & JF_MSG_FINAL) cell_map_remove(&self->answering, key, NULL);
    if (cell_map_get(&self->slow, key, &told)) {
        cell_map_put(&self->slow, key, 1);
        return JF_E_BUSY;
    }
    if (!full || !note_full(self, client, message.exchange)) return JF_OK;
    self->owes_writable = true;
    return JF_E_BUSY;
}

static void close_client(jf_self *self, jf_ref client) {
    uint64_t cell_client;
    if (!cell_map_get(&self->cell_clients, client, &cell_client)) return;
    cell_writer *out = proxy_begin(self, CELL_CLIENT_CLOSE, cell_client, 0, 0);
    if (out != NULL) proxy_send(self, out);
}

const jf_listener_1 proxy_listener_table = {.size = sizeof(jf_listener_1),
                                            .listen = listen_on,
                                            .unlisten = unlisten,
                                            .reply = reply,
                                            .close = close_client};

void proxy_drained(jf_self *self) {
    proxy_object *object = self->objects;
    while (object != NULL) {
        proxy_object *next = object->next;
        if (object->kind == PROXY_CHANNEL && object->owes_writable && !object->is_slow) {
            object->owes_writable = false;
            if (JF_HAS(&self->channels, writable))
                self->channels.writable(self->channels.context, object->host);
            next = self->objects; /* the callee may have closed it; those told are passed over */
        }
        object = next;
    }
    proxy_waiter *waiters = self->full;
    uint32_t count = self->full_count;
    self->full = NULL;
    self->full_count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (cell_map_get(&self->cell_clients, waiters[i].client, NULL) && JF_HAS(&self->inbound, writable))
            self->inbound.writable(self->inbound.context, waiters[i].client, waiters[i].exchange);
    free(waiters);
}
