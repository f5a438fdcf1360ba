/* SPDX-License-Identifier: Apache-2.0
 * The asking side: origins with their connection pools, calls, and the channels of the connector facet. */
#ifndef TRANSPORT_HTTP_CONNECTOR_H
#define TRANSPORT_HTTP_CONNECTOR_H

#include "http.h"
#include "remote.h"
#include "settings.h"
#include "sse.h"

struct tls;
struct upstream;
struct sse_link;

/** SPARE_CONNECTIONS are kept for messages without an answer: what a server waits for (the answers to its
 * questions, cancellations) must reach it even when all other connections are held by calls that wait. */
enum { QUEUE_MAX = 1024, REDIRECTS_MAX = 3, SPARE_CONNECTIONS = 4 };

/** Where connections go: one per channel, and one per scheme, host and port of jf.http requests. */
struct origin {
    struct remote to;
    struct origin *next;     /**< among the instance's own */
    struct channel *channel; /**< NULL: of jf.http requests */
    bool blocked;            /**< `send` answered JF_E_BUSY and `writable` is owed */
    bool closing;
    struct later later;
    struct upstream *idle; /**< most recently used first */
    struct upstream *all;
    uint32_t open, idle_count;
    uint32_t max_open; /**< calls under way at once; SPARE_CONNECTIONS and `streams` come on top */
    uint32_t streams;  /**< of the open connections, those that event streams hold: see origin_stream */
    uint32_t max_streams;
    struct call *queue_head, *queue_tail;
    struct call *queue_pressing; /**< the last of those that go before the others */
    uint32_t queued;
    uint64_t idle_timeout;
    uint64_t queue_timeout; /**< for a free connection; 0: none */
    uint64_t used;          /**< when it last had work */
};

/** What further requests of a legacy session carry; shared by the calls of one session. */
struct credentials {
    uint32_t uses;
    uint32_t protocol_length, session_length;
    struct fields *fields; /**< of the host's message; NULL: it had none */
    uint8_t text[];        /**< protocol version, then session id */
};

struct channel {
    struct slot slot;
    jf_ref ref; /**< the host's handle */
    struct origin origin;
    struct later later;
    char *path;
    char *fixed;       /**< configured headers as lines */
    uint8_t *heads[3]; /**< prebuilt beginnings of requests, by JF_KIND_* */
    uint32_t head_lengths[3];
    struct credentials *credentials; /**< of the last legacy message */
    uint32_t resume_attempts;        /**< in a row and in vain, of one event stream */
    struct sse_link *link;           /**< HTTP+SSE; NULL: Streamable HTTP */
    bool had_session;                /**< a session id was seen: what answers GET is no HTTP+SSE endpoint */
    bool confirmed; /**< it answered something but a redirect: requests need no copy for being sent again */
    bool tell_ready, tell_writable;
    bool farewell;    /**< closing, with messages under way that the server should still get */
    jf_ref last_call; /**< the timer that ends the farewell */
};

enum call_answer {
    ANSWER_UNKNOWN = 0,
    ANSWER_BODY,     /**< collected, delivered whole */
    ANSWER_EVENTS,   /**< an event stream */
    ANSWER_DROP,     /**< only the status counts */
    ANSWER_REDIRECT, /**< to be sent again elsewhere */
};

/** How the event stream of a call is taken up again (MCP 2025-11-25, Streamable HTTP, "Resumability and
 * Redelivery"). Exists once an event with an id came. */
struct resume {
    jf_ref timer; /**< runs while the call waits to ask again */
    uint8_t *id;  /**< the last event's */
    uint32_t id_length, id_room;
    uint32_t failures; /**< in a row: no connection, or a stream that brought nothing new */
    bool progress;     /**< something new came since the stream was opened */
    bool late;         /**< the deadline comes before the next try */
};

