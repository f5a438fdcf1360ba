/* SPDX-License-Identifier: Apache-2.0
 * Channels to servers of HTTP+SSE (MCP 2024-11-05, "HTTP with SSE"): everything from the server comes on one
 * GET stream, whose first event says where messages are POSTed. */
#include "connector.h"

#include <stdio.h>

/** ENDPOINT_MAX: bytes of an event before the server has named its endpoint, and of comments in front of it.
 * TURN_MS: a server that answers a POST only when it has handled the message would hold up the very messages
 * that it waits for; so after this time the next one goes out beside it. */
enum { ENDPOINT_MAX = 16384, TURN_MS = 2000, PAUSE_FIRST_MS = 1000, PAUSE_MOST_MS = 60000 };
static const uint64_t endpoint_wait = 10000000000ull, per_ms = 1000000u;

enum link_state {
    LINK_PAUSED = 0, /**< before the first connection, or between two */
    LINK_OPENING,    /**< the GET is out, no endpoint event yet */
    LINK_UP
};

/** The HTTP+SSE side of a channel. */
struct sse_link {
    struct channel *channel;
    struct call *stream;      /**< the GET */
    struct call *posting;     /**< the POST whose turn it is */
    struct call *head, *tail; /**< those that wait for theirs */
    uint32_t queued;
    uint8_t state;
    bool configured; /**< not found out: it stays HTTP+SSE whatever the server says */
    bool blocked;    /**< `send` answered JF_E_BUSY and `writable` is owed */
    uint32_t failures;
    uint32_t retry_ms; /**< the server's reconnection time; 0: none given */
    jf_ref timer;      /**< of the pause, or of the wait for the endpoint */
    jf_ref turn;
    char *post_path;
};

static void pump(struct sse_link *link);

static void timer_off(jf_self *self, jf_ref *timer) {
    if (*timer != 0) self->loop.cancel(self->loop.context, *timer);
    *timer = 0;
}

static struct sse_link *link_make(struct channel *ch, bool configured) {
    struct sse_link *link = self_allocate(ch->origin.to.self, sizeof(*link));
    if (link == NULL) return NULL;
    link->channel = ch;
    link->configured = configured;
    ch->link = link;
    return link;
}

bool link_open(struct channel *ch) {
    return link_make(ch, true) != NULL;
}

void link_stop(struct channel *ch) {
    struct sse_link *link = ch->link;
    if (link == NULL) return;
    timer_off(ch->origin.to.self, &link->timer);
    timer_off(ch->origin.to.self, &link->turn);
}

void link_close(struct channel *ch) {
    jf_self *self = ch->origin.to.self;
    struct sse_link *link = ch->link;
    if (link == NULL) return;
    link_stop(ch);
    self_release(self, link->post_path);
    self_release(self, link);
    ch->link = NULL;
}

bool link_owns(const struct call *call) {
    const struct channel *ch = call->origin->channel;
    return ch != NULL && ch->link != NULL && ch->link->stream == call;
}

const char *link_post_path(const struct channel *ch) {
    return ch->link == NULL ? NULL : ch->link->post_path;
}

uint64_t link_event_max(const struct upstream *u) {
    uint64_t max = u->in.max_body;
    bool early = link_owns(u->call) && u->origin->channel->link->state == LINK_OPENING;
    return early && max > ENDPOINT_MAX ? ENDPOINT_MAX : max;
}

/** Everything on the channel ends; what waits is thrown away. */
static void drop_calls(struct sse_link *link) {
    struct origin *o = &link->channel->origin;
    jf_self *self = o->to.self;
    link->stream = link->posting = link->head = link->tail = NULL;
    link->queued = 0;
    for (uint32_t i = 0; i < whole(self)->calls.made; i++) {
        struct call *call = slots_at(&whole(self)->calls, i);
        if (call->slot.ref != 0 && call->origin == o && call->exchange == 0) call_cancel(call);
    }
}

static void restart(void *user) {
    struct sse_link *link = user;
    struct origin *o = &link->channel->origin;
    link->timer = 0;
    if (o->closing || o->to.self->stopped) return;
    self_tick(o->to.self);
    link_start(link->channel);
}

static void lose(struct sse_link *link, int32_t code, const char *text, uint64_t length) {
    struct channel *ch = link->channel;
    jf_self *self = ch->origin.to.self;
    if (ch->origin.closing || link->state == LINK_PAUSED) return;
    link->state = LINK_PAUSED;
    link_stop(ch);
    drop_calls(link);
    uint64_t pause = link->retry_ms != 0 ? link->retry_ms : PAUSE_FIRST_MS;
    if (pause < PAUSE_FIRST_MS / 10) pause = PAUSE_FIRST_MS / 10;
    for (uint32_t i = 0; i < link->failures && pause < PAUSE_MOST_MS; i++)
        pause *= 2;
    if (pause > PAUSE_MOST_MS) pause = PAUSE_MOST_MS;
    link->failures++;
    jf_fault why = {.size = sizeof(why)};
    jf_fault_set(&why, code, 0, "%.*s", (int)length, text);
    why.retry_ms = (uint32_t)pause;
    if (self->loop.timer(self->loop.context, pause * per_ms, restart, link, &link->timer) != JF_OK)
        why.retry_ms = 0;
    self->channels.failed(self->channels.context, ch->ref, 0, &why);
}

