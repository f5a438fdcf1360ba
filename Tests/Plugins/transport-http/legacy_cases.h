/* SPDX-License-Identifier: Apache-2.0
 * HTTP+SSE of MCP 2024-11-05: streams, messages that are posted to them, and loops that share a port. */

/** A client of HTTP+SSE: its stream and where it posts. */
typedef struct caller {
    wire stream;
    jf_ref client; /**< the host's handle */
    char path[64]; /**< "/messages?session=..." */
} caller;

static caller caller_open(front *f, const char *path) {
    caller c = {.stream = wire_dial(f->mock, f->port)};
    char text[256];
    uint32_t mark = jf_mock_mark(f->mock);
    sprintf(text, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n", path);
    CHECK(wire_say(&c.stream, text) && wire_hear(&c.stream, "\n\n"), "no stream: %s", c.stream.text);
    const char *at = strstr(c.stream.text, "\r\n\r\nevent: endpoint\ndata: /messages?session=");
    CHECK(at != NULL && sscanf(at, "\r\n\r\nevent: endpoint\ndata: %63s\n\n", c.path) == 1 &&
              strlen(c.path) == strlen("/messages?session=") + 32,
          "no endpoint: %s", c.stream.text);
    const jf_mock_event *e = jf_mock_find(f->mock, mark, JF_MOCK_CLIENT_OPENED, 0, 0);
    CHECK(e != NULL && e->flags == JF_CLIENT_SHARED && e->listener == f->listener, "no shared client");
    c.client = e == NULL ? 0 : e->peer;
    return c;
}

static bool post_to(wire *w, const char *path, const char *extra, const char *body) {
    char *text = NULL;
    int length = asprintf(&text,
                          "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s"
                          "Content-Length: %zu\r\n\r\n%s",
                          path, extra, strlen(body), body);
    bool sent = wire_send(w, text, (size_t)length);
    free(text);
    return sent;
}

/** Posts and checks how that is answered. */
static void posts(wire *w, const char *path, const char *body, const char *status) {
    wire_forget(w);
    CHECK(post_to(w, path, "", body) && wire_hear(w, "\r\n\r\n") && wire_begins(w, status), "not %s: %s",
          status, w->text);
}

TEST(serves_http_with_sse) {
    front f = front_open("{\"sse\":true}");
    static const char *const paths[][2] = {{"/sse", "/mcp"},
                                           {"/sse/", "/mcp"},
                                           {"/sse?x=1", "/mcp"},
                                           {"/sse/servers/time", "/mcp/servers/time"},
                                           {"/sse/bundles/dev", "/mcp/bundles/dev"}};
    uint32_t mark = 0;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        caller c = caller_open(&f, paths[i][0]);
        CHECK(wire_begins(&c.stream, "HTTP/1.1 200 OK\r\n") &&
                  strstr(c.stream.text, "Content-Type: text/event-stream\r\n") &&
                  strstr(c.stream.text, "Connection: close\r\n"),
              "head %s", c.stream.text);
        wire_forget(&c.stream);
        wire w = wire_dial(f.mock, f.port);
        for (int round = 0; round < 2; round++) {
            posts(&w, c.path, "{\"id\":7}", "HTTP/1.1 202 Accepted\r\n");
            const jf_mock_event *e = next_message(f.mock, &mark);
            REQUIRE(e != NULL, "no message");
            CHECK(e->peer == c.client && e->exchange == 0 && strcmp(e->text, "{\"id\":7}") == 0 &&
                      view_is(e->message.target, paths[i][1]) && e->message.protocol.len == 0 &&
                      e->message.session.len == 0 && (e->flags & JF_MSG_PADDED) != 0,
                  "message %s", e->text);
            CHECK(jf_mock_reply(f.mock, c.client, 0, round == 0 ? JF_MSG_FINAL : 0, JF_STATUS_OK,
                                "{\n\"id\":7}") == JF_OK,
                  "reply");
            CHECK(wire_hear(&c.stream, "event: message\ndata: { \"id\":7}\n\n"), "event %s", c.stream.text);
            CHECK(wire_begins(&c.stream, "event: "), "%s", c.stream.text);
            wire_forget(&c.stream);
            // An acknowledgement and an id are nothing that this wire has.
            jf_mock_reply(f.mock, c.client, 0, JF_MSG_FINAL, JF_STATUS_ACCEPTED, NULL);
            CHECK(wire_silent(&c.stream), "%s", c.stream.text);
        }
        wire_close(&c.stream);
        CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, c.client, 0, WIRE_WAIT_MS) != NULL, "closed");
        CHECK(jf_mock_reply(f.mock, c.client, 0, 0, JF_STATUS_OK, "{}") == JF_E_STALE, "not stale");
        posts(&w, c.path, "{}", "HTTP/1.1 404 ");
        wire_close(&w);
    }
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0) == 5, "a POST opened a client");
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_GONE, 0, 0) == 0, "gone without an exchange");
    front_close(&f);
}

