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
    wire_close(&c.stream);
    front_close(&f);
}
