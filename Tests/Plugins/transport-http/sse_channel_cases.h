/* SPDX-License-Identifier: Apache-2.0
 * The connector against servers of HTTP+SSE (MCP 2024-11-05): configured or found out, hostile and lost. */

/** A channel with `sse: true` to a server of the test's own. */
static back sse_back(const char *path, const char *config) {
    back b = {.mock = jf_mock_new()};
    b.server = server_open(b.mock);
    CHECK(jf_mock_up(b.mock, jf_check_plugin, "{}"), "the plugin does not start");
    char text[1024];
    snprintf(text, sizeof(text), "{\"url\":\"http://127.0.0.1:%d%s\",\"sse\":true%s}", b.server.port, path,
             config);
    b.channel = jf_mock_open(b.mock, "old", text);
    CHECK(b.channel != 0, "%s", jf_mock_why(b.mock));
    return b;
}

/** Takes the GET of the channel and answers it with `text` behind the head. The stream stays open. */
static wire sse_stream(back *b, const char *text) {
    wire w = server_accept(&b->server);
    CHECK(wire_hear(&w, "\r\n\r\n") && wire_begins(&w, "GET "), "request %s", w.text);
    wire_say(&w, stream_head);
    wire_say(&w, text);
    return w;
}

static uint32_t readies(back *b) {
    return jf_mock_count(b->mock, 0, JF_MOCK_CHANNEL_READY, b->channel, 0);
}

static int32_t tell_server(back *b, const char *json) {
    return jf_mock_send(b->mock, b->channel, 0, json);
}

static const char accepted[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\nAccepted";

/** The fault of the channel as a whole; NULL: none was told. */
static const jf_mock_event *lost_channel(back *b, uint32_t mark) {
    return jf_mock_wait(b->mock, mark, JF_MOCK_CHANNEL_FAILED, b->channel, 0, WIRE_WAIT_MS);
}

TEST(speaks_http_sse_where_configured) {
    back b = sse_back("/app/sse", ",\"headers\":{\"Authorization\":\"Bearer x\"}");
    wire s = server_accept(&b.server);
    CHECK(wire_hear(&s, "\r\n\r\n"), "no GET");
    char expected[512];
    sprintf(
        expected,
        "GET /app/sse HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\nAuthorization: Bearer "
        "x\r\n\r\n",
        b.server.port);
    CHECK(strcmp(s.text, expected) == 0, "%s", s.text);
    CHECK(tell_server(&b, "{}") == JF_E_GONE, "sent before the endpoint is known");
    wire_say(&s, stream_head);
    wire_say(&s, ": hello\n\nevent: message\ndata: {\"early\":1}\n\n");
    CHECK(readies(&b) == 0, "ready too early");
    wire_say(&s, "event: endpoint\r\ndata: messages/?session_id=7\r\n\r\n");
    const jf_mock_event *e = jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_READY, b.channel, 0, WIRE_WAIT_MS);
    REQUIRE(e != NULL, "not ready");
    CHECK(e->flags == (JF_CHANNEL_SHARED | JF_CHANNEL_LOCAL), "flags %u", e->flags);
    CHECK(tell_server(&b, "{\"id\":1}") == JF_OK, "%s", jf_mock_why(b.mock));
    wire p = server_accept(&b.server);
    CHECK(wire_hear(&p, "{\"id\":1}"), "no POST");
    CHECK(wire_begins(&p, "POST /app/messages/?session_id=7 HTTP/1.1\r\n") && strstr(p.text, "Bearer x"),
          "%s", p.text);
    wire_say(&p, accepted);
    wire_say(
        &s, "event: message\ndata: {\"id\":1,\n data: 2}\ndata:   \"result\":{}}\n\nevent: ping\ndata: {}\n\n"
            "event: endpoint\ndata: http://evil.example/\n\ndata: {\"method\":\"x\"}\n\n");
    CHECK(jf_mock_wait_count(b.mock, 2, 0, JF_MOCK_CHANNEL_MESSAGE, b.channel, 0, WIRE_WAIT_MS), "messages");
    e = jf_mock_find(b.mock, 0, JF_MOCK_CHANNEL_MESSAGE, 0, 0);
    CHECK(e->exchange == 0 && e->flags == JF_MSG_PADDED &&
              strcmp(e->text, "{\"id\":1,\n  \"result\":{}}") == 0,
          "%s", e->text);
    CHECK(told(&b, JF_MOCK_CHANNEL_MESSAGE, 0) == 2 && told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 0, "told");
    // Only messages, and none with an exchange.
    CHECK(jf_mock_send(b.mock, b.channel, jf_mock_exchange(b.mock), "{}") == JF_E_UNSUPPORTED, "exchange");
    jf_message m = {.size = sizeof(m), .kind = JF_KIND_END};
    CHECK(jf_mock_connector(b.mock)->send(jf_mock_self(b.mock), jf_mock_handle(b.mock, b.channel), &m,
                                          jf_mock_fault(b.mock)) == JF_E_UNSUPPORTED,
          "end");
    wire_close(&p);
    wire_close(&s);
    back_close(&b);
}

