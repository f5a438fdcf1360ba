/* SPDX-License-Identifier: Apache-2.0
 * bench-load: a closed-loop load driver for MCP over HTTP; checks every answer and prints one line of JSON.
 */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: bench-load --url http://127.0.0.1:PORT/PATH [options]\n"
    "  --connections N --era modern|legacy --sessions 0|1 (legacy: a handshake on each connection, default "
    "1)\n"
    "  --capabilities JSON     what the client says it can do (default {})\n"
    "  --method M (default tools/call) --tool NAME (default echo) --size BYTES (default 300)\n"
    "  --blob BYTES            call the tool with {\"n\": BYTES} and expect so much text\n"
    "  --seconds S --warmup S  the measured window and the unmeasured start (defaults 2 and 0.3)\n"
    "  --requests N            send exactly N and stop, no warm-up\n"
    "  --fixed-id N            every request carries this id (10 digits): for a peer that serves one stored "
    "answer\n"
    "  --pid PID --other PID   gateway, backend: processor time and memory of their process trees "
    "(repeatable)\n"
    "  --timeout S --header 'Name: value'\n"
    "Exit status 1: an answer was wrong or lost. Loopback addresses only.\n";

load_options options = {.connections = 1,
                        .modern = true,
                        .sessions = true,
                        .capabilities = "{}",
                        .method = "tools/call",
                        .tool = "echo",
                        .size = 300,
                        .blob = -1,
                        .seconds = 2,
                        .warmup = 0.3,
                        .timeout = 10};

/** The stages of the whole run. */
static enum { STAGE_SETUP, STAGE_WARMUP, STAGE_WINDOW, STAGE_DRAIN } stage;

static connection *connections;
static int poller, ready;
static long next_id = FIRST_ID;
static struct sockaddr_in peer;
load_progress progress;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static _Noreturn void give_up(const char *what, const char *data, size_t len) {
    fprintf(stderr, "bench-load: %s: %.*s\n", what, (int)(len > 300 ? 300 : len), data ? data : "");
    exit(3);
}

static void watch(connection *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(poller, operation, c->fd, &event);
}

static void dial(connection *c) {
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (void *)&peer, sizeof peer) && errno != EINPROGRESS) {
        give_up("connect", strerror(errno), strlen(strerror(errno)));
    }
    c->in.len = c->scanned = 0;
    c->want_write = false;
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

static void redial(connection *c) {
    close(c->fd);
    dial(c);
}