TEST(keeps_callers_apart) {
    front f = front_open("{\"sse\":true}");
    caller a = caller_open(&f, "/sse"), b = caller_open(&f, "/sse");
    CHECK(strcmp(a.path, b.path) != 0 && a.client != b.client, "one session for two");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    wire_forget(&a.stream);
    wire_forget(&b.stream);
    // One connection may carry the messages of both.
    posts(&w, b.path, "[\"b\"]", "HTTP/1.1 202 ");
    posts(&w, a.path, "[\"a\"]", "HTTP/1.1 202 ");
    const jf_mock_event *of_b = next_message(f.mock, &mark), *of_a = next_message(f.mock, &mark);
    REQUIRE(of_a != NULL && of_b != NULL, "no messages");
    CHECK(of_b->peer == b.client && of_a->peer == a.client, "mixed up");
    jf_mock_reply(f.mock, a.client, 0, JF_MSG_FINAL, JF_STATUS_OK, "[\"A\"]");
    CHECK(wire_hear(&a.stream, "[\"A\"]") && wire_silent(&b.stream), "the wrong stream");
    wire_close(&a.stream);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, a.client, 0, WIRE_WAIT_MS) != NULL, "closed");
    jf_mock_reply(f.mock, b.client, 0, JF_MSG_FINAL, JF_STATUS_OK, "[\"B\"]");
    CHECK(wire_hear(&b.stream, "[\"B\"]"), "the other one went too");
    wire_close(&b.stream);
    wire_close(&w);
    front_close(&f);
}

