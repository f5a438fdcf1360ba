/* SPDX-License-Identifier: Apache-2.0
 * One HTTP/1.x message while it is read: llhttp, the table of its header fields, its body made contiguous. */
#ifndef TRANSPORT_COMMON_INCOMING_H
#define TRANSPORT_COMMON_INCOMING_H

#include "buffer.h"
#include <llhttp.h>

/** Header fields that this plugin looks at by name. */
enum field_id {
    FIELD_OTHER = 0,
    FIELD_HOST,
    FIELD_ORIGIN,
    FIELD_CONTENT_TYPE,
    FIELD_ACCEPT,
    FIELD_EXPECT,
    FIELD_PROTOCOL,
    FIELD_METHOD,
    FIELD_NAME,
    FIELD_SESSION,
    FIELD_RESUME,
    FIELD_PARAM,
    FIELD_CORS_METHOD,
    FIELD_LOCATION,
    FIELD_RETRY_AFTER,
    FIELD_TRANSFER_CODING,
    FIELD_CONTENT_CODING,
    FIELD_COUNT
};

enum { FIELDS_MAX = 128 };

/** Offsets count from the start of the message, so that the bytes may move. */
struct field {
    uint32_t name, name_len, value, value_len;
    uint32_t id;
};

/** The fields of one head; lent by the instance while a message is open. */
struct head {
    struct head *next_free;
    uint32_t count;
    uint32_t repeated;          /**< bit per field_id that came more than once */
    uint8_t first[FIELD_COUNT]; /**< 1 + index of its first occurrence, 0: absent */
    struct field fields[FIELDS_MAX];
};

enum incoming_phase { INCOMING_IDLE = 0, INCOMING_HEAD, INCOMING_BODY, INCOMING_DONE };

struct incoming;
/** The head is complete. 0: go on; 1: no body follows whatever the head says; -1: stop (see `refused`). */
typedef int (*incoming_head_fn)(struct incoming *in);
/** Body bytes of a message that is not to be collected. -1: stop. */
typedef int (*incoming_data_fn)(struct incoming *in, const uint8_t *bytes, uint64_t length);

struct incoming {
    llhttp_t parser;
    jf_self *self;
    void *owner;
    struct buffer buf;
    struct head *head;
    incoming_head_fn on_head;
    incoming_data_fn on_data; /**< set by on_head: body bytes go there instead of being collected */
    uint64_t max_body;
    uint32_t max_head;
    uint32_t start; /**< where the message begins in `buf` */
    uint32_t url, url_len;
    uint32_t body, body_len;
    uint32_t params;  /**< how many Mcp-Param-* fields there are */
    uint16_t refused; /**< HTTP status that tells why parsing stopped: 400, 413, 431, ... */
    uint8_t phase;
    uint8_t value_seen;
    uint8_t keep_alive; /**< valid once INCOMING_DONE */
    uint8_t no_length;  /**< the body's size is not known in advance */
};

/** Begins the next message at buf.pos. False: out of memory. */
bool incoming_begin(struct incoming *in, llhttp_type_t type);
/** Makes room in the buffer and returns how much may be read to buf.ptr + buf.len; 0: out of memory or
 * refused. */
uint32_t incoming_room(struct incoming *in);
/** Parses [buf.pos, buf.len). 1: the message is complete; 0: more is needed; -1: it is bad or was stopped. */
int incoming_parse(struct incoming *in);
/** The peer closed. 1: that completed the message; -1: it is cut off. */
int incoming_finish(struct incoming *in);
/** The message is over: gives the head back; bytes behind it stay for the next one. */
void incoming_end(struct incoming *in);
/** After a batch of reads: returns the buffer when nothing is kept in it, else moves the rest to its front.
 */
void incoming_settle(struct incoming *in);
/** Drops everything. */
void incoming_drop(struct incoming *in);

static inline const uint8_t *incoming_base(const struct incoming *in) {
    return in->buf.ptr + in->start;
}
/** First value of a field, trimmed; absent when the field is. */
jf_view incoming_field(const struct incoming *in, enum field_id id);
static inline bool incoming_repeated(const struct incoming *in, enum field_id id) {
    return (in->head->repeated >> id & 1u) != 0;
}

#endif