static void push(connection *c) {
    while (c->sent < c->request.len) {
        ssize_t n = send(c->fd, c->request.data + c->sent, c->request.len - c->sent, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN || c->want_write) return;
            c->want_write = true;
            watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        c->sent += (size_t)n;
    }
    if (!c->want_write) return;
    c->want_write = false;
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void send_request(connection *c, phase next) {
    c->phase = next;
    c->sent = c->in.len = c->scanned = 0;
    c->began = now();
    push(c);
}

/** The next call of the closed loop, or the end of this connection's part. */
static void go_on(connection *c) {
    bool more = stage != STAGE_DRAIN && (!options.requests || progress.issued < options.requests);
    if (more) {
        progress.issued++;
        request_stamp(c, options.fixed_id ? options.fixed_id : next_id++);
        send_request(c, PHASE_CALL);
    } else if (c->session[0] && c->phase != PHASE_DELETE) {
        request_delete(c);
        send_request(c, PHASE_DELETE);
    } else {
        c->phase = PHASE_DONE;
    }
}

static void become_ready(connection *c) {
    request_call(c);
    c->phase = PHASE_WAITING;
    ready++;
}

static void take_response(connection *c, const http_head *head, span body) {
    double t = now();
    switch (c->phase) {
    case PHASE_INITIALIZE:
    case PHASE_NOTIFY:
        if (!check_handshake(c, head, body)) give_up("handshake refused", body.ptr, body.len);
        break;
    case PHASE_CALL:
        if (stage == STAGE_SETUP || stage == STAGE_WARMUP) break;
        check_call(c, head, body);
        if (stage != STAGE_WINDOW) break;
        histogram_add(&progress.latency, (t - c->began) * 1e6);
        progress.answered++;
        progress.bytes += (long)body.len;
        break;
    default:
        break;
    }
    if (c->phase == PHASE_INITIALIZE && head->session.len < sizeof c->session) {
        snprintf(c->session, sizeof c->session, "%.*s", (int)head->session.len, head->session.ptr);
    }
    if (!head->keep) redial(c);
    c->in.len = c->scanned = 0;
    if (c->phase == PHASE_INITIALIZE) {
        request_initialized(c);
        send_request(c, PHASE_NOTIFY);
    } else if (c->phase == PHASE_NOTIFY) {
        become_ready(c);
    } else {
        go_on(c);
    }
}

static void parse(connection *c) {
    static bytes joined;
    http_head head;
    size_t end;
    int parsed = http_head_parse(c->in.data, c->in.len, &c->scanned, &head);
    if (parsed < 0) give_up("not HTTP", c->in.data, c->in.len);
    if (!parsed) return;
    c->scanned = 0;
    if (head.status == 100) {
        bytes_shift(&c->in, head.size);
        parse(c);
    } else if (head.chunked) {
        if (http_chunks_join(c->in.data, c->in.len, head.size, &joined, &end) != 1) return;
        take_response(c, &head, (span){joined.data, joined.len});
    } else {
        size_t length = head.length > 0 ? (size_t)head.length : 0;
        if (c->in.len < head.size + length) {
            bytes_reserve(&c->in, head.size + length - c->in.len + 65536);
            return;
        }
        take_response(c, &head, (span){c->in.data + head.size, length});
    }
}

static void connection_ended(connection *c, const char *why) {
    if (c->phase == PHASE_DELETE || c->phase == PHASE_DONE || c->phase == PHASE_WAITING) {
        if (c->phase == PHASE_WAITING)
            redial(c); // an idle one that the server gave up
        else
            close(c->fd), c->fd = -1, c->phase = PHASE_DONE;
        return;
    }
    if (c->phase != PHASE_CALL) give_up("connection closed in the handshake", why, strlen(why));
    errors.connection++;
    note_error("connection closed", why, strlen(why));
    if (errors.connection > 10000) give_up("connections keep failing", why, strlen(why));
    redial(c);
    go_on(c);
}

static void on_event(connection *c, uint32_t events) {
    if (events & EPOLLOUT) push(c);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || c->fd < 0) return;
    for (;;) {
        bytes_reserve(&c->in, 65536);
        size_t room = c->in.cap - c->in.len;
        ssize_t n = recv(c->fd, c->in.data + c->in.len, room, 0);
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) {
            connection_ended(c, n < 0 ? strerror(errno) : "end of stream");
            return;
        }
        c->in.len += (size_t)n;
        if ((size_t)n < room) break;
    }
    parse(c);
}

static bool set_option(const char *name, const char *value) {
    if (!strcmp(name, "--url")) {
        return sscanf(value, "http://%63[^:/]:%d%255s", options.host, &options.port, options.path) == 3;
    }
    if (!strcmp(name, "--connections"))
        options.connections = atoi(value);
    else if (!strcmp(name, "--era"))
        options.modern = !strcmp(value, "modern");
    else if (!strcmp(name, "--sessions"))
        options.sessions = atoi(value) != 0;
    else if (!strcmp(name, "--capabilities"))
        options.capabilities = value;
    else if (!strcmp(name, "--method"))
        options.method = value;
    else if (!strcmp(name, "--tool"))
        options.tool = value;
    else if (!strcmp(name, "--size"))
        options.size = atol(value);
    else if (!strcmp(name, "--blob"))
        options.blob = atol(value);
    else if (!strcmp(name, "--seconds"))
        options.seconds = atof(value);
    else if (!strcmp(name, "--warmup"))
        options.warmup = atof(value);
    else if (!strcmp(name, "--requests"))
        options.requests = atol(value);
    else if (!strcmp(name, "--fixed-id"))
        options.fixed_id = atol(value);
    else if (!strcmp(name, "--timeout"))
        options.timeout = atof(value);
    else if (!strcmp(name, "--header"))
        bytes_format(&options.headers, "%s\r\n", value);
    else if (!strcmp(name, "--pid") && options.gateway_count < PIDS)
        options.gateways[options.gateway_count++] = atoi(value);
    else if (!strcmp(name, "--other") && options.other_count < PIDS)
        options.others[options.other_count++] = atoi(value);
    else
        return false;
    return true;
}

