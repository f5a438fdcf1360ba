/* SPDX-License-Identifier: Apache-2.0
 * Writing answers: one JSON body, an event stream, or an error (RFC 9112; WHATWG HTML, Server-sent events).
 */
#include "fields.h"
#include "listener.h"

enum { HEAD_ROOM = 2048, SEGMENTS_MAX = 60 };

const char *status_reason(uint16_t status) {
    switch (status) {
    case 200:
        return "200 OK";
    case 202:
        return "202 Accepted";
    case 204:
        return "204 No Content";
    case 400:
        return "400 Bad Request";
    case 401:
        return "401 Unauthorized";
    case 403:
        return "403 Forbidden";
    case 404:
        return "404 Not Found";
    case 405:
        return "405 Method Not Allowed";
    case 406:
        return "406 Not Acceptable";
    case 408:
        return "408 Request Timeout";
    case 413:
        return "413 Content Too Large";
    case 415:
        return "415 Unsupported Media Type";
    case 429:
        return "429 Too Many Requests";
    case 431:
        return "431 Request Header Fields Too Large";
    case 500:
        return "500 Internal Server Error";
    case 501:
        return "501 Not Implemented";
    case 502:
        return "502 Bad Gateway";
    case 503:
        return "503 Service Unavailable";
    case 504:
        return "504 Gateway Timeout";
    case 505:
        return "505 HTTP Version Not Supported";
    default:
        return NULL;
    }
}

static uint16_t status_code(int32_t status) {
    static const uint16_t codes[] = {200, 202, 400, 401, 403, 404, 405, 406, 413, 429, 500, 503, 504};
    return status >= 0 && (size_t)status < sizeof(codes) / sizeof(codes[0]) ? codes[status] : 500;
}

void put_answer_head(struct writer *w, struct conn *c, uint16_t status) {
    const char *reason = status_reason(status);
    if (c->closing || c->in.self->draining) c->keep = false;
    put_literal(w, "HTTP/1.1 ");
    if (reason != NULL) {
        put_bytes(w, reason, strlen(reason));
    } else {
        put_decimal(w, status);
        put_literal(w, " Status");
    }
    put_literal(w, "\r\nDate: ");
    put_bytes(w, self_date(c->in.self), sizeof(whole(c->in.self)->date));
    put_literal(w, "\r\n");
    if (!c->keep)
        put_literal(w, "Connection: close\r\n");
    else if (c->http10)
        put_literal(w, "Connection: keep-alive\r\n");
    if (c->origin != NULL) put_cors(w, c);
}

static void put_length(struct writer *w, uint64_t length) {
    put_literal(w, "Content-Length: ");
    put_decimal(w, length);
    put_literal(w, "\r\n\r\n");
}

void answer_empty(struct conn *c, uint16_t status, jf_view extra) {
    uint8_t head[HEAD_ROOM * 2];
    struct writer w = {head, head + sizeof(head), false};
    put_answer_head(&w, c, status);
    put_view(&w, extra);
    if (status == 204)
        put_literal(&w, "\r\n");
    else
        put_length(&w, 0);
    struct iovec part = {head, (size_t)(w.at - head)};
    conn_write(c, &part, 1, NULL);
    conn_answered(c);
}

void answer_error(struct conn *c, uint16_t status, const char *text, jf_view extra) {
    uint8_t head[HEAD_ROOM * 2], body[512];
    struct writer b = {body, body + sizeof(body), false}, w = {head, head + sizeof(head), false};
    put_literal(&b, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"");
    put_bytes(&b, text, strlen(text));
    put_literal(&b, "\"}}");
    put_answer_head(&w, c, status);
    put_view(&w, extra);
    put_literal(&w, "Content-Type: application/json\r\n");
    put_length(&w, (uint64_t)(b.at - body));
    struct iovec parts[2] = {{head, (size_t)(w.at - head)}, {body, (size_t)(b.at - body)}};
    conn_write(c, parts, c->head_only ? 1 : 2, NULL);
    conn_answered(c);
}

void put_stream_headers(struct writer *w) {
    put_literal(w, "Content-Type: text/event-stream\r\nCache-Control: no-cache, no-transform\r\n"
                   "X-Accel-Buffering: no\r\n");
}

static void put_message_headers(struct writer *w, const jf_message *m, bool retry) {
    if (m->session.len != 0 && m->session.len <= 512 && header_value_clean(m->session)) {
        put_literal(w, "Mcp-Session-Id: ");
        put_view(w, m->session);
        put_literal(w, "\r\n");
    }
    if (m->protocol.len != 0 && m->protocol.len <= 64 && header_value_clean(m->protocol)) {
        put_literal(w, "MCP-Protocol-Version: ");
        put_view(w, m->protocol);
        put_literal(w, "\r\n");
    }
    if (retry && m->retry_ms != 0) {
        put_literal(w, "Retry-After: ");
        put_decimal(w, ((uint64_t)m->retry_ms + 999) / 1000);
        put_literal(w, "\r\n");
    }
    if (m->status == JF_STATUS_NOT_ALLOWED) put_literal(w, "Allow: POST, OPTIONS\r\n");
    fields_put(w, m);
}

