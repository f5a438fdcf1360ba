/* SPDX-License-Identifier: Apache-2.0
 * Cell: the facets connector and listener, and jf.channels/1 and jf.inbound/1 behind them. All on the lane.
 */
#include "cell.h"

#include <stdlib.h>
#include <string.h>

/* cell_here.clients: what the host thinks of a client. */
enum { CLIENT_OPEN = 1, CLIENT_REFUSED = 2 };

static void expect(cell_frame *frame) {
    if (!cell_frame_done(frame)) cell_die(frame->bad);
}

static bool tell(uint16_t type, uint64_t ref, uint64_t number) {
    cell_writer *out = cell_out(type, ref, number, 0);
    return out != NULL && cell_send(out);
}

/* Tells of a failure; an exchange of 0 is the channel's own. */
static void tell_failed(uint64_t channel, jf_ref exchange, const jf_fault *why) {
    cell_writer *out = cell_out(CELL_FAILED, channel, exchange, 0);
    if (out == NULL) return;
    cell_put_fault(out, why);
    cell_send(out);
}

/* ---- jf.channels/1 ---- */

static void channel_ready(void *context, jf_ref channel, uint32_t flags) {
    (void)context;
    tell(CELL_READY, channel, flags);
}

static int32_t channel_deliver(void *context, jf_ref channel, const jf_message *message) {
    (void)context;
    if (cell_object_of(channel, CELL_CHANNEL_OPEN) == NULL) return JF_E_STALE;
    cell_writer *out = cell_out(CELL_DELIVER, channel, 0, 0);
    if (out == NULL) return JF_E_BUSY;
    cell_put_message(out, message);
    if (cell_send(out)) return JF_OK;
    jf_message local;
    jf_fault why = {.size = sizeof why};
    cell_attach(&local, sizeof local, message);
    cell_fault(&why, JF_E_FAULT, 0, 0, "a message is too large to leave the cell");
    if (local.exchange != 0) tell_failed(channel, local.exchange, &why);
    return JF_E_FAULT;
}

static void channel_failed(void *context, jf_ref channel, jf_ref exchange, const jf_fault *why) {
    (void)context;
    tell_failed(channel, exchange, why);
}

/* Sends what was held back. False: the plugin is busy again. */
static bool send_held(cell_object *object) {
    while (object->held != NULL) {
        cell_held *it = object->held;
        cell_frame frame = it->frame;
        jf_message message;
        jf_view body;
        jf_pair pairs[CELL_MESSAGE_PAIRS];
        jf_fault why = {.size = sizeof why};
        cell_get_message(&frame, &message, &body, pairs);
        int32_t status = cell_here.connector.send(cell_here.self, object->handle, &message, &why);
        if (status == JF_E_BUSY) return false;
        object->held = it->next;
        if (object->held == NULL) object->held_last = NULL;
        if (status != JF_OK && message.exchange != 0) {
            why.code = status;
            tell_failed(object->id, message.exchange, &why);
        }
        cell_packet_free(it->packet);
        free(it);
    }
    return true;
}

/* From a task: the plugin calls `writable` from wherever it noticed, and must not be entered there. */
static void resume_channel(void *user) {
    cell_object *object = cell_object_of((uint64_t)(uintptr_t)user, CELL_CHANNEL_OPEN);
    if (object == NULL || !send_held(object)) return;
    tell(CELL_WRITABLE, object->id, 0);
}

static void channel_writable(void *context, jf_ref channel) {
    (void)context;
    cell_loop_table.post(NULL, resume_channel, (void *)(uintptr_t)channel);
}

static void channel_closed(void *context, jf_ref channel) {
    (void)context;
    cell_object *object = cell_object_of(channel, CELL_CHANNEL_OPEN);
    if (object == NULL) return;
    cell_object_remove(object);
    tell(CELL_CLOSED, channel, 0);
}

const jf_channels_1 cell_channels_table = {.size = sizeof(jf_channels_1),
                                           .ready = channel_ready,
                                           .deliver = channel_deliver,
                                           .failed = channel_failed,
                                           .writable = channel_writable,
                                           .closed = channel_closed};

/* ---- Frames for connectors ---- */

