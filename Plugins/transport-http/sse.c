/* SPDX-License-Identifier: Apache-2.0
 * Server-Sent Events, read incrementally. An event that lies whole in the bytes fed is handed on in place. */
#include "sse.h"

static bool append(jf_self *self, struct sse *s, struct buffer *b, const uint8_t *bytes, uint64_t length,
                   uint64_t max) {
    if (b->len + length > max + 16) {
        s->too_large = true;
        return false;
    }
    if (b->ptr == NULL) {
        if (!buffer_take(self, b, (uint32_t)length + 1)) return false;
    } else if (b->len + length > b->cap) {
        if (!buffer_grow(self, b, 2 * (b->len + (uint32_t)length), 0)) return false;
    }
    if (length != 0) memcpy(b->ptr + b->len, bytes, length);
    b->len += (uint32_t)length;
    return true;
}

/** Takes what is in the reader's hand into the event's own buffer. */
static bool keep_whole(jf_self *self, struct sse *s, uint64_t max) {
    if (s->whole == NULL) return true;
    const uint8_t *bytes = s->whole;
    s->whole = NULL;
    return append(self, s, &s->data, bytes, s->whole_length, max);
}

static int take_line(jf_self *self, struct sse *s, const uint8_t *line, uint64_t length, bool in_place,
                     uint64_t max, sse_event_fn event, void *user) {
    if (!s->started) {
        s->started = true;
        if (length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
            line += 3;
            length -= 3;
        }
    }
    if (length == 0) {
        if (!s->has_data) return 0;
        s->has_data = false;
        int result = 0;
        if (s->whole != NULL) {
            const uint8_t *bytes = s->whole;
            s->whole = NULL;
            // The first event of an older server may have a name and empty data: nothing to hand on.
            if (s->whole_length != 0) result = event(user, bytes, s->whole_length);
        } else {
            struct buffer held = s->data;
            s->data = (struct buffer){0};
            if (held.len != 0) result = event(user, held.ptr, held.len);
            buffer_release(self, &held);
        }
        return result;
    }
    if (length < 4 || memcmp(line, "data", 4) != 0 || (length > 4 && line[4] != ':')) return 0;
    uint64_t skip = length == 4 ? 4 : length > 5 && line[5] == ' ' ? 6 : 5;
    const uint8_t *value = line + skip;
    uint64_t value_length = length - skip;
    if (!s->has_data && in_place) {
        s->whole = value;
        s->whole_length = value_length;
        s->has_data = true;
        return value_length > max ? (s->too_large = true, -1) : 0;
    }
    if (!keep_whole(self, s, max)) return -1;
    if (s->has_data && !append(self, s, &s->data, (const uint8_t *)"\n", 1, max)) return -1;
    s->has_data = true;
    return append(self, s, &s->data, value, value_length, max) ? 0 : -1;
}

static const uint8_t *line_end(const uint8_t *from, uint64_t length) {
    const uint8_t *lf = memchr(from, '\n', length);
    const uint8_t *cr = memchr(from, '\r', lf == NULL ? length : (uint64_t)(lf - from));
    return cr != NULL ? cr : lf;
}

int sse_feed(jf_self *self, struct sse *s, const uint8_t *bytes, uint64_t length, uint64_t max,
             sse_event_fn event, void *user) {
    while (length != 0) {
        if (s->skip_lf) {
            s->skip_lf = false;
            if (*bytes == '\n') {
                bytes++;
                length--;
                continue;
            }
        }
        const uint8_t *end = line_end(bytes, length);
        if (end == NULL) break;
        uint64_t size = (uint64_t)(end - bytes);
        s->skip_lf = *end == '\r';
        int result;
        if (s->line.ptr != NULL) {
            if (!append(self, s, &s->line, bytes, size, max)) return -1;
            struct buffer held = s->line;
            s->line = (struct buffer){0};
            result = take_line(self, s, held.ptr, held.len, false, max, event, user);
            buffer_release(self, &held);
        } else {
            result = take_line(self, s, bytes, size, true, max, event, user);
        }
        if (result != 0) return -1;
        bytes = end + 1;
        length -= size + 1;
    }
    if (!keep_whole(self, s, max)) return -1;
    if (length != 0 && !append(self, s, &s->line, bytes, length, max)) return -1;
    return 0;
}

void sse_end(jf_self *self, struct sse *s) {
    buffer_release(self, &s->line);
    buffer_release(self, &s->data);
    *s = (struct sse){0};
}
