/* SPDX-License-Identifier: Apache-2.0
 * The connector against a server played by hand: requests as sent, answers of every form. */

/** A started plugin with one channel to a server of the test's own. */
typedef struct back {
    jf_mock *mock;
    server server;
    jf_ref channel;
} back;

/** `config` is what follows the url in the server's entry: "" or ",\"max_message\":10". */
static back back_open(const char *path, const char *config) {
    back b = {.mock = jf_mock_new()};
    b.server = server_open(b.mock);
    CHECK(jf_mock_up(b.mock, jf_check_plugin, "{}"), "the plugin does not start");
    char text[1024];
    snprintf(text, sizeof(text), "{\"url\":\"http://127.0.0.1:%d%s\"%s}", b.server.port, path, config);
    b.channel = jf_mock_open(b.mock, "tickets", text);
    CHECK(b.channel != 0, "%s", jf_mock_why(b.mock));
    const jf_mock_event *e = jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_READY, b.channel, 0, WIRE_WAIT_MS);
    CHECK(e != NULL && e->flags == JF_CHANNEL_EXCHANGES, "not ready");
    return b;
}

static void back_close(back *b) {
    CHECK(jf_mock_close(b->mock, b->channel, WIRE_WAIT_MS), "not closed");
    server_close(&b->server);
    CHECK(jf_mock_free(b->mock) == 0, "the plugin broke a rule");
}

static jf_ref ask(back *b, const char *json) {
    jf_ref exchange = jf_mock_exchange(b->mock);
    int32_t status = jf_mock_send(b->mock, b->channel, exchange, json);
    CHECK(status == JF_OK, "send answered %d: %s", status, jf_mock_why(b->mock));
    return exchange;
}

static const jf_mock_event *answer_of(back *b, jf_ref exchange) {
    return jf_mock_wait(b->mock, 0, JF_MOCK_CHANNEL_MESSAGE, b->channel, exchange, WIRE_WAIT_MS);
}

static const jf_mock_event *failure_of(back *b, jf_ref exchange) {
    return jf_mock_wait(b->mock, 0, JF_MOCK_CHANNEL_FAILED, b->channel, exchange, WIRE_WAIT_MS);
}

static const char ok_json[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]";

/** Sends the request, answers it with `text` and returns what came of it. The connection stays in `*w`. */
static const jf_mock_event *exchange_of(back *b, wire *w, const char *text, uint32_t type) {
    uint32_t mark = jf_mock_mark(b->mock);
    jf_ref exchange = ask(b, "{}");
    if (w->fd < 0) *w = server_accept(&b->server);
    CHECK(wire_hear(w, "\r\n\r\n{}"), "request %s", w->text);
    wire_forget(w);
    CHECK(wire_say(w, text), "answer not taken");
    return jf_mock_wait(b->mock, mark, type, b->channel, exchange, WIRE_WAIT_MS);
}

TEST(sends_a_request_and_keeps_the_connection) {
    back b = back_open("/mcp", ",\"headers\":{\"X-Team\":\"core\",\"Authorization\":\"Bearer x\"}");
    CHECK(server_nobody(&b.server), "connected without need");
    wire w = {.fd = -1};
    for (int i = 0; i < 3; i++) {
        jf_ref exchange = ask(&b, "{\"id\":1}");
        if (i == 0) w = server_accept(&b.server);
        CHECK(wire_hear(&w, "\r\n\r\n{\"id\":1}"), "request %s", w.text);
        char expected[512];
        sprintf(expected,
                "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: application/json, text/event-stream\r\n"
                "Content-Type: application/json\r\nX-Team: core\r\nAuthorization: Bearer x\r\n"
                "Content-Length: 8\r\n\r\n{\"id\":1}",
                b.server.port);
        CHECK(strcmp(w.text, expected) == 0, "request %s", w.text);
        wire_forget(&w);
        CHECK(wire_say(&w, ok_json), "answer");
        const jf_mock_event *e = answer_of(&b, exchange);
        REQUIRE(e != NULL, "no answer");
        CHECK(strcmp(e->text, "[1]") == 0 && e->flags == (JF_MSG_FINAL | JF_MSG_PADDED) &&
                  e->status == JF_STATUS_OK,
              "%s flags %u", e->text, e->flags);
    }
    CHECK(server_nobody(&b.server), "a second connection");
    wire_close(&w);
    back_close(&b);
}