TEST(finds_http_sse_out) {
    back b = back_open("/sse", "");
    uint32_t mark = jf_mock_mark(b.mock);
    jf_ref exchange = ask_in(&b, JF_KIND_STREAM, NULL, NULL, 0);
    wire s = sse_stream(&b, "event: endpoint\ndata: /messages?id=1\n\n");
    const jf_mock_event *ready =
        jf_mock_wait(b.mock, mark, JF_MOCK_CHANNEL_READY, b.channel, 0, WIRE_WAIT_MS);
    REQUIRE(ready != NULL, "not ready");
    CHECK(ready->flags == (JF_CHANNEL_SHARED | JF_CHANNEL_LOCAL), "flags %u", ready->flags);
    const jf_mock_event *end = answer_of(&b, exchange);
    CHECK(end != NULL && end->index > ready->index && end->flags == JF_MSG_FINAL && end->text == NULL, "end");
    CHECK(tell_server(&b, "[1]") == JF_OK, "send");
    wire p = server_accept(&b.server);
    CHECK(wire_hear(&p, "[1]") && wire_begins(&p, "POST /messages?id=1 HTTP/1.1\r\n") &&
              wire_say(&p, accepted),
          "%s", p.text);
    // The stream is the channel's: cancelling the exchange that opened it changes nothing.
    jf_mock_cancel(b.mock, b.channel, exchange);
    CHECK(wire_say(&s, "data: {\"method\":\"x\"}\n\n") && wire_silent(&s), "cancelled");
    wire_close(&s);
    const jf_mock_event *e = lost_channel(&b, mark);
    REQUIRE(e != NULL && e->exchange == 0, "not told");
    CHECK(e->fault.retry_ms == 1000 && strstr(e->fault.text, "ended its event stream"), "%s", e->fault.text);
    // It has become a server of Streamable HTTP meanwhile.
    mark = jf_mock_mark(b.mock);
    jf_mock_advance(b.mock, 1000 * MS);
    wire_close(&p);
    s = server_accept(&b.server);
    CHECK(wire_hear(&s, "GET /sse") && wire_say(&s, "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"), "%s",
          s.text);
    ready = jf_mock_wait(b.mock, mark, JF_MOCK_CHANNEL_READY, b.channel, 0, WIRE_WAIT_MS);
    REQUIRE(ready != NULL && ready->flags == JF_CHANNEL_EXCHANGES, "not taken back");
    wire_forget(&s);
    exchange = ask(&b, "{}");
    CHECK(wire_hear(&s, "POST /sse HTTP/1.1\r\n") && wire_say(&s, ok_json) && answer_of(&b, exchange) != NULL,
          "%s", s.text);
    wire_close(&s);
    back_close(&b);
}

