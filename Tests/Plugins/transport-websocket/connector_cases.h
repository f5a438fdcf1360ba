/* SPDX-License-Identifier: Apache-2.0
 * The connector against servers played by hand: handshake, messages, queue, closing. */

typedef struct back {
    jf_mock *mock;
    server s;
    jf_ref channel;
    char key[32];
} back;

/** A started plugin, a listening socket, and a channel to it. `more` are further members of the entry. */
static back back_open(const char *more) {
    back b = {.mock = jf_mock_new()};
    char config[1024];
    CHECK(jf_mock_up(b.mock, jf_check_plugin, "{}"), "the plugin does not start");
    b.s = server_open(b.mock);
    snprintf(config, sizeof(config), "{\"url\":\"ws://127.0.0.1:%d/mcp?a=b\"%s}", b.s.port, more);
    b.channel = jf_mock_open(b.mock, "far", config);
    CHECK(b.channel != 0, "open: %s", jf_mock_why(b.mock));
    return b;
}

static void back_close(back *b) {
    server_close(&b->s);
    CHECK(jf_mock_free(b->mock) == 0, "the plugin broke a rule");
}

/** Answers the upgrade; `head` is printed with the right Sec-WebSocket-Accept, NULL: a normal one. */
static wire back_accept(back *b, const char *head) {
    wire w = server_accept(&b->s);
    char *request = wire_head(&w), *key = strstr(request, "Sec-WebSocket-Key: "), *text = NULL;
    CHECK(strstr(request, "GET /mcp?a=b HTTP/1.1\r\nHost: 127.0.0.1:") == request, "%s", request);
    CHECK(strstr(request, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n") != NULL, "%s", request);
    CHECK(strstr(request, "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mcp\r\n") != NULL, "%s",
          request);
    CHECK(key != NULL && key[19 + 24] == '\r', "%s", request);
    snprintf(b->key, sizeof(b->key), "%.24s", key != NULL ? key + 19 : "");
    free(request);
    // The plugin's own listener knows the answer to any key: no second SHA-1 is needed here.
    front f = front_open("{}");
    wire asked = wire_dial(f.mock, f.port);
    asprintf(&text,
             "GET /mcp HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
             b->key);
    wire_say(&asked, text);
    free(text);
    char *answer = wire_head(&asked), *accept = strstr(answer, "Accept: ");
    if (accept == NULL || strlen(accept) < 36) accept = "        ____________________________";
    asprintf(&text,
             head != NULL
                 ? head
                 : "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n"
                   "Sec-WebSocket-Accept: %.28s\r\nSec-WebSocket-Protocol: mcp\r\n\r\n",
             accept + 8);
    wire_say(&w, text);
    free(text);
    free(answer);
    wire_close(&asked);
    front_close(&f);
    return w;
}

TEST(connects_and_carries_messages) {
    back b = back_open(",\"headers\":{\"X-Team\":\"core\"}");
    CHECK(jf_mock_send(b.mock, b.channel, 0, "{}") == JF_E_GONE, "sent before the upgrade");
    wire w = back_accept(&b, NULL);
    const jf_mock_event *e = jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_READY, b.channel, 0, WIRE_WAIT_MS);
    REQUIRE(e != NULL, "not ready");
    CHECK(e->flags == (JF_CHANNEL_SHARED | JF_CHANNEL_LOCAL), "flags %u", e->flags);
    CHECK(jf_mock_send(b.mock, b.channel, 0, "{\"id\":1}") == JF_OK, "send: %s", jf_mock_why(b.mock));
    CHECK(hears(&w, "{\"id\":1}", true), "the message, masked");
    static const size_t sizes[] = {125, 126, 65535, 65536, 1000000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *text = big_json(sizes[i]);
        CHECK(jf_mock_send(b.mock, b.channel, 0, text) == JF_OK, "send: %s", jf_mock_why(b.mock));
        CHECK(hears(&w, text, true), "%zu bytes", sizes[i]);
        uint32_t mark = jf_mock_mark(b.mock);
        frame_send(&w, FIN | TEXT, text, sizes[i], false);
        e = jf_mock_wait(b.mock, mark, JF_MOCK_CHANNEL_MESSAGE, b.channel, 0, WIRE_WAIT_MS);
        CHECK(e != NULL && e->exchange == 0 && strcmp(e->text, text) == 0, "answer of %zu bytes", sizes[i]);
        free(text);
    }
    frame_send(&w, FIN | PING, "beat", 4, false);
    frame pong = frame_hear(&w);
    CHECK(pong.first == (FIN | PONG) && pong.masked && strcmp(pong.payload, "beat") == 0, "%02x", pong.first);
    free(pong.payload);
    jf_mock_cancel(b.mock, b.channel, jf_mock_exchange(b.mock));
    CHECK(wire_silent(&w), "cancelling an exchange says something on a shared channel");
    wire_close(&w);
    back_close(&b);
}

TEST(both_sides_in_one_instance) {
    back b = back_open("");
    wire w = back_accept(&b, NULL);
    REQUIRE(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_READY, b.channel, 0, WIRE_WAIT_MS) != NULL, "not ready");
    char bound[96] = "";
    front f = {.mock = b.mock};
    f.listener = jf_mock_listen(b.mock, "127.0.0.1:0", "{}", bound, sizeof(bound));
    f.port = port_of(bound);
    wire c = client_open(&f);
    const jf_mock_event *e = jf_mock_find(b.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0);
    REQUIRE(e != NULL, "no client");
    for (int i = 0; i < 3; i++) {
        CHECK(jf_mock_send(b.mock, b.channel, 0, "{\"up\":1}") == JF_OK && hears(&w, "{\"up\":1}", true),
              "up");
        CHECK(jf_mock_reply(b.mock, e->peer, 0, 0, JF_STATUS_OK, "{\"down\":1}") == JF_OK, "reply");
        CHECK(hears(&c, "{\"down\":1}", false), "down");
    }
    wire_close(&c);
    wire_close(&w);
    back_close(&b);
}

