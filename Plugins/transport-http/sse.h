/* SPDX-License-Identifier: Apache-2.0
 * Server-Sent Events, read incrementally (WHATWG HTML, section 9.2.6, "Interpreting an event stream"). */
#ifndef TRANSPORT_HTTP_SSE_H
#define TRANSPORT_HTTP_SSE_H

#include "buffer.h"

/** One event's data: contiguous, READ_PADDING readable bytes behind it, valid during the call. -1: stop. */
typedef int (*sse_event_fn)(void *user, const uint8_t *data, uint64_t length);

/** The reader's state. It holds memory only while an event is incomplete. */
struct sse {
    struct buffer line;   /**< an incomplete line */
    struct buffer data;   /**< an event's data so far, when it is not one whole line in the reader's hand */
    const uint8_t *whole; /**< the only data line so far, in the bytes being fed */
    uint64_t whole_length;
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
