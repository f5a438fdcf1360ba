/* SPDX-License-Identifier: Apache-2.0
 * jf.connector/1: a channel to one MCP server (Streamable HTTP, client side). */
#include "connector.h"
#include "fields.h"
#include "tls.h"

#include <errno.h>

enum { HEAD_ROOM = 4096 };
/** How long a closing channel waits for the server to take the last messages: 1 s. */
static const uint64_t FAREWELL_NS = 1000000000;

static void put_fixed(struct writer *w, struct channel *ch, uint32_t kind) {
    static const char *methods[3] = {"POST ", "GET ", "DELETE "};
    const char *post = kind == JF_KIND_MESSAGE ? link_post_path(ch) : NULL;
    const char *path = post != NULL ? post : ch->path;
    put_bytes(w, methods[kind], strlen(methods[kind]));
    put_bytes(w, path, strlen(path));
    put_literal(w, " HTTP/1.1\r\nHost: ");
    put_bytes(w, ch->origin.to.authority, strlen(ch->origin.to.authority));
    if (kind == JF_KIND_STREAM)
        put_literal(w, "\r\nAccept: text/event-stream\r\n");
    else
        put_literal(w, "\r\nAccept: application/json, text/event-stream\r\n");
    if (kind == JF_KIND_MESSAGE) put_literal(w, "Content-Type: application/json\r\n");
    if (ch->fixed != NULL) put_bytes(w, ch->fixed, strlen(ch->fixed));
}

bool channel_build_heads(struct channel *ch) {
    jf_self *self = ch->origin.to.self;
    const char *post = link_post_path(ch);
    uint64_t room = 256 + strlen(ch->path) + (post != NULL ? strlen(post) : 0) +
                    strlen(ch->origin.to.authority) + (ch->fixed ? strlen(ch->fixed) : 0);
    for (uint32_t kind = 0; kind < 3; kind++) {
        uint8_t *head = self_allocate(self, room);
        if (head == NULL) return false;
        struct writer w = {head, head + room, false};
        put_fixed(&w, ch, kind);
        self_release(self, ch->heads[kind]);
        ch->heads[kind] = head;
        ch->head_lengths[kind] = (uint32_t)(w.at - head);
    }
    return true;
}

static void closed(struct channel *ch) {
    jf_self *self = ch->origin.to.self;
    jf_ref ref = ch->ref;
    channel_end(ch);
    self->channels.closed(self->channels.context, ref);
}

/** Cancellations, answers and the end of a session: what they tell the server is of use now or never. */
static bool has_farewells(const struct channel *ch) {
    jf_self *self = ch->origin.to.self;
    for (uint32_t i = 0; i < whole(self)->calls.made; i++) {
        const struct call *call = slots_at(&whole(self)->calls, i);
        if (call->slot.ref != 0 && call->origin == &ch->origin && call_is_pressing(call)) return true;
    }
    return false;
}

static void go_on(struct later *item) {
    struct channel *ch = (struct channel *)(void *)((uint8_t *)item - offsetof(struct channel, later));
    jf_self *self = ch->origin.to.self;
    if (ch->origin.closing) {
        if (!ch->farewell || !has_farewells(ch)) closed(ch);
        return;
    }
    bool ready = ch->tell_ready, writable = ch->tell_writable;
    jf_ref ref = ch->ref;
    ch->tell_ready = ch->tell_writable = false;
    if (ready && ch->link != NULL) {
        link_start(ch);
        return;
    }
    if (ready) self->channels.ready(self->channels.context, ref, JF_CHANNEL_EXCHANGES);
    if (writable) self->channels.writable(self->channels.context, ref);
}

void channel_writable(struct channel *ch) {
    ch->tell_writable = true;
    self_later(ch->origin.to.self, &ch->later, go_on);
}

struct lines {
    struct writer w;
    bool bad;
};

