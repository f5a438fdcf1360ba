/* SPDX-License-Identifier: Apache-2.0
 * Reading frames with libwslay's event interface, control frames, pings. */
#include "framer.h"
#include "websocket.h"

/** What an empty message points to. */
static const uint8_t nothing[READ_PADDING];

static struct framer *of(void *user) {
    return user;
}

static ssize_t take_input(wslay_event_context_ptr events, uint8_t *to, size_t room, int flags, void *user) {
    struct framer *f = of(user);
    (void)flags;
    size_t part = f->left < room ? (size_t)f->left : room;
    if (part == 0) {
        wslay_event_set_error(events, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(to, f->input, part);
    f->input += part;
    f->left -= part;
    return (ssize_t)part;
}

static ssize_t put_control(wslay_event_context_ptr events, const uint8_t *bytes, size_t length, int flags,
                           void *user) {
    struct framer *f = of(user);
    struct iovec part = {(void *)(uintptr_t)bytes, length};
    (void)events, (void)flags;
    f->write(f->owner, &part, 1, NULL);
    return (ssize_t)length;
}

static int put_mask(wslay_event_context_ptr events, uint8_t *to, size_t length, void *user) {
    (void)events;
    sender_random(&whole(of(user)->self)->sender, to, length);
    return 0;
}

static void frame_begins(wslay_event_context_ptr events,
                         const struct wslay_event_on_frame_recv_start_arg *frame, void *user) {
    struct framer *f = of(user);
    (void)events;
    f->opcode = frame->opcode;
    if (f->over || wslay_is_ctrl_frame(frame->opcode)) return;
    if (frame->opcode == WSLAY_BINARY_FRAME)
        framer_close(f, WSLAY_CODE_UNSUPPORTED_DATA, "messages are text frames", false);
    else if (frame->payload_length > f->max_message - f->text.len)
        framer_close(f, WSLAY_CODE_MESSAGE_TOO_BIG, "the message exceeds max_message", false);
}

static bool make_room(struct framer *f, uint64_t size) {
    if (f->text.ptr == NULL) return buffer_take(f->self, &f->text, (uint32_t)size);
    if (size <= f->text.cap) return true;
    uint64_t wanted = 2 * (uint64_t)f->text.cap;
    if (wanted > f->max_message) wanted = f->max_message;
    return buffer_grow(f->self, &f->text, (uint32_t)(wanted < size ? size : wanted), 0);
}

static void frame_goes_on(wslay_event_context_ptr events,
                          const struct wslay_event_on_frame_recv_chunk_arg *chunk, void *user) {
    struct framer *f = of(user);
    (void)events;
    if (f->over || wslay_is_ctrl_frame(f->opcode) || chunk->data_length == 0) return;
    if (!make_room(f, f->text.len + (uint64_t)chunk->data_length)) {
        framer_close(f, WSLAY_CODE_INTERNAL_SERVER_ERROR, "out of memory", false);
        return;
    }
    memcpy(f->text.ptr + f->text.len, chunk->data, chunk->data_length);
    f->text.len += (uint32_t)chunk->data_length;
}

static void message_ends(wslay_event_context_ptr events, const struct wslay_event_on_msg_recv_arg *message,
                         void *user) {
    struct framer *f = of(user);
    (void)events;
    if (message->opcode != WSLAY_TEXT_FRAME) return;
    if (!f->over) f->on_text(f->owner, view_make(f->text.ptr != NULL ? f->text.ptr : nothing, f->text.len));
    buffer_release(f->self, &f->text);
}

static const struct wslay_event_callbacks callbacks = {
    .recv_callback = take_input,
    .send_callback = put_control,
    .genmask_callback = put_mask,
    .on_frame_recv_start_callback = frame_begins,
    .on_frame_recv_chunk_callback = frame_goes_on,
    .on_msg_recv_callback = message_ends,
};

bool framer_open(struct framer *f) {
    int status = f->client ? wslay_event_context_client_init(&f->events, &callbacks, f)
                           : wslay_event_context_server_init(&f->events, &callbacks, f);
    if (status != 0) {
        f->events = NULL;
        return false;
    }
    // Text is collected here, in buffers that the host accounts for and may read without copying.
    wslay_event_config_set_no_buffering(f->events, 1);
    f->heard = f->self->now;
    f->ping_due = f->ping_interval == 0 ? UINT64_MAX : f->self->now + f->ping_interval;
    return true;
}

void framer_end(struct framer *f) {
    if (f->events != NULL) wslay_event_context_free(f->events);
    f->events = NULL;
    buffer_release(f->self, &f->text);
}

static void put_controls(struct framer *f) {
    if (f->receiving || wslay_event_want_write(f->events) == 0) return;
    if (wslay_event_send(f->events) != 0) wslay_event_shutdown_write(f->events);
}

void framer_receive(struct framer *f, const uint8_t *bytes, uint64_t length) {
    f->input = bytes;
    f->left = length;
    f->heard = f->self->now;
    f->receiving = true;
    int status = wslay_event_recv(f->events);
    f->receiving = false;
    f->input = NULL;
    f->left = 0;
    if (status != 0) wslay_event_shutdown_read(f->events);
    if (status != 0 && f->code == 0 && !framer_close_came(f)) {
        // What libwslay has queued for a frame that cannot be read is a close frame without a code.
        wslay_event_shutdown_write(f->events);
        f->code = status == WSLAY_ERR_NOMEM ? WSLAY_CODE_INTERNAL_SERVER_ERROR : WSLAY_CODE_PROTOCOL_ERROR;
        sender_close(f, f->code);
    }
    if (!framer_reads(f)) f->over = true;
    put_controls(f);
    if (f->over && f->code == 0 && !framer_close_came(f))
        f->code = wslay_event_get_status_code_sent(f->events);
    if (f->over) buffer_release(f->self, &f->text);
}

void framer_close(struct framer *f, uint16_t code, const char *reason, bool reading) {
    if (f->events == NULL) return;
    f->over = true;
    if (f->code == 0) f->code = code;
    // Refused when a close frame is on its way already: then that one stands.
    wslay_event_queue_close(f->events, code, (const uint8_t *)reason, strlen(reason));
    if (!reading) wslay_event_shutdown_read(f->events);
    put_controls(f);
}

bool framer_pulse(struct framer *f, uint64_t now, uint64_t *due) {
    if (f->pinged != 0 && f->heard > f->pinged) f->pinged = 0;
    if (f->pinged != 0) {
        *due = f->pinged + f->pong_timeout;
        return now < *due;
    }
    *due = f->ping_due;
    if (now < f->ping_due) return true;
    struct wslay_event_msg ping = {.opcode = WSLAY_PING};
    wslay_event_queue_msg(f->events, &ping);
    f->pinged = now;
    f->ping_due = now + f->ping_interval;
    *due = now + f->pong_timeout;
    put_controls(f);
    return true;
}