/** Raw line breaks are legal white space in JSON, but would end an event's data line. Rewrites the segments
 * into one borrowed copy when there are any; the caller gives `*copy` back. False: out of memory. */
static bool flatten(jf_self *self, struct iovec *parts, uint32_t *count, uint8_t **copy,
                    struct keeper *keeper) {
    bool breaks = false;
    uint64_t total = 0;
    for (uint32_t i = 0; i < *count; i++) {
        total += parts[i].iov_len;
        breaks = breaks || memchr(parts[i].iov_base, '\n', parts[i].iov_len) != NULL ||
                 memchr(parts[i].iov_base, '\r', parts[i].iov_len) != NULL;
    }
    if (!breaks) return true;
    uint64_t capacity = 0, at = 0;
    *copy = self->memory.borrow(self->memory.context, total, &capacity);
    if (*copy == NULL) return false;
    for (uint32_t i = 0; i < *count; i++) {
        const uint8_t *from = parts[i].iov_base;
        for (size_t k = 0; k < parts[i].iov_len; k++)
            (*copy)[at++] = from[k] == '\n' || from[k] == '\r' ? ' ' : from[k];
    }
    parts[0] = (struct iovec){*copy, total};
    *count = 1;
    keeper->parts = 0;
    return true;
}

/** Lays the message's segments out as iovecs; more than SEGMENTS_MAX are joined in a borrowed copy. `keeper`
 * counts the parts from the head's, which stands before `parts`. */
static bool lay_out(jf_self *self, const jf_message *m, struct iovec *parts, uint32_t *count, uint8_t **copy,
                    struct keeper *keeper) {
    *count = 0;
    if (m->body_count <= SEGMENTS_MAX) {
        // An older host's message ends before these members.
        bool has = m->size >= offsetof(jf_message, retainable) + sizeof(m->retainable);
        uint64_t retainable = has && m->retain != NULL && m->release != NULL ? m->retainable : 0;
        if (retainable != 0)
            *keeper = (struct keeper){.owner = m->owner, .retain = m->retain, .release = m->release};
        for (uint32_t i = 0; i < m->body_count; i++) {
            if (m->body[i].len == 0) continue;
            parts[(*count)++] = (struct iovec){(void *)(uintptr_t)m->body[i].ptr, m->body[i].len};
            keeper->parts |= (retainable >> i & 1) << *count;
        }
        return true;
    }
    uint64_t total = 0, at = 0, capacity = 0;
    for (uint32_t i = 0; i < m->body_count; i++)
        total += m->body[i].len;
    *copy = self->memory.borrow(self->memory.context, total, &capacity);
    if (*copy == NULL) return false;
    for (uint32_t i = 0; i < m->body_count; i++) {
        if (m->body[i].len != 0) memcpy(*copy + at, m->body[i].ptr, m->body[i].len);
        at += m->body[i].len;
    }
    parts[(*count)++] = (struct iovec){*copy, total};
    return true;
}

static uint64_t size_of(const struct iovec *parts, uint32_t count) {
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += parts[i].iov_len;
    return total;
}

/** What stands before an event's data. Nothing: the message is a stream's mere beginning or end. */
static void put_event_fields(struct writer *w, const struct conn *c, const jf_message *m, bool body) {
    const uint8_t *begin = w->at;
    bool final = (m->flags & JF_MSG_FINAL) != 0;
    if (c->route == ROUTE_SSE) {
        put_literal(w, "event: message\ndata: ");
        return;
    }
    if (m->resume.len != 0 && (body || !final)) {
        put_literal(w, "id: ");
        put_view(w, m->resume);
        put_literal(w, "\n");
    }
    if (m->retry_ms != 0 && !final) {
        put_literal(w, "retry: ");
        put_decimal(w, m->retry_ms);
        put_literal(w, "\n");
    }
    if (body || w->at != begin) put_literal(w, "data: ");
}