TEST(sends_configured_headers_and_every_key_is_fresh) {
    back b = back_open(",\"headers\":{\"X-Team\":\"core\"},\"reconnect\":{\"initial_ms\":1,\"max_ms\":1}");
    char keys[2][32];
    for (int i = 0; i < 2; i++) {
        wire w = server_accept(&b.s);
        char *request = wire_head(&w), *key = strstr(request, "Key: ");
        CHECK(strstr(request, "\r\nX-Team: core\r\n") != NULL, "%s", request);
        snprintf(keys[i], sizeof(keys[i]), "%.24s", key != NULL ? key + 5 : "");
        free(request);
        wire_close(&w);
    }
    CHECK(strcmp(keys[0], keys[1]) != 0, "the same key again: %s", keys[0]);
    back_close(&b);
}

/** What `failed` says when the upgrade is answered like this. */
static void refusal_says(const char *head, int32_t code, const char *part) {
    back b = back_open("");
    wire w = back_accept(&b, head);
    const jf_mock_event *e = jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_FAILED, b.channel, 0, WIRE_WAIT_MS);
    if (e == NULL) {
        CHECK(false, "no failure: %s", head);
    } else {
        CHECK(e->exchange == 0 && e->fault.code == code && e->fault.retry_ms != 0, "%d, again in %u ms",
              e->fault.code, e->fault.retry_ms);
        CHECK((e->fault.flags & JF_FAULT_NOT_STARTED) != 0, "flags %u", e->fault.flags);
        CHECK(memmem(e->fault.text, e->fault.text_len, part, strlen(part)) != NULL, "%.*s",
              (int)e->fault.text_len, e->fault.text);
        CHECK(memmem(e->fault.text, e->fault.text_len, "\"far\"", 5) != NULL, "the server's name is missing");
    }
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_READY, 0, 0) == 0, "ready all the same");
    CHECK(wire_hear_end(&w), "the connection stays open");
    wire_close(&w);
    back_close(&b);
}

#define SWITCHING "HTTP/1.1 101 Switching Protocols\r\n"
#define TO_WEBSOCKET "Upgrade: websocket\r\nConnection: Upgrade\r\n"

TEST(refused_upgrades) {
    refusal_says("HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nnever", JF_E_DENIED, "401");
    refusal_says("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", JF_E_DENIED, "headers");
    refusal_says("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n", JF_E_GONE, "url");
    refusal_says("HTTP/1.1 307 Temporary Redirect\r\nLocation: /there\r\n\r\n", JF_E_GONE, "redirects");
    refusal_says("SSH-2.0-OpenSSH\r\n\r\n", JF_E_INVALID, "not HTTP");
    refusal_says(SWITCHING TO_WEBSOCKET "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
                 JF_E_INVALID, "Sec-WebSocket-Accept");
    refusal_says(SWITCHING TO_WEBSOCKET "\r\n", JF_E_INVALID, "Sec-WebSocket-Accept");
    refusal_says(SWITCHING "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", JF_E_INVALID, "something else");
    refusal_says(SWITCHING TO_WEBSOCKET "Sec-WebSocket-Accept: %.28s\r\nSec-WebSocket-Extensions: x\r\n\r\n",
                 JF_E_INVALID, "extensions");
    refusal_says(SWITCHING TO_WEBSOCKET "Sec-WebSocket-Accept: %.28s\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
                 JF_E_INVALID, "sub-protocol");
}

TEST(server_without_sub_protocol_and_a_message_at_once) {
    back b = back_open("");
    wire w = back_accept(&b, SWITCHING TO_WEBSOCKET "Sec-WebSocket-Accept: %.28s\r\n\r\n\x81\x04{\"\"}");
    const jf_mock_event *e = jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_MESSAGE, b.channel, 0, WIRE_WAIT_MS);
    REQUIRE(e != NULL, "no message");
    CHECK(strcmp(e->text, "{\"\"}") == 0, "%s", e->text);
    const jf_mock_event *ready = jf_mock_find(b.mock, 0, JF_MOCK_CHANNEL_READY, b.channel, 0);
    CHECK(ready != NULL && ready->index < e->index, "the message came before `ready`");
    wire_close(&w);
    back_close(&b);
}