static bool add_line(void *user, jf_view name, jf_view value) {
    struct lines *lines = user;
    static const char *const own[] = {"host",       "content-length", "transfer-encoding",
                                      "connection", "content-type",   "accept",
                                      "expect",     "upgrade"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (same_nocase(name.ptr, name.len, own[i], strlen(own[i]))) lines->bad = true;
    if (!header_name_clean(name) || !header_value_clean(value)) lines->bad = true;
    put_view(&lines->w, name);
    put_literal(&lines->w, ": ");
    put_view(&lines->w, value);
    put_literal(&lines->w, "\r\n");
    return !lines->bad && !lines->w.full;
}

static int32_t configure(struct channel *ch, jf_view config, jf_fault *why) {
    struct origin *o = &ch->origin;
    jf_self *self = o->to.self;
    struct url url;
    char *text = setting_text(self, config, "/url");
    if (text == NULL || !url_parse(view_make(text, strlen(text)), &url)) {
        self_release(self, text);
        return jf_fault_set(why, JF_E_INVALID, 0,
                            "server \"%s\" needs a url such as http://127.0.0.1:9000/mcp", o->to.name);
    }
    o->to.secure = url.secure;
    o->to.port = url.port;
    o->to.host = self_copy(self, url.host);
    o->to.authority = self_copy(self, url.authority);
    ch->path = self_copy(self, url.path.len != 0 && url.path.ptr[0] == '/' ? url.path : LITERAL("/"));
    self_release(self, text);
    uint64_t room = 16384;
    struct lines lines = {.bad = false};
    ch->fixed = self_allocate(self, room);
    if (ch->fixed == NULL)
        return jf_fault_set(why, JF_E_FAULT, 0, "out of memory for server \"%s\"", o->to.name);
    lines.w = (struct writer){(uint8_t *)ch->fixed, (uint8_t *)ch->fixed + room - 1, false};
    if (!setting_members(self, config, "/headers", add_line, &lines))
        return jf_fault_set(
            why, JF_E_INVALID, 0,
            "the headers of server \"%s\" are not usable: texts of at most 16 KiB together, none that "
            "HTTP itself sets (Host, Accept, Content-Type, Content-Length, Connection)",
            o->to.name);
    // Kept at its real size: a channel per server and loop adds up.
    char *fixed = self_copy(self, view_make(ch->fixed, (uint64_t)(lines.w.at - (uint8_t *)ch->fixed)));
    self_release(self, ch->fixed);
    ch->fixed = fixed;
    o->to.connect_timeout = setting_duration(self, config, "/connect_timeout_ms", 5000);
    o->idle_timeout = setting_duration(self, config, "/idle_timeout_ms", 60000);
    o->to.max_message = setting_number(self, config, "/max_message", 4194304);
    if (o->to.max_message > 0x7fffffffu) o->to.max_message = 0x7fffffffu;
    o->queue_timeout = setting_duration(self, config, "/queue_timeout_ms", 30000);
    ch->resume_attempts = (uint32_t)setting_number(self, config, "/resume_attempts", 5);
    o->max_open = (uint32_t)setting_number(self, config, "/max_connections", 256);
    if (o->max_open == 0) o->max_open = 1;
    o->max_streams = (uint32_t)setting_number(self, config, "/max_streams", 1024);
    sweep_need(self, o->to.connect_timeout);
    sweep_need(self, o->idle_timeout);
    sweep_need(self, o->queue_timeout);
    if (setting_flag(self, config, "/sse", false) && !link_open(ch))
        return jf_fault_set(why, JF_E_FAULT, 0, "out of memory for server \"%s\"", o->to.name);
    if (o->to.host == NULL || o->to.authority == NULL || ch->path == NULL || ch->fixed == NULL ||
        !channel_build_heads(ch))
        return jf_fault_set(why, JF_E_FAULT, 0, "out of memory for server \"%s\"", o->to.name);
    remote_find_literal(&o->to);
    if (!o->to.secure) return JF_OK;
    char *ca_file = setting_text(self, config, "/ca_file");
    o->to.tls =
        tls_context_open(self, setting_flag(self, config, "/tls_verify", true), ca_file, o->to.name, why);
    self_release(self, ca_file);
    return o->to.tls != NULL ? JF_OK : JF_E_FAULT;
}

int32_t channel_open(jf_self *self, jf_ref ref, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    if (self->channels.deliver == NULL)
        return jf_fault_set(why, JF_E_UNSUPPORTED, 0,
                            "transport-http cannot connect: the host offers no jf.channels/1");
    struct channel *ch = slots_take(&self->channel_table, &self->memory);
    if (ch == NULL) return jf_fault_set(why, JF_E_FAULT, 0, "out of memory for a channel");
    ch->ref = ref;
    ch->origin.to.self = self;
    ch->origin.channel = ch;
    ch->origin.to.name = self_copy(self, name);
    int32_t status = ch->origin.to.name == NULL ? JF_E_FAULT : configure(ch, config, why);
    if (status != JF_OK) {
        channel_end(ch);
        return status;
    }
    *handle = ch->slot.ref;
    // Connections are made when there is something to send: the channel is ready at once.
    ch->tell_ready = true;
    self_later(self, &ch->later, go_on);
    return JF_OK;
}

static void farewell_stop(struct channel *ch) {
    jf_self *self = ch->origin.to.self;
    if (ch->last_call != 0) self->loop.cancel(self->loop.context, ch->last_call);
    ch->last_call = 0;
    ch->farewell = false;
}

void channel_end(struct channel *ch) {
    jf_self *self = ch->origin.to.self;
    self_not_later(self, &ch->later);
    farewell_stop(ch);
    link_close(ch);
    origin_end(&ch->origin);
    credentials_drop(self, ch->credentials);
    ch->credentials = NULL;
    if (ch->origin.to.tls != NULL) tls_context_close(self, ch->origin.to.tls);
    for (uint32_t kind = 0; kind < 3; kind++)
        self_release(self, ch->heads[kind]);
    self_release(self, ch->path);
    self_release(self, ch->fixed);
    slots_give(&self->channel_table, ch);
}

static void put_line(struct writer *w, const char *name, jf_view value) {
    if (value.len == 0) return;
    put_bytes(w, name, strlen(name));
    put_view(w, value);
    put_literal(w, "\r\n");
}

static bool clean(const jf_message *m) {
    if (!fields_clean(m)) return false;
    if (!header_value_clean(m->protocol) || !header_value_clean(m->method) ||
        !header_value_clean(m->session) || !header_value_clean(m->resume))
        return false;
    for (uint64_t i = 0; i < m->header_count; i++)
        if (!header_name_clean(m->headers[i].name)) return false;
    return true;
}

/** More than what the lines of this message need, sentinels included. */
static uint64_t head_bound(const struct channel *ch, const jf_message *m, uint32_t kind) {
    uint64_t size = ch->head_lengths[kind] + 256 + m->protocol.len + m->method.len + m->name.len * 4 / 3 +
                    m->session.len + m->resume.len;
    for (uint64_t i = 0; i < m->header_count; i++)
        size += m->headers[i].name.len + m->headers[i].value.len * 4 / 3 + 32;
    uint64_t count = fields_count(m);
    for (uint64_t i = 0; i < count; i++)
        size += m->fields[i].name.len + m->fields[i].value.len + 4;
    return size;
}

static bool has_field(const jf_message *m, jf_view name) {
    uint64_t count = fields_count(m);
    for (uint64_t i = 0; i < count; i++)
        if (view_equal_nocase(m->fields[i].name, name)) return true;
    return false;
}

/** The configured headers of which the host gave none itself, then the host's. */
static void put_fields(struct writer *w, const struct channel *ch, const jf_message *m) {
    jf_view rest = view_make(ch->fixed, strlen(ch->fixed)), value;
    while (rest.len != 0) {
        jf_view line = view_until(rest, '\n', &rest);
        if (has_field(m, view_until(line, ':', &value))) continue;
        put_view(w, line);
        put_literal(w, "\n");
    }
    fields_put(w, m);
}

static void put_head(struct writer *w, struct channel *ch, const jf_message *m, uint32_t kind,
                     uint64_t length) {
    // The configured headers end a prebuilt head.
    bool fields = fields_count(m) != 0;
    put_bytes(w, ch->heads[kind], ch->head_lengths[kind] - (fields ? strlen(ch->fixed) : 0));
    if (fields) put_fields(w, ch, m);
    put_line(w, "MCP-Protocol-Version: ", m->protocol);
    put_line(w, "Mcp-Method: ", m->method);
    if (m->name.len != 0) {
        put_literal(w, "Mcp-Name: ");
        put_mirrored(w, m->name);
        put_literal(w, "\r\n");
    }
    put_line(w, "Mcp-Session-Id: ", m->session);
    put_line(w, "Last-Event-ID: ", m->resume);
    for (uint64_t i = 0; i < m->header_count; i++) {
        put_view(w, m->headers[i].name);
        put_literal(w, ": ");
        put_mirrored(w, m->headers[i].value);
        put_literal(w, "\r\n");
    }
    if (kind == JF_KIND_MESSAGE) {
        put_literal(w, "Content-Length: ");
        put_decimal(w, length);
        put_literal(w, "\r\n");
    }
    put_literal(w, "\r\n");
}

bool channel_put_get(struct channel *ch, struct buffer *to, const struct credentials *c, jf_view id) {
    jf_message m = {.size = sizeof(m), .kind = JF_KIND_STREAM, .resume = id};
    if (c != NULL) {
        m.protocol = view_make(c->text, c->protocol_length);
        m.session = view_make(c->text + c->protocol_length, c->session_length);
        m.fields = c->fields != NULL ? c->fields->pairs : NULL;
        m.field_count = c->fields != NULL ? c->fields->count : 0;
    }
    if (!buffer_take(ch->origin.to.self, to, (uint32_t)head_bound(ch, &m, JF_KIND_STREAM))) return false;
    struct writer w = {to->ptr, to->ptr + to->cap, false};
    put_head(&w, ch, &m, JF_KIND_STREAM, 0);
    to->len = (uint32_t)(w.at - to->ptr);
    return !w.full;
}

bool call_copy(struct call *call, const struct iovec *parts, uint32_t count, uint64_t total, uint64_t skip) {
    if (skip == total) return true;
    if (!buffer_take(call->origin->to.self, &call->copy, (uint32_t)(total - skip))) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (skip >= parts[i].iov_len) {
            skip -= parts[i].iov_len;
            continue;
        }
        uint64_t size = parts[i].iov_len - skip;
        memcpy(call->copy.ptr + call->copy.len, (const uint8_t *)parts[i].iov_base + skip, size);
        call->copy.len += (uint32_t)size;
        skip = 0;
    }
    return true;
}

