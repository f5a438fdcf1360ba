/* SPDX-License-Identifier: Apache-2.0
 * Proxy: one frame of the cell becomes one call to the host. Nothing a cell says is taken on trust: handles
 * must be its own, and what does not fit ends it. */
#include "proxy.h"

#include <stdlib.h>
#include <string.h>

/* Bounds on what one cell can make the gateway keep. */
#define CLIENTS_MOST 65536u
#define CALLS_MOST 4096u

bool proxy_is_urgent(const cell_frame *frame) {
    return frame->head.type == CELL_SECRET || frame->head.type == CELL_SEAL ||
           frame->head.type == CELL_STATE_WATCH;
}

/* ---- General services ---- */

static const char *on_pong(jf_self *self, cell_frame *frame) {
    uint64_t memory = cell_get_number(frame), lost = cell_get_number(frame);
    if (!cell_frame_done(frame)) return frame->bad;
    if (self->ping_ns == 0 || frame->head.number != self->ping_ns)
        return "an answer to a heartbeat that was not";
    pthread_mutex_lock(&self->lock);
    self->heartbeat_ns = cell_clock() - self->ping_ns;
    self->memory = memory;
    self->ping_ns = 0;
    pthread_mutex_unlock(&self->lock);
    if (lost > 0)
        proxy_log(self, JF_LOG_WARNING, "%llu log records were lost in the cell", (unsigned long long)lost);
    return NULL;
}

static const char *on_log(jf_self *self, cell_frame *frame) {
    jf_pair pairs[16];
    jf_view text = cell_get_view(frame);
    uint32_t count = cell_get_pairs(frame, pairs, 16);
    if (!cell_frame_done(frame)) return frame->bad;
    if (frame->head.number > JF_LOG_ERROR) return "a log record of unknown level";
    if (JF_HAS(&self->log, write))
        self->log.write(self->log.context, (uint32_t)frame->head.number, text, pairs, count);
    return NULL;
}

static const char *on_secret(jf_self *self, cell_frame *frame) {
    jf_view name = cell_get_view(frame);
    if (!cell_frame_done(frame)) return frame->bad;
    jf_blob secret = {0};
    int32_t status = JF_ABSENT;
    if (JF_HAS(&self->config_service, secret))
        status = self->config_service.secret(self->config_service.context, name, &secret);
    cell_writer *out = proxy_answer(self, frame, status);
    if (out != NULL) {
        cell_put_fault(out, NULL);
        cell_put_view(out, status == JF_OK ? (jf_view){secret.ptr, secret.len} : (jf_view){NULL, 0});
        proxy_send(self, out);
    }
    if (status == JF_OK && secret.drop != NULL) secret.drop(secret.owner);
    return NULL;
}

static const char *on_seal(jf_self *self, cell_frame *frame) {
    jf_view text = cell_get_view(frame), bound = cell_get_view(frame);
    if (!cell_frame_done(frame)) return frame->bad;
    jf_blob result = {0};
    jf_fault why = {.size = sizeof why};
    int32_t status = JF_E_UNSUPPORTED;
    if (frame->head.number == 0 && JF_HAS(&self->seal, seal))
        status = self->seal.seal(self->seal.context, text, bound, &result, &why);
    if (frame->head.number == 1 && JF_HAS(&self->seal, open))
        status = self->seal.open(self->seal.context, text, bound, &result, &why);
    cell_writer *out = proxy_answer(self, frame, status);
    if (out != NULL) {
        cell_put_fault(out, &why);
        cell_put_view(out, status == JF_OK ? (jf_view){result.ptr, result.len} : (jf_view){NULL, 0});
        proxy_send(self, out);
    }
    if (status == JF_OK && result.drop != NULL) result.drop(result.owner);
    return NULL;
}

static const char *on_answer(jf_self *self, cell_frame *frame) {
    if (frame->head.flags & CELL_AGAIN) return proxy_answered_again(self, frame);
    if (proxy_take_answer(self, frame)) return NULL;
    /* Too late for who asked; but it says that the cell has caught up. */
    if (frame->head.serial == self->late_serial) self->picks_late = false;
    return NULL;
}