TEST(bad_entries) {
    static const char *const entries[] = {"{\"url\":\"http://127.0.0.1/\"}",
                                          "{\"url\":\"ws://\"}",
                                          "{\"url\":\"ws://u@h/\"}",
                                          "{}",
                                          "{\"url\":\"ws://h/\",\"headers\":{\"Upgrade\":\"x\"}}",
                                          "{\"url\":\"ws://h/\",\"headers\":{\"Sec-WebSocket-Key\":\"x\"}}",
                                          "{\"url\":\"ws://h/\",\"headers\":{\"a\":\"b\\r\\nc: d\"}}"};
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        jf_mock *mock = jf_mock_new();
        CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "start");
        CHECK(jf_mock_open(mock, "bad", entries[i]) == 0, "%s is accepted", entries[i]);
        CHECK(strstr(jf_mock_why(mock), "\"bad\"") != NULL, "%s", jf_mock_why(mock));
        CHECK(jf_mock_free(mock) == 0, "a rule was broken");
    }
}

TEST(a_server_that_does_not_read_fills_the_queue) {
    back b = back_open(",\"queue\":300000");
    wire w = back_accept(&b, NULL);
    REQUIRE(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_READY, b.channel, 0, WIRE_WAIT_MS) != NULL, "not ready");
    char *text = big_json(100000);
    int sent = 0;
    int32_t status = JF_OK;
    while (status == JF_OK && sent < 500) {
        status = jf_mock_send(b.mock, b.channel, 0, text);
        sent += status == JF_OK;
    }
    CHECK(status == JF_E_BUSY && strstr(jf_mock_why(b.mock), "queue") != NULL, "%d %s", status,
          jf_mock_why(b.mock));
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_WRITABLE, 0, 0) == 0, "writable too early");
    for (int i = 0; i < sent; i++)
        CHECK(hears(&w, text, true), "message %d is not whole", i);
    CHECK(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_WRITABLE, b.channel, 0, WIRE_WAIT_MS) != NULL,
          "no writable");
    CHECK(jf_mock_send(b.mock, b.channel, 0, "{}") == JF_OK && hears(&w, "{}", true), "stuck");
    free(text);
    wire_close(&w);
    back_close(&b);
}

TEST(closes_with_a_handshake) {
    back b = back_open("");
    wire w = back_accept(&b, NULL);
    REQUIRE(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_READY, b.channel, 0, WIRE_WAIT_MS) != NULL, "not ready");
    jf_mock_connector(b.mock)->close(jf_mock_self(b.mock), jf_mock_handle(b.mock, b.channel), UINT64_MAX);
    frame close = frame_hear(&w);
    CHECK(close.first == (FIN | CLOSE) && close.masked && close.length == 2, "%02x", close.first);
    free(close.payload);
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_CLOSED, 0, 0) == 0, "closed before the answer");
    frame_send(&w, FIN | TEXT, "{}", 2, false);
    says_close(&w, 1000, false);
    CHECK(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_CLOSED, b.channel, 0, WIRE_WAIT_MS) != NULL, "not closed");
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_MESSAGE, 0, 0) == 0, "delivered after close");
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_FAILED, 0, 0) == 0, "a close is no failure");
    CHECK(wire_hear_end(&w) && server_nobody(&b.s), "it connects again");
    wire_close(&w);
    back_close(&b);
}

TEST(closes_without_the_servers_help) {
    back b = back_open("");
    wire w = back_accept(&b, NULL);
    REQUIRE(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_READY, b.channel, 0, WIRE_WAIT_MS) != NULL, "not ready");
    uint64_t deadline = jf_mock_now(b.mock) + 1000000000u;
    jf_mock_connector(b.mock)->close(jf_mock_self(b.mock), jf_mock_handle(b.mock, b.channel), deadline);
    jf_mock_settle(b.mock);
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_CLOSED, 0, 0) == 0, "closed at once");
    jf_mock_advance(b.mock, 1100000000u);
    CHECK(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_CLOSED, b.channel, 0, WIRE_WAIT_MS) != NULL, "not closed");
    wire_close(&w);
    back_close(&b);
}

TEST(closes_in_every_state) {
    for (int state = 0; state < 3; state++) {
        back b = back_open(",\"reconnect\":{\"initial_ms\":60000,\"max_ms\":60000}");
        wire w = {.fd = -1};
        if (state > 0) w = server_accept(&b.s);
        if (state > 1) {
            wire_close(&w);
            CHECK(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_FAILED, b.channel, 0, WIRE_WAIT_MS) != NULL,
                  "failed");
        }
        CHECK(jf_mock_close(b.mock, b.channel, WIRE_WAIT_MS), "not closed in state %d", state);
        if (w.fd >= 0) wire_close(&w);
        back_close(&b);
    }
}
