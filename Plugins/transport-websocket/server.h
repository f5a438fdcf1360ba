/* SPDX-License-Identifier: Apache-2.0
 * The serving side: listening sockets, upgrade requests, client connections. */
#ifndef TRANSPORT_WEBSOCKET_SERVER_H
#define TRANSPORT_WEBSOCKET_SERVER_H

#include "fields.h"
#include "port.h"
#include "shake.h"
#include "websocket.h"

/** Connections beyond max_connections that are told 503 at the same time; further ones are just closed. */
enum { EXCESS_MAX = 64 };

struct listener {
    struct port port;
    uint64_t max_message, max_connections;
    uint32_t max_head;
    uint64_t handshake_timeout, ping_interval, pong_timeout, close_timeout;
    uint64_t slow_bytes, full_bytes;
};

enum conn_state {
    CONN_SHAKING = 0, /**< the upgrade request is being read */
    CONN_SECURING,    /**< the TLS handshake, before that */
    CONN_OPEN,
    CONN_CLOSING, /**< a refusal or a close frame is on its way, or the peer's answer to it is waited for */
    CONN_DEAD     /**< closed; waits for the last pin */
};

struct conn {
    struct slot slot;
    struct listener *listener;
    jf_self *self;
    int fd;
    uint8_t state;
    bool unread; /**< the socket may hold bytes that were not read yet */
    bool broken; /**< writing failed: the end is told from the loop, not from inside `reply` */
    bool slow;   /**< `reply` answered JF_E_BUSY and `writable` is owed */
    bool shut;   /**< nothing more is written */
    bool posted;
    bool excess;      /**< beyond max_connections: only here to be told so */
    uint16_t leaving; /**< close code of a close that was asked for inside a call of the host */
    uint32_t pins;
    jf_ref watch, timer;
    jf_ref client; /**< the host's handle; 0: not opened, or stale */
    struct endpoint peer;
    char *target;          /**< the path asked for: "/mcp/servers/time" */
    struct fields *fields; /**< of the upgrade request: the host may begin to want them at any time */
    struct incoming in;    /**< the upgrade request */
    struct framer framer;
    struct outq out;
    struct tls_link *tls; /**< NULL: plain */
};

// listener.c
int32_t listener_open(jf_self *self, jf_ref ref, jf_view address, jf_view config, jf_blob *bound,
                      jf_fault *why);

// conn.c
/** Takes over an accepted socket. */
void conn_open(struct listener *listener, int fd, const struct endpoint *peer);
/** The peer is gone or the connection is given up: tells the host and closes. */
void conn_lost(struct conn *c);
/** Closes with a goodbye that may or may not arrive, without a word to the host (instance stop). */
void conn_drop(struct conn *c);
/** Frees a dropped connection whatever still points at it (instance end). */
void conn_free(struct conn *c);
/** Writes, or queues what the socket refuses. A failure shows later as the connection's end. */
void conn_write(void *owner, struct iovec *parts, uint32_t count, const struct keeper *keeper);
/** Sends a close frame once what waits is written; the host is told at once that the client is gone. */
void conn_leave(struct conn *c, uint16_t code, const char *reason);
/** What was written ends the connection: waits for it to be out and for the peer to go. */
void conn_finish(struct conn *c);
/** Goes on soon, outside of the host's call. */
void conn_later(struct conn *c);
/** Sets the one timer, which says that the present state takes too long or has something to do. */
void conn_arm(struct conn *c, uint64_t due);
/** Closes a connection that only ends, once both sides have said what they had to. */
void conn_settle(struct conn *c);

// intake.c
/** Reads what the socket has, a fair share of it. The caller pins the connection. */
void intake_read(struct conn *c);
/** A client that does not read its answers is not read either. */
bool intake_held_back(const struct conn *c);

// upgrade.c
/** Parser hook: an upgrade request has no body. */
int upgrade_head(struct incoming *in);
/** The request is complete: accepts or refuses it. */
void upgrade_run(struct conn *c);
/** Answers with an HTTP error and ends the connection. */
void upgrade_refuse(struct conn *c, uint16_t status, const char *text);

// access.c
/** 0: the Host and Origin of the request are fine; else the status to refuse with. */
uint16_t access_check(struct conn *c, const char **text);

// reply.c
int32_t reply_send(jf_self *self, jf_ref client, const jf_message *message);
void reply_close(jf_self *self, jf_ref client);
/** One message of the client. */
void reply_deliver(void *conn, jf_view text);

#endif