/** One request on its way, or waiting for a connection, or for the time to resume its event stream. */
struct call {
    struct slot slot;
    struct origin *origin;
    struct upstream *upstream; /**< NULL while it waits */
    struct call *next;         /**< in the origin's queue */
    jf_ref exchange;           /**< the host's; 0: nobody wants the answer, or a jf.http request */
    jf_http_done_fn done;      /**< jf.http requests */
    void *user;
    uint64_t deadline;               /**< 0: none */
    uint64_t queued_at;              /**< when it began to wait for a connection */
    struct credentials *credentials; /**< legacy: what resuming needs; NULL: never resumed */
    struct resume *resume;
    uint32_t retry_ms;  /**< what the server said last, with `has_retry` */
    struct buffer copy; /**< bytes to send: len in all, pos already written */
    uint32_t kind;
    uint8_t redirects;
    bool has_retry;
    bool answered;        /**< the answer came on its event stream: there is nothing to resume for */
    bool resuming;        /**< the request under way is the GET that resumes it */
    bool may_be_endpoint; /**< a GET without session: its first event may tell that this is HTTP+SSE */
    bool keep_copy;       /**< may have to be sent again */
    bool head_only;
    struct later later;
    jf_fault *fault; /**< why it failed, while that waits to be told */
};

enum upstream_state {
    UPSTREAM_CONNECTING = 0,
    UPSTREAM_SECURING,
    UPSTREAM_ACTIVE,
    UPSTREAM_IDLE,
    UPSTREAM_DEAD
};

/** One connection to a server. */
struct upstream {
    struct slot slot;
    struct origin *origin;
    struct upstream *next_idle, *previous_idle;
    struct upstream *next, *previous;
    struct call *call;
    struct tls *tls;
    int fd;
    uint8_t state;
    uint8_t answer;  /**< call_answer of the response being read */
    uint8_t address; /**< index of the one being tried */
    uint8_t tried;
    bool hungup;
    bool filled;   /**< the last read took all it was offered: more may lie in the socket */
    bool wrote;    /**< a byte of the present request went out */
    bool whole;    /**< the response was read to its end */
    bool unwanted; /**< nobody needs the body: too long a one ends the answer, not the call */
    bool streams;  /**< counted in the origin's `streams` */
    bool too_many; /**< it would have been one stream more than the origin may have */
    uint32_t pins;
    jf_ref watch;
    uint64_t since;
    struct later later;
    char session[128];  /**< Mcp-Session-Id of an event stream's head */
    char *long_session; /**< the same when it is longer; allocated */
    uint32_t session_length;
    struct sse sse;
    struct incoming in;
};

// origin.c
void origin_end(struct origin *o);
/** Queues `call`, or starts it when there is a connection or may be a new one. */
void origin_dispatch(struct origin *o);
/** Dispatches now, or soon when called inside `send`. */
void origin_go_on(struct origin *o);
void origin_queue(struct origin *o, struct call *call);
bool origin_unqueue(struct origin *o, struct call *call);
/** Whether a call may begin now: on an idle connection or a new one. */
bool origin_has_room(const struct origin *o, const struct call *call);
/** A message that nobody waits for, but perhaps the server does. */
bool call_is_pressing(const struct call *call);
/** The connection holds an event stream that stays open: from now on it takes no other call's place. False:
 * there are as many of those as there may be. */
bool origin_stream(struct upstream *u);
/** Takes it back; nothing where it was not one. */
void origin_stream_end(struct upstream *u);
/** Calls that have waited too long for a connection fail. */
void origin_sweep(struct origin *o);
struct upstream *origin_idle_pop(struct origin *o);
void origin_idle_push(struct upstream *u);
void origin_idle_remove(struct upstream *u);

