/* SPDX-License-Identifier: Apache-2.0
 * The serving side: listening sockets, client connections, requests and their answers. */
#ifndef TRANSPORT_HTTP_LISTENER_H
#define TRANSPORT_HTTP_LISTENER_H

#include "http.h"
#include "port.h"

/** Longest event id, in either direction. */
enum { RESUME_MAX = 256 };

struct listener {
    struct port port;
    uint64_t max_body, max_connections;
    uint32_t max_head;
    uint64_t header_timeout, body_timeout, idle_timeout;
    uint64_t keepalive; /**< silence on an event stream before a comment; 0: never */
    uint64_t slow_bytes, full_bytes;
    bool sse;                       /**< HTTP+SSE of 2024-11-05 is served too */
    struct conn *quietest, *latest; /**< open event streams by the time of their last write */
};

enum conn_state {
    CONN_READING = 0, /**< idle, or in the middle of a request */
    CONN_BUSY,        /**< a request was delivered, no answer yet */
    CONN_STREAM,      /**< an answer in pieces is being written */
    CONN_FLUSHING,    /**< closes once everything is written */
    CONN_LINGER,      /**< our side is shut; what the client still sends is thrown away */
    CONN_SECURING,    /**< the TLS handshake */
    CONN_DEAD         /**< closed; waits for the last pin */
};

enum conn_route {
    ROUTE_NONE = 0,
    ROUTE_MCP,
    ROUTE_MOUNT,
    ROUTE_SSE,     /**< HTTP+SSE: the stream */
    ROUTE_MESSAGES /**< HTTP+SSE: a message */
};

struct conn {
    struct slot slot;
    struct listener *listener;
    struct later later;
    int fd;
    uint8_t state;
    uint8_t route;
    bool keep; /**< the connection outlives this answer */
    bool http10;
    bool head_only;   /**< HEAD: an answer's body is not sent */
    bool events_only; /**< the client accepts an event stream but no JSON answer */
    bool chunked;
    bool unread;     /**< the socket may hold bytes that were not read because an exchange was open */
    bool broken;     /**< writing failed: the end is told from the loop, not from inside `reply` */
    bool closing;    /**< the host asked to close */
    bool slow;       /**< `reply` answered JF_E_BUSY and `writable` is owed */
    bool lingering;  /**< a request was refused before it was read: do not reset the answer away */
    bool running;    /**< inside `request_run` */
    bool served;     /**< has answered a request before */
    bool quiet;      /**< in its listener's list of event streams */
    uint32_t budget; /**< requests and reads left in this turn, so that others get theirs */
    uint32_t pins;
    uint16_t verdict; /**< the request was refused by its head: status to answer with once it is read */
    const char *verdict_text;
    jf_ref watch;
    jf_ref client; /**< the host's handle; 0 until the first MCP request */
    jf_ref exchange;
    char *origin; /**< the allowed Origin of the request, for CORS headers: allocated, NULL without one */
    struct outq out;
    struct tls_link *tls; /**< NULL: plain */
    uint64_t since;       /**< when the present wait began, or the last byte came */
    uint64_t wrote;       /**< when a stream was last written to */
    struct mount *mount;
    struct legacy_session *session;
    struct conn *quiet_before, *quiet_after;
    struct incoming in;
    struct endpoint peer;
};

// listener.c
int32_t listener_open(jf_self *self, jf_ref ref, jf_view address, jf_view config, jf_blob *bound,
                      jf_fault *why);

// conn.c
/** Takes over an accepted socket. */
void conn_open(struct listener *listener, int fd, const struct endpoint *peer);
/** The peer is gone or the connection is given up: tells the host and closes. */
void conn_lost(struct conn *c);
/** Closes without a word to the host (instance stop). */
void conn_drop(struct conn *c);
/** Frees a dropped connection whatever still points at it (instance end). */
void conn_free(struct conn *c);
/** Writes, or queues what the socket refuses: by reference where `keeper` (may be NULL) allows it. A failure
 * shows later as the connection's end. */
void conn_write(struct conn *c, struct iovec *parts, uint32_t count, const struct keeper *keeper);
/** The answer is complete: on to the next request, or close. */
void conn_answered(struct conn *c);
/** Goes on soon, outside of the host's call: pipelined requests, closing. */
void conn_later(struct conn *c);
/** Timeouts. Open event streams have none: their clients may be silent for as long as they like. */
void conn_sweep(struct conn *c);
struct conn *conn_of_exchange(jf_self *self, jf_ref exchange);

// secure.c
/** Begins TLS on a new connection. False: out of memory. */
bool secure_begin(struct conn *c);
/** Goes on with the handshake. */
void secure_step(struct conn *c);
/** TLS ends; the socket stays open. */
void secure_end(struct conn *c);

// request.c
/** Parser hook: judges a request by its head. */
int request_head(struct incoming *in);
/** A request is complete: routes and delivers it. */
void request_run(struct conn *c);
/** Tells the host of the connection's client unless it knows it. False: the host refuses it. */
bool request_client(struct conn *c, uint32_t flags);

// keepalive.c
/** An event stream is open: watches for silence on it. */
void keepalive_begin(struct conn *c);
/** Something was written. */
void keepalive_wrote(struct conn *c);
void keepalive_end(struct conn *c);

// access.c
/** 0: the Host and Origin of the request are fine; else the status to refuse with. Sets conn.cors. */
uint16_t access_check(struct conn *c, const char **text);
void put_cors(struct writer *w, struct conn *c);

// answer.c
int32_t answer_reply(jf_self *self, jf_ref client, const jf_message *message);
/** A short error of this plugin's own: a JSON-RPC error without id. */
void answer_error(struct conn *c, uint16_t status, const char *text, jf_view extra_headers);
/** An answer without body. */
void answer_empty(struct conn *c, uint16_t status, jf_view extra_headers);
/** What the head of every event stream says. */
void put_stream_headers(struct writer *w);
/** "HTTP/1.1 200 OK\r\n" and the headers that every answer has. */
void put_answer_head(struct writer *w, struct conn *c, uint16_t status);
const char *status_reason(uint16_t status);

// mount.c
struct mount *mount_match(jf_self *self, jf_view path);
void mount_run(struct conn *c);
int32_t mount_add(void *context, jf_view path, jf_http_serve_fn serve, void *user, jf_ref *mount);
void mount_remove(void *context, jf_ref mount);
int32_t mount_respond(void *context, jf_ref exchange, const jf_http_response *response);
uint32_t mount_size(void);
void mounts_end(jf_self *self);

#endif