static void hold_message(cell_object *object, cell_frame *frame, jf_ref exchange) {
    cell_held *it = calloc(1, sizeof *it);
    if (it == NULL) {
        jf_fault why = {.size = sizeof why};
        cell_fault(&why, JF_E_BUSY, JF_FAULT_NOT_STARTED, 0, "out of memory");
        if (exchange != 0) tell_failed(object->id, exchange, &why);
        return;
    }
    it->packet = frame->packet;
    it->frame = *frame;
    frame->packet->refs++;
    if (object->held == NULL)
        object->held = it;
    else
        object->held_last->next = it;
    object->held_last = it;
}

static void on_send(cell_frame *frame) {
    cell_frame whole = *frame;
    jf_message message;
    jf_view body;
    jf_pair pairs[CELL_MESSAGE_PAIRS];
    jf_fault why = {.size = sizeof why};
    cell_get_message(frame, &message, &body, pairs);
    expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_CHANNEL_OPEN);
    if (object == NULL) {
        cell_fault(&why, JF_E_GONE, JF_FAULT_NOT_STARTED, 0, "the channel is not open in the cell");
        if (message.exchange != 0) tell_failed(frame->head.ref, message.exchange, &why);
        return;
    }
    if (object->held != NULL) {
        hold_message(object, &whole, message.exchange);
        return;
    }
    int32_t status = cell_here.connector.send(cell_here.self, object->handle, &message, &why);
    if (status == JF_E_BUSY) {
        hold_message(object, &whole, message.exchange);
        tell(CELL_CHANNEL_SLOW, object->id, 0);
    } else if (status != JF_OK && message.exchange != 0) {
        why.code = status;
        tell_failed(object->id, message.exchange, &why);
    } else if (status != JF_OK) {
        cell_note(JF_LOG_WARNING, "a message without an answer was not sent: %.*s", (int)why.text_len,
                  why.text);
    }
}

static void on_exchange_cancel(cell_frame *frame) {
    jf_ref exchange = frame->head.number;
    expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_CHANNEL_OPEN);
    if (object == NULL) return;
    for (cell_held **at = &object->held; *at != NULL; at = &(*at)->next) {
        cell_held *it = *at;
        cell_frame held = it->frame;
        jf_message message;
        jf_view body;
        jf_pair pairs[CELL_MESSAGE_PAIRS];
        cell_get_message(&held, &message, &body, pairs);
        if (message.exchange != exchange) continue;
        *at = it->next;
        cell_packet_free(it->packet);
        free(it);
        object->held_last = NULL;
        for (cell_held *last = object->held; last != NULL; last = last->next)
            object->held_last = last;
        if (object->held == NULL) tell(CELL_WRITABLE, object->id, 0);
        return;
    }
    cell_here.connector.cancel(cell_here.self, object->handle, exchange);
}

static void on_channel_close(cell_frame *frame) {
    expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_CHANNEL_OPEN);
    if (object == NULL) {
        tell(CELL_CLOSED, frame->head.ref, 0);
        return;
    }
    cell_here.connector.close(cell_here.self, object->handle, frame->head.number);
}

static void on_channel_usage(cell_frame *frame) {
    jf_usage usage = {.size = sizeof usage};
    int32_t status = JF_E_UNSUPPORTED;
    expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_CHANNEL_OPEN);
    if (object == NULL) return;
    if (JF_HAS(&cell_here.connector, usage))
        status = cell_here.connector.usage(cell_here.self, object->handle, &usage);
    cell_writer *out = cell_out(CELL_USED, object->id, 0, status);
    if (out == NULL) return;
    cell_put_usage(out, &usage);
    cell_send(out);
}

/* ---- jf.inbound/1 ---- */

static int32_t client_opened(void *context, const jf_client_info *given, jf_ref *client) {
    jf_client_info info;
    (void)context;
    cell_attach(&info, sizeof info, given);
    if (cell_object_of(info.listener, CELL_LISTEN) == NULL) return JF_E_BUSY;
    jf_ref ref = ++cell_here.next_ref;
    if (!cell_map_put(&cell_here.clients, ref, CLIENT_OPEN)) return JF_E_BUSY;
    cell_writer *out = cell_out(CELL_CLIENT_OPENED, ref, info.flags, 0);
    bool sent = false;
    if (out != NULL) {
        cell_put_number(out, info.listener);
        cell_put_view(out, info.address);
        cell_put_view(out, info.certificate);
        cell_put_view(out, info.server_name);
        sent = cell_send(out);
    }
    if (!sent) {
        cell_map_remove(&cell_here.clients, ref, NULL);
        return JF_E_BUSY;
    }
    *client = ref;
    return JF_OK;
}