// upstream.c
/** Begins to connect for `call`. Failures are told through call_fail. */
void upstream_connect(struct origin *o, struct call *call);
/** Writes what of the call's copy is not written yet. */
void upstream_flush(struct upstream *u);
/** Closes; its call, if any, must have been taken off before. */
void upstream_close(struct upstream *u);
/** Frees a closed connection whatever still points at it (instance end). */
void upstream_free(struct upstream *u);
/** The connection failed: its call fails too. */
void upstream_fail(struct upstream *u, int32_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void upstream_sweep(struct upstream *u);
ssize_t upstream_write(struct upstream *u, struct iovec *parts, uint32_t count);

// response.c
int response_head(struct incoming *in);
/** The response is complete. */
void response_done(struct upstream *u);

// call.c
struct call *call_make(jf_self *self, struct origin *o);
void call_free(struct call *call);
/** Tells the call's owner that it failed, at once or (inside `send`) soon; the call is over. */
void call_fail(struct call *call, int32_t code, uint32_t flags, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void call_failv(struct call *call, int32_t code, uint32_t flags, const char *format, va_list arguments);
/** Ends a call without a word to its owner. */
void call_cancel(struct call *call);
/** Makes a redirected call again. False: it must not or cannot be followed (told already). */
void call_redirect(struct call *call, jf_view location, bool permanent);

/** The path and query that `reference` names, when it is of the same origin (RFC 3986 section 5.2), with a
 * NUL. `base` is the path that it is relative to. */
bool same_origin_path(const struct origin *o, jf_view reference, const char *base, char *out, uint64_t room);

// resume.c
/** The credentials of a message for a legacy session, shared; NULL: it is none, or out of memory. */
struct credentials *credentials_of(struct channel *ch, const jf_message *m);
void credentials_drop(jf_self *self, struct credentials *c);
/** Takes note of an event's id. */
void resume_note(struct call *call, const struct sse_event *e);
/** The event's data are the answer to the call, so that nothing follows. */
bool resume_is_answer(const uint8_t *json, uint64_t length);
/** The call has an event stream that can be resumed, and no answer yet. */
bool resume_wanted(const struct call *call);
/** The stream ended or broke: true when the call now waits to resume it. The call has left its connection. */
bool resume_later(struct call *call);
/** For a failure's text: how often it was tried, "" when it never was. */
const char *resume_history(const struct call *call, char *out, size_t room);
void resume_end(struct call *call);

// legacy_channel.c
/** Makes the channel one of HTTP+SSE; it connects with link_start. False: out of memory. */
bool link_open(struct channel *ch);
void link_start(struct channel *ch);
void link_close(struct channel *ch);
/** The stream's first event was `endpoint`: the channel becomes one of HTTP+SSE, the call its stream. */
void link_adopt(struct upstream *u, const struct sse_event *e);
/** The call is the channel's event stream. */
bool link_owns(const struct call *call);
void link_event(struct upstream *u, const struct sse_event *e);
/** Bytes that an event may have now. */
uint64_t link_event_max(const struct upstream *u);
/** The server answered the GET with no event stream, or ended the stream (`code` 200). */
void link_ended(struct channel *ch, uint16_t code);
/** The stream could not be opened, or broke. */
void link_broke(struct channel *ch, const jf_fault *why);
/** A message was answered with this HTTP status; 0: it did not get there. `call` may be gone. */
void link_posted(struct channel *ch, const struct call *call, uint16_t code);
const char *link_post_path(const struct channel *ch);
int32_t link_send(struct channel *ch, const jf_message *m, const struct iovec *parts, uint32_t count,
                  uint64_t total, jf_fault *why);
/** Timers stop: the instance ends. */
void link_stop(struct channel *ch);

// channel.c
int32_t channel_open(jf_self *self, jf_ref ref, jf_view name, jf_view config, jf_ref *handle, jf_fault *why);
int32_t channel_send(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why);
void channel_cancel(jf_self *self, jf_ref handle, jf_ref exchange);
void channel_close(jf_self *self, jf_ref handle, uint64_t deadline_ns);
bool channel_build_heads(struct channel *ch);
/** Writes a GET for an event stream of the channel; `c` and `id` may be absent. */
bool channel_put_get(struct channel *ch, struct buffer *to, const struct credentials *c, jf_view id);
/** Keeps bytes [skip, total) of the parts in the call. False: out of memory. */
bool call_copy(struct call *call, const struct iovec *parts, uint32_t count, uint64_t total, uint64_t skip);
void channels_sweep(jf_self *self);
void channels_stop(jf_self *self);
void channel_writable(struct channel *ch);
void channel_end(struct channel *ch);
/** One of its calls is over: a channel that waited for it closes. */
void channel_relieved(struct channel *ch);

// client.c
int32_t client_request(void *context, const jf_http_request *request, jf_http_done_fn done, void *user,
                       jf_ref *out, jf_fault *why);
void client_abandon(void *context, jf_ref request);
void client_finish(struct call *call, struct upstream *u, const uint8_t *body, uint64_t length);
void client_sweep(jf_self *self);
void clients_end(jf_self *self);

#endif
