/* SPDX-License-Identifier: Apache-2.0
 * Event streams to clients, clients that leave, and readers that are slow. */

TEST(streams_events) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    for (int round = 0; round < 2; round++) {
        wire_forget(&w);
        CHECK(post(&w, "", "{}"), "not sent");
        const jf_mock_event *e = next_message(f.mock, &mark);
        REQUIRE(e != NULL, "no message");
        CHECK(jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, "{\"n\":1}") == JF_OK, "first");
        CHECK(wire_hear(&w, "\r\n\r\nf\r\ndata: {\"n\":1}\n\n\r\n"), "event %s", w.text);
        CHECK(wire_begins(&w, "HTTP/1.1 200 OK\r\n") &&
                  strstr(w.text, "Content-Type: text/event-stream\r\n") &&
                  strstr(w.text, "Cache-Control: no-cache, no-transform\r\n") &&
                  strstr(w.text, "X-Accel-Buffering: no\r\n") &&
                  strstr(w.text, "Transfer-Encoding: chunked\r\n"),
              "head %s", w.text);
        wire_forget(&w);
        CHECK(jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, "{\r\n\"n\":\n2}") == JF_OK,
              "second");
        CHECK(wire_hear(&w, "\n\n") && wire_begins(&w, "12\r\ndata: {  \"n\": 2}\n\n\r\n"), "breaks: %s",
              w.text);
        wire_forget(&w);
        // The last message ends the stream, with a body in one round and without in the other.
        jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, round ? "[3]" : NULL);
        CHECK(wire_hear(&w, "0\r\n\r\n"), "end %s", w.text);
        CHECK(wire_begins(&w, round ? "b\r\ndata: [3]\n\n\r\n0\r\n\r\n" : "0\r\n\r\n"), "end %s", w.text);
    }
    wire_close(&w);
    front_close(&f);
}

TEST(opens_a_stream_without_an_event) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    CHECK(wire_say(&w, "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"), "GET");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    CHECK(jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, NULL) == JF_OK, "open");
    CHECK(wire_hear(&w, "\r\n\r\n"), "head %s", w.text);
    wire_forget(&w);
    jf_mock_advance(f.mock, 16000000000ull);
    CHECK(wire_hear(&w, "e\r\n: keep-alive\n\n\r\n"), "no comment: %s", w.text);
    jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, "{}");
    CHECK(wire_hear(&w, "data: {}\n\n"), "event %s", w.text);
    wire_close(&w);
    front_close(&f);
}

TEST(sends_one_event_to_who_wants_only_events) {
    front f = front_open("{}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    wire w = wire_dial(f.mock, f.port);
    CHECK(wire_say(&w, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Accept: text/event-stream\r\nContent-Length: 3\r\n\r\n[1]"),
          "not sent");
    CHECK(wire_hear(&w, "b\r\ndata: [1]\n\n\r\n0\r\n\r\n"), "answer %s", w.text);
    wire_close(&w);
    w = wire_dial(f.mock, f.port);
    CHECK(wire_say(&w, "POST /mcp HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Accept: text/event-stream\r\nContent-Length: 3\r\n\r\n[1]"),
          "not sent");
    CHECK(wire_hear_end(&w) && strstr(w.text, "\r\n\r\ndata: [1]\n\n") != NULL, "HTTP/1.0 %s", w.text);
    wire_close(&w);
    front_close(&f);
}

TEST(reads_accept) {
    static const struct {
        const char *accept;
        uint32_t flags;
    } rows[] = {{"application/json", JF_MSG_ACCEPTS_JSON},
                {"text/event-stream;q=0.5", JF_MSG_ACCEPTS_STREAM},
                {"*/*", JF_MSG_ACCEPTS_JSON | JF_MSG_ACCEPTS_STREAM},
                {"text/html", 0},
                {"Application/JSON ; q=1 , text/event-stream", JF_MSG_ACCEPTS_JSON | JF_MSG_ACCEPTS_STREAM},
                {"application/json;q=0, text/*", JF_MSG_ACCEPTS_STREAM},
                {"application/jsonx", 0}};
    front f = front_open("{}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512];
        sprintf(text,
                "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: %s\r\n"
                "Content-Length: 2\r\n\r\n{}",
                rows[i].accept);
        CHECK(wire_say(&w, text), "not sent");
        const jf_mock_event *e = next_message(f.mock, &mark);
        REQUIRE(e != NULL, "no message");
        CHECK((e->flags & (JF_MSG_ACCEPTS_JSON | JF_MSG_ACCEPTS_STREAM)) == rows[i].flags, "%s: %u",
              rows[i].accept, e->flags);
    }
    wire_close(&w);
    front_close(&f);
}

TEST(tells_that_a_client_left) {
    for (int kind = 0; kind < 3; kind++) {
        front f = front_open("{}");
        wire w = wire_dial(f.mock, f.port);
        uint32_t mark = 0;
        CHECK(post(&w, "", "{}"), "not sent");
        const jf_mock_event *e = next_message(f.mock, &mark);
        REQUIRE(e != NULL, "no message");
        if (kind == 1) jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, "{}");
        if (kind == 2) {
            struct linger reset = {.l_onoff = 1};
            setsockopt(w.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        wire_close(&w);
        CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_GONE, e->peer, e->exchange, WIRE_WAIT_MS) != NULL,
              "gone %d", kind);
        CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, e->peer, 0, WIRE_WAIT_MS) != NULL, "closed %d",
              kind);
        jf_message m = {.size = sizeof(m), .flags = JF_MSG_FINAL, .exchange = e->exchange};
        CHECK(jf_mock_listener(f.mock)->reply(jf_mock_self(f.mock), e->peer, &m) == JF_E_STALE, "not stale");
        front_close(&f);
    }
}