TEST(sends_the_headers_of_a_message) {
    back b = back_open("/a/mcp?k=v", "");
    jf_view body[2] = {jf_mock_view("[1,"), jf_mock_view("2]")};
    jf_pair more[2] = {{jf_mock_view("Mcp-Param-Region"), jf_mock_view("us west")},
                       {jf_mock_view("Mcp-Param-X"), jf_mock_view(" x")}};
    jf_message m = {.size = sizeof(m), .exchange = jf_mock_exchange(b.mock), .body = body, .body_count = 2};
    m.protocol = jf_mock_view("2026-07-28");
    m.method = jf_mock_view("tools/call");
    m.name = jf_mock_view("\xc3\xa4\xc3\xb6");
    m.session = jf_mock_view("s");
    m.resume = jf_mock_view("e");
    m.headers = more;
    m.header_count = 2;
    const jf_connector_1 *c = jf_mock_connector(b.mock);
    jf_ref handle = jf_mock_handle(b.mock, b.channel);
    CHECK(c->send(jf_mock_self(b.mock), handle, &m, jf_mock_fault(b.mock)) == JF_OK, "%s",
          jf_mock_why(b.mock));
    wire w = server_accept(&b.server);
    CHECK(wire_hear(
              &w,
              "\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n"
              "Mcp-Name: =?base64?w6TDtg==?=\r\nMcp-Session-Id: s\r\nLast-Event-ID: e\r\n"
              "Mcp-Param-Region: us west\r\nMcp-Param-X: =?base64?IHg=?=\r\nContent-Length: 5\r\n\r\n[1,2]"),
          "request %s", w.text);
    CHECK(wire_begins(&w, "POST /a/mcp?k=v HTTP/1.1\r\n"), "line %s", w.text);
    wire_say(&w, ok_json);
    CHECK(answer_of(&b, m.exchange) != NULL, "no answer");
    m.session = jf_mock_view("a\r\nX: y");
    CHECK(c->send(jf_mock_self(b.mock), handle, &m, jf_mock_fault(b.mock)) == JF_E_INVALID,
          "a line break was sent");
    m.session = (jf_view){0};
    m.headers = NULL;
    m.header_count = 0;
    static const char *const lines[] = {"POST ", "GET ", "DELETE "};
    for (uint32_t kind = JF_KIND_STREAM; kind <= JF_KIND_END; kind++) {
        wire_forget(&w);
        m.kind = kind;
        m.exchange = jf_mock_exchange(b.mock);
        CHECK(c->send(jf_mock_self(b.mock), handle, &m, jf_mock_fault(b.mock)) == JF_OK, "send");
        CHECK(wire_hear(&w, "\r\n\r\n") && wire_begins(&w, lines[kind]) && !strstr(w.text, "Content-"), "%s",
              w.text);
        wire_say(&w, "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
        const jf_mock_event *e = answer_of(&b, m.exchange);
        CHECK(e != NULL && e->status == JF_STATUS_NOT_ALLOWED && e->text == NULL, "kind %u", kind);
    }
    wire_close(&w);
    back_close(&b);
}

TEST(reads_answers_of_every_form) {
    static const struct {
        const char *answer;
        int32_t status;
        const char *body;
        bool keeps;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=utf-8\r\nTransfer-Encoding: "
         "chunked\r\n\r\n"
         "2\r\n[1\r\n3;x=y\r\n,2]\r\n0\r\nT: u\r\n\r\n",
         JF_STATUS_OK, "[1,2]", true},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
         "HTTP/1.1 404 Gone\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
         JF_STATUS_NOT_FOUND, "{}", true},
        {"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", JF_STATUS_ACCEPTED, NULL, true},
        {"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nnull",
         JF_STATUS_ACCEPTED, NULL, true},
        {"HTTP/1.1 204 No Content\r\n\r\n", JF_STATUS_OK, NULL, true},
        {"HTTP/1.1 400 No\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n<h1/>",
         JF_STATUS_BAD_REQUEST, NULL, true},
        {"HTTP/1.1 418 No\r\nContent-Length: 0\r\n\r\n", JF_STATUS_BAD_REQUEST, NULL, true},
        {"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", JF_STATUS_UNAUTHORIZED, NULL, true},
        {"HTTP/1.1 429 No\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n", JF_STATUS_OVERLOADED, NULL, true},
        {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", JF_STATUS_INTERNAL, NULL, true},
        {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", JF_STATUS_UNAVAILABLE, NULL, true},
        {"HTTP/1.1 504 No\r\nContent-Length: 0\r\n\r\n", JF_STATUS_TIMEOUT, NULL, true},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: "
         "close\r\n\r\n{}",
         JF_STATUS_OK, "{}", false},
        {"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", JF_STATUS_OK,
         "{}", false}};
    for (int dribble = 0; dribble < 2; dribble++) {
        back b = back_open("/mcp", "");
        wire w = {.fd = -1};
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            const char *text = rows[i].answer;
            jf_ref exchange = ask(&b, "{}");
            if (w.fd < 0) w = server_accept(&b.server);
            CHECK(wire_hear(&w, "\r\n\r\n{}"), "%zu: request %s", i, w.text);
            wire_forget(&w);
            if (dribble)
                wire_dribble(&w, text, strlen(text));
            else
                wire_say(&w, text);
            const jf_mock_event *e = answer_of(&b, exchange);
            REQUIRE(e != NULL, "%zu: no answer", i);
            CHECK(e->status == rows[i].status && (e->flags & JF_MSG_FINAL) != 0, "%zu: status %d", i,
                  e->status);
            CHECK(rows[i].body == NULL ? e->text == NULL
                                       : e->text != NULL && strcmp(e->text, rows[i].body) == 0,
                  "%zu: body %s", i, e->text);
            CHECK(rows[i].status != JF_STATUS_OVERLOADED || e->message.retry_ms == 3000, "retry %u",
                  e->message.retry_ms);
            if (rows[i].keeps) continue;
            CHECK(wire_hear_end(&w), "%zu: kept", i);
            wire_close(&w);
        }
        CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_MESSAGE, 0, 0) == sizeof(rows) / sizeof(rows[0]),
              "count");
        wire_close(&w);
        back_close(&b);
    }
}