static bool read_options(int argc, char **argv) {
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc || !set_option(argv[i], argv[i + 1])) return false;
    }
    if (options.requests) options.warmup = 0, options.seconds = 600;
    peer.sin_family = AF_INET;
    peer.sin_port = htons((uint16_t)options.port);
    return options.path[0] == '/' && strncmp(options.host, "127.", 4) == 0 &&
           inet_pton(AF_INET, options.host, &peer.sin_addr) == 1 && options.connections >= 1 &&
           options.connections <= 4096 && (!options.fixed_id || options.fixed_id >= FIRST_ID) &&
           options.seconds <= 600;
}

/** Calls that will get no other answer. */
static long settled(void) {
    return progress.answered + errors.connection + errors.timeout;
}

/** Ends calls that took too long; the loop goes on with a new connection. */
static void check_timeouts(double t) {
    for (connection *c = connections; c < connections + options.connections; c++) {
        if (c->phase == PHASE_DONE || c->phase == PHASE_WAITING || t - c->began < options.timeout) continue;
        if (c->phase != PHASE_CALL) give_up("handshake timed out", NULL, 0);
        errors.timeout++;
        note_error("timeout", "no answer", 9);
        redial(c);
        go_on(c);
    }
}

/** True when every connection has ended. Counts what is still open as lost once `late` is set. */
static bool all_done(bool late) {
    int open = 0;
    for (connection *c = connections; c < connections + options.connections; c++) {
        open += c->phase != PHASE_DONE;
        if (late && c->phase == PHASE_CALL) errors.lost++;
    }
    return late || open == 0;
}

static void begin(void) {
    connections = calloc((size_t)options.connections, sizeof *connections);
    if (!connections) give_up("memory", NULL, 0);
    for (connection *c = connections; c < connections + options.connections; c++) {
        dial(c);
        if (options.modern || !options.sessions) {
            become_ready(c);
        } else {
            request_initialize(c);
            send_request(c, PHASE_INITIALIZE);
        }
    }
}

int main(int argc, char **argv) {
    if (!read_options(argc, argv)) {
        fputs(usage_text, stderr);
        return 2;
    }
    struct rlimit files = {65536, 65536};
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(EPOLL_CLOEXEC);
    begin();
    reading from = {0}, to = {0};
    double stage_end = now() + 30, last_check = now();
    for (;;) {
        double t = now();
        if (stage == STAGE_SETUP && ready == options.connections) {
            stage = STAGE_WARMUP;
            stage_end = t + options.warmup;
            if (options.requests)
                stage = STAGE_WINDOW, from = reading_take(false), stage_end = t + options.seconds;
            for (int i = 0; i < options.connections; i++)
                go_on(&connections[i]);
        } else if (stage == STAGE_SETUP && t > stage_end) {
            give_up("the handshakes took over 30 s", NULL, 0);
        } else if (stage == STAGE_WARMUP && t >= stage_end) {
            errors = (load_errors){0};
            from = reading_take(false);
            stage = STAGE_WINDOW;
            stage_end = from.time + options.seconds;
        } else if (stage == STAGE_WINDOW &&
                   (t >= stage_end || (options.requests && settled() >= options.requests))) {
            to = reading_take(true);
            stage = STAGE_DRAIN;
            stage_end = now() + 3;
        } else if (stage == STAGE_DRAIN && all_done(t > stage_end)) {
            break;
        }
        if (t - last_check > 0.25) {
            last_check = t;
            if (stage != STAGE_DRAIN) check_timeouts(t);
        }
        struct epoll_event events[512];
        int n = epoll_wait(poller, events, 512, 5);
        for (int i = 0; i < n; i++)
            on_event(events[i].data.ptr, events[i].events);
    }
    reading_report(&from, &to);
    return errors.lost || errors.http || errors.rpc || errors.id || errors.echo || errors.connection ||
           errors.timeout;
}