/** Straight from the caller's segments to a pooled connection. 1: sent; 0: no connection was usable; -1:
 * memory. */
static int send_pooled(struct channel *ch, struct call *call, struct iovec *parts, uint32_t count,
                       uint64_t total) {
    struct upstream *u;
    if (!origin_has_room(&ch->origin, call)) return 0;
    while ((u = origin_idle_pop(&ch->origin)) != NULL) {
        u->state = UPSTREAM_ACTIVE;
        u->wrote = false;
        ssize_t done = upstream_write(u, parts, count);
        if (done < 0 && errno != EAGAIN) {
            // It had died unnoticed, and nothing went out on it.
            upstream_close(u);
            continue;
        }
        uint64_t sent = done < 0 ? 0 : (uint64_t)done;
        u->wrote = sent != 0;
        u->call = call;
        call->upstream = u;
        if (call_copy(call, parts, count, total, sent)) return 1;
        u->call = NULL;
        upstream_close(u);
        return -1;
    }
    return 0;
}

static int32_t dispatch(struct channel *ch, const jf_message *m, struct iovec *parts, uint32_t count,
                        uint64_t total, jf_fault *why) {
    struct origin *o = &ch->origin;
    jf_self *self = o->to.self;
    struct call *call = call_make(self, o);
    if (call == NULL)
        return jf_fault_set(why, JF_E_FAULT, JF_FAULT_NOT_STARTED, "out of memory for a request");
    call->exchange = m->exchange;
    call->kind = m->kind;
    call->deadline = m->deadline_ns;
    call->credentials = credentials_of(ch, m);
    call->may_be_endpoint = m->kind == JF_KIND_STREAM && m->session.len == 0 && !ch->had_session;
    int sent = 0;
    if (ch->confirmed && o->queue_head == NULL) sent = send_pooled(ch, call, parts, count, total);
    if (sent > 0) return JF_OK;
    if (sent == 0 && !origin_has_room(o, call) && o->queued >= QUEUE_MAX) {
        o->blocked = true;
        call_free(call);
        jf_fault_set(why, JF_E_BUSY, JF_FAULT_NOT_STARTED,
                     "server \"%s\" is busy: %u requests are open and %u wait", o->to.name,
                     o->open - o->idle_count, o->queued);
        return JF_E_BUSY;
    }
    if (sent < 0 || !call_copy(call, parts, count, total, 0)) {
        call_free(call);
        return jf_fault_set(why, JF_E_FAULT, sent < 0 ? 0 : JF_FAULT_NOT_STARTED,
                            "out of memory for a request");
    }
    call->keep_copy = !ch->confirmed;
    origin_queue(o, call);
    origin_dispatch(o);
    return JF_OK;
}