/* ---- jf.ops/1, jf.toolsets/1, jf.calls/1 ---- */

static const char *on_finish(jf_self *self, cell_frame *frame) {
    jf_fault fault;
    jf_blob result;
    int32_t status = frame->head.status;
    cell_get_fault(frame, &fault);
    bool enough = cell_take_blob(frame, &result);
    const char *bad = cell_frame_done(frame) ? NULL : frame->bad;
    if (status == JF_PENDING || status > JF_ABSENT || status < JF_E_FAULT) bad = "an end that is none";
    pthread_mutex_lock(&self->lock);
    bool known = bad == NULL && cell_map_remove(&self->operations, frame->head.ref, NULL);
    pthread_mutex_unlock(&self->lock);
    if (known && JF_HAS(&self->ops, finish)) {
        if (!enough) {
            status = cell_fault(&fault, JF_E_BUSY, 0, 0, "out of memory");
            result = (jf_blob){0};
        }
        self->ops.finish(self->ops.context, frame->head.ref, status, &result, &fault);
    } else if (result.drop != NULL) {
        result.drop(result.owner);
    }
    return bad;
}

static const char *on_progress(jf_self *self, cell_frame *frame) {
    uint64_t done_bits = cell_get_number(frame), total_bits = cell_get_number(frame);
    jf_view text = cell_get_view(frame);
    double done, total;
    if (!cell_frame_done(frame)) return frame->bad;
    memcpy(&done, &done_bits, sizeof done);
    memcpy(&total, &total_bits, sizeof total);
    pthread_mutex_lock(&self->lock);
    bool known = cell_map_get(&self->operations, frame->head.ref, NULL);
    pthread_mutex_unlock(&self->lock);
    if (known && JF_HAS(&self->ops, progress))
        self->ops.progress(self->ops.context, frame->head.ref, done, total, text);
    return NULL;
}

static const char *on_changed(jf_self *self, cell_frame *frame) {
    if (!cell_frame_done(frame)) return frame->bad;
    if (frame->head.number > JF_PROMPTS) return "a change of an unknown kind";
    proxy_object *object = proxy_object_of(self, frame->head.ref, PROXY_SET);
    if (object != NULL && JF_HAS(&self->toolsets, changed))
        self->toolsets.changed(self->toolsets.context, object->host, (uint32_t)frame->head.number);
    return NULL;
}

static void answer_call(jf_self *self, uint64_t cell, int32_t status, jf_view body) {
    cell_writer *out = proxy_begin(self, CELL_CALL_DONE, cell, 0, status);
    if (out == NULL) return;
    cell_put_view(out, body);
    if (proxy_send(self, out) == JF_OK) return;
    if ((out = proxy_begin(self, CELL_CALL_DONE, cell, 0, JF_E_FAULT)) == NULL) return;
    cell_put_view(out, (jf_view){NULL, 0});
    proxy_send(self, out);
}

static void call_done(void *user, jf_ref host, const jf_call_result *given) {
    proxy_call *call = user;
    jf_self *self = call->proxy;
    (void)host;
    if (self != NULL) {
        jf_call_result result;
        cell_attach(&result, sizeof result, given);
        *call->link = call->next;
        if (call->next != NULL) call->next->link = call->link;
        if (call->epoch == self->epoch && cell_map_remove(&self->call_map, call->cell, NULL))
            answer_call(self, call->cell, result.status, result.body);
    }
    free(call);
}

