/* SPDX-License-Identifier: Apache-2.0
 * One fuzz input taken apart, the record of what happened, and the other end of a connection. */
#ifndef HTTP_FUZZ_SCRIPT_H
#define HTTP_FUZZ_SCRIPT_H

#include "connector.h"
#include "jf_mock.h"
#include "listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/** Ends the run as a finding. */
#define MUST(condition, ...)                                                                                 \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "http_fuzz: %s: ", #condition);                                                  \
            fprintf(stderr, __VA_ARGS__);                                                                    \
            fputc('\n', stderr);                                                                             \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

enum { PIECES_MAX = 96, BIG_BODY = 300000 };

/** An input: three lines (options, cuts, behaviours), then the bytes that travel. */
typedef struct script {
    jf_view options, cuts, acts, bytes;
    bool whole; /**< ignore the cuts: everything at once */
    uint32_t acted;
} script;

static jf_view take_line(jf_view *rest) {
    return view_until(*rest, '\n', rest);
}

static script script_of(const uint8_t *data, size_t size) {
    jf_view rest = {data, size};
    script s = {.options = take_line(&rest)};
    s.cuts = take_line(&rest);
    s.acts = take_line(&rest);
    s.bytes = rest;
    return s;
}

static bool has(const script *s, char option) {
    return s->options.len > 1 && memchr(s->options.ptr + 1, option, s->options.len - 1) != NULL;
}

/** The next behaviour; they are used in turn, for ever. */
static char next_act(script *s, char otherwise) {
    return s->acts.len == 0 ? otherwise : (char)s->acts.ptr[s->acted++ % s->acts.len];
}

/** From which allocation on there is no memory; 0: there always is. */
static uint32_t starved_from(const script *s) {
    const uint8_t *at = s->options.len > 1 ? memchr(s->options.ptr + 1, 'f', s->options.len - 1) : NULL;
    return at == NULL || at + 1 == s->options.ptr + s->options.len ? 0 : 1 + at[1] % 64;
}

/** What happened, as text: equal for equal behaviour. */
typedef struct record {
    char *text;
    size_t length, room;
} record;

static void note_bytes(record *r, const void *bytes, size_t length) {
    if (r->room - r->length < length) {
        r->room = 2 * r->room + length + 4096;
        r->text = realloc(r->text, r->room);
        MUST(r->text != NULL, "out of memory");
    }
    if (length != 0) memcpy(r->text + r->length, bytes, length);
    r->length += length;
}

__attribute__((format(printf, 2, 3))) static void note(record *r, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    note_bytes(r, text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

static void note_view(record *r, const char *name, jf_view view) {
    if (view.ptr == NULL) return;
    note(r, " %s=%llu:", name, (unsigned long long)view.len);
    note_bytes(r, view.ptr, view.len);
}

static void note_message(record *r, const jf_mock_event *e) {
    const jf_message *m = &e->message;
    note(r, "message exchange=%llx flags=%u kind=%u status=%d retry=%u", (unsigned long long)e->exchange,
         m->flags, m->kind, m->status, m->retry_ms);
    note_view(r, "target", m->target);
    note_view(r, "protocol", m->protocol);
    note_view(r, "method", m->method);
    note_view(r, "name", m->name);
    note_view(r, "session", m->session);
    note_view(r, "resume", m->resume);
    for (uint64_t i = 0; i < m->header_count; i++) {
        note_view(r, "header", m->headers[i].name);
        note_view(r, "value", m->headers[i].value);
    }
    note_view(r, "body", (jf_view){(const uint8_t *)e->text, e->length});
    note(r, "\n");
}

/** The other end of a connection of the plugin's. */
typedef struct peer {
    int fd; /**< -1: closed */
    record heard;
} peer;

/** Makes a pair of connected sockets; the plugin's one is returned. */
static int peer_open(peer *p, bool small) {
    int pair[2], size = 4608;
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0, "%s",
         strerror(errno));
    if (small) setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    *p = (peer){.fd = pair[0]};
    return pair[1];
}

/** Reads what there is, and goes on for as long as more comes when the loop runs. */
static void peer_hear(jf_mock *mock, peer *p) {
    static char piece[65536];
    jf_mock_settle(mock);
    while (p->fd >= 0) {
        ssize_t got = recv(p->fd, piece, sizeof(piece), 0);
        if (got <= 0) break;
        note_bytes(&p->heard, piece, (size_t)got);
        jf_mock_settle(mock);
    }
}

static void peer_close(peer *p) {
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
}

static void peer_free(peer *p) {
    peer_close(p);
    free(p->heard.text);
    p->heard = (record){0};
}

/** Sends bytes in the script's pieces, the loop running after each; `deaf`: without reading in between. */
static void peer_say(jf_mock *mock, peer *p, const script *s, jf_view bytes, bool deaf) {
    uint32_t cut = 0, pieces = 0;
    uint64_t at = 0;
    while (at < bytes.len && p->fd >= 0) {
        uint64_t size = bytes.len - at;
        if (!s->whole && s->cuts.len != 0 && ++pieces < PIECES_MAX) {
            uint64_t wanted = 1u + s->cuts.ptr[cut++ % s->cuts.len] % 128u;
            size = wanted < size ? wanted : size;
        }
        ssize_t done = send(p->fd, bytes.ptr + at, size, MSG_NOSIGNAL);
        if (done > 0) at += (uint64_t)done;
        if (done < 0 && errno != EAGAIN) return;
        jf_mock_settle(mock);
        if (!deaf) peer_hear(mock, p);
        // Full, and nobody takes anything: what is left is never sent.
        if (done < 0 && send(p->fd, bytes.ptr + at, 1, MSG_NOSIGNAL) != 1) return;
        if (done < 0) at++;
    }
}

#endif