TEST(keeps_other_streams_as_they_are) {
    static const struct {
        const char *text;
        uint32_t messages;
    } rows[] = {{"data: {\"method\":\"x\"}\n\nevent: endpoint\ndata: /m\n\n", 2},
                {"event: other\ndata: 1\n\nevent: endpoint\ndata: /m\n\n", 1},
                {"event: endpoint\n\n", 1},
                {"event: endpoint\ndata: /m\n", 1},
                {"event:endpoints\ndata: /m\n\n", 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        back b = back_open("/mcp", "");
        jf_ref exchange = ask_in(&b, JF_KIND_STREAM, NULL, NULL, 0);
        wire s = sse_stream(&b, rows[i].text);
        wire_close(&s);
        CHECK(jf_mock_wait_count(b.mock, rows[i].messages, 0, JF_MOCK_CHANNEL_MESSAGE, b.channel, exchange,
                                 WIRE_WAIT_MS),
              "%zu: messages", i);
        CHECK(readies(&b) == 1 && told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 0, "%zu: switched", i);
        back_close(&b);
    }
    // No stream at all: the status, as ever.
    back b = back_open("/mcp", "");
    jf_ref exchange = ask_in(&b, JF_KIND_STREAM, NULL, NULL, 0);
    wire s = server_accept(&b.server);
    CHECK(wire_hear(&s, "GET") && wire_say(&s, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), "GET");
    const jf_mock_event *e = answer_of(&b, exchange);
    CHECK(e != NULL && e->status == JF_STATUS_NOT_FOUND && e->flags == JF_MSG_FINAL, "status");
    // A server that has given out a session is none of HTTP+SSE.
    wire_forget(&s);
    exchange = ask(&b, "{}");
    CHECK(wire_hear(&s, "{}") &&
              wire_say(&s, "HTTP/1.1 200 OK\r\nMcp-Session-Id: s\r\nContent-Length: 0\r\n\r\n") &&
              answer_of(&b, exchange) != NULL,
          "answer");
    wire_forget(&s);
    exchange = ask_in(&b, JF_KIND_STREAM, NULL, NULL, 0);
    CHECK(wire_hear(&s, "GET") && wire_say(&s, stream_head) && wire_say(&s, "event: endpoint\ndata: /m\n\n"),
          "GET");
    wire_close(&s);
    CHECK(answer_of(&b, exchange) != NULL && readies(&b) == 1, "switched");
    back_close(&b);
}

TEST(takes_endpoints_of_its_own_origin_only) {
    static const struct {
        const char *data, *line; /**< NULL: refused */
    } rows[] = {{"/m?s=1", "POST /m?s=1 HTTP/1.1"},
                {"m", "POST /a/m HTTP/1.1"},
                {"?s=http://x/y", "POST /a/sse?s=http://x/y HTTP/1.1"},
                {"http://127.0.0.1:%d/m#f", "POST /m HTTP/1.1"},
                {"HTTP://127.0.0.1:%d?x", "POST /?x HTTP/1.1"},
                {"/m?u=//x://y", "POST /m?u=//x://y HTTP/1.1"},
                {"http://127.0.0.1:1/m", NULL},
                {"https://127.0.0.1:%d/m", NULL},
                {"http://localhost:%d/m", NULL},
                {"http://127.0.0.1.evil.example:%d/m", NULL},
                {"http://u@127.0.0.1:%d/m", NULL},
                {"http://127.0.0.1:%d@evil.example/m", NULL},
                {"//evil.example/m", NULL},
                {"javascript:alert(1)", NULL},
                {"/m HTTP/1.1", NULL},
                {"/m\ndata: X-Injected: 1", NULL},
                {"/m\xc3\xa4", NULL},
                {"/m\tx", NULL},
                {"#f", NULL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int configured = 0; configured < 2; configured++) {
            back b = configured ? sse_back("/a/sse?k=/v", "") : back_open("/a/sse?k=/v", "");
            jf_ref exchange = configured ? 0 : ask_in(&b, JF_KIND_STREAM, NULL, NULL, 0);
            char data[128], text[256];
            snprintf(data, sizeof(data), rows[i].data, b.server.port);
            sprintf(text, "event: endpoint\ndata: %s\n\n", data);
            uint32_t before = readies(&b);
            wire s = sse_stream(&b, text);
            if (rows[i].line == NULL) {
                const jf_mock_event *e =
                    jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_FAILED, b.channel, exchange, WIRE_WAIT_MS);
                REQUIRE(e != NULL, "%s: taken", data);
                CHECK(strstr(e->fault.text, "scheme, host and port") && e->exchange == exchange, "%s",
                      e->fault.text);
                CHECK(e->fault.code == JF_E_DENIED && strpbrk(e->fault.text, "\n\r") == NULL, "%s",
                      e->fault.text);
                CHECK((e->fault.retry_ms != 0) == (exchange == 0) && wire_hear_end(&s), "%s: open", data);
                CHECK(readies(&b) == before, "%s: ready", data);
            } else {
                CHECK(jf_mock_wait_count(b.mock, before + 1, 0, JF_MOCK_CHANNEL_READY, 0, 0, WIRE_WAIT_MS) &&
                          tell_server(&b, "{}") == JF_OK,
                      "%s: refused", data);
                wire p = server_accept(&b.server);
                CHECK(wire_hear(&p, "{}") && wire_begins(&p, rows[i].line), "%s: %s", data, p.text);
                wire_close(&p);
            }
            wire_close(&s);
            back_close(&b);
        }
}

TEST(keeps_the_order_of_messages) {
    back b = sse_back("/sse", "");
    wire s = sse_stream(&b, "event: endpoint\ndata: /m\n\n");
    CHECK(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_READY, b.channel, 0, WIRE_WAIT_MS) != NULL, "not ready");
    for (int i = 1; i <= 4; i++) {
        char json[16];
        sprintf(json, "[%d]", i);
        CHECK(tell_server(&b, json) == JF_OK, "send %d", i);
    }
    wire p = server_accept(&b.server);
    CHECK(wire_hear(&p, "[1]") && server_nobody(&b.server), "%s", p.text);
    wire_forget(&p);
    // A body of any kind, a refusal, a connection that breaks: each message has its turn.
    CHECK(wire_say(&p, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
          "1");
    CHECK(wire_hear(&p, "[2]"), "%s", p.text);
    wire_forget(&p);
    CHECK(wire_say(&p, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n") && wire_hear(&p, "[3]"), "2");
    CHECK(jf_mock_logged(b.mock, JF_LOG_WARNING, "refused a message with status 500"), "no log");
    wire_close(&p);
    p = server_accept(&b.server);
    CHECK(wire_hear(&p, "[4]") && wire_say(&p, accepted), "3");
    CHECK(jf_mock_logged(b.mock, JF_LOG_WARNING, "closed the connection without an answer"), "no log");
    // A server that answers a POST late does not hold up what it may wait for.
    wire_forget(&p);
    CHECK(tell_server(&b, "[5]") == JF_OK && wire_hear(&p, "[5]"), "5");
    CHECK(tell_server(&b, "[6]") == JF_OK && server_nobody(&b.server), "two at once");
    jf_mock_advance(b.mock, 2000ull * MS);
    wire q = server_accept(&b.server);
    CHECK(wire_hear(&q, "[6]") && wire_say(&q, accepted) && wire_say(&p, accepted), "6");
    jf_mock_settle(b.mock);
    CHECK(told(&b, JF_MOCK_CHANNEL_MESSAGE, 0) == 0 && told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 0, "told");
    wire_close(&p);
    wire_close(&q);
    wire_close(&s);
    back_close(&b);
}

TEST(bounds_the_messages_that_wait) {
    back b = sse_back("/sse", "");
    wire s = sse_stream(&b, "event: endpoint\ndata: /m\n\n");
    CHECK(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_READY, b.channel, 0, WIRE_WAIT_MS) != NULL, "not ready");
    for (int i = 0; i < 1025; i++)
        CHECK(tell_server(&b, "[1]") == JF_OK, "%d", i);
    CHECK(tell_server(&b, "[2]") == JF_E_BUSY && strstr(jf_mock_why(b.mock), "1024 messages wait"), "no end");
    wire p = server_accept(&b.server);
    for (int i = 0; i < 1025; i++) {
        CHECK(wire_hear(&p, "[1]"), "message %d", i);
        wire_forget(&p);
        if (i == 100) CHECK(told(&b, JF_MOCK_CHANNEL_WRITABLE, 0) == 0, "writable too early");
        wire_say(&p, accepted);
    }
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_WRITABLE, b.channel, 0) == 1, "writable");
    wire_close(&p);
    // What waits when the stream ends is thrown away with it.
    for (int i = 0; i < 3; i++)
        CHECK(tell_server(&b, "[1]") == JF_OK, "%d", i);
    wire_close(&s);
    CHECK(lost_channel(&b, 0) != NULL, "not told");
    CHECK(tell_server(&b, "[1]") == JF_E_GONE, "sent to nobody");
    back_close(&b);
}