TEST(reads_an_answer_that_ends_with_the_connection) {
    back b = back_open("/mcp", "");
    wire w = {.fd = -1};
    jf_ref exchange = ask(&b, "{}");
    w = server_accept(&b.server);
    CHECK(wire_hear(&w, "{}"), "request");
    wire_say(&w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: abc\r\n\r\n[1,");
    wire_say(&w, "2]");
    wire_close(&w);
    const jf_mock_event *e = answer_of(&b, exchange);
    REQUIRE(e != NULL, "no answer");
    CHECK(strcmp(e->text, "[1,2]") == 0 && view_is(e->message.session, "abc"), "%s", e->text);
    back_close(&b);
}

TEST(carries_large_answers) {
    static const size_t sizes[] = {100 * 1000, 16384, 65536, 3u << 20};
    back b = back_open("/mcp", "");
    wire w = {.fd = -1};
    for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t size = sizes[i / 2];
        char *body = big_json(size), *text = malloc(2 * size + 512);
        size_t length = (size_t)sprintf(text, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n");
        if (i % 2 == 0) {
            length += (size_t)sprintf(text + length, "Content-Length: %zu\r\n\r\n%s", size, body);
        } else {
            length += (size_t)sprintf(text + length, "Transfer-Encoding: chunked\r\n\r\n");
            for (size_t at = 0; at < size; at += 1000) {
                size_t part = size - at < 1000 ? size - at : 1000;
                length += (size_t)sprintf(text + length, "%zx\r\n%.*s\r\n", part, (int)part, body + at);
            }
            length += (size_t)sprintf(text + length, "0\r\n\r\n");
        }
        uint32_t mark = jf_mock_mark(b.mock);
        jf_ref exchange = ask(&b, body);
        if (w.fd < 0) w = server_accept(&b.server);
        CHECK(wire_hear(&w, body), "request");
        wire_forget(&w);
        CHECK(wire_send(&w, text, length), "not taken");
        const jf_mock_event *e =
            jf_mock_wait(b.mock, mark, JF_MOCK_CHANNEL_MESSAGE, b.channel, exchange, WIRE_WAIT_MS);
        CHECK(e != NULL && e->length == size && memcmp(e->text, body, size) == 0 &&
                  (e->flags & JF_MSG_PADDED),
              "%zu", size);
        free(body);
        free(text);
    }
    CHECK(jf_mock_buffers(b.mock) <= 1, "%u buffers are held", jf_mock_buffers(b.mock));
    CHECK(server_nobody(&b.server), "a second connection");
    wire_close(&w);
    back_close(&b);
}

static const char event_head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                                 "Mcp-Session-Id: s9\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(reads_event_streams) {
    static const char stream[] =
        "\xef\xbb\xbf: hello\n\nid: 1\nretry: 5\ndata:\n\nevent: message\r\ndata: {\"a\":1}\r\n\r\n"
        "data:{\"b\":\rdata:  2}\r\rnonsense\ndatax: 1\ndata\n\n:x\ndata: [3]\nid\n\n\n"
        "data: {\"n\":4}\r\n\ndata: lost";
    static const char *const events[] = {"{\"a\":1}", "{\"b\":\n 2}", "[3]", "{\"n\":4}"};
    for (int dribble = 0; dribble < 3; dribble++) {
        back b = back_open("/mcp", "");
        jf_ref exchange = ask(&b, "{}");
        wire w = server_accept(&b.server);
        CHECK(wire_hear(&w, "{}"), "request");
        char text[4096];
        size_t length = (size_t)sprintf(text, "%s", event_head);
        if (dribble == 2) {
            for (size_t i = 0; i < sizeof(stream) - 1; i++)
                length += (size_t)sprintf(text + length, "1\r\n%c\r\n", stream[i]);
        } else {
            length += (size_t)sprintf(text + length, "%zx\r\n%s\r\n", sizeof(stream) - 1, stream);
        }
        memcpy(text + length, "0\r\n\r\n", 6);
        length += 5;
        if (dribble == 1)
            wire_dribble(&w, text, length);
        else
            wire_send(&w, text, length);
        CHECK(jf_mock_wait_count(b.mock, 5, 0, JF_MOCK_CHANNEL_MESSAGE, b.channel, exchange, WIRE_WAIT_MS),
              "%u messages", jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_MESSAGE, b.channel, exchange));
        uint32_t mark = 0;
        for (int i = 0; i < 5; i++) {
            const jf_mock_event *e = jf_mock_find(b.mock, mark, JF_MOCK_CHANNEL_MESSAGE, 0, 0);
            REQUIRE(e != NULL, "event %d", i);
            mark = e->index + 1;
            if (i == 4)
                CHECK(e->text == NULL && (e->flags & JF_MSG_FINAL) != 0, "end");
            else
                CHECK(strcmp(e->text, events[i]) == 0 && e->flags == JF_MSG_PADDED &&
                          view_is(e->message.session, "s9"),
                      "event %d is %s", i, e->text);
        }
        // The connection is as good as new.
        wire_forget(&w);
        exchange = ask(&b, "[]");
        CHECK(wire_hear(&w, "[]"), "not reused");
        wire_say(&w, ok_json);
        CHECK(answer_of(&b, exchange) != NULL, "no answer");
        wire_close(&w);
        back_close(&b);
    }
}

