/* SPDX-License-Identifier: Apache-2.0
 * The host's fields in requests to servers, and what servers ask for when they refuse. */

/** Sends `json` with fields; `pairs` are names and values in turn, up to a NULL. */
static int32_t send_with(back *b, jf_ref exchange, const char *const *pairs, const char *json) {
    jf_pair fields[8];
    uint64_t count = 0;
    for (; pairs[2 * count] != NULL; count++)
        fields[count] = (jf_pair){jf_mock_view(pairs[2 * count]), jf_mock_view(pairs[2 * count + 1])};
    jf_view body = jf_mock_view(json);
    jf_message m = {.size = sizeof(m), .flags = JF_MSG_FINAL, .exchange = exchange, .body = &body};
    m.body_count = 1;
    m.fields = fields;
    m.field_count = count;
    return jf_mock_connector(b->mock)->send(jf_mock_self(b->mock), jf_mock_handle(b->mock, b->channel), &m,
                                            jf_mock_fault(b->mock));
}

TEST(sends_the_hosts_credentials) {
    back b = back_open("/mcp", ",\"headers\":{\"authorization\":\"Bearer old\",\"X-Team\":\"core\"}");
    static const char *const mine[] = {"Authorization", "Bearer new", "X-Other", "1", NULL};
    static const char *const none[] = {NULL};
    wire w = {.fd = -1};
    // Each message has its own; one without them goes as configured.
    for (int round = 0; round < 4; round++) {
        jf_ref exchange = jf_mock_exchange(b.mock);
        bool with = round % 2 == 0;
        CHECK(send_with(&b, exchange, with ? mine : none, "[7]") == JF_OK, "%s", jf_mock_why(b.mock));
        if (w.fd < 0) w = server_accept(&b.server);
        CHECK(wire_hear(&w, "\r\n\r\n[7]"), "request %s", w.text);
        CHECK(strstr(w.text, "\r\nX-Team: core\r\n") && strstr(w.text, "\r\nContent-Length: 3\r\n") &&
                  wire_begins(&w, "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:"),
              "%s", w.text);
        if (with)
            CHECK(strstr(w.text, "\r\nAuthorization: Bearer new\r\n") &&
                      strstr(w.text, "\r\nX-Other: 1\r\n") && strstr(w.text, "Bearer old") == NULL,
                  "%s", w.text);
        else
            CHECK(strstr(w.text, "\r\nauthorization: Bearer old\r\n") && !strstr(w.text, "X-Other"), "%s",
                  w.text);
        wire_forget(&w);
        CHECK(wire_say(&w, ok_json) && answer_of(&b, exchange) != NULL, "no answer");
    }
    wire_close(&w);
    back_close(&b);
}