TEST(connects_again_and_again) {
    back b = sse_back("/sse", "");
    uint32_t mark = 0;
    static const uint32_t pauses[] = {1000, 2000, 4000};
    // An endpoint alone is no success: a server that ends each stream at once is asked less and less often.
    for (int i = 0; i < 3; i++) {
        wire s = sse_stream(&b, "event: endpoint\ndata: /m\n\n");
        CHECK(jf_mock_wait(b.mock, mark, JF_MOCK_CHANNEL_READY, b.channel, 0, WIRE_WAIT_MS) != NULL,
              "%d: ready", i);
        wire_close(&s);
        const jf_mock_event *e = lost_channel(&b, mark);
        REQUIRE(e != NULL && e->fault.retry_ms == pauses[i], "%d: %u", i, e == NULL ? 0 : e->fault.retry_ms);
        mark = jf_mock_mark(b.mock);
        jf_mock_advance(b.mock, (pauses[i] - 20ull) * MS);
        CHECK(server_nobody(&b.server), "%d: early", i);
        jf_mock_advance(b.mock, 20ull * MS);
    }
    wire s = sse_stream(&b, "retry: 99999999999\nevent: endpoint\ndata: /m2\n\ndata: {\"method\":\"x\"}\n\n");
    CHECK(jf_mock_wait(b.mock, mark, JF_MOCK_CHANNEL_MESSAGE, b.channel, 0, WIRE_WAIT_MS) != NULL,
          "no message");
    CHECK(tell_server(&b, "{}") == JF_OK, "send");
    wire p = server_accept(&b.server);
    CHECK(wire_hear(&p, "POST /m2 HTTP/1.1\r\n"), "%s", p.text);
    // 404: it does not know the session that its stream belongs to.
    wire_say(&p, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    const jf_mock_event *e = lost_channel(&b, mark);
    REQUIRE(e != NULL, "not told");
    CHECK(e->fault.retry_ms == 60000 && strstr(e->fault.text, "404"), "%u %s", e->fault.retry_ms,
          e->fault.text);
    CHECK(wire_hear_end(&s), "the stream stays open");
    wire_close(&p);
    wire_close(&s);
    // Nobody there any more, and closed while it waits.
    mark = jf_mock_mark(b.mock);
    server_close(&b.server);
    b.server.fd = -1;
    jf_mock_advance(b.mock, 60000ull * MS);
    e = lost_channel(&b, mark);
    CHECK(e != NULL && strstr(e->fault.text, "Connection refused") && e->fault.retry_ms == 60000, "%s",
          e ? e->fault.text : "not told");
    back_close(&b);
}

TEST(refuses_what_is_no_http_sse) {
    static const struct {
        const char *answer, *text;
        uint64_t wait_ms;
    } rows[] = {
        {"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n", "status 405", 0},
        {"HTTP/1.1 302 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "redirect", 0},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "endpoint event",
         0},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: {}\n\n",
         "within 10 s", 10000},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nevent: "
         "endpoint\ndata: /m\n",
         "within 10 s", 10000},
        {"", "within 10 s", 10000},
        {"SSH-2.0\r\n", "not HTTP", 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        back b = sse_back("/sse", "");
        wire s = server_accept(&b.server);
        CHECK(wire_hear(&s, "\r\n\r\n") && wire_say(&s, rows[i].answer), "%zu: GET", i);
        jf_mock_advance(b.mock, rows[i].wait_ms * MS);
        const jf_mock_event *e = lost_channel(&b, 0);
        REQUIRE(e != NULL, "%zu: not told", i);
        CHECK(strstr(e->fault.text, rows[i].text) && e->fault.retry_ms == 1000, "%zu: %s", i, e->fault.text);
        CHECK(readies(&b) == 0 && told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 1, "%zu: told", i);
        wire_close(&s);
        back_close(&b);
    }
}

