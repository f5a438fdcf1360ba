/* SPDX-License-Identifier: Apache-2.0
 * Server-Sent Events, read incrementally. An event that lies whole in the bytes fed is handed on in place. */
#include "sse.h"
#include "http.h"

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

/** Keeps the id of the event being read. One that no header can carry back counts as empty. */
static bool take_id(jf_self *self, struct sse *s, jf_view id) {
    // "If the field value does not contain U+0000 NULL ... Otherwise, ignore the field" (section 9.2.6).
    if (!s->wants_ids || (id.len != 0 && memchr(id.ptr, 0, id.len) != NULL)) return true;
    s->has_id = true;
    s->id_length = 0;
    if (id.len == 0 || id.len > SSE_ID_MAX || !header_value_clean(id)) return true;
    if (id.len > s->id_room) {
        uint32_t room = id.len <= 64 ? 64 : SSE_ID_MAX;
        uint8_t *larger = self_allocate(self, room);
        if (larger == NULL) return false;
        self_release(self, s->id);
        s->id = larger;
        s->id_room = room;
    }
    memcpy(s->id, id.ptr, id.len);
    s->id_length = (uint32_t)id.len;
    return true;
}

/** "If the field value consists of only ASCII digits": milliseconds, in base ten. */
static void take_retry(struct sse *s, jf_view value) {
    uint64_t number = 0;
    for (uint64_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') return;
        if (number <= UINT32_MAX) number = number * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    if (value.len == 0) return;
    s->retry_ms = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
    s->has_retry = true;
}

/** The empty line: hands the event on. The id counts from here, also where no data came with it; an event cut
 * off before this line never happened. */
static int dispatch(jf_self *self, struct sse *s, sse_event_fn event, void *user) {
    struct sse_event e = {.name = s->name, .has_id = s->has_id};
    bool any = s->has_data || s->has_id;
    struct buffer held = s->data;
    s->data = (struct buffer){0};
    if (s->whole != NULL) {
        e.data = s->whole;
        e.length = s->whole_length;
    } else if (s->has_data) {
        e.data = held.ptr;
        e.length = held.len;
    }
    if (e.has_id) e.id = view_make(s->id, s->id_length);
    s->whole = NULL;
    s->name = SSE_MESSAGE;
    s->has_data = s->has_id = false;
    int result = any ? event(user, &e) : 0;
    buffer_release(self, &held);
    return result;
}

static bool is_field(const uint8_t *line, uint64_t name, const char *field, uint64_t length) {
    return name == length && memcmp(line, field, length) == 0;
}
#define IS_FIELD(text) is_field(line, name, text, sizeof(text) - 1)

static int take_line(jf_self *self, struct sse *s, const uint8_t *line, uint64_t length, bool in_place,
                     uint64_t max, sse_event_fn event, void *user) {
    if (!s->started) {
        s->started = true;
        if (length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
            line += 3;
            length -= 3;
        }
    }
    if (length == 0) return dispatch(self, s, event, user);
    const uint8_t *colon = memchr(line, ':', length);
    uint64_t name = colon == NULL ? length : (uint64_t)(colon - line);
    uint64_t skip = colon == NULL ? length : name + 1;
    if (skip < length && line[skip] == ' ') skip++;
    const uint8_t *value = line + skip;
    uint64_t value_length = length - skip;
    if (!IS_FIELD("data")) {
        jf_view rest = view_make(value, value_length);
        if (IS_FIELD("id")) return take_id(self, s, rest) ? 0 : -1;
        if (IS_FIELD("retry")) take_retry(s, rest);
        if (IS_FIELD("event"))
            s->name = rest.len == 0 || view_equal(rest, LITERAL("message")) ? SSE_MESSAGE
                      : view_equal(rest, LITERAL("endpoint"))               ? SSE_ENDPOINT
                                                                            : SSE_OTHER;
        return 0;
    }
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
    self_release(self, s->id);
    *s = (struct sse){0};
}