int32_t channel_send(jf_self *self, jf_ref handle, const jf_message *m, jf_fault *why) {
    struct channel *ch = slots_find(&self->channel_table, handle);
    if (ch == NULL || ch->origin.closing)
        return jf_fault_set(why, JF_E_STALE, JF_FAULT_NOT_STARTED, "the channel is closed");
    uint32_t kind = m->kind > JF_KIND_END ? JF_KIND_MESSAGE : m->kind;
    if (!clean(m))
        return jf_fault_set(why, JF_E_INVALID, JF_FAULT_NOT_STARTED,
                            "a header for server \"%s\" has control characters, or belongs to HTTP itself",
                            ch->origin.to.name);
    self_tick(self);
    if (m->session.len != 0) ch->had_session = true;
    enum { SEGMENTS = 64 };
    uint8_t fixed[HEAD_ROOM], *head = fixed;
    struct iovec few[SEGMENTS], *parts = few;
    uint32_t segments = kind == JF_KIND_MESSAGE ? m->body_count : 0, count = 1;
    uint64_t bound = head_bound(ch, m, kind), length = 0;
    if (bound > sizeof(fixed)) head = self_allocate(self, bound);
    if (segments >= SEGMENTS) parts = self_allocate(self, (segments + 1) * sizeof(*parts));
    int32_t status = JF_E_FAULT;
    if (head != NULL && parts != NULL) {
        for (uint32_t i = 0; i < segments; i++) {
            if (m->body[i].len == 0) continue;
            parts[count++] = (struct iovec){(void *)(uintptr_t)m->body[i].ptr, m->body[i].len};
            length += m->body[i].len;
        }
        struct writer w = {head, head + (head == fixed ? sizeof(fixed) : bound), false};
        put_head(&w, ch, m, kind, length);
        parts[0] = (struct iovec){head, (size_t)(w.at - head)};
        whole(self)->sending++;
        // A head that did not fit would be cut: never sent.
        status = w.full || length > 0x7fffffffu
                     ? jf_fault_set(why, JF_E_INVALID, JF_FAULT_NOT_STARTED, "the message is too large")
                 : ch->link != NULL ? link_send(ch, m, parts, count, length + parts[0].iov_len, why)
                                    : dispatch(ch, m, parts, count, length + parts[0].iov_len, why);
        whole(self)->sending--;
    } else {
        jf_fault_set(why, JF_E_FAULT, JF_FAULT_NOT_STARTED, "out of memory for a request");
    }
    // What the host gave may be credentials.
    if (fields_count(m) != 0 && head != NULL) explicit_bzero(head, parts != NULL ? parts[0].iov_len : 0);
    if (head != fixed) self_release(self, head);
    if (parts != few) self_release(self, parts);
    return status;
}