TEST(holds_back_for_slow_readers) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    int small = 65536;
    setsockopt(w.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    uint32_t mark = 0, events = 0;
    CHECK(post(&w, "", "{}"), "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    char *body = big_json(200000);
    int32_t status = JF_OK;
    while (status == JF_OK && events < 200) {
        status = jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, body);
        jf_mock_settle(f.mock);
        events++;
    }
    CHECK(status == JF_E_BUSY && events >= 5, "%d after %u events", status, events);
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_WRITABLE, 0, 0) == 0, "writable too early");
    CHECK(wire_hear_bytes(&w, (size_t)events * 200000), "%zu bytes", w.length);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_WRITABLE, e->peer, e->exchange, WIRE_WAIT_MS) != NULL,
          "writable");
    CHECK(count_of(&w, body) == (int)events, "%d of %u events arrived whole", count_of(&w, body), events);
    // One that never reads is let go.
    for (events = 0; events < 500 && status != JF_E_STALE; events++) {
        status = jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, body);
        jf_mock_settle(f.mock);
    }
    CHECK(status == JF_E_STALE, "%u events were queued", events);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, e->peer, 0, WIRE_WAIT_MS) != NULL, "closed");
    free(body);
    wire_close(&w);
    front_close(&f);
}

/** Closes the client from inside `deliver`, with or without an answer before. */
static int32_t close_now(void *user, jf_mock *mock, const jf_mock_event *e) {
    if (e->type != JF_MOCK_CLIENT_MESSAGE) return JF_OK;
    if (*(int *)user == 1) jf_mock_reply(mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, "[9]");
    if (*(int *)user == 2) jf_mock_reply(mock, e->peer, e->exchange, 0, JF_STATUS_OK, "[9]");
    if (*(int *)user == 3) {
        jf_mock_refuse(mock, e->peer);
        return JF_E_STALE;
    }
    jf_mock_listener(mock)->close(jf_mock_self(mock), e->peer);
    return JF_OK;
}

TEST(closes_from_inside_deliver) {
    for (int kind = 0; kind < 4; kind++) {
        front f = front_open("{}");
        jf_mock_on_event(f.mock, close_now, &kind);
        wire w = wire_dial(f.mock, f.port);
        char text[512] = "";
        for (int i = 0; i < 2; i++)
            strcat(text, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         "Content-Length: 2\r\n\r\n{}");
        wire_say(&w, text);
        CHECK(wire_hear_end(&w), "kind %d is still open", kind);
        CHECK((kind == 1 || kind == 2) == (strstr(w.text, "[9]") != NULL), "kind %d: %s", kind, w.text);
        wire_close(&w);
        front_close(&f);
    }
}

/** Refuses every client. */
static int32_t refuse_all(void *user, jf_mock *mock, const jf_mock_event *e) {
    (void)user, (void)mock;
    return e->type == JF_MOCK_CLIENT_OPENED ? JF_E_BUSY : JF_OK;
}

TEST(obeys_a_host_that_refuses_clients) {
    front f = front_open("{}");
    jf_mock_on_event(f.mock, refuse_all, NULL);
    wire w = wire_dial(f.mock, f.port);
    CHECK(post(&w, "", "{}") && wire_hear_end(&w) && wire_begins(&w, "HTTP/1.1 503 "), "answer %s", w.text);
    wire_close(&w);
    front_close(&f);
}

TEST(drains_and_stops) {
    front f = front_open("{}");
    wire idle = wire_dial(f.mock, f.port), busy = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    CHECK(post(&idle, "", "{}"), "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, "[1]");
    CHECK(wire_hear(&idle, "[1]") && post(&busy, "", "{}"), "idle");
    e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    jf_mock_listener(f.mock)->unlisten(jf_mock_self(f.mock), f.listener);
    jf_mock_drain(f.mock, 1000);
    CHECK(wire_hear_end(&idle), "the idle connection stays");
    jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, "[2]");
    CHECK(wire_hear(&busy, "[2]") && strstr(busy.text, "Connection: close\r\n") && wire_hear_end(&busy), "%s",
          busy.text);
    wire_close(&idle);
    wire_close(&busy);
    front_close(&f);
}

TEST(shares_a_port) {
    front a = front_open("{}");
    front b = {.mock = jf_mock_new()};
    char address[64], bound[96] = "";
    sprintf(address, "127.0.0.1:%d", a.port);
    CHECK(jf_mock_up(b.mock, jf_check_plugin, "{}"), "the plugin does not start");
    CHECK(jf_mock_listen(b.mock, address, "{\"address\":\"127.0.0.1:0\"}", bound, sizeof(bound)) != 0, "%s",
          jf_mock_why(b.mock));
    CHECK(port_of(bound) == a.port, "bound to %s", bound);
    CHECK(jf_mock_listen(b.mock, NULL, "{\"address\":\"nonsense\"}", bound, sizeof(bound)) == 0,
          "nonsense is bound");
    CHECK(strstr(jf_mock_why(b.mock), "nonsense") != NULL, "%s", jf_mock_why(b.mock));
    CHECK(jf_mock_listen(b.mock, NULL, "{\"address\":\"[::1]:0\"}", bound, sizeof(bound)) == 0 ||
              strncmp(bound, "http://[::1]:", 13) == 0,
          "IPv6 is bound to %s", bound);
    front_close(&b);
    front_close(&a);
}
