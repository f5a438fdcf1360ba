/* SPDX-License-Identifier: Apache-2.0
 * What a server's HTTP response means: statuses, content types, events, redirects. */
#include "connector.h"

#include <stdlib.h>

/** Bodies that nobody wants are read up to here, so that the connection can be used again. */
enum { DROP_MAX = 65536, CHALLENGES_MAX = 8 };

static int32_t status_of(uint16_t code) {
    switch (code) {
    case 202:
        return JF_STATUS_ACCEPTED;
    case 401:
        return JF_STATUS_UNAUTHORIZED;
    case 403:
        return JF_STATUS_FORBIDDEN;
    case 404:
        return JF_STATUS_NOT_FOUND;
    case 405:
        return JF_STATUS_NOT_ALLOWED;
    case 406:
        return JF_STATUS_NOT_ACCEPTABLE;
    case 413:
        return JF_STATUS_TOO_LARGE;
    case 429:
        return JF_STATUS_OVERLOADED;
    case 502:
    case 503:
        return JF_STATUS_UNAVAILABLE;
    case 504:
        return JF_STATUS_TIMEOUT;
    default:
        return code < 400 ? JF_STATUS_OK : code < 500 ? JF_STATUS_BAD_REQUEST : JF_STATUS_INTERNAL;
    }
}

static bool media_is(jf_view value, const char *type) {
    jf_view rest;
    value = view_trim(view_until(value, ';', &rest));
    return same_nocase(value.ptr, value.len, type, strlen(type));
}