TEST(reads_large_events_and_holds_nothing_between) {
    back b = back_open("/mcp", "");
    jf_ref exchange = ask(&b, "{}");
    wire w = server_accept(&b.server);
    CHECK(wire_hear(&w, "{}") && wire_say(&w, event_head), "head");
    char *body = big_json(3u << 20), *text = malloc((3u << 20) + 64);
    for (uint32_t i = 1; i <= 2; i++) {
        size_t length = (size_t)sprintf(text, "%x\r\ndata: %s\n\n\r\n", (3u << 20) + 8, body);
        CHECK(wire_send(&w, text, length), "not taken");
        CHECK(jf_mock_wait_count(b.mock, i, 0, JF_MOCK_CHANNEL_MESSAGE, 0, exchange, WIRE_WAIT_MS),
              "event %u", i);
        jf_mock_settle(b.mock);
        CHECK(jf_mock_buffers(b.mock) <= 1, "%u buffers are held between events", jf_mock_buffers(b.mock));
    }
    const jf_mock_event *e = answer_of(&b, exchange);
    CHECK(e != NULL && e->length == 3u << 20 && strcmp(e->text, body) == 0, "another event");
    free(body);
    free(text);
    wire_close(&w);
    CHECK(failure_of(&b, exchange) != NULL, "the cut stream is no failure");
    back_close(&b);
}
