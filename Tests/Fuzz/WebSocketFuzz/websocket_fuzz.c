/* SPDX-License-Identifier: Apache-2.0
 * libFuzzer target for the input of transport-websocket, both sides: handshake and frames. Each input runs
 * twice, whole and in pieces: what the host is given must not depend on how the bytes arrive. */
#include "peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);

static peer server_side;
static bool server_small;

/** Takes the place of connect: a socket pair is connected at once, the first time only. */
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length) {
    (void)address, (void)length;
    if (server_side.fd != -2) {
        errno = ECONNREFUSED;
        return -1;
    }
    int other = peer_open(&server_side, server_small);
    dup2(other, fd);
    close(other);
    return 0;
}

typedef struct run {
    const script *s;
    record *given; /**< what the host was given */
} run;

static int32_t on_event(void *user, jf_mock *mock, const jf_mock_event *e) {
    run *it = user;
    bool from_client = e->type == JF_MOCK_CLIENT_MESSAGE;
    if (!from_client && e->type != JF_MOCK_CHANNEL_MESSAGE) return JF_OK;
    note(it->given, e->text != NULL ? e->text : "", e->length);
    note(it->given, "\n--\n", 4);
    if (has(it->s, 'r') && from_client) {
        jf_mock_refuse(mock, e->peer);
        return JF_E_STALE;
    }
    if (has(it->s, 'c') && from_client) jf_mock_listener(mock)->close(jf_mock_self(mock), e->peer);
    if (from_client && e->length != 0) jf_mock_reply(mock, e->peer, 0, 0, JF_STATUS_OK, "{\"result\":1}");
    if (!from_client) jf_mock_send(mock, e->peer, 0, "{\"id\":2}");
    return JF_OK;
}

static size_t head_end(const record *heard) {
    const uint8_t *end = heard->length == 0 ? NULL : memmem(heard->bytes, heard->length, "\r\n\r\n", 4);
    return end == NULL ? heard->length : (size_t)(end - heard->bytes) + 4;
}

static void finish(jf_mock *mock, const script *s, peer *p) {
    peer_hear(mock, p);
    // Longer than an interval, a pong's time and a goodbye's.
    for (int i = 0; i < 3 && has(s, 't'); i++) {
        jf_mock_advance(mock, 31000000000ull);
        peer_hear(mock, p);
    }
    if (has(s, 'b')) peer_close(p);
    jf_mock_settle(mock);
    if (has(s, 'd')) jf_mock_drain(mock, 1000);
    jf_mock_stop(mock);
    while (p->fd >= 0) {
        uint8_t piece[4096];
        ssize_t got = recv(p->fd, piece, sizeof(piece), 0);
        if (got <= 0) break;
        note(&p->heard, piece, (size_t)got);
    }
    MUST(jf_mock_free(mock) == 0, "the plugin broke a rule");
    peer_close(p);
}

static void run_listener(const script *s, jf_view cuts, record *given) {
    jf_mock *mock = jf_mock_new();
    jf_mock_want(mock, JF_WANTS_FIELDS);
    run it = {s, given};
    peer client = {.fd = -1};
    MUST(jf_mock_attach(mock, jf_entry_1) == JF_OK && jf_mock_create(mock, "{}") == JF_OK, "no instance");
    MUST(jf_mock_start(mock) == JF_OK, "start");
    jf_mock_on_event(mock, on_event, &it);
    const char *config =
        has(s, 'm') ? "{\"limits\":{\"max_message\":64,\"max_headers\":300,\"send_slow\":100}}" : "{}";
    MUST(jf_mock_listen(mock, "127.0.0.1:0", config, NULL, 0) != 0, "listen: %s", jf_mock_why(mock));
    struct endpoint from = {.length = sizeof(struct sockaddr_in)};
    from.address.v4.sin_family = AF_INET;
    jf_self *self = jf_mock_self(mock);
    self_tick(self);
    jf_mock_fail_allocations(mock, starved_from(s));
    conn_open((struct listener *)(void *)self->ports, peer_open(&client, has(s, 's')), &from);
    if (has(s, 'u'))
        peer_say(mock, &client,
                 jf_mock_view(
                     "GET /mcp HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"),
                 (jf_view){NULL, 0});
    peer_say(mock, &client, s->bytes, cuts);
    finish(mock, s, &client);
    if (client.heard.length > 12 && memcmp(client.heard.bytes, "HTTP/1.1 101", 12) == 0)
        check_frames(&client.heard, head_end(&client.heard), false,
                     has(s, 's') || starved_from(s) != UINT64_MAX);
    free(client.heard.bytes);
}

static void run_connector(const script *s, jf_view cuts, record *given) {
    jf_mock *mock = jf_mock_new();
    run it = {s, given};
    server_side = (peer){.fd = -2};
    server_small = has(s, 's');
    MUST(jf_mock_attach(mock, jf_entry_1) == JF_OK && jf_mock_create(mock, "{}") == JF_OK, "no instance");
    MUST(jf_mock_start(mock) == JF_OK, "start");
    jf_mock_on_event(mock, on_event, &it);
    jf_mock_fail_allocations(mock, starved_from(s));
    jf_ref channel = jf_mock_open(mock, "far",
                                  has(s, 'm') ? "{\"url\":\"ws://127.0.0.1:9/\",\"max_message\":64}"
                                              : "{\"url\":\"ws://127.0.0.1:9/\"}");
    jf_mock_settle(mock);
    if (server_side.fd == -2) server_side.fd = -1;
    peer_hear(mock, &server_side);
    const char *key =
        server_side.heard.length == 0
            ? NULL
            : memmem(server_side.heard.bytes, server_side.heard.length, "Sec-WebSocket-Key: ", 19);
    if (has(s, 'u') && key != NULL) {
        char accept[ACCEPT_LENGTH + 1], text[256];
        key_answer(view_make(key + 19, KEY_LENGTH), accept);
        snprintf(
            text, sizeof(text),
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
            accept);
        peer_say(mock, &server_side, jf_mock_view(text), (jf_view){NULL, 0});
        if (channel != 0) jf_mock_send(mock, channel, 0, "{\"id\":1}");
    }
    peer_say(mock, &server_side, s->bytes, cuts);
    if (has(s, 'c') && channel != 0)
        jf_mock_connector(mock)->close(jf_mock_self(mock), jf_mock_handle(mock, channel), UINT64_MAX);
    finish(mock, s, &server_side);
    check_frames(&server_side.heard, head_end(&server_side.heard), true,
                 has(s, 's') || starved_from(s) != UINT64_MAX);
    free(server_side.heard.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    script s = script_of(data, size);
    record first = {0}, second = {0};
    // 'L' and 'C' in the seeds.
    void (*side)(const script *, jf_view, record *) = (data[0] & 1) != 0 ? run_connector : run_listener;
    side(&s, s.cuts, &first);
    // A close by the host takes effect from the loop; a head's limit is checked as the head comes.
    bool compares = starved_from(&s) == UINT64_MAX && !has(&s, 'c') && !has(&s, 'm') && !has(&s, 's');
    if (compares && s.cuts.len != 0) {
        side(&s, (jf_view){NULL, 0}, &second);
        MUST(first.length == second.length &&
                 (first.length == 0 || memcmp(first.bytes, second.bytes, first.length) == 0),
             "the pieces make a difference:\n%.*s\n---- whole:\n%.*s", (int)first.length, (char *)first.bytes,
             (int)second.length, (char *)second.bytes);
    }
    free(first.bytes);
    free(second.bytes);
    return 0;
}
