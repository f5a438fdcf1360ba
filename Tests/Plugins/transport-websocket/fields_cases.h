/* SPDX-License-Identifier: Apache-2.0
 * Header fields: every message of a client has those of its upgrade request. */

static bool field_is(const jf_message *m, const char *name, const char *value) {
    for (uint64_t i = 0; i < m->field_count; i++)
        if (view_is(m->fields[i].name, name)) return view_is(m->fields[i].value, value);
    return value == NULL;
}

TEST(messages_have_the_fields_of_the_upgrade) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    CHECK(wire_say(&w, "GET /mcp HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                       "Authorization: Bearer t\r\nX-A:\r\n\r\n") &&
              wire_hear(&w, "\r\n\r\n"),
          "no upgrade: %s", w.text);
    wire_forget(&w);
    // Wanted or not when the client came: the host may change its mind.
    for (uint32_t round = 0; round < 3; round++) {
        jf_mock_want(f.mock, round == 0 ? 0 : JF_WANTS_FIELDS);
        CHECK(say(&w, FIN | TEXT, "[7]"), "not sent");
        const jf_mock_event *e = next_message(f.mock, &mark);
        REQUIRE(e != NULL, "no message");
        const jf_message *m = &e->message;
        if (round == 0)
            CHECK(m->field_count == 0, "%llu fields unasked", (unsigned long long)m->field_count);
        else
            CHECK(field_is(m, "Authorization", "Bearer t") && field_is(m, "Host", "localhost") &&
                      field_is(m, "X-A", "") && field_is(m, "Sec-WebSocket-Key", NULL),
                  "fields");
    }
    wire_close(&w);
    front_close(&f);
}
