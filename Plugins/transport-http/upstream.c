/* SPDX-License-Identifier: Apache-2.0
 * One connection to a server: connecting, writing, reading, its timeouts. */
#include "connector.h"
#include "tls.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { TURN = 32 };

static void on_ready(void *user, uint32_t events);

static void release(struct upstream *u) {
    jf_self *self = u->in.self;
    incoming_drop(&u->in);
    sse_end(self, &u->sse);
    self_release(self, u->long_session);
    slots_give(&whole(self)->upstreams, u);
}

static inline void pin(struct upstream *u) {
    u->pins++;
}

static inline void unpin(struct upstream *u) {
    if (--u->pins == 0 && u->state == UPSTREAM_DEAD) release(u);
}

static void close_socket(struct upstream *u) {
    jf_self *self = u->in.self;
    if (u->tls != NULL) tls_close(u->tls);
    u->tls = NULL;
    if (u->fd < 0) return;
    self->loop.unwatch(self->loop.context, u->watch);
    close(u->fd);
    u->fd = -1;
}

void upstream_free(struct upstream *u) {
    release(u);
}

void upstream_close(struct upstream *u) {
    struct origin *o = u->origin;
    if (u->state == UPSTREAM_DEAD) return;
    if (u->state == UPSTREAM_IDLE) origin_idle_remove(u);
    pin(u);
    u->state = UPSTREAM_DEAD;
    origin_stream_end(u);
    close_socket(u);
    if (u->previous != NULL)
        u->previous->next = u->next;
    else
        o->all = u->next;
    if (u->next != NULL) u->next->previous = u->previous;
    o->open--;
    unpin(u);
}

static void failv(struct upstream *u, int32_t code, uint32_t flags, const char *format, va_list arguments) {
    struct origin *o = u->origin;
    struct call *call = u->call;
    pin(u);
    u->call = NULL;
    upstream_close(u);
    if (call != NULL)
        call_failv(call, code, flags | (u->wrote ? 0 : JF_FAULT_NOT_STARTED), format, arguments);
    origin_go_on(o);
    unpin(u);
}

void upstream_fail(struct upstream *u, int32_t code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    failv(u, code, 0, format, arguments);
    va_end(arguments);
}

/** The same for what clients may read. */
__attribute__((format(printf, 3, 4))) static void fail_publicly(struct upstream *u, int32_t code,
                                                                const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    failv(u, code, JF_FAULT_PUBLIC, format, arguments);
    va_end(arguments);
}