TEST(refuses_what_http_with_sse_does_not_know) {
    front off = front_open("{}");
    wire w = wire_dial(off.mock, off.port);
    CHECK(get(&w, "/sse", "") && wire_hear(&w, "\r\n\r\n") && wire_begins(&w, "HTTP/1.1 404 "), "%s", w.text);
    posts(&w, "/messages?session=0", "{}", "HTTP/1.1 404 ");
    wire_close(&w);
    front_close(&off);

    front f = front_open("{\"sse\":true,\"limits\":{\"max_body\":1000}}");
    caller c = caller_open(&f, "/sse");
    static const struct {
        const char *request, *status;
    } rows[] = {{"GET /ssex HTTP/1.1\r\nHost: localhost\r\n\r\n", "404 "},
                {"GET /sse/servers/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "404 "},
                {"GET /sse/other HTTP/1.1\r\nHost: localhost\r\n\r\n", "404 "},
                {"POST /sse HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", "405 "},
                {"DELETE /sse HTTP/1.1\r\nHost: localhost\r\n\r\n", "405 "},
                {"GET /messages HTTP/1.1\r\nHost: localhost\r\n\r\n", "405 "},
                {"GET /sse HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n", "406 "},
                {"GET /sse HTTP/1.1\r\nHost: evil.example\r\n\r\n", "403 "},
                {"GET /sse HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n\r\n", "403 "},
                {"POST /messages?session=00000000000000000000000000000000 HTTP/1.1\r\nHost: localhost\r\n"
                 "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
                 "415 "},
                {"POST /messages?session=00000000000000000000000000000000 HTTP/1.1\r\nHost: evil.example\r\n"
                 "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                 "403 "},
                {"OPTIONS /messages HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:1\r\n"
                 "Access-Control-Request-Method: POST\r\n\r\n",
                 "204 "}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char begin[32];
        sprintf(begin, "HTTP/1.1 %s", rows[i].status);
        w = wire_dial(f.mock, f.port);
        CHECK(wire_say(&w, rows[i].request) && wire_hear(&w, "\r\n\r\n") && wire_begins(&w, begin),
              "%s was answered %s", rows[i].request, w.text);
        wire_close(&w);
    }
    char body[1200], other[64];
    memset(body, ' ', sizeof(body));
    body[1001] = 0;
    w = wire_dial(f.mock, f.port);
    posts(&w, c.path, "", "HTTP/1.1 400 ");
    posts(&w, "/messages", "{}", "HTTP/1.1 404 ");
    posts(&w, "/messages?session=", "{}", "HTTP/1.1 404 ");
    posts(&w, "/messages?session=0123456789abcdef0123456789abcdef", "{}", "HTTP/1.1 404 ");
    sprintf(other, "%s0", c.path);
    posts(&w, other, "{}", "HTTP/1.1 404 ");
    sprintf(other, "/messages?a=b&%s", strchr(c.path, '?') + 1);
    posts(&w, other, "{}", "HTTP/1.1 202 ");
    posts(&w, c.path, body, "HTTP/1.1 413 ");
    wire_close(&w);
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0) == 1, "something was delivered");
    CHECK(wire_silent(&c.stream), "the stream suffered");
    wire_close(&c.stream);
    front_close(&f);
}

TEST(opens_a_stream_on_a_used_connection) {
    front f = front_open("{\"sse\":true}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    CHECK(post(&w, "", "{}"), "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, "[1]");
    CHECK(wire_hear(&w, "[1]") && get(&w, "/sse", "") && wire_hear(&w, "event: endpoint\n"), "%s", w.text);
    CHECK(jf_mock_find(f.mock, 0, JF_MOCK_CLIENT_CLOSED, e->peer, 0) != NULL, "the first client is open");
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0) == 2, "no second client");
    wire_close(&w);
    CHECK(jf_mock_wait_count(f.mock, 2, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, WIRE_WAIT_MS), "not closed");
    front_close(&f);
}

/** Refuses every message. */
static int32_t forget_client(void *user, jf_mock *mock, const jf_mock_event *e) {
    (void)user, (void)mock;
    return e->type == JF_MOCK_CLIENT_MESSAGE ? JF_E_STALE : JF_OK;
}

/** Refuses every client. */
static int32_t refuse_clients(void *user, jf_mock *mock, const jf_mock_event *e) {
    (void)user, (void)mock;
    return e->type == JF_MOCK_CLIENT_OPENED ? JF_E_BUSY : JF_OK;
}