void channel_cancel(jf_self *self, jf_ref handle, jf_ref exchange) {
    struct channel *ch = slots_find(&self->channel_table, handle);
    if (ch == NULL || exchange == 0) return;
    for (uint32_t i = 0; i < whole(self)->calls.made; i++) {
        struct call *call = slots_at(&whole(self)->calls, i);
        if (call->slot.ref == 0 || call->origin != &ch->origin || call->exchange != exchange) continue;
        call_cancel(call);
        origin_go_on(&ch->origin);
        return;
    }
}

static void cancel_calls(struct channel *ch, bool except_pressing) {
    jf_self *self = ch->origin.to.self;
    for (uint32_t i = 0; i < whole(self)->calls.made; i++) {
        struct call *call = slots_at(&whole(self)->calls, i);
        if (call->slot.ref == 0 || call->origin != &ch->origin) continue;
        if (!except_pressing || !call_is_pressing(call)) call_cancel(call);
    }
}

static void farewell_over(void *user) {
    struct channel *ch = user;
    ch->last_call = 0;
    ch->farewell = false;
    cancel_calls(ch, false);
    self_later(ch->origin.to.self, &ch->later, go_on);
}

void channel_relieved(struct channel *ch) {
    self_later(ch->origin.to.self, &ch->later, go_on);
}