static const char *on_call(jf_self *self, cell_frame *frame) {
    jf_call what = {.size = sizeof what, .timeout_ns = cell_get_number(frame)};
    what.target = cell_get_view(frame);
    what.method = cell_get_view(frame);
    what.params = cell_get_view(frame);
    what.principal = cell_get_view(frame);
    if (!cell_frame_done(frame)) return frame->bad;
    if (frame->head.ref == 0 || cell_map_get(&self->call_map, frame->head.ref, NULL)) return "a call twice";
    jf_fault why = {.size = sizeof why};
    proxy_call *call = self->call_map.count < CALLS_MOST ? calloc(1, sizeof *call) : NULL;
    int32_t status = call != NULL ? JF_E_UNSUPPORTED : JF_E_BUSY;
    if (call != NULL && cell_map_put(&self->call_map, frame->head.ref, (uint64_t)(uintptr_t)call)) {
        *call = (proxy_call){.proxy = self, .epoch = self->epoch, .cell = frame->head.ref};
        call->next = self->call_list;
        call->link = &self->call_list;
        if (call->next != NULL) call->next->link = &call->next;
        self->call_list = call;
        if (JF_HAS(&self->calls, start))
            status = self->calls.start(self->calls.context, &what, call_done, call, &call->host, &why);
        if (status == JF_OK) return NULL;
        cell_map_remove(&self->call_map, frame->head.ref, NULL);
        *call->link = call->next;
        if (call->next != NULL) call->next->link = call->link;
    }
    free(call);
    answer_call(self, frame->head.ref, status < 0 ? status : JF_E_FAULT, (jf_view){NULL, 0});
    return NULL;
}

static const char *on_call_cancel(jf_self *self, cell_frame *frame) {
    uint64_t value;
    if (!cell_frame_done(frame)) return frame->bad;
    if (!cell_map_get(&self->call_map, frame->head.ref, &value) || !JF_HAS(&self->calls, cancel)) return NULL;
    const proxy_call *call = (const proxy_call *)(uintptr_t)value;
    self->calls.cancel(self->calls.context, call->host);
    return NULL;
}

/* ---- jf.channels/1 ---- */

/* What arrives for a channel that is closing or closed came too late, which is no fault. */
static proxy_object *channel_of(jf_self *self, const cell_frame *frame) {
    proxy_object *object = proxy_object_of(self, frame->head.ref, PROXY_CHANNEL);
    return object != NULL && object->is_open && !object->is_closing ? object : NULL;
}

static const char *on_deliver(jf_self *self, cell_frame *frame) {
    jf_message message;
    jf_view body;
    jf_pair pairs[CELL_MESSAGE_PAIRS];
    uint64_t of = 0;
    cell_get_message(frame, &message, &body, pairs);
    if (!cell_frame_done(frame)) return frame->bad;
    proxy_object *object = channel_of(self, frame);
    if (object == NULL || !JF_HAS(&self->channels, deliver)) return NULL;
    if (message.exchange != 0) {
        /* Canceled meanwhile, most likely. */
        if (!cell_map_get(&self->exchanges, message.exchange, &of) || of != object->id) return NULL;
        if (message.flags & JF_MSG_FINAL) cell_map_remove(&self->exchanges, message.exchange, NULL);
    }
    self->channels.deliver(self->channels.context, object->host, &message);
    return NULL;
}

static const char *on_failed(jf_self *self, cell_frame *frame) {
    jf_fault fault;
    uint64_t of = 0, exchange = frame->head.number;
    cell_get_fault(frame, &fault);
    if (!cell_frame_done(frame)) return frame->bad;
    proxy_object *object = channel_of(self, frame);
    if (object == NULL || !JF_HAS(&self->channels, failed)) return NULL;
    if (exchange != 0) {
        if (!cell_map_get(&self->exchanges, exchange, &of) || of != object->id) return NULL;
        cell_map_remove(&self->exchanges, exchange, NULL);
    } else {
        cell_map_entry entry;
        uint32_t at = 0;
        while (cell_map_next(&self->exchanges, &at, &entry)) {
            if (entry.value != object->id) continue;
            cell_map_remove(&self->exchanges, entry.key, NULL);
            at = 0;
        }
    }
    if (fault.code == 0) fault.code = JF_E_GONE;
    self->channels.failed(self->channels.context, object->host, exchange, &fault);
    return NULL;
}