TEST(ends_callers_as_the_host_wants) {
    front f = front_open("{\"sse\":true}");
    caller c = caller_open(&f, "/sse");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    // The host closes: what is written arrives, then the stream ends.
    jf_mock_reply(f.mock, c.client, 0, JF_MSG_FINAL, JF_STATUS_OK, "[1]");
    jf_mock_listener(f.mock)->close(jf_mock_self(f.mock), c.client);
    CHECK(jf_mock_reply(f.mock, c.client, 0, JF_MSG_FINAL, JF_STATUS_OK, "[2]") == JF_E_STALE, "not stale");
    CHECK(wire_hear(&c.stream, "[1]\n\n") && wire_hear_end(&c.stream), "%s", c.stream.text);
    CHECK(jf_mock_find(f.mock, 0, JF_MOCK_CLIENT_CLOSED, c.client, 0) != NULL, "not closed");
    posts(&w, c.path, "{}", "HTTP/1.1 404 ");
    wire_close(&c.stream);
    // The host knows the client no more.
    c = caller_open(&f, "/sse");
    jf_mock_on_event(f.mock, forget_client, NULL);
    posts(&w, c.path, "{}", "HTTP/1.1 404 ");
    CHECK(next_message(f.mock, &mark) != NULL && wire_hear_end(&c.stream), "the stream stays");
    wire_close(&c.stream);
    jf_mock_on_event(f.mock, refuse_clients, NULL);
    wire refused = wire_dial(f.mock, f.port);
    CHECK(get(&refused, "/sse", "") && wire_hear_end(&refused) && wire_begins(&refused, "HTTP/1.1 503 "),
          "%s", refused.text);
    wire_close(&refused);
    wire_close(&w);
    front_close(&f);
}

TEST(holds_back_for_slow_callers) {
    front f = front_open("{\"sse\":true,\"stream_buffer\":262144,\"limits\":{\"max_body\":262144}}");
    wire w = wire_dial_slow(f.mock, f.port);
    CHECK(get(&w, "/sse", "") && wire_hear(&w, "event: endpoint\n"), "no stream: %s", w.text);
    const jf_mock_event *e = jf_mock_find(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0);
    REQUIRE(e != NULL, "no client");
    char *body = big_json(50000);
    int32_t status = JF_OK;
    uint32_t events = 0;
    for (; events < 1000 && status == JF_OK; events++)
        status = jf_mock_reply(f.mock, e->peer, 0, JF_MSG_FINAL, JF_STATUS_OK, body);
    CHECK(status == JF_E_BUSY, "status %d", status);
    CHECK(wire_hear_bytes(&w, events * 50000ull), "%zu bytes", w.length);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_WRITABLE, e->peer, 0, WIRE_WAIT_MS) != NULL, "writable");
    for (events = 0; events < 1000 && status != JF_E_STALE; events++)
        status = jf_mock_reply(f.mock, e->peer, 0, JF_MSG_FINAL, JF_STATUS_OK, body);
    CHECK(status == JF_E_STALE, "%u answers were queued", events);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, e->peer, 0, WIRE_WAIT_MS) != NULL, "closed");
    free(body);
    wire_close(&w);
    front_close(&f);
}

TEST(comments_on_silent_callers) {
    front f = front_open("{\"sse\":true,\"keep_alive_ms\":1000}");
    caller c = caller_open(&f, "/sse");
    wire_forget(&c.stream);
    jf_mock_advance(f.mock, 1100000000);
    CHECK(wire_hear(&c.stream, ": keep-alive\n\n") && wire_begins(&c.stream, ": keep-alive\n\n"), "%s",
          c.stream.text);
    wire_close(&c.stream);
    front_close(&f);
}

/** A second instance on the same port. The first one's listening socket is closed, so that every new
 * connection comes to this one. */
static front second_loop(front *first, const char *config) {
    front f = {.mock = jf_mock_new(), .port = first->port};
    char address[64], bound[96] = "";
    sprintf(address, "127.0.0.1:%d", first->port);
    CHECK(jf_mock_up(f.mock, jf_check_plugin, "{}"), "the plugin does not start");
    f.listener = jf_mock_listen(f.mock, address, config, bound, sizeof(bound));
    CHECK(f.listener != 0, "%s", jf_mock_why(f.mock));
    jf_mock_listener(first->mock)->unlisten(jf_mock_self(first->mock), first->listener);
    return f;
}