static bool is_open(jf_ref client) {
    uint64_t state;
    return cell_map_get(&cell_here.clients, client, &state) && state == CLIENT_OPEN;
}

static int32_t client_deliver(void *context, jf_ref client, const jf_message *message) {
    (void)context;
    if (!is_open(client)) return JF_E_STALE;
    cell_writer *out = cell_out(CELL_CLIENT_MESSAGE, client, 0, 0);
    if (out == NULL) return JF_E_STALE;
    cell_put_message(out, message);
    if (cell_send(out)) return JF_OK;
    /* It cannot cross: the client is let go, which it will notice, rather than left to wait. */
    cell_map_remove(&cell_here.clients, client, NULL);
    tell(CELL_CLIENT_CLOSED, client, 0);
    return JF_E_STALE;
}

static void client_gone(void *context, jf_ref client, jf_ref exchange) {
    (void)context;
    if (is_open(client)) tell(CELL_CLIENT_GONE, client, exchange);
}

static void client_writable(void *context, jf_ref client, jf_ref exchange) {
    (void)context;
    if (is_open(client)) tell(CELL_CLIENT_WRITABLE, client, exchange);
}

static void client_closed(void *context, jf_ref client) {
    uint64_t state;
    (void)context;
    if (cell_map_remove(&cell_here.clients, client, &state) && state == CLIENT_OPEN)
        tell(CELL_CLIENT_CLOSED, client, 0);
}

const jf_inbound_1 cell_inbound_table = {.size = sizeof(jf_inbound_1),
                                         .opened = client_opened,
                                         .deliver = client_deliver,
                                         .gone = client_gone,
                                         .writable = client_writable,
                                         .closed = client_closed,
                                         .wants = &cell_here.wants};

/* ---- Frames for listeners ---- */

static void on_unlisten(cell_frame *frame) {
    expect(frame);
    cell_object *object = cell_object_of(frame->head.ref, CELL_LISTEN);
    if (object != NULL && !object->is_closed) {
        /* It stays: clients that were accepted already are still opened on it. */
        object->is_closed = true;
        cell_here.listener.unlisten(cell_here.self, frame->head.ref);
    }
    cell_answer_plainly(frame, JF_OK, NULL, false);
}

static void on_reply(cell_frame *frame) {
    jf_message message;
    jf_view body;
    jf_pair pairs[CELL_MESSAGE_PAIRS];
    cell_get_message(frame, &message, &body, pairs);
    expect(frame);
    jf_ref client = frame->head.ref;
    if (!is_open(client)) return; /* it closed while this was on its way */
    int32_t status = cell_here.listener.reply(cell_here.self, client, &message);
    if (status == JF_E_BUSY && is_open(client)) tell(CELL_CLIENT_SLOW, client, message.exchange);
}

static void on_client_close(cell_frame *frame) {
    expect(frame);
    if (is_open(frame->head.ref)) cell_here.listener.close(cell_here.self, frame->head.ref);
}

/* The host's handle is gone: whatever the plugin still says of the client stays here. */
static void on_client_refused(cell_frame *frame) {
    expect(frame);
    if (!is_open(frame->head.ref)) return;
    cell_map_put(&cell_here.clients, frame->head.ref, CLIENT_REFUSED);
    cell_here.listener.close(cell_here.self, frame->head.ref);
}

bool cell_handle_transport(cell_frame *frame) {
    const uint16_t type = frame->head.type;
    bool connects = JF_HAS(&cell_here.connector, close), listens = JF_HAS(&cell_here.listener, close);
    if (type == CELL_SEND && connects)
        on_send(frame);
    else if (type == CELL_EXCHANGE_CANCEL && connects)
        on_exchange_cancel(frame);
    else if (type == CELL_CHANNEL_CLOSE && connects)
        on_channel_close(frame);
    else if (type == CELL_CHANNEL_USAGE && connects)
        on_channel_usage(frame);
    else if (type == CELL_UNLISTEN && listens)
        on_unlisten(frame);
    else if (type == CELL_REPLY && listens)
        on_reply(frame);
    else if (type == CELL_CLIENT_CLOSE && listens)
        on_client_close(frame);
    else if (type == CELL_CLIENT_REFUSED && listens)
        on_client_refused(frame);
    else
        return false;
    return true;
}