static const char *on_channel(jf_self *self, cell_frame *frame) {
    if (!cell_frame_done(frame)) return frame->bad;
    proxy_object *object = proxy_object_of(self, frame->head.ref, PROXY_CHANNEL);
    if (object == NULL || !object->is_open) return NULL;
    jf_ref host = object->host;
    switch (frame->head.type) {
    case CELL_READY:
        object->is_shared =
            (frame->head.number & (JF_CHANNEL_SHARED | JF_CHANNEL_EXCHANGES)) == JF_CHANNEL_SHARED;
        if (!object->is_closing && JF_HAS(&self->channels, ready))
            self->channels.ready(self->channels.context, host, (uint32_t)frame->head.number);
        break;
    case CELL_CHANNEL_SLOW:
        object->is_slow = true;
        break;
    case CELL_WRITABLE:
        object->is_slow = false;
        if (object->owes_writable && !object->is_closing && JF_HAS(&self->channels, writable)) {
            object->owes_writable = false;
            self->channels.writable(self->channels.context, host);
        }
        break;
    default:
        proxy_object_free(self, object);
        if (JF_HAS(&self->channels, closed)) self->channels.closed(self->channels.context, host);
    }
    return NULL;
}

static const char *on_used(jf_self *self, cell_frame *frame) {
    jf_usage usage;
    cell_get_usage(frame, &usage);
    if (!cell_frame_done(frame)) return frame->bad;
    proxy_object *object = channel_of(self, frame);
    if (object == NULL) return NULL;
    int32_t status = frame->head.status;
    object->asks_usage = false;
    object->used = status == JF_OK || status == JF_ABSENT || status < 0 ? status : JF_E_FAULT;
    object->usage = usage;
    return NULL;
}

/* ---- jf.inbound/1 ---- */

static void forget_client(jf_self *self, uint64_t cell) {
    uint64_t host;
    cell_map_entry entry;
    uint32_t at = 0;
    if (!cell_map_remove(&self->clients, cell, &host)) return;
    cell_map_remove(&self->cell_clients, host, NULL);
    while (self->answering.count > 0 && cell_map_next(&self->answering, &at, &entry)) {
        if (entry.value != host) continue;
        cell_map_remove(&self->answering, entry.key, NULL);
        at = 0; /* removing moves entries */
    }
}

static void refuse_client(jf_self *self, uint64_t cell) {
    forget_client(self, cell);
    cell_writer *out = proxy_begin(self, CELL_CLIENT_REFUSED, cell, 0, 0);
    if (out != NULL) proxy_send(self, out);
}

static const char *on_opened(jf_self *self, cell_frame *frame) {
    jf_client_info info = {.size = sizeof info, .flags = (uint32_t)frame->head.number};
    uint64_t listener = cell_get_number(frame);
    info.address = cell_get_view(frame);
    info.certificate = cell_get_view(frame);
    info.server_name = cell_get_view(frame);
    if (!cell_frame_done(frame)) return frame->bad;
    uint64_t cell = frame->head.ref;
    if (cell == 0 || cell_map_get(&self->clients, cell, NULL)) return "a client twice";
    proxy_object *object = proxy_object_of(self, listener, PROXY_LISTENER);
    jf_ref client = 0;
    int32_t status = JF_E_BUSY;
    if (object != NULL && self->clients.count < CLIENTS_MOST && JF_HAS(&self->inbound, opened)) {
        info.listener = object->host;
        status = self->inbound.opened(self->inbound.context, &info, &client);
    }
    if (status == JF_OK &&
        (!cell_map_put(&self->clients, cell, client) || !cell_map_put(&self->cell_clients, client, cell))) {
        self->inbound.closed(self->inbound.context, client);
        status = JF_E_BUSY;
    }
    if (status != JF_OK) refuse_client(self, cell);
    return NULL;
}

static const char *on_client_message(jf_self *self, cell_frame *frame) {
    jf_message message;
    jf_view body;
    jf_pair pairs[CELL_MESSAGE_PAIRS];
    uint64_t client;
    cell_get_message(frame, &message, &body, pairs);
    if (!cell_frame_done(frame)) return frame->bad;
    if (!cell_map_get(&self->clients, frame->head.ref, &client))
        return NULL; /* refused or closed meanwhile */
    proxy_tell_wants(self);
    if ((self->wants & JF_WANTS_FIELDS) == 0) message.field_count = 0;
    if (message.field_count == 0) message.fields = NULL;
    uint64_t epoch = self->epoch;
    int32_t status = JF_E_BUSY;
    /* Before it is delivered: the answer may come at once. */
    if (message.exchange == 0 ||
        (self->answering.count < CLIENTS_MOST &&
         cell_map_put(&self->answering, proxy_exchange_key(client, message.exchange), client)))
        status = self->inbound.deliver(self->inbound.context, client, &message);
    if (status != JF_OK && self->epoch == epoch) refuse_client(self, frame->head.ref);
    return NULL;
}