TEST(refuses_fields_that_would_break_a_request) {
    back b = back_open("/mcp", "");
    static const char *const rows[][2] = {{"Authorization", "a\r\nX: b"},
                                          {"Authorization", "a\nb"},
                                          {"A B", "a"},
                                          {"Host", "other"},
                                          {"Content-Length", "9"},
                                          {"Transfer-Encoding", "chunked"},
                                          {"Expect", "100-continue"},
                                          {"Mcp-Session-Id", "x"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const pairs[] = {rows[i][0], rows[i][1], NULL};
        CHECK(send_with(&b, jf_mock_exchange(b.mock), pairs, "[7]") == JF_E_INVALID, "row %zu", i);
    }
    CHECK(server_nobody(&b.server), "it connected");
    back_close(&b);
}

TEST(takes_credentials_to_no_other_origin) {
    static const char *const mine[] = {"Authorization", "Bearer new", NULL};
    back b = back_open("/mcp", "");
    server other = server_open(b.mock);
    jf_ref exchange = jf_mock_exchange(b.mock);
    CHECK(send_with(&b, exchange, mine, "[7]") == JF_OK, "send");
    wire w = server_accept(&b.server);
    CHECK(wire_hear(&w, "Bearer new") && wire_hear(&w, "[7]"), "%s", w.text);
    // Within the origin they go along.
    wire_forget(&w);
    CHECK(wire_say(&w, "HTTP/1.1 307 T\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"), "say");
    CHECK(wire_hear(&w, "[7]") && wire_begins(&w, "POST /elsewhere ") && strstr(w.text, "Bearer new"), "%s",
          w.text);
    char text[128];
    sprintf(text, "HTTP/1.1 307 T\r\nLocation: http://127.0.0.1:%d/mcp\r\nContent-Length: 0\r\n\r\n",
            other.port);
    CHECK(wire_say(&w, text), "say");
    const jf_mock_event *e = failure_of(&b, exchange);
    CHECK(e != NULL && e->fault.code == JF_E_DENIED, "no refusal");
    CHECK(server_nobody(&other), "it went to another origin");
    wire_close(&w);
    server_close(&other);
    back_close(&b);
}

TEST(tells_what_a_refusal_asks_for) {
    back b = back_open("/mcp", "");
    wire w = {.fd = -1};
    static const struct {
        const char *text;
        int32_t status;
        uint64_t count;
    } rows[] = {{"HTTP/1.1 401 U\r\nWWW-Authenticate: Bearer resource_metadata=\"https://a/b\"\r\nX: y\r\n"
                 "www-authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
                 JF_STATUS_UNAUTHORIZED, 2},
                {"HTTP/1.1 403 F\r\nWWW-Authenticate: Bearer error=\"insufficient_scope\"\r\n"
                 "Content-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]",
                 JF_STATUS_FORBIDDEN, 1},
                {"HTTP/1.1 401 U\r\nContent-Length: 0\r\n\r\n", JF_STATUS_UNAUTHORIZED, 0},
                {"HTTP/1.1 200 OK\r\nWWW-Authenticate: Basic\r\nContent-Type: application/json\r\n"
                 "Content-Length: 3\r\n\r\n[1]",
                 JF_STATUS_OK, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const jf_mock_event *e = exchange_of(&b, &w, rows[i].text, JF_MOCK_CHANNEL_MESSAGE);
        REQUIRE(e != NULL, "row %zu: no answer", i);
        CHECK(e->status == rows[i].status && e->message.field_count == rows[i].count, "row %zu: %d, %llu", i,
              e->status, (unsigned long long)e->message.field_count);
        if (i == 0)
            CHECK(field_is(&e->message, "www-authenticate", 0, "Bearer resource_metadata=\"https://a/b\"") &&
                      field_is(&e->message, "www-authenticate", 1, "Basic"),
                  "values");
    }
    wire_close(&w);
    back_close(&b);
}

TEST(resumes_with_the_credentials_of_the_request) {
    back b = back_open("/mcp", ",\"headers\":{\"Authorization\":\"Bearer old\"}");
    jf_pair field = {jf_mock_view("Authorization"), jf_mock_view("Bearer new")};
    jf_view body = jf_mock_view("[7]");
    jf_message m = {
        .size = sizeof(m), .flags = JF_MSG_FINAL, .exchange = jf_mock_exchange(b.mock), .body = &body};
    m.body_count = 1;
    m.protocol = jf_mock_view("2025-11-25");
    m.session = jf_mock_view("s1");
    m.fields = &field;
    m.field_count = 1;
    CHECK(jf_mock_connector(b.mock)->send(jf_mock_self(b.mock), jf_mock_handle(b.mock, b.channel), &m,
                                          jf_mock_fault(b.mock)) == JF_OK,
          "send: %s", jf_mock_why(b.mock));
    wire w = server_accept(&b.server);
    CHECK(wire_hear(&w, "[7]") && strstr(w.text, "Bearer new"), "%s", w.text);
    CHECK(wire_say(&w, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
                       "id: 1\nretry: 100\ndata:\n\n"),
          "say");
    wire_close(&w);
    w = server_accept(&b.server);
    CHECK(wire_hear(&w, "\r\n\r\n") && wire_begins(&w, "GET /mcp ") &&
              strstr(w.text, "Last-Event-ID: 1\r\n") && strstr(w.text, "\r\nAuthorization: Bearer new\r\n") &&
              !strstr(w.text, "Bearer old"),
          "%s", w.text);
    CHECK(wire_say(&w, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
                       "id: 2\ndata: {\"id\":1,\"result\":{}}\n\n"),
          "say");
    CHECK(answer_of(&b, m.exchange) != NULL, "no answer");
    wire_close(&w);
    back_close(&b);
}
