/* SPDX-License-Identifier: Apache-2.0
 * Header fields that pass through: those of requests for the host, those of the host for heads. */

/** The value of the nth field of this name, in any case; NULL: there are not so many. */
static const jf_view *field_of(const jf_message *m, const char *name, int nth) {
    for (uint64_t i = 0; i < m->field_count; i++) {
        const jf_pair *pair = &m->fields[i];
        if (pair->name.len != strlen(name) || strncasecmp((const char *)pair->name.ptr, name, pair->name.len))
            continue;
        if (nth-- == 0) return &pair->value;
    }
    return NULL;
}

static bool field_is(const jf_message *m, const char *name, int nth, const char *value) {
    const jf_view *found = field_of(m, name, nth);
    return found != NULL && view_is(*found, value);
}

TEST(hands_fields_over_where_they_are_wanted) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    const char *extra =
        "AUTHORIZATION:  Bearer a.b \t\r\nX-Key: 1\r\nx-key: 2\r\nX-Empty:\r\nMcp-Method: m\r\n"
        "Mcp-Name: n\r\nMcp-Session-Id: s\r\nMCP-Protocol-Version: 2025-11-25\r\n"
        "Mcp-Param-A: a\r\n";
    // The host may begin and cease to look at them between two messages.
    for (uint32_t round = 0; round < 3; round++) {
        jf_mock_want(f.mock, round == 1 ? JF_WANTS_FIELDS : 0);
        CHECK(post(&w, extra, "[7]"), "not sent");
        const jf_mock_event *e = next_message(f.mock, &mark);
        REQUIRE(e != NULL, "no message");
        const jf_message *m = &e->message;
        CHECK(view_is(m->method, "m") && view_is(m->session, "s") && m->header_count == 1, "members");
        if (round != 1) {
            CHECK(m->field_count == 0, "%llu fields unasked", (unsigned long long)m->field_count);
        } else {
            CHECK(field_is(m, "authorization", 0, "Bearer a.b") && field_is(m, "host", 0, "localhost"),
                  "values");
            CHECK(field_is(m, "x-key", 0, "1") && field_is(m, "x-key", 1, "2"), "repeated names");
            CHECK(field_is(m, "x-empty", 0, ""), "an empty value");
            CHECK(field_of(m, "mcp-method", 0) == NULL && field_of(m, "mcp-name", 0) == NULL &&
                      field_of(m, "mcp-session-id", 0) == NULL && field_of(m, "mcp-param-a", 0) == NULL &&
                      field_of(m, "mcp-protocol-version", 0) == NULL,
                  "members came as fields, too");
        }
        jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, "[8]");
        CHECK(wire_hear(&w, "[8]"), "answer %s", w.text);
        wire_forget(&w);
    }
    // Streams and ends of sessions have fields as well.
    jf_mock_want(f.mock, JF_WANTS_FIELDS);
    CHECK(wire_say(&w, "DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: s\r\nX-Key: 3\r\n\r\n"),
          "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL && e->message.kind == JF_KIND_END, "no end");
    CHECK(field_is(&e->message, "x-key", 0, "3"), "fields of a DELETE");
    wire_close(&w);
    front_close(&f);
}