static void lost(struct sse_link *link, int32_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void lost(struct sse_link *link, int32_t code, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    lose(link, code, text, length < 0 ? 0 : strlen(text));
}

void link_broke(struct channel *ch, const jf_fault *why) {
    if (ch->link == NULL) return;
    ch->link->stream = NULL;
    lose(ch->link, why->code, why->text, why->text_len);
}

/** The server is of another kind now: the host finds out which. */
static void leave(struct channel *ch) {
    jf_self *self = ch->origin.to.self;
    drop_calls(ch->link);
    link_close(ch);
    ch->had_session = false;
    channel_build_heads(ch);
    self->channels.ready(self->channels.context, ch->ref, JF_CHANNEL_EXCHANGES);
}

void link_ended(struct channel *ch, uint16_t code) {
    struct sse_link *link = ch->link;
    const char *name = ch->origin.to.name;
    link->stream = NULL;
    if (link->state == LINK_UP)
        lost(link, JF_E_GONE, "server \"%s\" ended its event stream, and with it the session", name);
    else if (!link->configured && code >= 400 && code < 500)
        leave(ch);
    else if (code >= 300)
        lost(link, JF_E_GONE, "server \"%s\" answered the GET for its event stream with status %u", name,
             code);
    else
        lost(
            link, JF_E_GONE,
            "server \"%s\" answered the GET with no event stream that begins with an endpoint event; is it a "
            "server of HTTP+SSE?",
            name);
}

static void no_endpoint(void *user) {
    struct sse_link *link = user;
    struct origin *o = &link->channel->origin;
    link->timer = 0;
    if (o->closing || o->to.self->stopped) return;
    self_tick(o->to.self);
    lost(link, JF_E_TIMEOUT, "server \"%s\" sent no endpoint event within %u s", o->to.name,
         (uint32_t)(endpoint_wait / 1000000000u));
}

void link_start(struct channel *ch) {
    struct sse_link *link = ch->link;
    struct origin *o = &ch->origin;
    jf_self *self = o->to.self;
    struct call *call = call_make(self, o);
    link->state = LINK_OPENING;
    if (call == NULL || !channel_put_get(ch, &call->copy, NULL, (jf_view){0})) {
        if (call != NULL) call_free(call);
        lost(link, JF_E_FAULT, "out of memory for a request to server \"%s\"", o->to.name);
        return;
    }
    call->kind = JF_KIND_STREAM;
    call->keep_copy = true;
    link->stream = call;
    self->loop.timer(self->loop.context, endpoint_wait, no_endpoint, link, &link->timer);
    origin_queue(o, call);
    origin_dispatch(o);
}

/** Notes where messages go. A sentence says why not; NULL: done. */
static const char *take_endpoint(struct sse_link *link, const struct sse_event *e) {
    struct channel *ch = link->channel;
    char path[2048];
    // The schema says a URI; a server that named another host would have credentials sent there.
    if (!same_origin_path(&ch->origin, view_make(e->data, e->length), ch->path, path, sizeof(path)))
        return "which is no URI of its own scheme, host and port";
    char *copy = self_copy(ch->origin.to.self, view_make(path, strlen(path)));
    if (copy == NULL) return "for which there is no memory";
    self_release(ch->origin.to.self, link->post_path);
    link->post_path = copy;
    return channel_build_heads(ch) ? NULL : "for which there is no memory";
}

/** What of a server's text may stand in a sentence. */
static void show(char *out, size_t room, const struct sse_event *e) {
    size_t length = e->length < room - 1 ? (size_t)e->length : room - 1;
    for (size_t i = 0; i < length; i++)
        out[i] = (char)(e->data[i] > ' ' && e->data[i] < 0x7f ? e->data[i] : '.');
    out[length] = 0;
}

static void up(struct sse_link *link) {
    struct channel *ch = link->channel;
    jf_self *self = ch->origin.to.self;
    timer_off(self, &link->timer);
    link->state = LINK_UP;
    self->channels.ready(self->channels.context, ch->ref, JF_CHANNEL_SHARED | JF_CHANNEL_LOCAL);
}

void link_adopt(struct upstream *u, const struct sse_event *e) {
    struct call *call = u->call;
    struct channel *ch = u->origin->channel;
    jf_self *self = ch->origin.to.self;
    struct sse_link *link = link_make(ch, false);
    const char *problem = link == NULL ? "for which there is no memory" : take_endpoint(link, e);
    if (problem != NULL) {
        char text[80];
        show(text, sizeof(text), e);
        link_close(ch);
        channel_build_heads(ch);
        upstream_fail(u, JF_E_DENIED, "server \"%s\" names the message endpoint \"%s\", %s",
                      ch->origin.to.name, text, problem);
        return;
    }
    jf_message last = {.size = sizeof(last), .flags = JF_MSG_FINAL, .exchange = call->exchange};
    credentials_drop(self, call->credentials);
    call->credentials = NULL;
    call->exchange = 0;
    call->deadline = 0;
    link->stream = call;
    // The host starts over first, so that the end of the exchange is no news to it.
    up(link);
    if (!ch->origin.closing && last.exchange != 0)
        self->channels.deliver(self->channels.context, ch->ref, &last);
}

void link_event(struct upstream *u, const struct sse_event *e) {
    struct channel *ch = u->origin->channel;
    struct sse_link *link = ch->link;
    jf_self *self = ch->origin.to.self;
    if (u->sse.has_retry) link->retry_ms = u->sse.retry_ms > PAUSE_MOST_MS ? PAUSE_MOST_MS : u->sse.retry_ms;
    if (e->length == 0) return;
    if (link->state == LINK_OPENING) {
        if (e->name != SSE_ENDPOINT) return;
        const char *problem = take_endpoint(link, e);
        if (problem == NULL) {
            up(link);
            return;
        }
        char text[80];
        show(text, sizeof(text), e);
        lost(link, JF_E_DENIED, "server \"%s\" names the message endpoint \"%s\", %s", ch->origin.to.name,
             text, problem);
        return;
    }
    if (e->name != SSE_MESSAGE) return;
    link->failures = 0;
    jf_view body = view_make(e->data, e->length);
    jf_message message = {.size = sizeof(message), .flags = JF_MSG_PADDED, .body = &body, .body_count = 1};
    self->channels.deliver(self->channels.context, ch->ref, &message);
}

static void turn_over(void *user) {
    struct sse_link *link = user;
    struct origin *o = &link->channel->origin;
    link->turn = 0;
    link->posting = NULL;
    if (o->closing || o->to.self->stopped) return;
    self_tick(o->to.self);
    pump(link);
}

/** Sends the next message: one at a time, so that they arrive in order. */
static void pump(struct sse_link *link) {
    struct channel *ch = link->channel;
    struct origin *o = &ch->origin;
    struct call *call = link->head;
    if (call == NULL || link->posting != NULL || link->state != LINK_UP || o->closing) return;
    link->head = call->next;
    if (link->head == NULL) link->tail = NULL;
    link->queued--;
    link->posting = call;
    o->to.self->loop.timer(o->to.self->loop.context, TURN_MS * per_ms, turn_over, link, &link->turn);
    origin_queue(o, call);
    // What fails at once is told from the loop: it would come back here.
    whole(o->to.self)->sending++;
    origin_dispatch(o);
    whole(o->to.self)->sending--;
    if (link->blocked && link->queued < QUEUE_MAX / 2) {
        link->blocked = false;
        channel_writable(ch);
    }
}

void link_posted(struct channel *ch, const struct call *call, uint16_t code) {
    struct sse_link *link = ch->link;
    if (link == NULL || link->state != LINK_UP) return;
    const char *name = ch->origin.to.name;
    if (code == 404) {
        lost(link, JF_E_GONE, "server \"%s\" answered a message with 404: it knows the session no more",
             name);
        return;
    }
    if (code >= 400)
        self_log(ch->origin.to.self, JF_LOG_WARNING, "server \"%s\" refused a message with status %u", name,
                 code);
    if (link->posting != call) return;
    link->posting = NULL;
    timer_off(ch->origin.to.self, &link->turn);
    pump(link);
}

int32_t link_send(struct channel *ch, const jf_message *m, const struct iovec *parts, uint32_t count,
                  uint64_t total, jf_fault *why) {
    struct sse_link *link = ch->link;
    struct origin *o = &ch->origin;
    if (m->kind != JF_KIND_MESSAGE || m->exchange != 0)
        return jf_fault_set(why, JF_E_UNSUPPORTED, JF_FAULT_NOT_STARTED,
                            "server \"%s\" speaks HTTP+SSE: messages only, without exchange", o->to.name);
    if (link->state != LINK_UP)
        return jf_fault_set(why, JF_E_GONE, JF_FAULT_NOT_STARTED, "server \"%s\" is not connected",
                            o->to.name);
    if (link->queued >= QUEUE_MAX) {
        link->blocked = true;
        return jf_fault_set(why, JF_E_BUSY, JF_FAULT_NOT_STARTED, "server \"%s\" is busy: %u messages wait",
                            o->to.name, link->queued);
    }
    struct call *call = call_make(o->to.self, o);
    if (call == NULL || !call_copy(call, parts, count, total, 0)) {
        if (call != NULL) call_free(call);
        return jf_fault_set(why, JF_E_FAULT, JF_FAULT_NOT_STARTED, "out of memory for a message");
    }
    call->kind = JF_KIND_MESSAGE;
    call->keep_copy = true;
    if (link->tail != NULL)
        link->tail->next = call;
    else
        link->head = call;
    link->tail = call;
    link->queued++;
    pump(link);
    return JF_OK;
}