/** Calls may wait for their answers for many minutes without a byte: a server that is gone must show. */
static void keep_alive(int fd) {
    int on = 1, idle = 60, interval = 15, probes = 4;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

/** Tries addresses from u->address on. False: none is left, `errno` tells why the last one failed. */
static bool try_next(struct upstream *u) {
    struct origin *o = u->origin;
    jf_self *self = o->to.self;
    int error = EHOSTUNREACH;
    for (; u->tried < o->to.address_count; u->tried++) {
        u->address = (uint8_t)((o->to.good + u->tried) % o->to.address_count);
        const struct endpoint *e = &o->to.addresses[u->address];
        u->fd = socket(e->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (u->fd < 0) {
            error = errno;
            continue;
        }
        socket_prepare(u->fd);
        keep_alive(u->fd);
        int status = connect(u->fd, &e->address.any, e->length);
        if (status == 0 || errno == EINPROGRESS) {
            u->since = self->now;
            if (self->loop.watch(self->loop.context, u->fd, JF_READABLE | JF_WRITABLE, on_ready, u,
                                 &u->watch) == JF_OK)
                return true;
            errno = ENOMEM;
        }
        error = errno;
        close(u->fd);
        u->fd = -1;
    }
    errno = error;
    return false;
}

static void connect_failed(struct upstream *u, int error) {
    close_socket(u);
    u->tried++;
    if (try_next(u)) return;
    upstream_fail(
        u, error == ETIMEDOUT ? JF_E_TIMEOUT : JF_E_GONE,
        "cannot connect to server \"%s\" at %s port %u: %s; check that it runs and that its url is right",
        u->origin->to.name, u->origin->to.host, u->origin->to.port, strerrordesc_np(error));
}

void upstream_connect(struct origin *o, struct call *call) {
    jf_self *self = o->to.self;
    struct upstream *u = slots_take(&whole(self)->upstreams, &self->memory);
    if (u == NULL) {
        call_fail(call, JF_E_FAULT, JF_FAULT_NOT_STARTED, "out of memory for a connection to server \"%s\"",
                  o->to.name);
        return;
    }
    u->origin = o;
    u->fd = -1;
    u->call = call;
    call->upstream = u;
    u->in.self = self;
    u->in.owner = u;
    u->in.on_head = response_head;
    u->in.max_body = o->to.max_message;
    u->in.max_head = 65536;
    u->next = o->all;
    if (o->all != NULL) o->all->previous = u;
    o->all = u;
    o->open++;
    sweep_need(self, 0);
    if (try_next(u)) return;
    connect_failed(u, errno);
}

ssize_t upstream_write(struct upstream *u, struct iovec *parts, uint32_t count) {
    if (u->tls != NULL) return tls_write(u->tls, parts, count);
    return socket_write(u->fd, parts, count);
}

void upstream_flush(struct upstream *u) {
    struct call *call = u->call;
    struct origin *o = u->origin;
    while (call->copy.pos < call->copy.len) {
        struct iovec part = {call->copy.ptr + call->copy.pos, call->copy.len - call->copy.pos};
        ssize_t done = upstream_write(u, &part, 1);
        if (done < 0 && errno == EAGAIN) return;
        if (done < 0) {
            // The answer may be waiting in spite of that: a server may refuse a body that it has not read.
            if (u->wrote) return;
            // A pooled connection that had died unnoticed: nothing was sent, so another one does.
            u->call = NULL;
            call->upstream = NULL;
            upstream_close(u);
            origin_queue(o, call);
            origin_go_on(o);
            return;
        }
        u->wrote = true;
        call->copy.pos += (uint32_t)done;
    }
    if (!call->keep_copy) buffer_release(o->to.self, &call->copy);
}

static void show_garbage(const struct incoming *in, char *out, uint32_t room) {
    uint32_t length = in->buf.len - in->start;
    if (length > room - 1) length = room - 1;
    for (uint32_t i = 0; i < length; i++) {
        uint8_t c = incoming_base(in)[i];
        out[i] = (char)(c >= ' ' && c < 0x7f ? c : '.');
    }
    out[length] = 0;
}

static void bad_answer(struct upstream *u) {
    struct incoming *in = &u->in;
    const char *name = u->origin->to.name;
    char text[48];
    if (u->too_many) {
        // Clients read it after the server's name.
        fail_publicly(
            u, JF_E_BUSY,
            "all %u event streams that it may hold open at once are in use; try again later, or raise "
            "its max_streams",
            u->origin->max_streams);
    } else if (in->refused == 413 && u->call != NULL && link_owns(u->call) &&
               link_event_max(u) < in->max_body) {
        upstream_fail(u, JF_E_INVALID,
                      "server \"%s\" is no HTTP+SSE server: more than %llu bytes before its endpoint event",
                      name, (unsigned long long)link_event_max(u));
    } else if (in->refused == 413) {
        upstream_fail(u, JF_E_INVALID,
                      "server \"%s\" sent an answer of more than %llu bytes; raise max_message", name,
                      (unsigned long long)in->max_body);
    } else if (in->refused == 431) {
        upstream_fail(u, JF_E_INVALID,
                      "server \"%s\" sent an answer with more than %u bytes or %d lines of headers", name,
                      in->max_head, FIELDS_MAX);
    } else if (in->phase == INCOMING_HEAD &&
               (in->buf.len - in->start < 7 || memcmp(incoming_base(in), "HTTP/1.", 7) != 0)) {
        show_garbage(in, text, sizeof(text));
        upstream_fail(u, JF_E_INVALID, "server \"%s\" answered with something that is not HTTP: \"%s\"", name,
                      text);
    } else {
        upstream_fail(u, JF_E_INVALID, "server \"%s\" sent a malformed answer (%s)", name,
                      llhttp_errno_name(llhttp_get_errno(&in->parser)));
    }
}

static void parse(struct upstream *u) {
    struct incoming *in = &u->in;
    while (u->state == UPSTREAM_ACTIVE && in->buf.pos < in->buf.len) {
        if (in->phase == INCOMING_IDLE) {
            if (!incoming_begin(in, HTTP_RESPONSE)) {
                upstream_fail(u, JF_E_FAULT, "out of memory for an answer of server \"%s\"",
                              u->origin->to.name);
                return;
            }
            u->answer = ANSWER_UNKNOWN;
            u->unwanted = false;
            in->max_body = u->origin->to.max_message;
        }
        int whole = incoming_parse(in);
        if (u->state == UPSTREAM_DEAD) return;
        if (whole > 0 || (whole < 0 && u->unwanted))
            response_done(u);
        else if (whole < 0)
            bad_answer(u);
        else
            return;
    }
}

static void ended(struct upstream *u) {
    struct incoming *in = &u->in;
    u->hungup = true;
    if (incoming_finish(in) > 0 || (in->phase == INCOMING_BODY && u->unwanted)) {
        response_done(u);
        return;
    }
    if (in->phase == INCOMING_IDLE)
        upstream_fail(u, JF_E_GONE, "server \"%s\" closed the connection without an answer",
                      u->origin->to.name);
    else
        upstream_fail(u, JF_E_GONE, "server \"%s\" closed the connection in the middle of its answer",
                      u->origin->to.name);
}

static void go_on(struct later *item);

static void input(struct upstream *u, bool hangup) {
    struct incoming *in = &u->in;
    uint32_t left = TURN;
    while (u->state == UPSTREAM_ACTIVE) {
        if (left-- == 0) {
            // A server that sends without end: the others get their turn first.
            if (!u->later.queued) pin(u);
            self_later(in->self, &u->later, go_on);
            break;
        }
        uint32_t room = incoming_room(in);
        if (room == 0) {
            upstream_fail(u, JF_E_FAULT, "out of memory for an answer of server \"%s\"", u->origin->to.name);
            break;
        }
        uint8_t *to = in->buf.ptr + in->buf.len;
        ssize_t got = u->tls != NULL ? tls_read(u->tls, to, room) : recv(u->fd, to, room, 0);
        if (got > 0) {
            in->buf.len += (uint32_t)got;
            u->filled = (uint32_t)got == room;
            parse(u);
            if ((uint32_t)got < room && u->tls == NULL && !hangup) break;
        } else if (got == 0) {
            ended(u);
            break;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            upstream_fail(u, JF_E_GONE, "the connection to server \"%s\" broke: %s", u->origin->to.name,
                          strerrordesc_np(errno));
            break;
        }
    }
    if (u->state != UPSTREAM_DEAD) incoming_settle(in);
}

static void go_on(struct later *item) {
    struct upstream *u = (struct upstream *)(void *)((uint8_t *)item - offsetof(struct upstream, later));
    if (u->state == UPSTREAM_ACTIVE)
        input(u, u->hungup);
    else if (u->state == UPSTREAM_IDLE)
        upstream_close(u);
    unpin(u);
}

static void secure(struct upstream *u) {
    int done = tls_handshake(u->tls);
    if (done == 0) return;
    if (done < 0) {
        char reason[160];
        tls_error(u->tls, reason, sizeof(reason));
        upstream_fail(u, JF_E_GONE, "no TLS connection to server \"%s\": %s", u->origin->to.name, reason);
        return;
    }
    u->origin->to.good = u->address;
    u->state = UPSTREAM_ACTIVE;
    upstream_flush(u);
}

static void connected(struct upstream *u, uint32_t events) {
    struct origin *o = u->origin;
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(u->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error == 0 && (events & JF_WRITABLE) == 0) return;
    if (error != 0) {
        connect_failed(u, error);
        return;
    }
    if (!o->to.secure) {
        o->to.good = u->address;
        u->state = UPSTREAM_ACTIVE;
        upstream_flush(u);
        return;
    }
    u->tls = tls_open(o->to.tls, o->to.host, u->fd);
    if (u->tls == NULL) {
        upstream_fail(u, JF_E_FAULT, "out of memory for TLS to server \"%s\"", o->to.name);
        return;
    }
    u->state = UPSTREAM_SECURING;
}

static void on_ready(void *user, uint32_t events) {
    struct upstream *u = user;
    self_tick(u->in.self);
    pin(u);
    if ((events & (JF_HANGUP | JF_BROKEN)) != 0) u->hungup = true;
    if (u->state == UPSTREAM_CONNECTING) connected(u, events);
    if (u->state == UPSTREAM_SECURING) secure(u);
    if (u->state == UPSTREAM_ACTIVE) {
        if ((events & JF_WRITABLE) != 0 && u->tls != NULL) tls_flush(u->tls);
        if ((events & JF_WRITABLE) != 0 && u->call->copy.pos < u->call->copy.len) upstream_flush(u);
        // An error is read like any other end: what came before it counts.
        if (u->state == UPSTREAM_ACTIVE && (events & (JF_READABLE | JF_HANGUP | JF_BROKEN)) != 0)
            input(u, (events & (JF_HANGUP | JF_BROKEN)) != 0);
    } else if (u->state == UPSTREAM_IDLE && (events & (JF_READABLE | JF_HANGUP | JF_BROKEN)) != 0) {
        upstream_close(u);
    }
    unpin(u);
}

void upstream_sweep(struct upstream *u) {
    struct origin *o = u->origin;
    uint64_t now = o->to.self->now, waited = now > u->since ? now - u->since : 0;
    pin(u);
    if (u->state == UPSTREAM_IDLE && waited >= o->idle_timeout)
        upstream_close(u);
    else if (u->state == UPSTREAM_CONNECTING && waited >= o->to.connect_timeout)
        connect_failed(u, ETIMEDOUT);
    else if (u->state == UPSTREAM_SECURING && waited >= 2 * o->to.connect_timeout)
        upstream_fail(u, JF_E_TIMEOUT, "the TLS handshake with server \"%s\" took too long", o->to.name);
    unpin(u);
}