TEST(hands_over_the_fields_of_posts_to_a_stream) {
    front f = front_open("{\"sse\":true}");
    jf_mock_want(f.mock, JF_WANTS_FIELDS);
    caller c = caller_open(&f, "/sse");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    CHECK(post_to(&w, c.path, "X-Key: 1\r\n", "[7]"), "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL && e->peer == c.client, "no message");
    CHECK(field_is(&e->message, "x-key", 0, "1"), "the POST's fields");
    wire_close(&w);
    // Received by another loop they come along.
    front other = second_loop(&f, "{\"sse\":true}");
    jf_mock_want(other.mock, JF_WANTS_FIELDS);
    w = wire_dial(other.mock, other.port);
    posts(&w, c.path, "[8]", "HTTP/1.1 202 ");
    CHECK(post_to(&w, c.path, "X-Key: 2\r\nX-Key:\r\n", "[90]"), "not sent");
    REQUIRE(next_message(f.mock, &mark) != NULL, "no message");
    e = next_message(f.mock, &mark);
    REQUIRE(e != NULL && strcmp(e->text, "[90]") == 0, "no message");
    CHECK(field_is(&e->message, "x-key", 0, "2") && field_is(&e->message, "x-key", 1, ""), "over loops");
    wire_close(&w);
    wire_close(&c.stream);
    front_close(&f);
    front_close(&other);
}
/** Replies with fields; `pairs` are names and values in turn, up to a NULL. */
static int32_t reply_with(front *f, const jf_mock_event *e, uint32_t flags, int32_t status,
                          const char *const *pairs, const char *json) {
    jf_pair fields[8];
    uint64_t count = 0;
    for (; pairs[2 * count] != NULL; count++)
        fields[count] = (jf_pair){jf_mock_view(pairs[2 * count]), jf_mock_view(pairs[2 * count + 1])};
    jf_view body = jf_mock_view(json);
    jf_message m = {.size = sizeof(m), .flags = flags, .status = status, .exchange = e->exchange};
    m.body = &body;
    m.body_count = json != NULL;
    m.fields = fields;
    m.field_count = count;
    return jf_mock_listener(f->mock)->reply(jf_mock_self(f->mock), e->peer, &m);
}

TEST(writes_the_fields_of_an_answer) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    static const char *const challenge[] = {"WWW-Authenticate", "Bearer error=\"invalid_token\"",
                                            "WWW-Authenticate", "Basic", NULL};
    const char *lines = "WWW-Authenticate: Bearer error=\"invalid_token\"\r\nWWW-Authenticate: Basic\r\n";
    CHECK(post(&w, "Origin: http://localhost\r\n", "[7]"), "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    CHECK(reply_with(&f, e, JF_MSG_FINAL, JF_STATUS_UNAUTHORIZED, challenge, "[8]") == JF_OK, "reply");
    CHECK(wire_hear(&w, "\r\n\r\n[8]") && wire_begins(&w, "HTTP/1.1 401 ") && strstr(w.text, lines), "%s",
          w.text);
    // Pages in browsers may read it.
    const char *exposed = strstr(w.text, "Access-Control-Expose-Headers:");
    CHECK(exposed != NULL && strstr(exposed, "WWW-Authenticate") < strchr(exposed, '\r'), "%s", w.text);
    wire_forget(&w);
    // An event stream has one head.
    CHECK(post(&w, "", "[7]"), "not sent");
    e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    CHECK(reply_with(&f, e, 0, JF_STATUS_OK, challenge, "[1]") == JF_OK &&
              reply_with(&f, e, JF_MSG_FINAL, JF_STATUS_OK, challenge, "[2]") == JF_OK,
          "reply");
    CHECK(wire_hear(&w, "0\r\n\r\n") && strstr(w.text, lines) && count_of(&w, "WWW-Authenticate") == 2, "%s",
          w.text);
    wire_close(&w);
    front_close(&f);
}

TEST(refuses_fields_that_would_break_a_head) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    char large[9000];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = 0;
    const char *const rows[][2] = {{"X", "a\r\nSet-Cookie: b"},
                                   {"X", "a\nb"},
                                   {"X", "a\rb"},
                                   {"X", "\x01"},
                                   {"X Y", "a"},
                                   {"", "a"},
                                   {"X:", "a"},
                                   {"Content-Length", "0"},
                                   {"TRANSFER-ENCODING", "chunked"},
                                   {"Connection", "close"},
                                   {"Mcp-Session-Id", "s"},
                                   {"X", large}};
    CHECK(post(&w, "", "[7]"), "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const pairs[] = {"X-Good", "1", rows[i][0], rows[i][1], NULL};
        CHECK(reply_with(&f, e, JF_MSG_FINAL, JF_STATUS_OK, pairs, "[8]") == JF_E_INVALID, "row %zu", i);
    }
    jf_pair nul = {jf_mock_view("X"), {(const uint8_t *)"a\0b", 3}};
    jf_message m = {.size = sizeof(m), .flags = JF_MSG_FINAL, .exchange = e->exchange};
    m.fields = &nul;
    m.field_count = 1;
    CHECK(jf_mock_listener(f.mock)->reply(jf_mock_self(f.mock), e->peer, &m) == JF_E_INVALID, "NUL");
    CHECK(wire_silent(&w), "something was written: %s", w.text);
    // An older host's message ends before its fields.
    m.size = offsetof(jf_message, fields);
    CHECK(jf_mock_listener(f.mock)->reply(jf_mock_self(f.mock), e->peer, &m) == JF_OK, "an older host");
    CHECK(wire_hear(&w, "\r\n\r\n") && strstr(w.text, "X:") == NULL, "%s", w.text);
    wire_close(&w);
    front_close(&f);
}
