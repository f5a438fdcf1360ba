/* SPDX-License-Identifier: Apache-2.0
 * The connector when things go wrong: refusals, resets, redirects, limits, full queues, dead connections. */

TEST(tells_that_nobody_listens) {
    back b = back_open("/mcp", "");
    server_close(&b.server);
    b.server = (server){.fd = -1};
    jf_ref exchange = ask(&b, "{}");
    const jf_mock_event *e = failure_of(&b, exchange);
    REQUIRE(e != NULL, "no failure");
    CHECK((e->fault.flags & JF_FAULT_NOT_STARTED) != 0 && e->fault.code == JF_E_GONE, "code %d",
          e->fault.code);
    CHECK(strstr(e->fault.text, "\"tickets\"") && strstr(e->fault.text, "Connection refused"), "%s",
          e->fault.text);
    back_close(&b);
}

TEST(tells_of_cut_answers) {
    static const struct {
        const char *answer, *text;
    } rows[] = {
        {"", "without an answer"},
        {"HTTP/1.1 200 OK\r\nContent-Ty", "middle of its answer"},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n[1,",
         "middle of its answer"},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,",
         "middle"},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ndata: "
         "1\r\n",
         "middle"},
        {"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP: \"SSH-2.0-OpenSSH_9.2"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "malformed"},
        {"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "malformed"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        back b = back_open("/mcp", "");
        jf_ref exchange = ask(&b, "{}");
        wire w = server_accept(&b.server);
        CHECK(wire_hear(&w, "{}"), "request");
        wire_say(&w, rows[i].answer);
        wire_close(&w);
        const jf_mock_event *e = failure_of(&b, exchange);
        REQUIRE(e != NULL, "%zu: no failure", i);
        CHECK((e->fault.flags & JF_FAULT_NOT_STARTED) == 0, "%zu: counts as not started", i);
        CHECK(strstr(e->fault.text, rows[i].text) && strstr(e->fault.text, "\"tickets\""), "%zu: %s", i,
              e->fault.text);
        CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_MESSAGE, 0, 0) == 0, "%zu: delivered", i);
        back_close(&b);
    }
}

TEST(limits_answers) {
    back b = back_open("/mcp", ",\"max_message\":100");
    char *big = big_json(101), text[512];
    static const char *const heads[] = {"Content-Type: application/json\r\nContent-Length: 101\r\n\r\n",
                                        "Content-Type: application/json\r\n\r\n",
                                        "Content-Type: text/event-stream\r\n\r\ndata: "};
    for (size_t i = 0; i < 3; i++) {
        wire w = {.fd = -1};
        sprintf(text, "HTTP/1.1 200 OK\r\n%s%s\n\n", heads[i], big);
        const jf_mock_event *e = exchange_of(&b, &w, text, JF_MOCK_CHANNEL_FAILED);
        CHECK(e != NULL && strstr(e->fault.text, "max_message") != NULL, "%zu: %s", i,
              e ? e->fault.text : "none");
        CHECK(wire_hear_end(&w), "%zu: kept", i);
        wire_close(&w);
    }
    free(big);
    back_close(&b);
}