void channel_close(jf_self *self, jf_ref handle, uint64_t deadline_ns) {
    struct channel *ch = slots_find(&self->channel_table, handle);
    if (ch == NULL || ch->origin.closing) return;
    ch->origin.closing = true;
    ch->origin.blocked = false;
    link_stop(ch);
    bool says_farewell = ch->link == NULL && has_farewells(ch);
    cancel_calls(ch, says_farewell);
    if (says_farewell) {
        self_tick(self);
        uint64_t left = deadline_ns > self->now ? deadline_ns - self->now : 0;
        uint64_t wait = left < FAREWELL_NS ? left : FAREWELL_NS;
        ch->farewell = self->loop.timer(self->loop.context, wait, farewell_over, ch, &ch->last_call) == JF_OK;
        if (ch->farewell) return;
        cancel_calls(ch, false);
    }
    self_later(self, &ch->later, go_on);
}

void channels_sweep(jf_self *self) {
    for (uint32_t i = 0; i < self->channel_table.made; i++) {
        struct channel *ch = slots_at(&self->channel_table, i);
        if (ch->slot.ref != 0 && ch->origin.queue_head != NULL) origin_sweep(&ch->origin);
    }
}

void channels_stop(jf_self *self) {
    for (uint32_t i = 0; i < whole(self)->calls.made; i++) {
        struct call *call = slots_at(&whole(self)->calls, i);
        if (call->slot.ref != 0) resume_end(call);
    }
    for (uint32_t i = 0; i < self->channel_table.made; i++) {
        struct channel *ch = slots_at(&self->channel_table, i);
        if (ch->slot.ref == 0) continue;
        link_stop(ch);
        farewell_stop(ch);
    }
}