TEST(limits_the_first_event_and_the_others) {
    char *big = big_json(20000);
    for (int late = 0; late < 2; late++) {
        back b = sse_back("/sse", ",\"max_message\":18000");
        wire s = sse_stream(&b, late ? "event: endpoint\ndata: /m\n\n" : "event: endpoint\n");
        if (late) {
            // Larger than what the first event may be, and still well.
            char text[17100];
            sprintf(text, "data: %.17000s\n\n", big);
            CHECK(wire_say(&s, text), "not taken");
            CHECK(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_MESSAGE, b.channel, 0, WIRE_WAIT_MS) != NULL,
                  "no message");
        }
        wire_say(&s, "data: ");
        // No end of it: the other side closes, so it is not all taken.
        for (int i = 0; i < 4 && !s.ended; i++)
            if (!wire_send(&s, big, 16000)) break;
        const jf_mock_event *e = lost_channel(&b, 0);
        REQUIRE(e != NULL, "endless");
        CHECK(strstr(e->fault.text, late ? "raise max_message" : "16384 bytes before its endpoint event"),
              "%s", e->fault.text);
        wire_close(&s);
        back_close(&b);
    }
    free(big);
}

static int32_t act_now(void *user, jf_mock *mock, const jf_mock_event *e) {
    int kind = *(int *)user;
    bool now = kind == 0   ? e->type == JF_MOCK_CHANNEL_READY
               : kind == 1 ? e->type == JF_MOCK_CHANNEL_MESSAGE
                           : e->type == JF_MOCK_CHANNEL_FAILED;
    if (now) jf_mock_connector(mock)->close(jf_mock_self(mock), jf_mock_handle(mock, e->peer), 0);
    return JF_OK;
}

