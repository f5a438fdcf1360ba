/* SPDX-License-Identifier: Apache-2.0
 * Requests and single answers: keep-alive, pipelining, framing, mirrored headers, sizes. */

static front front_open(const char *config) {
    return front_at("http://127.0.0.1:", config);
}

/** A POST to /mcp with a Content-Length. `extra` are header lines. */
static bool post(wire *w, const char *extra, const char *body) {
    char *text = NULL;
    int length = asprintf(&text,
                          "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                          "Accept: application/json, text/event-stream\r\n%sContent-Length: %zu\r\n\r\n%s",
                          extra, strlen(body), body);
    bool sent = wire_send(w, text, (size_t)length);
    free(text);
    return sent;
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
        jf_mock_reply(mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, e->text);
    return JF_OK;
}

static bool view_is(jf_view v, const char *text) {
    return v.len == strlen(text) && (v.len == 0 || memcmp(v.ptr, text, v.len) == 0);
}

TEST(keeps_the_connection) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    for (int i = 0; i < 3; i++) {
        CHECK(post(&w, "", "{\"a\":1}"), "not sent");
        const jf_mock_event *e = next_message(f.mock, &mark);
        REQUIRE(e != NULL, "no message");
        CHECK(strcmp(e->text, "{\"a\":1}") == 0, "body %s", e->text);
        CHECK(e->flags == (JF_MSG_PADDED | JF_MSG_ACCEPTS_JSON | JF_MSG_ACCEPTS_STREAM), "flags %u",
              e->flags);
        CHECK(view_is(e->message.target, "/mcp"), "target");
        CHECK(jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, "{\"b\":2}") == JF_OK,
              "reply");
        CHECK(wire_hear(&w, "\r\n\r\n{\"b\":2}"), "answer %s", w.text);
        CHECK(wire_begins(&w, "HTTP/1.1 200 OK\r\nDate: ") && strstr(w.text, "Content-Length: 7\r\n") &&
                  strstr(w.text, "Content-Type: application/json\r\n"),
              "head %s", w.text);
        CHECK(jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, "{}") == JF_E_STALE,
              "an answered exchange is not stale");
        wire_forget(&w);
    }
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0) == 1, "one connection is one client");
    wire_close(&w);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, WIRE_WAIT_MS) != NULL, "closed is not told");
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_GONE, 0, 0) == 0, "gone without an open exchange");
    front_close(&f);
}

TEST(answers_pipelined_requests_in_order) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    char text[1024] = "";
    for (int i = 0; i < 3; i++)
        sprintf(text + strlen(text),
                "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                "Content-Length: 7\r\n\r\n{\"n\":%d}",
                i);
    CHECK(wire_say(&w, text), "not sent");
    uint32_t mark = 0;
    for (int i = 0; i < 3; i++) {
        const jf_mock_event *e = next_message(f.mock, &mark);
        REQUIRE(e != NULL, "message %d is missing", i);
        jf_mock_settle(f.mock);
        CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0) == (uint32_t)i + 1,
              "the next came too early");
        jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, e->text);
    }
    CHECK(wire_hear(&w, "{\"n\":2}"), "answers %s", w.text);
    CHECK(strstr(w.text, "{\"n\":0}") < strstr(w.text, "{\"n\":1}"), "order");
    wire_close(&w);
    front_close(&f);
}