/** Writes the head of an event stream and the message as its event; either may be absent. */
static void write_event(struct conn *c, const jf_message *m, struct iovec *parts, uint32_t count, bool first,
                        struct keeper *keeper) {
    uint8_t head[HEAD_ROOM + FIELDS_ROOM], fields[RESUME_MAX + 64], tail[16];
    struct writer w = {head, head + sizeof(head), false}, f = {fields, fields + sizeof(fields), false};
    struct writer t = {tail, tail + sizeof(tail), false};
    bool final = c->route != ROUTE_SSE && (m->flags & JF_MSG_FINAL) != 0;
    if (first) {
        c->chunked = !c->http10;
        if (c->http10) c->keep = false;
        put_answer_head(&w, c, status_code(m->status));
        put_stream_headers(&w);
        put_message_headers(&w, m, final);
        if (c->chunked) put_literal(&w, "Transfer-Encoding: chunked\r\n");
        put_literal(&w, "\r\n");
    }
    put_event_fields(&f, c, m, count != 0);
    if (f.at != fields) {
        uint64_t before = (uint64_t)(f.at - fields);
        if (c->chunked) {
            put_hex(&w, before + size_of(parts + 1, count) + 2);
            put_literal(&w, "\r\n");
        }
        put_bytes(&w, fields, before);
        put_literal(&t, "\n\n");
        if (c->chunked) put_literal(&t, "\r\n");
    }
    if (final && c->chunked) put_literal(&t, "0\r\n\r\n");
    parts[0] = (struct iovec){head, (size_t)(w.at - head)};
    parts[count + 1] = (struct iovec){tail, (size_t)(t.at - tail)};
    uint32_t from = parts[0].iov_len == 0 ? 1 : 0;
    uint32_t used = count + 2 - from - (parts[count + 1].iov_len == 0 ? 1 : 0);
    keeper->parts >>= from;
    if (used != 0) conn_write(c, parts + from, used, keeper);
}

static void write_answer(struct conn *c, const jf_message *m, struct iovec *parts, uint32_t count,
                         const struct keeper *keeper) {
    uint8_t head[HEAD_ROOM + FIELDS_ROOM];
    struct writer w = {head, head + sizeof(head), false};
    put_answer_head(&w, c, status_code(m->status));
    if (count != 0) put_literal(&w, "Content-Type: application/json\r\n");
    put_message_headers(&w, m, true);
    put_length(&w, size_of(parts + 1, count));
    parts[0] = (struct iovec){head, (size_t)(w.at - head)};
    conn_write(c, parts, count + 1, keeper);
}

/** Whether `id` can stand in an event's `id` field (WHATWG HTML, section 9.2.6). */
static bool event_id_clean(jf_view id) {
    if (id.len == 0) return true;
    return id.len <= RESUME_MAX && memchr(id.ptr, '\n', id.len) == NULL &&
           memchr(id.ptr, '\r', id.len) == NULL && memchr(id.ptr, 0, id.len) == NULL;
}

/** Whether the host went on although the reader is slow. Answers end something and are few: they have more
 * room than what a server says unasked. */
static bool overrun(const struct conn *c, bool final) {
    const struct listener *l = c->listener;
    return c->out.bytes > (c->slow && !final ? 2 * l->slow_bytes : l->full_bytes);
}

int32_t answer_reply(jf_self *self, jf_ref client, const jf_message *m) {
    struct conn *c = m->exchange == 0 ? legacy_conn(self, client) : conn_of_exchange(self, m->exchange);
    bool final = (m->flags & JF_MSG_FINAL) != 0;
    self_tick(self);
    if (!event_id_clean(m->resume) || !fields_clean(m)) return JF_E_INVALID;
    if (c == NULL || (c->route != ROUTE_MCP && c->route != ROUTE_SSE) || c->broken || c->closing)
        return JF_E_STALE;
    if (c->route == ROUTE_SSE && m->body_count == 0) return JF_OK;
    if (overrun(c, final)) {
        // A reader this slow is as good as gone; `closed` follows from the loop.
        self_log(self, JF_LOG_WARNING,
                 "a client does not read its event stream: closed with %llu bytes unsent",
                 (unsigned long long)c->out.bytes);
        c->exchange = 0;
        c->broken = true;
        conn_later(c);
        return JF_E_STALE;
    }
    // On a shared channel only the message is over, not the stream.
    if (c->route == ROUTE_SSE) final = false;
    bool first = c->state == CONN_BUSY;
    struct iovec parts[SEGMENTS_MAX + 2];
    uint32_t count = 0;
    uint8_t *joined = NULL, *flat = NULL;
    struct keeper keeper = {0};
    bool fits = lay_out(self, m, parts + 1, &count, &joined, &keeper);
    bool event = count != 0 && m->status == JF_STATUS_OK && (c->events_only || m->resume.len != 0);
    bool stream = !first || !final || event;
    if (fits && stream && count != 0) fits = flatten(self, parts + 1, &count, &flat, &keeper);
    if (!fits) {
        self_log(self, JF_LOG_WARNING, "out of memory for an answer; its connection is closed");
        c->broken = true;
        conn_later(c);
    } else if (stream) {
        if (first) c->state = CONN_STREAM;
        if (first && !final) keepalive_begin(c);
        write_event(c, m, parts, count, first, &keeper);
    } else {
        write_answer(c, m, parts, count, &keeper);
    }
    if (joined != NULL) self->memory.give_back(self->memory.context, joined);
    if (flat != NULL) self->memory.give_back(self->memory.context, flat);
    if (c->broken) {
        c->exchange = 0;
        return JF_E_STALE;
    }
    if (final) {
        conn_answered(c);
        return JF_OK;
    }
    if (c->out.bytes > c->listener->slow_bytes) {
        c->slow = true;
        return JF_E_BUSY;
    }
    return JF_OK;
}