TEST(replaces_connections_that_died) {
    back b = back_open("/mcp", "");
    wire w = {.fd = -1};
    CHECK(exchange_of(&b, &w, ok_json, JF_MOCK_CHANNEL_MESSAGE) != NULL, "first");
    wire_close(&w);
    // Noticed by the loop.
    jf_mock_settle(b.mock);
    CHECK(exchange_of(&b, &w, ok_json, JF_MOCK_CHANNEL_MESSAGE) != NULL, "second");
    // Not noticed: reset while nobody looks, the next `send` finds out.
    struct linger reset = {.l_onoff = 1};
    setsockopt(w.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    wire_close(&w);
    CHECK(exchange_of(&b, &w, ok_json, JF_MOCK_CHANNEL_MESSAGE) != NULL, "third");
    // One that speaks out of turn is not trusted.
    CHECK(wire_say(&w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") && wire_hear_end(&w), "kept");
    wire_close(&w);
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_FAILED, 0, 0) == 0, "a failure was told");
    back_close(&b);
}

TEST(follows_redirects) {
    static const struct {
        const char *location, *path;
    } rows[] = {{"/mcp/", "/mcp/"}, {"http://127.0.0.1:%d/b?x=1", "/b?x=1"}, {"other", "/other"}};
    for (size_t i = 0; i < 3; i++)
        for (int permanent = 0; permanent < 2; permanent++) {
            back b = back_open("/mcp", "");
            jf_ref exchange = ask(&b, "{\"big\":1}");
            wire w = server_accept(&b.server);
            CHECK(wire_hear(&w, "{\"big\":1}"), "request");
            char location[128], text[512], line[128];
            sprintf(location, rows[i].location, b.server.port);
            sprintf(text, "HTTP/1.1 %d Redirect\r\nLocation: %s\r\nContent-Length: 2\r\n\r\n",
                    permanent ? 308 : 307, location);
            wire_forget(&w);
            wire_say(&w, text);
            wire_say(&w, "ab");
            CHECK(wire_hear(&w, "\r\nContent-Length: 9\r\n\r\n{\"big\":1}"), "not repeated: %s", w.text);
            sprintf(line, "POST %s HTTP/1.1\r\nHost: ", rows[i].path);
            CHECK(wire_begins(&w, line), "line %s", w.text);
            wire_say(&w, ok_json);
            const jf_mock_event *e = answer_of(&b, exchange);
            CHECK(e != NULL && strcmp(e->text, "[1]") == 0, "no answer");
            wire_forget(&w);
            ask(&b, "[]");
            CHECK(wire_hear(&w, "[]"), "next");
            bool learnt = permanent || i == 0;
            CHECK(wire_begins(&w, learnt ? line : "POST /mcp HTTP/1.1\r\n"), "row %zu: next goes to %s", i,
                  w.text);
            wire_close(&w);
            back_close(&b);
        }
}

TEST(refuses_redirects) {
    static const struct {
        const char *answer, *text;
    } rows[] = {
        {"HTTP/1.1 307 R\r\nLocation: http://127.0.0.1:1/mcp\r\nContent-Length: 0\r\n\r\n", "another origin"},
        {"HTTP/1.1 308 R\r\nLocation: //evil/mcp\r\nContent-Length: 0\r\n\r\n", "another origin"},
        {"HTTP/1.1 302 R\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", "302"}};
    back b = back_open("/mcp", "");
    wire w = {.fd = -1};
    for (size_t i = 0; i < 3; i++) {
        const jf_mock_event *e = exchange_of(&b, &w, rows[i].answer, JF_MOCK_CHANNEL_FAILED);
        CHECK(e != NULL && strstr(e->fault.text, rows[i].text) != NULL, "%zu: %s", i,
              e ? e->fault.text : "none");
    }
    jf_ref exchange = ask(&b, "{}");
    for (int i = 0; i < 4; i++) {
        CHECK(wire_hear(&w, "{}"), "request %d", i);
        wire_forget(&w);
        wire_say(&w, "HTTP/1.1 307 R\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
    }
    const jf_mock_event *e = failure_of(&b, exchange);
    CHECK(e != NULL && strstr(e->fault.text, "more than 3 times"), "%s", e ? e->fault.text : "none");
    wire_close(&w);
    back_close(&b);
}

TEST(cancels) {
    back b = back_open("/mcp", ",\"max_connections\":1");
    jf_ref first = ask(&b, "[1]"), second = ask(&b, "[2]"), third = ask(&b, "[3]");
    wire w = server_accept(&b.server);
    CHECK(wire_hear(&w, "[1]"), "request");
    jf_mock_cancel(b.mock, b.channel, second);
    jf_mock_cancel(b.mock, b.channel, first);
    jf_mock_cancel(b.mock, b.channel, first);
    CHECK(wire_hear_end(&w), "the connection stays");
    wire_close(&w);
    w = server_accept(&b.server);
    CHECK(wire_hear(&w, "[3]") && strstr(w.text, "[2]") == NULL, "the queue: %s", w.text);
    wire_say(&w, event_head);
    wire_say(&w, "9\r\ndata: 1\n\n\r\n");
    CHECK(answer_of(&b, third) != NULL, "no event");
    jf_mock_cancel(b.mock, b.channel, third);
    CHECK(wire_hear_end(&w), "the stream stays");
    wire_close(&w);
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_FAILED, 0, 0) == 0, "a failure was told");
    back_close(&b);
}

static int32_t cancel_now(void *user, jf_mock *mock, const jf_mock_event *e) {
    if (e->type != JF_MOCK_CHANNEL_MESSAGE) return JF_OK;
    if (*(int *)user == 0)
        jf_mock_cancel(mock, e->peer, e->exchange);
    else
        jf_mock_connector(mock)->close(jf_mock_self(mock), jf_mock_handle(mock, e->peer), 0);
    return JF_OK;
}

TEST(cancels_and_closes_from_inside_deliver) {
    for (int kind = 0; kind < 2; kind++) {
        back b = back_open("/mcp", "");
        jf_ref exchange = ask(&b, "{}");
        wire w = server_accept(&b.server);
        CHECK(wire_hear(&w, "{}"), "request");
        jf_mock_on_event(b.mock, cancel_now, &kind);
        wire_say(&w, event_head);
        wire_say(&w, "1b\r\ndata: 1\n\ndata: 2\n\ndata: 3\n\n\r\n");
        CHECK(answer_of(&b, exchange) != NULL && wire_hear_end(&w), "kind %d", kind);
        CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_MESSAGE, 0, 0) == 1, "more was delivered");
        if (kind == 1)
            CHECK(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_CLOSED, 0, 0, WIRE_WAIT_MS) != NULL, "not closed");
        wire_close(&w);
        server_close(&b.server);
        CHECK(jf_mock_free(b.mock) == 0, "the plugin broke a rule");
    }
}