static uint32_t retry_of(const struct incoming *in) {
    jf_view value = incoming_field(in, FIELD_RETRY_AFTER);
    uint64_t seconds = 0;
    for (uint64_t i = 0; i < value.len; i++) {
        // The other form is a date, which servers of this kind do not send.
        if (value.ptr[i] < '0' || value.ptr[i] > '9' || seconds > 100000) return 0;
        seconds = seconds * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    return (uint32_t)(seconds > 4000000 ? 4000000 : seconds) * 1000;
}

static int deliver(struct upstream *u, jf_message *message) {
    struct origin *o = u->origin;
    jf_self *self = o->to.self;
    message->size = sizeof(*message);
    return self->channels.deliver(self->channels.context, o->channel->ref, message);
}

static int on_event(void *user, const struct sse_event *e) {
    struct upstream *u = user;
    struct call *call = u->call;
    bool first = call->may_be_endpoint;
    call->may_be_endpoint = false;
    if (link_owns(call)) {
        link_event(u, e);
    } else if (first && e->name == SSE_ENDPOINT) {
        link_adopt(u, e);
    } else {
        resume_note(call, e);
        // Events without data prime the stream; other names than "message" are for other readers.
        if (e->length == 0 || e->name != SSE_MESSAGE) return 0;
        bool ends = call->resume != NULL && call->kind == JF_KIND_MESSAGE;
        bool last = (ends || !u->streams) && resume_is_answer(e->data, e->length);
        if (ends) call->answered = last;
        // Who says more than the answer may wait for its client for long: a question, progress.
        if (!last && !origin_stream(u)) {
            u->too_many = true;
            return -1;
        }
        jf_view body = view_make(e->data, e->length);
        jf_message message = {
            .flags = JF_MSG_PADDED, .exchange = call->exchange, .body = &body, .body_count = 1};
        if (u->session_length != 0)
            message.session =
                view_make(u->long_session != NULL ? u->long_session : u->session, u->session_length);
        deliver(u, &message);
    }
    // The host may have cancelled the exchange, or closed the channel, in there.
    return u->state == UPSTREAM_ACTIVE ? 0 : -1;
}

static int on_events(struct incoming *in, const uint8_t *bytes, uint64_t length) {
    struct upstream *u = in->owner;
    int result = sse_feed(in->self, &u->sse, bytes, length, link_event_max(u), on_event, u);
    if (result != 0 && u->sse.too_large) in->refused = 413;
    if (result == 0 && u->sse.has_retry) {
        u->call->retry_ms = u->sse.retry_ms;
        u->call->has_retry = true;
    }
    return result;
}

/** Whether the answer to a channel's message is kept, streamed, thrown away or repeated elsewhere. */
static enum call_answer judge(struct upstream *u, uint16_t code) {
    struct incoming *in = &u->in;
    struct call *call = u->call;
    if (call->done != NULL) return ANSWER_BODY;
    if (code >= 300 && code < 400 && code != 304) return ANSWER_REDIRECT;
    u->origin->channel->confirmed = true;
    // No redirect, so it will not be sent again.
    call->keep_copy = false;
    if (call->copy.pos == call->copy.len) buffer_release(in->self, &call->copy);
    bool stream = link_owns(call);
    if ((call->exchange == 0 && !stream) || code == 202 || code == 204) return ANSWER_DROP;
    jf_view type = incoming_field(in, FIELD_CONTENT_TYPE), coding = incoming_field(in, FIELD_CONTENT_CODING);
    if (coding.ptr != NULL && !view_is_nocase(coding, "identity")) return ANSWER_DROP;
    // What a GET for a stream is answered with is a stream, or nothing.
    if (media_is(type, "application/json")) return stream || call->resuming ? ANSWER_DROP : ANSWER_BODY;
    return code < 300 && media_is(type, "text/event-stream") ? ANSWER_EVENTS : ANSWER_DROP;
}

int response_head(struct incoming *in) {
    struct upstream *u = in->owner;
    uint16_t code = in->parser.status_code;
    if (code < 200) {
        if (code != 101) return 0;
        in->refused = 400;
        return -1;
    }
    u->answer = (uint8_t)judge(u, code);
    if (u->call->head_only) return 1;
    if (u->answer == ANSWER_EVENTS) {
        jf_view session = incoming_field(in, FIELD_SESSION);
        u->session_length = (uint32_t)session.len;
        u->sse.wants_ids = u->call->credentials != NULL;
        if (session.len != 0) {
            u->origin->channel->had_session = true;
            u->call->may_be_endpoint = false;
        }
        if (session.len > sizeof(u->session)) {
            u->long_session = self_copy(in->self, session);
            if (u->long_session == NULL) u->session_length = 0;
        } else if (session.len != 0)
            memcpy(u->session, session.ptr, session.len);
        in->on_data = on_events;
        if (u->call->kind == JF_KIND_STREAM || u->call->resuming) {
            // A stand-alone stream has no end. What a channel lives on, or went on before, is not refused.
            bool vital = link_owns(u->call) || u->call->resuming;
            u->too_many = !origin_stream(u) && !vital;
            if (u->too_many) return -1;
        }
    } else if (u->answer != ANSWER_BODY) {
        // Read past when it is short; an event stream in answer to a notification may never end.
        bool stream = media_is(incoming_field(in, FIELD_CONTENT_TYPE), "text/event-stream");
        in->max_body = DROP_MAX;
        u->unwanted = true;
        if (stream || (!in->no_length && in->parser.content_length > DROP_MAX)) return -1;
    }
    return 0;
}

/** The connection has served its call: back into the pool, or closed. */
static void settle(struct upstream *u) {
    struct call *call = u->call;
    struct incoming *in = &u->in;
    bool sent = call->copy.pos == call->copy.len;
    bool again = u->whole && in->keep_alive && sent && !u->hungup && !u->filled && !u->origin->closing &&
                 in->buf.pos == in->buf.len &&
                 u->origin->idle_count < u->origin->max_open + SPARE_CONNECTIONS;
    origin_stream_end(u);
    u->call = NULL;
    call->upstream = NULL;
    sse_end(in->self, &u->sse);
    u->session_length = 0;
    u->answer = ANSWER_UNKNOWN;
    self_release(in->self, u->long_session);
    u->long_session = NULL;
    if (again)
        origin_idle_push(u);
    else
        upstream_close(u);
}

static void redirect(struct upstream *u, uint16_t code) {
    struct call *call = u->call;
    struct origin *o = u->origin;
    char location[1024];
    jf_view value = incoming_field(&u->in, FIELD_LOCATION);
    uint64_t length = value.len < sizeof(location) ? value.len : 0;
    if (length != 0) memcpy(location, value.ptr, length);
    incoming_end(&u->in);
    settle(u);
    if (code != 307 && code != 308) {
        call_fail(call, JF_E_GONE, 0,
                  "server \"%s\" answered %u with a redirect that would lose the message; check its url",
                  o->to.name, code);
        return;
    }
    call_redirect(call, view_make(location, length), code == 308);
}

/** An event stream ended, or the request that was to open it was answered otherwise. False: it is an answer
 * like any other. */
static bool stream_over(struct upstream *u, uint16_t code) {
    struct call *call = u->call;
    struct channel *ch = u->origin->channel;
    bool events = u->answer == ANSWER_EVENTS, owned = link_owns(call);
    if (!owned && !resume_wanted(call)) return false;
    incoming_end(&u->in);
    settle(u);
    if (owned) {
        call_free(call);
        link_ended(ch, code);
    } else if (!events) {
        resume_end(call);
        call_fail(
            call, JF_E_GONE, 0,
            "the event stream of server \"%s\" broke and could not be resumed: it answered the GET with %s "
            "%u",
            ch->origin.to.name, code < 300 ? "no event stream, status" : "status", code);
    } else {
        // Which resumes it where it can.
        call_fail(call, JF_E_GONE, 0, "server \"%s\" ended its event stream without an answer",
                  ch->origin.to.name);
    }
    return true;
}

/** Lists what a refusal asks for (RFC 9110 section 11.6.1). */
static uint32_t challenges(const struct incoming *in, jf_pair pairs[CHALLENGES_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < in->head->count && count < CHALLENGES_MAX; i++) {
        const struct field *field = &in->head->fields[i];
        jf_view name = view_make(incoming_base(in) + field->name, field->name_len);
        if (!view_is_nocase(name, "www-authenticate")) continue;
        jf_view value = view_make(incoming_base(in) + field->value, field->value_len);
        pairs[count++] = (jf_pair){name, view_trim(value)};
    }
    return count;
}

static void answer(struct upstream *u, uint16_t code) {
    if (stream_over(u, code)) return;
    struct call *call = u->call;
    struct incoming *in = &u->in;
    struct channel *ch = u->origin->channel;
    jf_view body = view_make(incoming_base(in) + in->body, in->body_len);
    jf_message message = {.flags = JF_MSG_FINAL, .exchange = call->exchange, .status = status_of(code)};
    jf_pair asked[CHALLENGES_MAX];
    if (u->answer == ANSWER_BODY && body.len != 0) {
        message.flags |= JF_MSG_PADDED;
        message.body = &body;
        message.body_count = 1;
    }
    if (u->answer != ANSWER_EVENTS) {
        message.session = incoming_field(in, FIELD_SESSION);
        message.protocol = incoming_field(in, FIELD_PROTOCOL);
        if (message.session.len != 0) ch->had_session = true;
        if (code >= 400) message.retry_ms = retry_of(in);
        if (code == 401 || code == 403) {
            message.field_count = challenges(in, asked);
            message.fields = asked;
        }
    }
    incoming_end(in);
    settle(u);
    call_free(call);
    if (message.exchange != 0)
        deliver(u, &message);
    else
        link_posted(ch, call, code);
}

void response_done(struct upstream *u) {
    struct origin *o = u->origin;
    struct incoming *in = &u->in;
    uint16_t code = in->parser.status_code;
    if (code < 200) {
        incoming_end(in);
        return;
    }
    u->whole = in->phase == INCOMING_DONE;
    if (u->call->done != NULL) {
        struct call *call = u->call;
        client_finish(call, u, incoming_base(in) + in->body, in->body_len);
        incoming_end(in);
        if (u->state != UPSTREAM_DEAD)
            settle(u);
        else
            u->call = NULL;
        call_free(call);
    } else if (u->answer == ANSWER_REDIRECT) {
        redirect(u, code);
    } else {
        answer(u, code);
    }
    origin_go_on(o);
}
