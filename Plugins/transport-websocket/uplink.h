/* SPDX-License-Identifier: Apache-2.0
 * The asking side: one channel, one connection to one server, made again when it is lost. */
#ifndef TRANSPORT_WEBSOCKET_UPLINK_H
#define TRANSPORT_WEBSOCKET_UPLINK_H

#include "remote.h"
#include "shake.h"
#include "tls.h"
#include "websocket.h"

enum uplink_state {
    UPLINK_RESTING = 0, /**< no connection: the timer begins the next attempt, or there is none */
    UPLINK_RESOLVING,
    UPLINK_CONNECTING,
    UPLINK_SECURING,
    UPLINK_SHAKING, /**< the upgrade request is on its way */
    UPLINK_OPEN,
    UPLINK_CLOSING /**< the host closes the channel: the closing handshake runs */
};

struct uplink {
    struct slot slot;
    jf_ref ref; /**< the host's handle */
    struct remote remote;
    char *path;
    char *headers; /**< configured headers as lines */

    uint64_t handshake_timeout, ping_interval, pong_timeout, close_timeout, queue;
    double factor, jitter;
    uint64_t initial, longest, healthy; /**< pauses and ages in ns */
    uint32_t give_up_after;

    uint8_t state;
    uint8_t address, tried; /**< index of the address being tried, and how many were */
    bool posted;
    bool broken;  /**< writing failed: told from the loop, not from inside `send` */
    bool blocked; /**< `send` answered JF_E_BUSY and `writable` is owed */
    bool caught_up;
    bool unread; /**< the socket may hold bytes that were not read yet */
    bool gave_up;
    bool closing; /**< by the host */
    uint32_t pins;
    int fd;
    jf_ref watch, timer;
    struct tls *tls;
    uint32_t failures;    /**< in a row */
    uint64_t opened;      /**< when the connection was upgraded */
    uint64_t next_try;    /**< when the next attempt begins; 0: none is planned */
    uint64_t asked_pause; /**< the server's Retry-After in ns */
    char accept[ACCEPT_LENGTH + 1];
    struct incoming in; /**< the answer to the upgrade request */
    struct framer framer;
    struct buffer out; /**< bytes [pos, len) wait for the socket */
};

// channel.c
int32_t uplink_create(jf_self *self, jf_ref ref, jf_view name, jf_view config, jf_ref *handle, jf_fault *why);
int32_t uplink_send(jf_self *self, jf_ref handle, const jf_message *message, jf_fault *why);
void uplink_cancel(jf_self *self, jf_ref handle, jf_ref exchange);
void uplink_close(jf_self *self, jf_ref handle, uint64_t deadline_ns);

// configure.c
int32_t uplink_configure(struct uplink *u, jf_view config, jf_fault *why);

// dial.c
/** Begins an attempt to connect. */
void dial_start(struct uplink *u);
/** The socket is ready while it is being connected or secured. */
void dial_step(struct uplink *u);

// greet.c
/** Sends the upgrade request. */
void greet_start(struct uplink *u);
/** Parses what has come of its answer. True: upgraded; frames may follow at in.buf.pos. */
bool greet_step(struct uplink *u);

// uplink.c
/** Sets the one timer, which says that the present state takes too long or has something to do. */
void uplink_arm(struct uplink *u, uint64_t due);
void uplink_ready(void *uplink, uint32_t events);
/** The connection failed or ended: tells the host, plans the next attempt. */
void uplink_fail(struct uplink *u, int32_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void uplink_write(void *uplink, struct iovec *parts, uint32_t count, const struct keeper *keeper);
/** Writes what waits. */
void uplink_flush(struct uplink *u);
/** Goes on soon, outside of the host's call. */
void uplink_later(struct uplink *u);
/** Closes the socket without a word to the host. */
void uplink_hang_up(struct uplink *u);
/** Frees it; its handle is stale from now on. */
void uplink_free(struct uplink *u);

#endif