TEST(queues_and_says_when_it_is_full) {
    back b = back_open("/mcp", ",\"max_connections\":1");
    jf_ref first = ask(&b, "[1]");
    for (int i = 0; i < 1024; i++)
        ask(&b, "[2]");
    CHECK(jf_mock_send(b.mock, b.channel, jf_mock_exchange(b.mock), "[3]") == JF_E_BUSY, "no end");
    CHECK(strstr(jf_mock_why(b.mock), "busy") != NULL, "%s", jf_mock_why(b.mock));
    wire w = server_accept(&b.server);
    CHECK(wire_hear(&w, "[1]"), "request");
    for (int i = 0; i < 1025; i++) {
        wire_say(&w, ok_json);
        if (i == 100)
            CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_WRITABLE, 0, 0) == 0, "writable too early");
        if (i < 1024) CHECK(wire_hear(&w, "[2]"), "request %d", i);
        wire_forget(&w);
    }
    CHECK(jf_mock_wait_count(b.mock, 1025, 0, JF_MOCK_CHANNEL_MESSAGE, 0, 0, WIRE_WAIT_MS), "answers");
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_WRITABLE, b.channel, 0) == 1, "writable");
    CHECK(answer_of(&b, first) != NULL && server_nobody(&b.server), "one connection");
    wire_close(&w);
    back_close(&b);
}

TEST(drops_answers_nobody_waits_for) {
    back b = back_open("/mcp", "");
    CHECK(jf_mock_send(b.mock, b.channel, 0, "{}") == JF_OK, "send");
    wire w = server_accept(&b.server);
    CHECK(wire_hear(&w, "{}"), "request");
    wire_say(&w, "HTTP/1.1 202 A\r\nContent-Length: 2\r\n\r\nok");
    CHECK(jf_mock_send(b.mock, b.channel, 0, "{}") == JF_OK, "send");
    CHECK(server_nobody(&b.server), "not reused");
    wire_say(&w, event_head);
    CHECK(wire_hear_end(&w), "a stream for nobody stays open");
    wire_close(&w);
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_MESSAGE, 0, 0) == 0, "something was delivered");
    back_close(&b);
}

TEST(closes_unused_connections) {
    back b = back_open("/mcp", ",\"idle_timeout_ms\":2000");
    wire w = {.fd = -1};
    CHECK(exchange_of(&b, &w, ok_json, JF_MOCK_CHANNEL_MESSAGE) != NULL, "answer");
    CHECK(wire_silent(&w), "closed early");
    jf_mock_advance(b.mock, 3000000000);
    CHECK(wire_hear_end(&w), "still open");
    wire_close(&w);
    back_close(&b);
}

TEST(looks_names_up) {
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    server s = server_open(mock);
    char config[128];
    // "127.1" is no literal of RFC 3986 but one of getaddrinfo's: it takes the way of a name.
    sprintf(config, "{\"url\":\"http://127.1:%d/mcp\"}", s.port);
    jf_ref named = jf_mock_open(mock, "named", config),
           bad = jf_mock_open(mock, "lost", "{\"url\":\"http://a..b/\"}");
    jf_ref exchange = jf_mock_exchange(mock), other = jf_mock_exchange(mock);
    CHECK(jf_mock_send(mock, named, exchange, "{}") == JF_OK && jf_mock_send(mock, bad, other, "{}") == JF_OK,
          "send");
    wire w = server_accept(&s);
    CHECK(wire_hear(&w, "{}") && wire_say(&w, ok_json), "request");
    CHECK(jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_MESSAGE, named, exchange, WIRE_WAIT_MS) != NULL, "no answer");
    const jf_mock_event *e = jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_FAILED, bad, other, 20000);
    REQUIRE(e != NULL, "no failure");
    CHECK((e->fault.flags & JF_FAULT_NOT_STARTED) && strstr(e->fault.text, "a..b"), "%s", e->fault.text);
    CHECK(jf_mock_open(mock, "x", "{\"url\":\"ftp://a/\"}") == 0 && strstr(jf_mock_why(mock), "url"), "ftp");
    CHECK(jf_mock_open(mock, "x", "{\"url\":\"http://u:p@a/\"}") == 0, "user information");
    CHECK(jf_mock_open(mock, "x", "{\"url\":\"http://a/\",\"headers\":{\"Host\":\"b\"}}") == 0, "Host");
    CHECK(jf_mock_open(mock, "x", "{\"url\":\"http://a/\",\"headers\":{\"A\":\"b\\r\\nC: d\"}}") == 0,
          "line break");
    wire_close(&w);
    server_close(&s);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}
