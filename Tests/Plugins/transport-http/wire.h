/* SPDX-License-Identifier: Apache-2.0
 * Raw sockets beside a mock host: what the tests of transport-http use to play client and server by hand. */
#ifndef TRANSPORT_HTTP_WIRE_H
#define TRANSPORT_HTTP_WIRE_H

#include "jf_check.h"
#include "jf_mock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { WIRE_WAIT_MS = 5000 };

/** One end of a connection and what came in on it so far. */
typedef struct wire {
    jf_mock *mock;
    int fd;
    char *text;
    size_t length, room;
    bool ended; /**< the other side closed or reset */
} wire;

static wire wire_of(jf_mock *mock, int fd) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    wire w = {.mock = mock, .fd = fd, .room = 4096, .text = calloc(1, 4096)};
    return w;
}

static void wire_close(wire *w) {
    if (w->fd >= 0) close(w->fd);
    free(w->text);
    *w = (wire){.fd = -1};
}

/** Port in "http://127.0.0.1:PORT" or "...:PORT/path". */
static int port_of(const char *bound) {
    const char *colon = strrchr(bound, ':');
    return colon == NULL ? 0 : atoi(colon + 1);
}

static wire dial_from(jf_mock *mock, int fd, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "dial: %s", strerror(errno));
    return wire_of(mock, fd);
}

static wire wire_dial(jf_mock *mock, int port) {
    return dial_from(mock, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port);
}

/** A client to which little can be written at once: small segments keep the sender's buffer small too, which
 * on loopback begins with megabytes. */
static wire wire_dial_slow(jf_mock *mock, int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), window = 16384, segment = 1400;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window));
    setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
    return dial_from(mock, fd, port);
}

/** Takes what has arrived; false when nothing had. */
static bool wire_take(wire *w) {
    bool any = false;
    while (!w->ended) {
        if (w->room - w->length < 65536) {
            w->room = w->room * 2 + 131072;
            w->text = realloc(w->text, w->room);
        }
        ssize_t got = recv(w->fd, w->text + w->length, w->room - w->length - 1, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) break;
        if (got <= 0) {
            w->ended = true;
            return true;
        }
        w->length += (size_t)got;
        any = true;
    }
    w->text[w->length] = 0;
    return any;
}

/** Sends all of it, running the loop meanwhile. False: the other side does not take it. */
static bool wire_send(wire *w, const void *bytes, size_t length) {
    const char *from = bytes;
    for (int idle = 0; length != 0 && idle < WIRE_WAIT_MS;) {
        ssize_t done = send(w->fd, from, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done > 0) {
            from += done;
            length -= (size_t)done;
            idle = 0;
        } else if (done < 0 && errno != EAGAIN) {
            return false;
        }
        if (jf_mock_run_once(w->mock, length == 0 ? 0 : 1) == 0) idle++;
    }
    jf_mock_settle(w->mock);
    return length == 0;
}

static bool wire_say(wire *w, const char *text) {
    return wire_send(w, text, strlen(text));
}

/** Byte by byte, the loop running in between. */
static void wire_dribble(wire *w, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!wire_send(w, text + i, 1)) return;
}

/** Runs until `part` is in what came; false after WIRE_WAIT_MS or when the connection ended without it. */
static bool wire_hear(wire *w, const char *part) {
    for (int idle = 0; idle < WIRE_WAIT_MS;) {
        bool any = wire_take(w);
        if (w->length != 0 && memmem(w->text, w->length, part, strlen(part)) != NULL) return true;
        if (w->ended) return false;
        if (jf_mock_run_once(w->mock, 1) == 0 && !any) idle++;
    }
    return false;
}

/** Runs until at least `length` bytes came. */
static bool wire_hear_bytes(wire *w, size_t length) {
    for (int idle = 0; w->length < length && !w->ended && idle < WIRE_WAIT_MS;) {
        bool any = wire_take(w);
        if (jf_mock_run_once(w->mock, any ? 0 : 1) == 0 && !any) idle++;
    }
    return w->length >= length;
}

/** Runs until the other side has closed. */
static bool wire_hear_end(wire *w) {
    for (int idle = 0; !w->ended && idle < WIRE_WAIT_MS;) {
        bool any = wire_take(w);
        if (jf_mock_run_once(w->mock, 1) == 0 && !any) idle++;
    }
    return w->ended;
}

/** Runs what there is and says whether nothing more came. */
static bool wire_silent(wire *w) {
    size_t before = w->length;
    jf_mock_settle(w->mock);
    wire_take(w);
    return w->length == before && !w->ended;
}

static void wire_forget(wire *w) {
    w->length = 0;
    w->text[0] = 0;
}

static bool wire_begins(const wire *w, const char *text) {
    return w->length >= strlen(text) && memcmp(w->text, text, strlen(text)) == 0;
}

static int count_of(const wire *w, const char *part) {
    int count = 0;
    size_t length = strlen(part);
    for (const char *at = w->text;
         (at = memmem(at, w->length - (size_t)(at - w->text), part, length)) != NULL; at += length)
        count++;
    return count;
}

/** A listening socket of the test's own, and the connections accepted from it. */
typedef struct server {
    jf_mock *mock;
    int fd, port;
} server;

static server server_open(jf_mock *mock) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    server s = {.mock = mock, .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    CHECK(bind(s.fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(s.fd, 64) == 0, "bind: %s",
          strerror(errno));
    getsockname(s.fd, (struct sockaddr *)&address, &size);
    s.port = ntohs(address.sin_port);
    return s;
}

static wire server_accept(server *s) {
    for (int idle = 0; idle < WIRE_WAIT_MS;) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            int one = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            return wire_of(s->mock, fd);
        }
        if (jf_mock_run_once(s->mock, 1) == 0) idle++;
    }
    CHECK(false, "nobody connected");
    return (wire){.mock = s->mock, .fd = -1, .text = calloc(1, 1), .room = 1, .ended = true};
}

static bool server_nobody(server *s) {
    jf_mock_settle(s->mock);
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) close(fd);
    return fd < 0;
}

static void server_close(server *s) {
    close(s->fd);
    s->fd = -1;
}

/** `length` bytes of JSON: a string of letters. To be freed. */
static char *big_json(size_t length) {
    char *text = malloc(length + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + i % 26);
    text[0] = text[length - 1] = '"';
    text[length] = 0;
    return text;
}

/** A started plugin with one listener. */
typedef struct front {
    jf_mock *mock;
    int port;
    jf_ref listener;
} front;

/** `begin` is how the URL of what it is bound to begins. */
static front front_at(const char *begin, const char *config) {
    front f = {.mock = jf_mock_new()};
    char bound[96] = "";
    CHECK(jf_mock_up(f.mock, jf_check_plugin, "{}"), "the plugin does not start");
    f.listener = jf_mock_listen(f.mock, "127.0.0.1:0", config, bound, sizeof(bound));
    CHECK(strncmp(bound, begin, strlen(begin)) == 0, "bound to %s: %s", bound, jf_mock_why(f.mock));
    f.port = port_of(bound);
    return f;
}

static void front_close(front *f) {
    CHECK(jf_mock_free(f->mock) == 0, "the plugin broke a rule");
}

#endif
