/* SPDX-License-Identifier: Apache-2.0
 * The connector when the event stream of a legacy session ends before its answer: resumption, polling,
 * limits; and calls that stay open for long. */

enum { MS = 1000000 };

/** Sends "{}" of a protocol version, in a session (NULL: none). */
static jf_ref ask_in(back *b, uint32_t kind, const char *protocol, const char *session, uint64_t deadline) {
    jf_view body = jf_mock_view("{}");
    jf_message m = {.size = sizeof(m), .kind = kind, .exchange = jf_mock_exchange(b->mock)};
    if (kind == JF_KIND_MESSAGE) {
        m.body = &body;
        m.body_count = 1;
    }
    m.deadline_ns = deadline;
    m.protocol = jf_mock_view(protocol);
    m.session = jf_mock_view(session);
    int32_t status = jf_mock_connector(b->mock)->send(
        jf_mock_self(b->mock), jf_mock_handle(b->mock, b->channel), &m, jf_mock_fault(b->mock));
    CHECK(status == JF_OK, "send answered %d: %s", status, jf_mock_why(b->mock));
    return m.exchange;
}

static jf_ref ask_legacy(back *b) {
    return ask_in(b, JF_KIND_MESSAGE, "2025-11-25", "s1", 0);
}

static const char stream_head[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

/** Takes the next connection, hears the request, answers with the stream `text` and hangs up. */
static bool stream_once(back *b, const char *request, const char *text) {
    wire w = server_accept(&b->server);
    bool heard = wire_hear(&w, "\r\n\r\n") && strstr(w.text, request) != NULL;
    CHECK(heard, "request %s", w.text);
    wire_say(&w, stream_head);
    wire_say(&w, text);
    wire_close(&w);
    jf_mock_settle(b->mock);
    return heard;
}

static uint32_t told(back *b, uint32_t type, jf_ref exchange) {
    return jf_mock_count(b->mock, 0, type, b->channel, exchange);
}

TEST(resumes_a_stream_that_broke) {
    back b = back_open("/mcp", ",\"headers\":{\"X-Team\":\"core\"}");
    jf_ref exchange = ask_legacy(&b);
    wire w = server_accept(&b.server);
    CHECK(wire_hear(&w, "{}") && wire_say(&w, event_head), "request");
    // The id counts at the empty line: the third event was never received.
    wire_say(&w, "3d\r\nid: a\ndata:\n\nid: b\ndata: {\"method\":\"x\"}\n\nid: c\ndata: {\"method\r\n");
    CHECK(answer_of(&b, exchange) != NULL, "no event");
    wire_close(&w);
    CHECK(server_nobody(&b.server), "at once");
    jf_mock_advance(b.mock, 1000 * MS);
    w = server_accept(&b.server);
    CHECK(wire_hear(&w, "\r\n\r\n"), "no GET");
    char expected[512];
    sprintf(expected,
            "GET /mcp HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\nX-Team: core\r\n"
            "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: s1\r\nLast-Event-ID: b\r\n\r\n",
            b.server.port);
    CHECK(strcmp(w.text, expected) == 0, "%s", w.text);
    wire_say(&w, stream_head);
    wire_say(&w, "id: c\ndata: {\"method\":\"y\"}\n\nid: d\ndata: {\"id\":1,\"result\":{\"method\":2}}\n\n");
    CHECK(jf_mock_wait_count(b.mock, 3, 0, JF_MOCK_CHANNEL_MESSAGE, b.channel, exchange, WIRE_WAIT_MS),
          "%u messages", told(&b, JF_MOCK_CHANNEL_MESSAGE, exchange));
    wire_close(&w);
    CHECK(jf_mock_wait_count(b.mock, 4, 0, JF_MOCK_CHANNEL_MESSAGE, b.channel, exchange, WIRE_WAIT_MS),
          "end");
    const jf_mock_event *last = jf_mock_event_at(b.mock, jf_mock_mark(b.mock) - 1);
    CHECK(last->text == NULL && last->flags == JF_MSG_FINAL, "end");
    CHECK(told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 0, "a failure was told");
    jf_mock_advance(b.mock, 100000ull * MS);
    CHECK(server_nobody(&b.server), "resumed after the answer");
    back_close(&b);
}

TEST(polls_as_the_server_wishes) {
    back b = back_open("/mcp", "");
    jf_ref exchange = ask_legacy(&b);
    char text[128], request[64] = "\r\nMcp-Session-Id: s1\r\n";
    // More often than resume_attempts: each priming event is progress.
    for (int i = 0; i < 8; i++) {
        sprintf(text, "id: p%d\nretry: %d\ndata:\n\n", i, i == 7 ? 0 : 3000);
        CHECK(stream_once(&b, request, text), "poll %d", i);
        sprintf(request, "\r\nLast-Event-ID: p%d\r\n", i);
        jf_mock_advance(b.mock, (i == 7 ? 80ull : 2900ull) * MS);
        CHECK(server_nobody(&b.server), "poll %d came early", i);
        jf_mock_advance(b.mock, 120ull * MS);
    }
    stream_once(&b, request, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n");
    const jf_mock_event *e = answer_of(&b, exchange);
    CHECK(e != NULL && strstr(e->text, "result"), "no answer");
    CHECK(told(&b, JF_MOCK_CHANNEL_MESSAGE, exchange) == 2 && told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 0,
          "told");
    back_close(&b);
}

TEST(obeys_retry_within_bounds) {
    static const struct {
        const char *line;
        uint64_t wait_ms;
    } rows[] = {{"retry: 99999999999", 60000},
                {"retry: 99999999999999999999999999", 60000},
                {"retry: 5x\nretry:\nretry: -1\nretry: 1.5", 1000},
                {"retry:7000", 7000},
                {"retry: 1", 100}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        back b = back_open("/mcp", "");
        char text[128];
        ask_legacy(&b);
        sprintf(text, "id: x\n%s\ndata:\n\n", rows[i].line);
        stream_once(&b, "POST", text);
        jf_mock_advance(b.mock, (rows[i].wait_ms - 30) * MS);
        CHECK(server_nobody(&b.server), "%s: early", rows[i].line);
        jf_mock_advance(b.mock, 60ull * MS);
        stream_once(&b, "Last-Event-ID: x\r\n", "");
        back_close(&b);
    }
}

/** Runs the waits between tries until nothing is left to try. */
static int tries_of(back *b, const char *answer) {
    int tries = 0;
    for (int i = 0; i < 64; i++) {
        jf_mock_advance(b->mock, 2000ull * MS);
        jf_mock_settle(b->mock);
        int fd = b->server.fd < 0 ? -1 : accept4(b->server.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) continue;
        tries++;
        wire w = wire_of(b->mock, fd);
        CHECK(wire_hear(&w, "\r\n\r\n"), "no request");
        if (answer != NULL) wire_say(&w, answer);
        wire_close(&w);
    }
    return tries;
}

TEST(gives_resuming_up) {
    static const struct {
        const char *answer, *text;
        int tries;
    } rows[] = {
        {"", "in 5 tries", 5},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: nothing new\n\n", "in 5 tries", 5},
        {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "answered the GET with status 404", 1},
        {"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n", "answered the GET with status 405", 1},
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
         "no event stream, status 200", 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) + 1; i++) {
        bool gone = i == sizeof(rows) / sizeof(rows[0]);
        back b = back_open("/mcp", "");
        jf_ref exchange = ask_legacy(&b);
        stream_once(&b, "POST", "id: 1\ndata: {\"method\":\"x\"}\n\n");
        if (gone) {
            server_close(&b.server);
            b.server.fd = -1;
        }
        int tries = tries_of(&b, gone ? NULL : rows[i].answer);
        CHECK(tries == (gone ? 0 : rows[i].tries), "%zu: %d tries", i, tries);
        const jf_mock_event *e = failure_of(&b, exchange);
        REQUIRE(e != NULL, "%zu: no failure", i);
        CHECK(strstr(e->fault.text, gone ? "in 5 tries" : rows[i].text), "%zu: %s", i, e->fault.text);
        CHECK(e->fault.code == JF_E_GONE && (e->fault.flags & JF_FAULT_NOT_STARTED) == 0, "%zu: flags", i);
        CHECK(told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 1 && told(&b, JF_MOCK_CHANNEL_MESSAGE, 0) == 1, "%zu",
              i);
        back_close(&b);
    }
}

TEST(resumes_only_what_can_be_resumed) {
    char longest[1100], long_id[1200];
    memset(longest, 'i', 1025);
    longest[1025] = 0;
    sprintf(long_id, "id: a\ndata: [0]\n\nid: %s\ndata: [1]\n\n", longest);
    const struct {
        const char *config, *protocol, *session, *text;
    } rows[] = {{"", "2026-07-28", "s1", "id: a\ndata: [1]\n\n"},
                {"", "2026-07-28", NULL, "id: a\ndata: [1]\n\n"},
                {"", "2027-01-01", NULL, "id: a\ndata: [1]\n\n"},
                {"", NULL, NULL, "id: a\ndata: [1]\n\n"},
                {"", "2025-11-25", "s1", "data: [1]\n\n"},
                {"", "2025-11-25", "s1", "id: a\ndata: [1]\n"},
                {"", "2025-11-25", "s1", "id: a\ndata: [0]\n\nid\ndata: [1]\n\n"},
                {"", "2025-11-25", "s1", "id: a\ndata: [0]\n\nid: b\x01 c\ndata: [1]\n\n"},
                {"", "2025-11-25", "s1", long_id},
                {"", "2025-11-25", "s1", "id: a\ndata: {\"id\":1,\"error\":{}}\n\n"},
                {",\"resume_attempts\":0", "2025-11-25", "s1", "id: a\ndata: [1]\n\n"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        back b = back_open("/mcp", rows[i].config);
        jf_ref exchange = ask_in(&b, JF_KIND_MESSAGE, rows[i].protocol, rows[i].session, 0);
        stream_once(&b, "POST", rows[i].text);
        CHECK(told(&b, JF_MOCK_CHANNEL_FAILED, exchange) == 0, "%zu: failed", i);
        const jf_mock_event *last = jf_mock_event_at(b.mock, jf_mock_mark(b.mock) - 1);
        CHECK(last->type == JF_MOCK_CHANNEL_MESSAGE && last->flags == JF_MSG_FINAL, "%zu: not over", i);
        jf_mock_advance(b.mock, 100000ull * MS);
        CHECK(server_nobody(&b.server), "%zu: resumed", i);
        back_close(&b);
    }
}

TEST(ignores_ids_with_nul) {
    back b = back_open("/mcp", "");
    ask_in(&b, JF_KIND_MESSAGE, NULL, "s7", 0);
    wire w = server_accept(&b.server);
    CHECK(wire_hear(&w, "{}") && wire_say(&w, stream_head), "request");
    static const char text[] = "id: good\ndata: [1]\n\nid: b\0d\ndata: [2]\n\nevent: other\ndata: [3]\n\n";
    wire_send(&w, text, sizeof(text) - 1);
    CHECK(jf_mock_wait_count(b.mock, 2, 0, JF_MOCK_CHANNEL_MESSAGE, 0, 0, WIRE_WAIT_MS), "events");
    wire_close(&w);
    jf_mock_settle(b.mock);
    jf_mock_advance(b.mock, 1000 * MS);
    // Without a protocol version, as the session had none (2025-03-26).
    stream_once(&b, "text/event-stream\r\nMcp-Session-Id: s7\r\nLast-Event-ID: good\r\n\r\n", "");
    CHECK(told(&b, JF_MOCK_CHANNEL_MESSAGE, 0) == 2, "an event of another name was delivered");
    back_close(&b);
}

TEST(tells_answers_from_other_messages) {
    static const struct {
        const char *json;
        bool answer;
    } rows[] = {{"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", true},
                {"{\"result\":{\"method\":1},\"id\":1}", true},
                {"{ \"id\" : \"result\" , \"error\" : {} }", true},
                {"[{\"id\":1,\"result\":{}}]", true},
                {"{\"id\":\"a\\\"result\\\"\",\"method\":\"m\"}", false},
                {"{\"params\":{\"result\":1,\"a\":[{\"error\":2}]},\"method\":\"m\"}", false},
                {"{\"method\":\"result\",\"result\":1}", false},
                {"{\"x\":\"result\"}", false},
                {"{\"x\":\"\\", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        back b = back_open("/mcp", "");
        ask_legacy(&b);
        char text[256];
        sprintf(text, "id: 1\ndata: %s\n\n", rows[i].json);
        stream_once(&b, "POST", text);
        jf_mock_advance(b.mock, 1000 * MS);
        CHECK(server_nobody(&b.server) == rows[i].answer, "%s", rows[i].json);
        back_close(&b);
    }
}

TEST(resumes_not_beyond_the_deadline) {
    back b = back_open("/mcp", "");
    jf_ref first = ask_in(&b, JF_KIND_MESSAGE, "2025-06-18", NULL, jf_mock_now(b.mock) + 5000ull * MS);
    stream_once(&b, "POST", "retry: 6000\nid: 1\ndata:\n\n");
    const jf_mock_event *e = failure_of(&b, first);
    CHECK(e != NULL && strstr(e->fault.text, "no time is left"), "%s", e ? e->fault.text : "no failure");
    jf_ref second = ask_in(&b, JF_KIND_MESSAGE, "2025-06-18", NULL, jf_mock_now(b.mock) + 600000ull * MS);
    stream_once(&b, "POST", "retry: 6000\nid: 2\ndata:\n\n");
    jf_mock_advance(b.mock, 6000ull * MS);
    stream_once(&b, "Last-Event-ID: 2", "data: {\"result\":1}\n\n");
    CHECK(answer_of(&b, second) != NULL, "not resumed");
    back_close(&b);
}

TEST(cancels_what_waits_to_resume) {
    back b = back_open("/mcp", "");
    jf_ref exchange = ask_legacy(&b);
    stream_once(&b, "POST", "id: 1\ndata: [1]\n\n");
    jf_mock_cancel(b.mock, b.channel, exchange);
    jf_mock_advance(b.mock, 100000ull * MS);
    CHECK(server_nobody(&b.server), "resumed");
    CHECK(told(&b, JF_MOCK_CHANNEL_MESSAGE, exchange) == 1 && told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 0,
          "told");
    // And the channel may be closed meanwhile, or the plugin stopped.
    ask_legacy(&b);
    stream_once(&b, "POST", "id: 1\ndata: [1]\n\n");
    back_close(&b);
    b = back_open("/mcp", "");
    ask_legacy(&b);
    stream_once(&b, "POST", "id: 1\ndata: [1]\n\n");
    server_close(&b.server);
    CHECK(jf_mock_free(b.mock) == 0, "the plugin broke a rule");
}

TEST(resumes_the_stand_alone_stream) {
    back b = back_open("/mcp", "");
    jf_ref exchange = ask_in(&b, JF_KIND_STREAM, "2025-11-25", "s1", 0);
    stream_once(&b, "GET /mcp", "id: 1\ndata: {\"method\":\"a\"}\n\n");
    jf_mock_advance(b.mock, 1000 * MS);
    stream_once(&b, "Last-Event-ID: 1\r\n", "id: 2\ndata: {\"method\":\"b\"}\n\n");
    jf_mock_advance(b.mock, 1000 * MS);
    stream_once(&b, "Last-Event-ID: 2\r\n", "event: endpoint\ndata: /messages\n\n");
    CHECK(told(&b, JF_MOCK_CHANNEL_MESSAGE, exchange) == 2 && told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 0 &&
              told(&b, JF_MOCK_CHANNEL_READY, 0) == 1,
          "told");
    back_close(&b);
    // Without ids it ends as it ever did.
    b = back_open("/mcp", "");
    exchange = ask_in(&b, JF_KIND_STREAM, "2025-11-25", "s1", 0);
    stream_once(&b, "GET /mcp", ": hello\n\n");
    const jf_mock_event *e = answer_of(&b, exchange);
    CHECK(e != NULL && e->flags == JF_MSG_FINAL && e->text == NULL, "no end");
    back_close(&b);
}

TEST(follows_redirects_of_a_resuming_get) {
    back b = back_open("/mcp", "");
    jf_ref exchange = ask_legacy(&b);
    stream_once(&b, "POST", "id: 1\ndata: [1]\n\n");
    jf_mock_advance(b.mock, 1000 * MS);
    wire w = server_accept(&b.server);
    CHECK(wire_hear(&w, "Last-Event-ID: 1"), "%s", w.text);
    wire_forget(&w);
    wire_say(&w, "HTTP/1.1 307 R\r\nLocation: /other?x\r\nContent-Length: 0\r\n\r\n");
    CHECK(wire_hear(&w, "Last-Event-ID: 1\r\n\r\n") && wire_begins(&w, "GET /other?x HTTP/1.1\r\n"), "%s",
          w.text);
    wire_say(&w, stream_head);
    wire_say(&w, "data: {\"result\":1}\n\n");
    CHECK(jf_mock_wait_count(b.mock, 2, 0, JF_MOCK_CHANNEL_MESSAGE, 0, exchange, WIRE_WAIT_MS), "no answer");
    wire_close(&w);
    back_close(&b);
}

TEST(holds_little_for_an_open_call) {
    enum { CALLS = 128 };
    back b = back_open("/mcp", "");
    wire w[CALLS];
    uint64_t before = 0;
    // The first fill the tables' chunks of 32, so that the difference is what one call more costs.
    for (int i = 0; i < CALLS; i++) {
        if (i == 32) {
            jf_mock_settle(b.mock);
            before = jf_mock_bytes(b.mock);
        }
        ask_legacy(&b);
        w[i] = server_accept(&b.server);
        CHECK(wire_hear(&w[i], "{}") && wire_say(&w[i], event_head), "request");
        wire_say(&w[i], "2c\r\nid: 0123456789abcdef0123456789abcdef\ndata:\n\n\r\n");
    }
    // Many minutes later, with comments as the only sign of life.
    for (int i = 0; i < 4; i++) {
        jf_mock_advance(b.mock, 1200000ull * MS);
        jf_mock_settle(b.mock);
        for (int k = 0; k < CALLS; k++)
            CHECK(wire_say(&w[k], "8\r\n: ping\n\n\r\n"), "closed");
    }
    jf_mock_settle(b.mock);
    uint64_t each = (jf_mock_bytes(b.mock) - before) / (CALLS - 32);
    CHECK(each <= 2048, "%llu bytes for an open call", (unsigned long long)each);
    if (getenv("JF_MOCK_VERBOSE") != NULL)
        printf("  %llu bytes for an open call\n", (unsigned long long)each);
    CHECK(jf_mock_buffers(b.mock) <= 1, "%u buffers are held", jf_mock_buffers(b.mock));
    CHECK(told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 0, "a call failed");
    for (int i = 0; i < CALLS; i++)
        wire_close(&w[i]);
    back_close(&b);
}

TEST(watches_connections_without_traffic) {
    back b = back_open("/mcp", "");
    ask(&b, "{}");
    wire w = server_accept(&b.server);
    // The other end of our own connection is in this process too: found by its port.
    struct sockaddr_in peer, name;
    socklen_t size = sizeof(peer);
    CHECK(getpeername(w.fd, (struct sockaddr *)&peer, &size) == 0, "peer");
    int on = 0;
    for (int fd = 3; fd < 256; fd++) {
        socklen_t length = sizeof(name), room = sizeof(on);
        if (getsockname(fd, (struct sockaddr *)&name, &length) == 0 && name.sin_family == AF_INET &&
            name.sin_port == peer.sin_port)
            CHECK(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &room) == 0, "option");
    }
    CHECK(on != 0, "TCP keep-alive is off");
    wire_close(&w);
    back_close(&b);
}

TEST(reaches_a_server_whose_connections_are_all_taken) {
    back b = back_open("/mcp", ",\"max_connections\":2");
    wire w[2];
    jf_ref parked[2];
    for (int i = 0; i < 2; i++) {
        parked[i] = ask_legacy(&b);
        w[i] = server_accept(&b.server);
        CHECK(wire_hear(&w[i], "{}") && wire_say(&w[i], event_head), "request");
    }
    jf_ref third = ask(&b, "[3]");
    CHECK(server_nobody(&b.server), "more connections than configured");
    // What the parked calls wait for goes through, before the queue.
    CHECK(jf_mock_send(b.mock, b.channel, 0, "[4]") == JF_OK, "send");
    wire extra = server_accept(&b.server);
    CHECK(wire_hear(&extra, "[4]") && wire_say(&extra, "HTTP/1.1 202 A\r\nContent-Length: 0\r\n\r\n"),
          "message");
    jf_mock_settle(b.mock);
    CHECK(wire_silent(&extra) && strstr(extra.text, "[3]") == NULL, "the reserve serves calls");
    wire_forget(&extra);
    CHECK(jf_mock_send(b.mock, b.channel, 0, "[5]") == JF_OK, "send");
    CHECK(wire_hear(&extra, "[5]") && wire_say(&extra, "HTTP/1.1 202 A\r\nContent-Length: 0\r\n\r\n"),
          "reused");
    jf_mock_advance(b.mock, 31000ull * MS);
    const jf_mock_event *e = failure_of(&b, third);
    REQUIRE(e != NULL, "waits for ever");
    CHECK(e->fault.code == JF_E_BUSY && (e->fault.flags & JF_FAULT_NOT_STARTED) != 0, "code %d",
          e->fault.code);
    CHECK(strstr(e->fault.text, "all 2 are in use, 2 of them by open event streams"), "%s", e->fault.text);
    // A call that comes to its end makes room for the next.
    third = ask(&b, "[6]");
    jf_mock_cancel(b.mock, b.channel, parked[0]);
    CHECK(wire_hear(&extra, "[6]") && wire_say(&extra, ok_json) && answer_of(&b, third) != NULL, "no room");
    CHECK(told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 1, "a parked call failed");
    wire_close(&extra);
    wire_close(&w[0]);
    wire_close(&w[1]);
    back_close(&b);
}

TEST(tells_of_a_full_pool_before_the_deadline) {
    back b = back_open("/mcp", ",\"max_connections\":1");
    ask_legacy(&b);
    wire w = server_accept(&b.server);
    CHECK(wire_hear(&w, "{}") && wire_say(&w, event_head), "request");
    uint64_t deadline = jf_mock_now(b.mock) + 10000ull * MS;
    jf_ref second = ask_in(&b, JF_KIND_MESSAGE, "2026-07-28", NULL, deadline);
    jf_mock_advance(b.mock, 9000ull * MS);
    const jf_mock_event *e = failure_of(&b, second);
    REQUIRE(e != NULL, "no failure");
    CHECK(e->time_ns < deadline && strstr(e->fault.text, "max_connections"), "%s", e->fault.text);
    wire_close(&w);
    back_close(&b);
}
