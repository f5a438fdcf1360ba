/* SPDX-License-Identifier: Apache-2.0
 * One connection to a server: reading, writing, failing, and trying again. */
#include "uplink.h"

#include <errno.h>
#include <unistd.h>

static void deliver(void *owner, jf_view text) {
    struct uplink *u = owner;
    jf_self *self = u->remote.self;
    if (u->state != UPLINK_OPEN || u->closing) return;
    jf_message message = {.size = sizeof(message), .flags = JF_MSG_PADDED, .body = &text, .body_count = 1};
    (void)self->channels.deliver(self->channels.context, u->ref, &message);
}

void uplink_hang_up(struct uplink *u) {
    jf_self *self = u->remote.self;
    timer_end(self, &u->timer);
    resolve_forget(&u->remote);
    watch_end(self, &u->watch);
    if (u->tls != NULL) tls_close(u->tls);
    if (u->fd >= 0) close(u->fd);
    u->tls = NULL;
    u->fd = -1;
    u->state = UPLINK_RESTING;
    u->broken = u->unread = false;
    incoming_drop(&u->in);
    buffer_release(self, &u->out);
}

void uplink_free(struct uplink *u) {
    jf_self *self = u->remote.self;
    uplink_hang_up(u);
    framer_end(&u->framer);
    if (u->remote.tls != NULL) tls_context_close(self, u->remote.tls);
    self_release(self, u->remote.name);
    self_release(self, u->remote.host);
    self_release(self, u->remote.authority);
    self_release(self, u->path);
    self_release(self, u->headers);
    slots_give(&self->channel_table, u);
}

/** The channel's last word, unless somebody further up still works with it: then his unpin does it. */
static void end(struct uplink *u) {
    jf_self *self = u->remote.self;
    if (!u->closing || u->state != UPLINK_RESTING || u->pins != 0) return;
    jf_ref ref = u->ref;
    uplink_free(u);
    self->channels.closed(self->channels.context, ref);
}

static void unpin(struct uplink *u) {
    u->pins--;
    end(u);
}

/** Nanoseconds until the next attempt; 0: no more attempts. */
static uint64_t next_pause(struct uplink *u) {
    jf_self *self = u->remote.self;
    if (u->opened != 0 && self->now - u->opened >= u->healthy) u->failures = 0;
    u->opened = 0;
    u->failures++;
    if (u->give_up_after != 0 && u->failures >= u->give_up_after) return 0;
    double pause = (double)u->initial, most = (double)u->longest;
    for (uint32_t i = 1; i < u->failures && pause < most; i++)
        pause *= u->factor;
    if (pause > most) pause = most;
    uint32_t random;
    sender_random(&whole(self)->sender, (uint8_t *)&random, sizeof(random));
    pause *= 1 - u->jitter * ((double)random / 4294967296.0);
    uint64_t chosen = pause < 1000000 ? 1000000 : (uint64_t)pause;
    return chosen < u->asked_pause ? u->asked_pause : chosen;
}

void uplink_fail(struct uplink *u, int32_t code, const char *format, ...) {
    jf_self *self = u->remote.self;
    jf_fault why = {.size = sizeof(why)};
    bool was_open = u->state == UPLINK_OPEN;
    va_list arguments;
    va_start(arguments, format);
    jf_fault_setv(&why, code, was_open ? 0 : JF_FAULT_NOT_STARTED, format, arguments);
    va_end(arguments);
    u->pins++;
    uplink_hang_up(u);
    u->blocked = u->caught_up = false;
    if (!u->closing) {
        uint64_t pause = next_pause(u);
        u->asked_pause = 0;
        u->gave_up = pause == 0;
        why.retry_ms = (uint32_t)(pause / 1000000);
        if (u->gave_up) {
            self_log(self, JF_LOG_ERROR,
                     "%.*s; given up after %u failures in a row (reconnect.give_up_after)", (int)why.text_len,
                     why.text, u->failures);
        } else {
            self_log(self, JF_LOG_WARNING, "%.*s; next attempt in %u ms", (int)why.text_len, why.text,
                     why.retry_ms);
            u->next_try = self->now + pause;
            uplink_arm(u, u->next_try);
        }
        self->channels.failed(self->channels.context, u->ref, 0, &why);
    }
    unpin(u);
}

static void upgraded(struct uplink *u) {
    jf_self *self = u->remote.self;
    struct incoming *in = &u->in;
    uint64_t due;
    framer_end(&u->framer);
    u->framer = (struct framer){.self = self,
                                .owner = u,
                                .on_text = deliver,
                                .write = uplink_write,
                                .client = true,
                                .max_message = u->remote.max_message,
                                .ping_interval = u->ping_interval,
                                .pong_timeout = u->pong_timeout};
    if (!framer_open(&u->framer)) {
        uplink_fail(u, JF_E_FAULT, "out of memory for a connection to server \"%s\"", u->remote.name);
        return;
    }
    u->state = UPLINK_OPEN;
    u->opened = self->now;
    framer_pulse(&u->framer, self->now, &due);
    uplink_arm(u, due);
    self->channels.ready(self->channels.context, u->ref, JF_CHANNEL_SHARED | JF_CHANNEL_LOCAL);
    if (in->buf.pos < in->buf.len && u->state != UPLINK_RESTING)
        framer_receive(&u->framer, in->buf.ptr + in->buf.pos, in->buf.len - in->buf.pos);
    incoming_drop(in);
}