TEST(takes_messages_on_another_loop) {
    const char *config = "{\"sse\":true,\"limits\":{\"max_body\":1000}}";
    front a = front_open(config);
    caller c = caller_open(&a, "/sse/servers/time"), gone = caller_open(&a, "/sse");
    wire own = wire_dial(a.mock, a.port);
    uint32_t mark = 0;
    posts(&own, c.path, "[0]", "HTTP/1.1 202 ");
    REQUIRE(next_message(a.mock, &mark) != NULL, "no message");
    front b = second_loop(&a, config);
    wire other = wire_dial(b.mock, b.port);
    posts(&other, c.path, "[1]", "HTTP/1.1 202 ");
    posts(&other, c.path, "[2]", "HTTP/1.1 202 ");
    CHECK(jf_mock_count(a.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0) == 1, "delivered on a foreign lane");
    // What was received first comes first, whichever loop received it.
    posts(&own, c.path, "[3]", "HTTP/1.1 202 ");
    for (char n = '1'; n <= '3'; n++) {
        const jf_mock_event *e = next_message(a.mock, &mark);
        REQUIRE(e != NULL, "message %c is missing", n);
        CHECK(e->text[1] == n && e->peer == c.client && e->exchange == 0 &&
                  view_is(e->message.target, "/mcp/servers/time"),
              "%s in place of %c", e->text, n);
    }
    // Only so much waits for a loop that does not get to it.
    char body[901];
    memset(body, '1', 900);
    body[900] = 0;
    posts(&other, c.path, body, "HTTP/1.1 202 ");
    posts(&other, c.path, body, "HTTP/1.1 202 ");
    posts(&other, c.path, body, "HTTP/1.1 503 ");
    CHECK(strstr(other.text, "Retry-After: 1\r\n") != NULL, "%s", other.text);
    CHECK(next_message(a.mock, &mark) != NULL && next_message(a.mock, &mark) != NULL, "lost");
    posts(&other, c.path, body, "HTTP/1.1 202 ");
    CHECK(next_message(a.mock, &mark) != NULL, "lost");
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0) == 0, "a client on the wrong loop");
    // A stream that closes while messages are on their way, and a loop that ends.
    posts(&other, gone.path, "[4]", "HTTP/1.1 202 ");
    wire_close(&gone.stream);
    CHECK(jf_mock_wait(a.mock, 0, JF_MOCK_CLIENT_CLOSED, gone.client, 0, WIRE_WAIT_MS) != NULL, "not closed");
    posts(&other, gone.path, "[4]", "HTTP/1.1 404 ");
    posts(&other, c.path, "[5]", "HTTP/1.1 202 ");
    front_close(&a);
    posts(&other, c.path, "[6]", "HTTP/1.1 404 ");
    wire_close(&c.stream);
    wire_close(&own);
    wire_close(&other);
    front_close(&b);
}

TEST(keeps_sessions_to_their_listener) {
    front a = front_open("{\"sse\":true}"), b = front_open("{\"sse\":true}");
    caller c = caller_open(&a, "/sse");
    wire w = wire_dial(b.mock, b.port);
    posts(&w, c.path, "{}", "HTTP/1.1 404 ");
    wire_close(&w);
    w = wire_dial(a.mock, a.port);
    posts(&w, c.path, "{}", "HTTP/1.1 202 ");
    wire_close(&w);
    wire_close(&c.stream);
    front_close(&a);
    front_close(&b);
}

TEST(holds_little_for_an_idle_caller) {
    enum { MANY = 128 };
    front f = front_open("{\"sse\":true}");
    static caller c[MANY];
    uint64_t before = 0;
    for (int i = 0; i < MANY; i++) {
        if (i == MANY / 2) before = jf_mock_bytes(f.mock);
        c[i] = caller_open(&f, "/sse");
    }
    uint64_t each = (jf_mock_bytes(f.mock) - before) / (MANY / 2);
    printf("     an idle HTTP+SSE stream holds %llu bytes\n", (unsigned long long)each);
    CHECK(each <= STREAM_BYTES, "%llu bytes for each stream", (unsigned long long)each);
    CHECK(jf_mock_buffers(f.mock) <= 1, "%u buffers are held", jf_mock_buffers(f.mock));
    for (int i = 0; i < MANY; i++)
        wire_close(&c[i].stream);
    front_close(&f);
}
