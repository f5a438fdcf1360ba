/* SPDX-License-Identifier: Apache-2.0
 * WebSocket frames by hand (RFC 6455 section 5.2), on the raw sockets of transport-http's tests. */
#ifndef TRANSPORT_WEBSOCKET_FRAMES_H
#define TRANSPORT_WEBSOCKET_FRAMES_H

// Its other half is for HTTP.
#pragma GCC diagnostic ignored "-Wunused-function"
#include "../transport-http/wire.h"

enum { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, FIN = 0x80 };

/** The example of RFC 6455 section 1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ANSWER "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define UPGRADE                                                                                              \
    "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: " KEY                       \
    "\r\nSec-WebSocket-Version: 13\r\n"

static front front_open(const char *config) {
    return front_at("ws://127.0.0.1:", config);
}

/** Takes bytes off the front of what came. */
static void wire_cut(wire *w, size_t length) {
    memmove(w->text, w->text + length, w->length - length + 1);
    w->length -= length;
}

/** Waits for a whole HTTP head and cuts it off; the copy is to be freed. */
static char *wire_head(wire *w) {
    if (!wire_hear(w, "\r\n\r\n")) return strdup("");
    size_t length = (size_t)((char *)memmem(w->text, w->length, "\r\n\r\n", 4) - w->text) + 4;
    char *head = strndup(w->text, length);
    wire_cut(w, length);
    return head;
}

static bool upgrade_at(wire *w, const char *path, const char *extra) {
    char *text = NULL;
    int length = asprintf(&text, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n", path, UPGRADE, extra);
    bool sent = wire_send(w, text, (size_t)length);
    free(text);
    return sent;
}

/** A connected, upgraded client. */
static wire client_open(front *f) {
    wire w = wire_dial(f->mock, f->port);
    upgrade_at(&w, "/mcp", "Sec-WebSocket-Protocol: mcp\r\n");
    char *head = wire_head(&w);
    CHECK(strncmp(head, "HTTP/1.1 101 ", 13) == 0, "no upgrade: %s", head);
    free(head);
    return w;
}

static size_t frame_head(uint8_t *out, uint8_t first, uint64_t length, bool masked) {
    size_t at = 0;
    out[at++] = first;
    if (length < 126) {
        out[at++] = (uint8_t)length;
    } else if (length < 65536) {
        out[at++] = 126;
        out[at++] = (uint8_t)(length >> 8);
        out[at++] = (uint8_t)length;
    } else {
        out[at++] = 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            out[at++] = (uint8_t)(length >> shift);
    }
    if (masked) {
        out[1] |= 0x80;
        memcpy(out + at, "\x12\x34\x56\x78", 4);
        at += 4;
    }
    return at;
}

/** One frame as bytes, to be freed. */
static uint8_t *frame_make(uint8_t first, const void *payload, uint64_t length, bool masked, size_t *size) {
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
    uint8_t *bytes = malloc(length + 14);
    size_t head = frame_head(bytes, first, length, masked);
    for (uint64_t i = 0; i < length; i++)
        bytes[head + i] = (uint8_t)(((const uint8_t *)payload)[i] ^ (masked ? mask[i % 4] : 0));
    *size = head + length;
    return bytes;
}

static bool frame_send(wire *w, uint8_t first, const void *payload, uint64_t length, bool masked) {
    size_t size;
    uint8_t *bytes = frame_make(first, payload, length, masked, &size);
    bool sent = wire_send(w, bytes, size);
    free(bytes);
    return sent;
}

/** What a client says: masked. */
static bool say(wire *w, uint8_t first, const char *text) {
    return frame_send(w, first, text, strlen(text), true);
}

typedef struct frame {
    uint8_t first; /**< 0: none came */
    bool masked;
    uint64_t length;
    char *payload; /**< unmasked, NUL-terminated, to be freed */
} frame;

/** Waits for a whole frame and cuts it off. */
static frame frame_hear(wire *w) {
    frame f = {0};
    if (!wire_hear_bytes(w, 2)) return f;
    const uint8_t *bytes = (const uint8_t *)w->text;
    uint64_t length = bytes[1] & 0x7f;
    size_t head = 2 + (length == 126 ? 2 : length == 127 ? 8 : 0), key = head;
    bool masked = (bytes[1] & 0x80) != 0;
    if (!wire_hear_bytes(w, head + (masked ? 4 : 0))) return f;
    bytes = (const uint8_t *)w->text;
    if (head > 2) length = 0;
    for (size_t i = 2; i < head; i++)
        length = length << 8 | bytes[i];
    if (masked) head += 4;
    if (!wire_hear_bytes(w, head + length)) return f;
    bytes = (const uint8_t *)w->text;
    f = (frame){.first = bytes[0], .masked = masked, .length = length, .payload = malloc(length + 1)};
    for (uint64_t i = 0; i < length; i++)
        f.payload[i] = (char)(bytes[head + i] ^ (masked ? bytes[key + i % 4] : 0));
    f.payload[length] = 0;
    wire_cut(w, head + length);
    return f;
}

/** True when the next frame is a text frame with this payload. */
static bool hears(wire *w, const char *text, bool masked) {
    frame f = frame_hear(w);
    bool same = f.first == (FIN | TEXT) && f.masked == masked && strcmp(f.payload, text) == 0;
    if (!same) printf("  heard %02x %s\n", f.first, f.payload != NULL ? f.payload : "nothing");
    free(f.payload);
    return same;
}

/** The code of the close frame that comes next, other frames skipped; 0: none came. */
static int hears_close(wire *w) {
    for (;;) {
        frame f = frame_hear(w);
        int code = f.first == (FIN | CLOSE) && f.length >= 2
                       ? (uint8_t)f.payload[0] << 8 | (uint8_t)f.payload[1]
                       : 0;
        free(f.payload);
        if (f.first == 0 || f.first == (FIN | CLOSE)) return code;
    }
}

static bool says_close(wire *w, int code, bool masked) {
    const uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    return frame_send(w, FIN | CLOSE, payload, 2, masked);
}

static const jf_mock_event *next_message(jf_mock *mock, uint32_t *mark) {
    const jf_mock_event *e = jf_mock_wait(mock, *mark, JF_MOCK_CLIENT_MESSAGE, 0, 0, WIRE_WAIT_MS);
    if (e != NULL) *mark = e->index + 1;
    return e;
}

/** Answers every message from inside `deliver`, with the body that came. */
static int32_t echo_now(void *user, jf_mock *mock, const jf_mock_event *e) {
    (void)user;
    if (e->type == JF_MOCK_CLIENT_MESSAGE)
        jf_mock_reply(mock, e->peer, 0, JF_MSG_FINAL, JF_STATUS_OK, e->text);
    return JF_OK;
}

static bool view_is(jf_view v, const char *text) {
    return v.len == strlen(text) && (v.len == 0 || memcmp(v.ptr, text, v.len) == 0);
}

#endif
