/* SPDX-License-Identifier: Apache-2.0
 * An upgraded connection, seen as messages: RFC 6455 framing by libwslay, the same for both sides. It touches
 * no socket: bytes come in through framer_receive and leave through `write`. */
#ifndef TRANSPORT_WEBSOCKET_FRAMER_H
#define TRANSPORT_WEBSOCKET_FRAMER_H

#include "buffer.h"
#include "instance.h"
#include <wslay/wslay.h>

struct framer {
    jf_self *self;
    void *owner;
    /** One whole text message, at least READ_PADDING readable bytes behind it. */
    void (*on_text)(void *owner, jf_view text);
    /** Bytes to be written, in order. `keeper` may be NULL; parts that it does not cover must be copied. */
    void (*write)(void *owner, struct iovec *parts, uint32_t count, const struct keeper *keeper);
    bool client;                          /**< this side masks what it sends */
    uint64_t max_message;                 /**< bytes of a message, all fragments together */
    uint64_t ping_interval, pong_timeout; /**< ns; an interval of 0: no pings */

    // What follows is the framer's own.
    wslay_event_context_ptr events; /**< reads frames, writes control frames */
    const uint8_t *input;
    uint64_t left;
    struct buffer text; /**< the message so far */
    uint8_t opcode;     /**< of the frame that is being read */
    bool receiving;     /**< inside libwslay */
    bool over;          /**< no more messages are taken from the peer */
    uint16_t code;      /**< with which this side closes; 0: it does not */
    uint64_t heard;     /**< when something last came in, or when the peer took bytes that had waited */
    uint64_t pinged;    /**< when the ping was sent whose pong is waited for; 0: none is */
    uint64_t ping_due;
};

/** Begins, with the members above filled in. False: out of memory. */
bool framer_open(struct framer *f);
void framer_end(struct framer *f);
/** Reads frames; calls `on_text` and `write` from inside. */
void framer_receive(struct framer *f, const uint8_t *bytes, uint64_t length);
/** Sends a message as one text frame. False: nothing of it went out, or the frame cannot be completed. */
bool framer_send(struct framer *f, const jf_message *message);
/** Begins the closing handshake from this side, unless it has begun. `reading`: the peer's frames are still
 * read, so that its close frame is seen; messages among them are dropped. */
void framer_close(struct framer *f, uint16_t code, const char *reason, bool reading);
/** To be called when `*due` has come, and once at first: sends pings. False: the peer did not answer the last
 * one in time. `*due` receives when to ask again, UINT64_MAX for never. */
bool framer_pulse(struct framer *f, uint64_t now, uint64_t *due);

/** The peer's close frame came. */
static inline bool framer_close_came(const struct framer *f) {
    return f->events != NULL && wslay_event_get_close_received(f->events) != 0;
}
/** Frames are still read. */
static inline bool framer_reads(const struct framer *f) {
    return f->events != NULL && wslay_event_get_read_enabled(f->events) != 0;
}

/** What the framers of an instance share: sending needs no state that outlives a call. */
struct sender {
    wslay_frame_context_ptr frames[2]; /**< plain and masking: libwslay does not forget that it masked */
    struct framer *framer;             /**< that is sending now */
    struct iovec parts[64];
    uint32_t count;
    struct keeper keeper;
    uint8_t random[256];
    uint32_t random_left;
};
bool sender_open(struct sender *s);
void sender_end(struct sender *s);
/** Sends a close frame past the framer's own control frames. */
void sender_close(struct framer *f, uint16_t code);
/** Bytes that nobody can guess. */
void sender_random(struct sender *s, uint8_t *to, size_t length);

#endif
