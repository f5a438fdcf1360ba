/* SPDX-License-Identifier: Apache-2.0
 * The benchmark server's HTTP front: one epoll loop over all ports, loopback only. */
#define _GNU_SOURCE
#include "backend.h"
#include "http1.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/** A listening port (only `fd` and `server`) or a connection. */
typedef struct connection {
    int fd, server;
    bool closing, held, gone; /* held: a delayed answer waits in `out` */
    size_t scanned, sent;
    bytes in, out;
    long due_ms;
    struct connection *next_held;
} connection;

static int poller;
static connection listeners[BACKEND_SERVERS];
static connection *held;

static void watch(connection *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(poller, operation, c->fd, &event);
}

static void drop(connection *c) {
    if (c->held) { // freed when its delay ends: the list still points here
        c->gone = true;
        epoll_ctl(poller, EPOLL_CTL_DEL, c->fd, NULL);
        return;
    }
    close(c->fd);
    free(c->in.data);
    free(c->out.data);
    free(c);
}

static const char *reason(int status) {
    return status == 200   ? "200 OK"
           : status == 202 ? "202 Accepted"
           : status == 404 ? "404 Not Found"
           : status == 405 ? "405 Method Not Allowed\r\nAllow: POST"
                           : "400 Bad Request";
}

static void respond(connection *c, const reply *answer, bool keep) {
    const bytes *body = &answer->body;
    bytes_format(&c->out, "HTTP/1.1 %s\r\n", reason(answer->status));
    if (answer->new_session) {
        bytes_text(&c->out, "Mcp-Session-Id: ");
        backend_new_session(&c->out);
        bytes_text(&c->out, "\r\n");
    }
    if (!keep) bytes_text(&c->out, "Connection: close\r\n");
    if (!body->len) {
        bytes_text(&c->out, "Content-Length: 0\r\n\r\n");
    } else if (options.events && answer->status == 200) {
        bytes_format(&c->out,
                     "Content-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n%zx\r\nevent: message\r\ndata: ",
                     body->len + 24);
        bytes_add(&c->out, body->data, body->len);
        bytes_text(&c->out, "\n\n\r\n0\r\n\r\n");
    } else {
        bytes_format(&c->out, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body->len);
        bytes_add(&c->out, body->data, body->len);
    }
    if (!keep) c->closing = true;
}

static void answer_other(connection *c, const http_head *head, reply *answer) {
    answer->body.len = 0;
    answer->new_session = false;
    answer->delay_ms = 0;
    answer->status = span_is(head->verb, "DELETE") && options.session != SESSION_NONE ? 200 : 405;
    if (span_is(head->verb, "GET") && span_is(head->target, "/stats")) {
        answer->status = 200;
        bytes_format(&answer->body, "{\"calls\":%lu,\"lists\":%lu,\"others\":%lu,\"refused\":%lu}",
                     counts.calls, counts.lists, counts.others, counts.refused);
    }
    respond(c, answer, head->keep);
}

/** 1: one request was handled, 0: more bytes are needed, -1: drop the connection. */
static int handle_one(connection *c) {
    static reply answer;
    static bytes joined;
    http_head head;
    if (!c->in.len || c->held) return 0;
    int parsed = http_head_parse(c->in.data, c->in.len, &c->scanned, &head);
    if (parsed <= 0) return parsed;
    size_t length = head.length > 0 ? (size_t)head.length : 0, end = head.size + length;
    span body = {c->in.data + head.size, length};
    bool whole = c->in.len >= end;
    if (head.chunked) {
        whole = http_chunks_join(c->in.data, c->in.len, head.size, &joined, &end) == 1;
        body = (span){joined.data, joined.len};
    }
    if (!whole) {
        if (head.expects && c->in.len == head.size) bytes_text(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
        if (!head.chunked) bytes_reserve(&c->in, end - c->in.len + 1);
        return 0;
    }
    if (span_is(head.verb, "POST")) {
        request_meta meta = {head.version, head.method, head.name, head.session};
        backend_answer(c->server, body, &meta, &answer);
        if (!answer.status) answer.status = 202;
        respond(c, &answer, head.keep);
    } else {
        answer_other(c, &head, &answer);
    }
    if (answer.delay_ms > 0) {
        c->held = true;
        c->due_ms = backend_now_ms() + answer.delay_ms;
        c->next_held = held;
        held = c;
    }
    bytes_shift(&c->in, end);
    c->scanned = 0;
    return 1;
}

/** False when the connection was dropped. */
static bool flush(connection *c) {
    if (c->held) return true;
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return true;
        }
        if (n < 0) return drop(c), false;
        c->sent += (size_t)n;
    }
    c->out.len = c->sent = 0;
    if (c->closing) return drop(c), false;
    return true;
}

static void handle_all(connection *c) {
    int more;
    while ((more = handle_one(c)) == 1 && !c->closing)
        continue;
    if (more < 0)
        drop(c);
    else
        flush(c);
}

static void serve(connection *c, uint32_t events) {
    if (events & EPOLLOUT) {
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
        if (!flush(c)) return;
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    for (;;) {
        bytes_reserve(&c->in, 16384);
        size_t room = c->in.cap - c->in.len;
        ssize_t n = recv(c->fd, c->in.data + c->in.len, room, 0);
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) {
            drop(c);
            return;
        }
        c->in.len += (size_t)n;
        if ((size_t)n < room) break;
    }
    handle_all(c);
}

static void accept_all(const connection *listener) {
    int fd, one = 1;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connection *c = calloc(1, sizeof *c);
        if (!c) {
            close(fd);
            return;
        }
        c->fd = fd;
        c->server = listener->server;
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void release_due(void) {
    long now = backend_now_ms();
    connection *late = NULL, **link = &held;
    while (*link) {
        connection *c = *link;
        if (c->due_ms > now) {
            link = &c->next_held;
            continue;
        }
        *link = c->next_held;
        c->next_held = late;
        late = c;
    }
    while (late) {
        connection *c = late;
        late = c->next_held;
        c->held = false;
        if (c->gone)
            drop(c);
        else if (flush(c))
            handle_all(c);
    }
}

static int wait_ms(void) {
    if (!held) return -1;
    long now = backend_now_ms(), least = 1000;
    for (connection *c = held; c; c = c->next_held) {
        if (c->due_ms - now < least) least = c->due_ms - now;
    }
    return least < 0 ? 0 : (int)least;
}

static bool listen_all(void) {
    printf("ports");
    for (int i = 0; i < options.servers; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
        int port = options.first_port ? options.first_port + i : 0;
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(fd, (void *)&at, size) || listen(fd, 4096) || getsockname(fd, (void *)&at, &size)) {
            perror("bench-backend: listen");
            return false;
        }
        listeners[i].fd = fd;
        listeners[i].server = i;
        watch(&listeners[i], EPOLL_CTL_ADD, EPOLLIN);
        printf(" %d", ntohs(at.sin_port));
    }
    printf("\n");
    return fflush(stdout) == 0;
}

int backend_serve_http(void) {
    struct rlimit files = {65536, 65536};
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!listen_all()) return 1;
    for (;;) {
        struct epoll_event events[512];
        int n = epoll_wait(poller, events, 512, wait_ms());
        for (int i = 0; i < n; i++) {
            connection *c = events[i].data.ptr;
            if (c >= listeners && c < listeners + BACKEND_SERVERS)
                accept_all(c);
            else
                serve(c, events[i].events);
        }
        if (held) release_due();
    }
}