/** The connection carries frames; says what its end was, when it has ended. */
static void look(struct uplink *u) {
    const char *name = u->remote.name;
    if (u->state != UPLINK_OPEN && u->state != UPLINK_CLOSING) return;
    if (!u->framer.over && !u->broken) {
        if (u->out.ptr != NULL) uplink_flush(u);
        return;
    }
    if (u->out.ptr != NULL) uplink_flush(u);
    if (u->state == UPLINK_CLOSING) {
        if (framer_close_came(&u->framer) || !framer_reads(&u->framer) || u->broken)
            uplink_fail(u, JF_E_GONE, "server \"%s\": closed", name);
    } else if (framer_close_came(&u->framer)) {
        uplink_fail(u, JF_E_GONE, "server \"%s\" closed the WebSocket with code %u", name,
                    wslay_event_get_status_code_received(u->framer.events));
    } else if (u->framer.over) {
        uplink_fail(u, JF_E_INVALID, "server \"%s\" broke a rule of WebSocket: closed with code %u%s", name,
                    u->framer.code, u->framer.code == WSLAY_CODE_MESSAGE_TOO_BIG ? " (max_message)" : "");
    } else {
        uplink_fail(u, JF_E_GONE, "the connection to server \"%s\" was lost while writing", name);
    }
}

static void ended(struct uplink *u, int error) {
    const char *what = u->state == UPLINK_SHAKING ? "during the WebSocket upgrade" : "without a close frame";
    if (error == 0)
        uplink_fail(u, JF_E_GONE, "server \"%s\" ended the connection %s", u->remote.name, what);
    else
        uplink_fail(u, JF_E_GONE, "the connection to server \"%s\" ended %s: %s", u->remote.name, what,
                    strerrordesc_np(error));
}

static void input(struct uplink *u) {
    jf_self *self = u->remote.self;
    struct buffer scratch = {0};
    u->unread = true;
    for (uint32_t turn = 0; turn < TURN && u->unread && u->state >= UPLINK_SHAKING; turn++) {
        bool shaking = u->state == UPLINK_SHAKING;
        struct buffer *to = shaking ? &u->in.buf : &scratch;
        uint32_t room = shaking ? incoming_room(&u->in) : READ_SIZE;
        if (room == 0 || (!shaking && scratch.ptr == NULL && !buffer_take(self, &scratch, READ_SIZE))) {
            uplink_fail(u, JF_E_FAULT, "out of memory for messages of server \"%s\"", u->remote.name);
            break;
        }
        uint8_t *at = to->ptr + (shaking ? to->len : 0);
        ssize_t got = u->tls != NULL ? tls_read(u->tls, at, room) : recv(u->fd, at, room, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            u->unread = false;
            if (got == 0 || errno != EAGAIN) ended(u, got == 0 ? 0 : errno);
            break;
        }
        if (shaking) {
            to->len += (uint32_t)got;
            if (greet_step(u)) upgraded(u);
        } else {
            framer_receive(&u->framer, at, (uint64_t)got);
        }
        look(u);
    }
    buffer_release(self, &scratch);
    if (u->unread && u->state >= UPLINK_SHAKING) uplink_later(u);
}

void uplink_ready(void *user, uint32_t events) {
    struct uplink *u = user;
    self_tick(u->remote.self);
    u->pins++;
    if (u->state == UPLINK_CONNECTING || u->state == UPLINK_SECURING) dial_step(u);
    if (u->state >= UPLINK_SHAKING && (events & JF_WRITABLE) != 0) {
        uplink_flush(u);
        look(u);
    }
    if (u->state >= UPLINK_SHAKING && (events & ~(uint32_t)JF_WRITABLE) != 0) input(u);
    unpin(u);
}

static void on_time(void *user) {
    struct uplink *u = user;
    const char *name = u->remote.name;
    uint64_t due;
    u->timer = 0;
    self_tick(u->remote.self);
    u->pins++;
    switch (u->state) {
    case UPLINK_RESTING:
        if (!u->closing) dial_start(u);
        break;
    case UPLINK_CONNECTING:
    case UPLINK_SECURING:
    case UPLINK_SHAKING:
        uplink_fail(u, JF_E_TIMEOUT, "server \"%s\" at %s port %u: no %s in time", name, u->remote.host,
                    u->remote.port, u->state == UPLINK_CONNECTING ? "connection" : "answer to the upgrade");
        break;
    case UPLINK_OPEN:
        if (framer_pulse(&u->framer, u->remote.self->now, &due)) {
            uplink_arm(u, due);
            look(u);
        } else {
            uplink_fail(u, JF_E_TIMEOUT, "server \"%s\" answered no ping in time", name);
        }
        break;
    default:
        uplink_fail(u, JF_E_TIMEOUT, "server \"%s\" did not close in time", name);
        break;
    }
    unpin(u);
}

void uplink_arm(struct uplink *u, uint64_t due) {
    jf_self *self = u->remote.self;
    timer_end(self, &u->timer);
    if (due == UINT64_MAX) return;
    self->loop.timer(self->loop.context, due > self->now ? due - self->now : 0, on_time, u, &u->timer);
}

static void go_on(void *user) {
    struct uplink *u = user;
    jf_self *self = u->remote.self;
    if (self->stopped) return;
    u->posted = false;
    self_tick(self);
    if (u->state == UPLINK_RESTING && !u->closing && u->next_try == 0 && !u->gave_up) dial_start(u);
    look(u);
    if (u->caught_up && u->state == UPLINK_OPEN && !u->closing) {
        u->caught_up = false;
        self->channels.writable(self->channels.context, u->ref);
    }
    if (u->unread && u->state >= UPLINK_SHAKING) input(u);
    unpin(u);
}

void uplink_later(struct uplink *u) {
    if (u->posted || u->remote.self->stopped) return;
    u->posted = true;
    u->pins++;
    u->remote.self->loop.post(u->remote.self->loop.context, go_on, u);
}
