/* SPDX-License-Identifier: Apache-2.0
 * One fuzz input taken apart, and the other end of a connection, which also reads what the plugin writes. */
#ifndef WEBSOCKET_FUZZ_PEER_H
#define WEBSOCKET_FUZZ_PEER_H

#include "jf_mock.h"
#include "server.h"
#include "uplink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/** Ends the run as a finding. */
#define MUST(condition, ...)                                                                                 \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "websocket_fuzz: %s: ", #condition);                                             \
            fprintf(stderr, __VA_ARGS__);                                                                    \
            fputc('\n', stderr);                                                                             \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

enum { PIECES_MAX = 200 };

/** An input: a line of options, a line of piece lengths, then the bytes that travel. */
typedef struct script {
    jf_view options, cuts, bytes;
} script;

static script script_of(const uint8_t *data, size_t size) {
    jf_view rest = {data, size};
    script s = {.options = view_until(rest, '\n', &rest)};
    s.cuts = view_until(rest, '\n', &rest);
    s.bytes = rest;
    return s;
}

static bool has(const script *s, char option) {
    return s->options.len > 1 && memchr(s->options.ptr + 1, option, s->options.len - 1) != NULL;
}

/** From which allocation on there is no memory; UINT64_MAX: there always is. */
static uint64_t starved_from(const script *s) {
    const uint8_t *at = s->options.len > 1 ? memchr(s->options.ptr + 1, 'f', s->options.len - 1) : NULL;
    return at == NULL || at + 1 == s->options.ptr + s->options.len ? UINT64_MAX : at[1] % 64u;
}

/** Bytes that grow. */
typedef struct record {
    uint8_t *bytes;
    size_t length, room;
} record;

static void note(record *r, const void *bytes, size_t length) {
    if (r->room - r->length < length) {
        r->room = 2 * r->room + length + 4096;
        r->bytes = realloc(r->bytes, r->room);
        MUST(r->bytes != NULL, "out of memory");
    }
    if (length != 0) memcpy(r->bytes + r->length, bytes, length);
    r->length += length;
}

/** The other end of the plugin's connection. */
typedef struct peer {
    int fd; /**< -1: none */
    record heard;
} peer;

/** Makes a pair of connected sockets; the plugin's one is returned. */
static int peer_open(peer *p, bool small) {
    int pair[2], size = 4608;
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0, "%s",
         strerror(errno));
    if (small) setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    *p = (peer){.fd = pair[0], .heard = p->heard};
    return pair[1];
}

/** Reads what there is, and goes on for as long as more comes when the loop runs. */
static void peer_hear(jf_mock *mock, peer *p) {
    static uint8_t piece[65536];
    jf_mock_settle(mock);
    while (p->fd >= 0) {
        ssize_t got = recv(p->fd, piece, sizeof(piece), 0);
        if (got <= 0) break;
        note(&p->heard, piece, (size_t)got);
        jf_mock_settle(mock);
    }
}

static void peer_close(peer *p) {
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
}

/** Sends bytes, whole or in the script's pieces, the loop running after each. */
static void peer_say(jf_mock *mock, peer *p, jf_view bytes, jf_view cuts) {
    uint32_t cut = 0, pieces = 0;
    for (uint64_t at = 0; at < bytes.len && p->fd >= 0;) {
        uint64_t size = bytes.len - at;
        if (cuts.len != 0 && ++pieces < PIECES_MAX) {
            uint64_t wanted = 1u + cuts.ptr[cut++ % cuts.len] % 64u;
            size = wanted < size ? wanted : size;
        }
        ssize_t done = send(p->fd, bytes.ptr + at, size, MSG_NOSIGNAL);
        if (done > 0) at += (uint64_t)done;
        peer_hear(mock, p);
        if (done < 0) return;
    }
}

/** What the plugin wrote behind the HTTP head must be frames of RFC 6455; `masked`: a client's. */
static void check_frames(const record *heard, size_t from, bool masked, bool may_end_early) {
    size_t at = from;
    while (at < heard->length) {
        const uint8_t *frame = heard->bytes + at;
        size_t left = heard->length - at, head = 2;
        if (left < 2) break;
        uint8_t opcode = frame[0] & 15;
        uint64_t length = frame[1] & 127;
        MUST((frame[0] & 0xf0) == 0x80, "a fragment or reserved bits: %02x", frame[0]);
        MUST(opcode == 1 || opcode == 8 || opcode == 9 || opcode == 10, "opcode %u", opcode);
        MUST(((frame[1] & 128) != 0) == masked, "the mask bit is wrong");
        MUST(opcode == 1 || length < 126, "a control frame of %llu bytes", (unsigned long long)length);
        uint32_t wide = length == 126 ? 2 : length == 127 ? 8 : 0;
        if (left < head + wide) break;
        if (wide != 0) length = 0;
        for (uint32_t i = 0; i < wide; i++)
            length = length << 8 | frame[head++];
        head += masked ? 4 : 0;
        if (left < head + length) break;
        at += head + length;
        if (opcode == 8) MUST(at == heard->length, "something comes behind the close frame");
    }
    if (!may_end_early) MUST(at == heard->length, "half a frame");
}

#endif