TEST(answers_a_thousand_pipelined_requests_at_once) {
    front f = front_open("{}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    wire w = wire_dial(f.mock, f.port);
    char one[] = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 "Content-Length: 9\r\n\r\n[1,2,3,4]";
    char *all = malloc(1000 * sizeof(one));
    size_t length = 0;
    for (int i = 0; i < 1000; i++, length += sizeof(one) - 1)
        memcpy(all + length, one, sizeof(one) - 1);
    CHECK(wire_send(&w, all, length), "not sent");
    free(all);
    for (int i = 0; i < 200 && count_of(&w, "[1,2,3,4]") < 1000; i++) {
        jf_mock_run_once(f.mock, 5);
        wire_take(&w);
    }
    CHECK(count_of(&w, "[1,2,3,4]") == 1000, "%d answers", count_of(&w, "[1,2,3,4]"));
    wire_close(&w);
    front_close(&f);
}

TEST(reads_requests_byte_by_byte) {
    front f = front_open("{}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    wire w = wire_dial(f.mock, f.port);
    const char text[] =
        "POST /mcp/servers/time?x=1 HTTP/1.1\r\nHost: localhost:1\r\ncontent-type: application/json; "
        "charset=utf-8\r\nMCP-Method:  tools/call \t\r\nmcp-method: x\r\nContent-Length: 4\r\n\r\n[42]";
    wire_dribble(&w, text, sizeof(text) - 1);
    CHECK(wire_hear(&w, "\r\n\r\n[42]"), "answer %s", w.text);
    const jf_mock_event *e = jf_mock_find(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0);
    REQUIRE(e != NULL, "no message");
    CHECK(view_is(e->message.target, "/mcp/servers/time"), "target %.*s", (int)e->message.target.len,
          (const char *)e->message.target.ptr);
    CHECK(view_is(e->message.method, "tools/call"), "method is not trimmed");
    CHECK((e->flags & JF_MSG_BAD_HEADERS) != 0, "a repeated mirrored header was accepted");
    wire_close(&w);
    front_close(&f);
}

TEST(joins_chunked_bodies) {
    const char head[] = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n";
    const char body[] = "3\r\n[1,\r\n4;name=\"v\"\r\n 22,\r\n0002\r\n3]\r\n0\r\nTrailer: x\r\n\r\n";
    for (int dribble = 0; dribble < 2; dribble++) {
        front f = front_open("{}");
        jf_mock_on_event(f.mock, echo_now, NULL);
        wire w = wire_dial(f.mock, f.port);
        for (int i = 0; i < 2; i++) {
            char text[512];
            sprintf(text, "%s%s", head, body);
            if (dribble)
                wire_dribble(&w, text, strlen(text));
            else
                CHECK(wire_say(&w, text), "not sent");
            CHECK(wire_hear(&w, "\r\n\r\n[1, 22,3]"), "answer %s", w.text);
            wire_forget(&w);
        }
        wire_close(&w);
        front_close(&f);
    }
}

TEST(joins_a_large_body_in_small_chunks) {
    front f = front_open("{}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    wire w = wire_dial(f.mock, f.port);
    CHECK(wire_say(&w, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n"),
          "head");
    char *body = big_json(300000), *text = malloc(300000 / 100 * 110 + 32);
    size_t length = 0;
    for (size_t at = 0; at < 300000; at += 100) {
        length += (size_t)sprintf(text + length, "64\r\n");
        memcpy(text + length, body + at, 100);
        length += 100;
        memcpy(text + length, "\r\n", 2);
        length += 2;
    }
    memcpy(text + length, "0\r\n\r\n", 5);
    CHECK(wire_send(&w, text, length + 5), "body");
    CHECK(wire_hear(&w, body), "the body did not come back");
    free(body);
    free(text);
    wire_close(&w);
    front_close(&f);
}

TEST(carries_large_bodies_both_ways) {
    static const size_t sizes[] = {100 * 1000, 65536 - 200, 65536, 3u << 20};
    front f = front_open("{}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    wire w = wire_dial(f.mock, f.port);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *body = big_json(sizes[i]);
        wire_forget(&w);
        CHECK(post(&w, "", body), "not sent");
        CHECK(wire_hear_bytes(&w, sizes[i]), "%zu bytes came", w.length);
        CHECK(wire_hear(&w, body), "another body came back");
        const jf_mock_event *e = jf_mock_find(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0);
        CHECK(e != NULL && (e->flags & JF_MSG_PADDED) != 0, "not padded");
        free(body);
    }
    wire_close(&w);
    front_close(&f);
}

TEST(holds_no_buffer_while_idle) {
    front f = front_open("{}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    wire w[20];
    for (int i = 0; i < 20; i++) {
        w[i] = wire_dial(f.mock, f.port);
        char *body = big_json(100000);
        CHECK(post(&w[i], "", body) && wire_hear(&w[i], body), "no answer");
        free(body);
    }
    CHECK(jf_mock_buffers(f.mock) <= 1, "%u buffers are held", jf_mock_buffers(f.mock));
    for (int i = 0; i < 20; i++)
        wire_close(&w[i]);
    front_close(&f);
}

TEST(answers_expect_continue) {
    front f = front_open("{}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    wire w = wire_dial(f.mock, f.port);
    CHECK(wire_say(&w, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n"),
          "head");
    CHECK(wire_hear(&w, "HTTP/1.1 100 Continue\r\n\r\n"), "no go-ahead");
    CHECK(wire_say(&w, "[]") && wire_hear(&w, "\r\n\r\n[]"), "answer %s", w.text);
    wire_close(&w);
    front_close(&f);
}

TEST(serves_http_1_0) {
    front f = front_open("{}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    wire w = wire_dial(f.mock, f.port);
    CHECK(wire_say(&w, "POST /mcp HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Content-Length: 2\r\n\r\n[]"),
          "not sent");
    CHECK(wire_hear(&w, "Connection: close\r\n") && wire_hear_end(&w), "kept open: %s", w.text);
    CHECK(strstr(w.text, "\r\n\r\n[]") != NULL, "body %s", w.text);
    wire_close(&w);
    front_close(&f);
}

TEST(knows_the_kinds_of_requests) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    CHECK(wire_say(&w, "GET /mcp/ HTTP/1.1\r\nHost: 127.0.0.1:99\r\nAccept: text/event-stream\r\n"
                       "Last-Event-ID: 7\r\n\r\n"),
          "GET");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no GET");
    CHECK(e->message.kind == JF_KIND_STREAM && e->text == NULL && view_is(e->message.resume, "7") &&
              view_is(e->message.target, "/mcp") && e->flags == JF_MSG_ACCEPTS_STREAM,
          "kind %u flags %u", e->message.kind, e->flags);
    jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_NOT_ALLOWED, NULL);
    CHECK(wire_hear(&w, "Content-Length: 0\r\n\r\n") && wire_begins(&w, "HTTP/1.1 405 "), "answer %s",
          w.text);
    wire_forget(&w);
    CHECK(
        wire_say(
            &w, "DELETE /mcp HTTP/1.1\r\nHost: [::1]\r\nMcp-Session-Id: s-1\r\nContent-Length: 3\r\n\r\nabc"),
        "DELETE");
    e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no DELETE");
    CHECK(e->message.kind == JF_KIND_END && e->text == NULL && view_is(e->message.session, "s-1"), "DELETE");
    jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_ACCEPTED, NULL);
    CHECK(wire_hear(&w, "Content-Length: 0\r\n\r\n") && wire_begins(&w, "HTTP/1.1 202 Accepted"), "%s",
          w.text);
    wire_close(&w);
    front_close(&f);
}

TEST(decodes_mirrored_headers) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    CHECK(post(&w,
               "MCP-PROTOCOL-VERSION: 2026-07-28\r\nmcp-name: =?base64?w6TDtg==?=\r\n"
               "Mcp-Param-Region: =?base64?IHg=?=\r\nMcp-Param-N:  5 \r\n",
               "{}"),
          "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    CHECK(view_is(e->message.protocol, "2026-07-28") && view_is(e->message.name, "\xc3\xa4\xc3\xb6"), "name");
    REQUIRE(e->message.header_count == 2, "%llu headers", (unsigned long long)e->message.header_count);
    CHECK(view_is(e->message.headers[0].name, "Mcp-Param-Region") &&
              view_is(e->message.headers[0].value, " x") && view_is(e->message.headers[1].value, "5"),
          "parameters");
    CHECK((e->flags & JF_MSG_BAD_HEADERS) == 0, "flags %u", e->flags);
    static const char *const bad[] = {
        "Mcp-Name: =?base64?w6TDtg?=\r\n",  "Mcp-Name: =?base64?w6T*?=\r\n",
        "Mcp-Name: a\r\nmcp-name: a\r\n",   "Mcp-Param-A: 1\r\nmcp-param-a: 1\r\n",
        "Mcp-Param-A: =?base64?A===?=\r\n", "MCP-Protocol-Version: 1\r\nMCP-Protocol-Version: 1\r\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, "{}");
        CHECK(post(&w, bad[i], "{}"), "not sent");
        e = next_message(f.mock, &mark);
        REQUIRE(e != NULL, "no message for %s", bad[i]);
        CHECK((e->flags & JF_MSG_BAD_HEADERS) != 0, "accepted: %s", bad[i]);
    }
    wire_close(&w);
    front_close(&f);
}

TEST(writes_answer_headers) {
    static const struct {
        int32_t status;
        const char *line;
    } rows[] = {{JF_STATUS_OK, "HTTP/1.1 200 "},           {JF_STATUS_BAD_REQUEST, "HTTP/1.1 400 "},
                {JF_STATUS_UNAUTHORIZED, "HTTP/1.1 401 "}, {JF_STATUS_FORBIDDEN, "HTTP/1.1 403 "},
                {JF_STATUS_NOT_FOUND, "HTTP/1.1 404 "},    {JF_STATUS_NOT_ACCEPTABLE, "HTTP/1.1 406 "},
                {JF_STATUS_TOO_LARGE, "HTTP/1.1 413 "},    {JF_STATUS_OVERLOADED, "HTTP/1.1 429 "},
                {JF_STATUS_INTERNAL, "HTTP/1.1 500 "},     {JF_STATUS_UNAVAILABLE, "HTTP/1.1 503 "},
                {JF_STATUS_TIMEOUT, "HTTP/1.1 504 "}};
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wire_forget(&w);
        CHECK(post(&w, "", "{}"), "not sent");
        const jf_mock_event *e = next_message(f.mock, &mark);
        REQUIRE(e != NULL, "no message");
        jf_view body[3] = {jf_mock_view("{\"a\":"), jf_mock_view(""), jf_mock_view("1}")};
        jf_message m = {
            .size = sizeof(m), .flags = JF_MSG_FINAL, .status = rows[i].status, .exchange = e->exchange};
        m.body = body;
        m.body_count = 3;
        m.retry_ms = 1500;
        m.session = jf_mock_view("abc");
        m.protocol = jf_mock_view("2025-11-25");
        CHECK(jf_mock_listener(f.mock)->reply(jf_mock_self(f.mock), e->peer, &m) == JF_OK, "reply");
        CHECK(wire_hear(&w, "\r\n\r\n{\"a\":1}") && wire_begins(&w, rows[i].line), "answer %s", w.text);
        CHECK(strstr(w.text, "Mcp-Session-Id: abc\r\n") &&
                  strstr(w.text, "MCP-Protocol-Version: 2025-11-25\r\n") &&
                  strstr(w.text, "Retry-After: 2\r\n"),
              "headers %s", w.text);
    }
    wire_close(&w);
    front_close(&f);
}
