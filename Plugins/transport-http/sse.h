/* SPDX-License-Identifier: Apache-2.0
 * Server-Sent Events, read incrementally (WHATWG HTML, section 9.2.6, "Interpreting an event stream"). */
#ifndef TRANSPORT_HTTP_SSE_H
#define TRANSPORT_HTTP_SSE_H

#include "buffer.h"

/** What `event:` named: only "message", the default, carries MCP messages. */
enum sse_name { SSE_MESSAGE = 0, SSE_ENDPOINT, SSE_OTHER };

/** An id that is longer is as good as none: nothing can be resumed after it. */
enum { SSE_ID_MAX = 1024 };

/** One event as dispatched; valid during the call. */
struct sse_event {
    const uint8_t *data; /**< contiguous, READ_PADDING readable bytes behind it */
    uint64_t length;     /**< 0: no data, or empty ones */
    jf_view id;          /**< with `has_id`; empty: the stream cannot be resumed after this event */
    uint8_t name;        /**< enum sse_name */
    bool has_id;
};

/** Called at the empty line behind an event that has data or an id. -1: stop. */
typedef int (*sse_event_fn)(void *user, const struct sse_event *event);

/** The reader's state. It holds a buffer only while an event is incomplete. */
struct sse {
    struct buffer line;   /**< an incomplete line */
    struct buffer data;   /**< an event's data so far, when it is not one whole line in the reader's hand */
    const uint8_t *whole; /**< the only data line so far, in the bytes being fed */
    uint64_t whole_length;
    uint8_t *id; /**< room for the id of the event being read, kept for the next one */
    uint32_t id_length, id_room;
    uint32_t retry_ms; /**< the reconnection time, once `has_retry`; saturated */
    uint8_t name;
    bool wants_ids; /**< set by the owner: without it `id:` lines are read past */
    bool has_id;
    bool has_retry;
    bool has_data;
    bool started; /**< the first line is behind (a byte order mark counts only there) */
    bool skip_lf; /**< the last line ended with CR: a following LF belongs to it */
    bool too_large;
};

/** Feeds bytes of the stream. `bytes` must have READ_PADDING readable bytes behind them. -1: stopped, out of
 * memory, or an event larger than `max` (then `too_large` is set). */
int sse_feed(jf_self *self, struct sse *s, const uint8_t *bytes, uint64_t length, uint64_t max,
             sse_event_fn event, void *user);
void sse_end(jf_self *self, struct sse *s);

#endif