TEST(closes_http_sse_from_inside_anything) {
    for (int kind = 0; kind < 3; kind++)
        for (int configured = 0; configured < 2; configured++) {
            back b = configured ? sse_back("/sse", "") : back_open("/sse", "");
            if (!configured) ask_in(&b, JF_KIND_STREAM, NULL, NULL, 0);
            jf_mock_on_event(b.mock, act_now, &kind);
            wire s = sse_stream(&b, "event: endpoint\ndata: /m\n\n");
            if (kind == 1) wire_say(&s, "data: [1]\n\ndata: [2]\n\n");
            wire_close(&s);
            CHECK(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_CLOSED, b.channel, 0, WIRE_WAIT_MS) != NULL,
                  "not closed");
            CHECK(told(&b, JF_MOCK_CHANNEL_MESSAGE, 0) <= 1, "more was delivered");
            server_close(&b.server);
            CHECK(jf_mock_free(b.mock) == 0, "the plugin broke a rule");
        }
    // The instance ends with everything open, and while it waits.
    for (int waits = 0; waits < 2; waits++) {
        back b = sse_back("/sse", "");
        wire s = sse_stream(&b, "event: endpoint\ndata: /m\n\n");
        jf_mock_settle(b.mock);
        for (int i = 0; i < 3; i++)
            CHECK(tell_server(&b, "[1]") == JF_OK, "send");
        if (waits) wire_close(&s);
        jf_mock_settle(b.mock);
        server_close(&b.server);
        CHECK(jf_mock_free(b.mock) == 0, "the plugin broke a rule");
        if (!waits) wire_close(&s);
    }
}