static const char *on_client(jf_self *self, cell_frame *frame) {
    uint64_t client, told = 0;
    jf_ref exchange = frame->head.number;
    if (!cell_frame_done(frame)) return frame->bad;
    if (!cell_map_get(&self->clients, frame->head.ref, &client)) return NULL;
    uint64_t key = proxy_exchange_key(client, exchange);
    switch (frame->head.type) {
    case CELL_CLIENT_GONE:
        cell_map_remove(&self->slow, key, NULL);
        cell_map_remove(&self->answering, key, NULL);
        self->inbound.gone(self->inbound.context, client, exchange);
        break;
    case CELL_CLIENT_SLOW:
        if (self->slow.count < CLIENTS_MOST) cell_map_put(&self->slow, key, 0);
        break;
    case CELL_CLIENT_WRITABLE:
        if (cell_map_remove(&self->slow, key, &told) && told != 0)
            self->inbound.writable(self->inbound.context, client, exchange);
        break;
    default:
        forget_client(self, frame->head.ref);
        self->inbound.closed(self->inbound.context, client);
    }
    return NULL;
}

const char *proxy_handle(jf_self *self, cell_frame *frame) {
    uint16_t type = frame->head.type;
    /* Before it has answered, a cell has nothing to say but to write into the log and ask for secrets. */
    if (self->state == JF_CELL_STARTING && type != CELL_ANSWER && type != CELL_LOG &&
        !proxy_is_urgent(frame) && type != CELL_PONG && self->slots == 0)
        return "a frame before its answer to the setup";
    if (type >= CELL_CLIENT_OPENED && type <= CELL_CLIENT_SLOW &&
        (!JF_HAS(&self->inbound, closed) || (self->slots & CELL_HAS_LISTENER) == 0))
        return "a client without being a listener";
    if ((type == CELL_STATE || type == CELL_STATE_WATCH) && self->state_service.size == 0)
        return "a wish for state that it has not";
    if (type >= CELL_READY && type <= CELL_USED && (self->slots & CELL_HAS_CONNECTOR) == 0)
        return "a channel without being a connector";
    switch (type) {
    case CELL_NONE:
        return NULL;
    case CELL_ANSWER:
        return on_answer(self, frame);
    case CELL_PONG:
        return on_pong(self, frame);
    case CELL_LOG:
        return on_log(self, frame);
    case CELL_SECRET:
        return on_secret(self, frame);
    case CELL_SEAL:
        return on_seal(self, frame);
    case CELL_FINISH:
        return on_finish(self, frame);
    case CELL_PROGRESS:
        return on_progress(self, frame);
    case CELL_CHANGED:
        return on_changed(self, frame);
    case CELL_CALL:
        return on_call(self, frame);
    case CELL_CALL_CANCEL:
        return on_call_cancel(self, frame);
    case CELL_DELIVER:
        return on_deliver(self, frame);
    case CELL_FAILED:
        return on_failed(self, frame);
    case CELL_READY:
    case CELL_WRITABLE:
    case CELL_CLOSED:
    case CELL_CHANNEL_SLOW:
        return on_channel(self, frame);
    case CELL_USED:
        return on_used(self, frame);
    case CELL_CLIENT_OPENED:
        return on_opened(self, frame);
    case CELL_CLIENT_MESSAGE:
        return on_client_message(self, frame);
    case CELL_CLIENT_GONE:
    case CELL_CLIENT_WRITABLE:
    case CELL_CLIENT_CLOSED:
    case CELL_CLIENT_SLOW:
        return on_client(self, frame);
    default:
        break;
    }
    const char *bad = NULL;
    return proxy_handle_access(self, frame, &bad) ? bad : "a frame of unknown type";
}
