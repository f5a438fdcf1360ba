/* SPDX-License-Identifier: Apache-2.0
 * Broken rules of RFC 6455 and the closing handshake, as the listener sees them. */

/** What the client does wrong is answered with a close frame and the end, and nothing is delivered. */
static void closed_with(int code, const void *bytes, size_t length) {
    front f = front_open("{\"limits\":{\"max_message\":1000}}");
    wire w = client_open(&f);
    CHECK(wire_send(&w, bytes, length), "not sent");
    CHECK(hears_close(&w) == code, "not closed with %d", code);
    CHECK(wire_hear_end(&w), "the connection stays open after %d", code);
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0) == 0, "something was delivered (%d)", code);
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0) == 1, "closed is not told (%d)", code);
    wire_close(&w);
    front_close(&f);
}

static void frame_closes_with(int code, uint8_t first, const char *payload, uint64_t length, bool masked) {
    size_t size;
    uint8_t *bytes = frame_make(first, payload, length, masked, &size);
    closed_with(code, bytes, size);
    free(bytes);
}

TEST(broken_frames) {
    frame_closes_with(1002, FIN | TEXT, "{}", 2, false);
    frame_closes_with(1002, FIN | 0x40 | TEXT, "{}", 2, true);
    frame_closes_with(1002, FIN | 3, "{}", 2, true);
    frame_closes_with(1002, FIN | 11, "", 0, true);
    frame_closes_with(1002, FIN | CONTINUATION, "{}", 2, true);
    frame_closes_with(1002, PING, "", 0, true);
    closed_with(1002, "\x89\xfe\x00\x7e____", 8);
    closed_with(1002, "\x81\xff\x80\0\0\0\0\0\0\0____", 14);
}

TEST(binary_frames) {
    frame_closes_with(1003, FIN | BINARY, "{}", 2, true);
    frame_closes_with(1003, BINARY, "", 0, true);
}

TEST(text_that_is_not_utf8) {
    frame_closes_with(1007, FIN | TEXT, "\"\xff\"", 3, true);
    frame_closes_with(1007, FIN | TEXT, "\"\xed\xa0\x80\"", 5, true);
    frame_closes_with(1007, FIN | TEXT, "\"\xc3", 2, true);
    frame_closes_with(1007, FIN | TEXT, "\xf4\x90\x80\x80", 4, true);
}

TEST(text_inside_a_fragmented_message) {
    uint8_t both[64];
    size_t one, two;
    uint8_t *first = frame_make(TEXT, "[", 1, true, &one),
            *second = frame_make(FIN | TEXT, "[]", 2, true, &two);
    memcpy(both, first, one);
    memcpy(both + one, second, two);
    closed_with(1002, both, one + two);
    free(first);
    free(second);
}

TEST(messages_beyond_the_limit) {
    char text[1001];
    memset(text, ' ', sizeof(text));
    frame_closes_with(1009, FIN | TEXT, text, 1001, true);
    // Its head and one byte are enough.
    closed_with(1009, "\x81\xff\0\0\0\x7f\0\0\0\0_____", 15);
    front f = front_open("{\"limits\":{\"max_message\":1000}}");
    wire w = client_open(&f);
    uint32_t mark = 0;
    frame_send(&w, TEXT, text, 600, true);
    frame_send(&w, FIN | CONTINUATION, text, 400, true);
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    CHECK(e->length == 1000, "%llu bytes", (unsigned long long)e->length);
    frame_send(&w, TEXT, text, 600, true);
    frame_send(&w, CONTINUATION, text, 400, true);
    frame_send(&w, CONTINUATION, text, 1, true);
    CHECK(hears_close(&w) == 1009 && wire_hear_end(&w), "fragments are counted one by one");
    wire_close(&w);
    front_close(&f);
}

TEST(client_closes) {
    front f = front_open("{}");
    wire w = client_open(&f);
    CHECK(says_close(&w, 1000, true), "not sent");
    CHECK(hears_close(&w) == 1000 && wire_hear_end(&w), "the close frame is not returned");
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0) == 1, "closed is not told");
    CHECK(!jf_mock_logged(f.mock, JF_LOG_INFO, "broke a rule"), "a goodbye is no broken rule");
    wire_close(&w);
    front_close(&f);
}

TEST(host_closes_behind_written_answers) {
    front f = front_open("{}");
    wire w = client_open(&f);
    uint32_t mark = 0;
    say(&w, FIN | TEXT, "{}");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    jf_mock_reply(f.mock, e->peer, 0, JF_MSG_FINAL, JF_STATUS_OK, "{\"last\":1}");
    jf_mock_listener(f.mock)->close(jf_mock_self(f.mock), e->peer);
    CHECK(jf_mock_reply(f.mock, e->peer, 0, JF_MSG_FINAL, JF_STATUS_OK, "{}") == JF_E_STALE, "still open");
    CHECK(hears(&w, "{\"last\":1}", false), "the answer is lost");
    CHECK(hears_close(&w) == 1000, "no close frame");
    say(&w, FIN | TEXT, "{\"too\":\"late\"}");
    says_close(&w, 1000, true);
    CHECK(wire_hear_end(&w), "the connection stays open");
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0) == 1, "delivered after the close");
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, WIRE_WAIT_MS) != NULL, "closed is not told");
    wire_close(&w);
    front_close(&f);
}

TEST(a_client_that_does_not_close_is_left) {
    front f = front_open("{\"limits\":{\"close_timeout_ms\":2000}}");
    wire w = client_open(&f);
    const jf_mock_event *e = jf_mock_find(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0);
    REQUIRE(e != NULL, "no client");
    jf_mock_listener(f.mock)->close(jf_mock_self(f.mock), e->peer);
    CHECK(hears_close(&w) == 1000 && wire_silent(&w), "no close frame");
    jf_mock_advance(f.mock, 2100000000u);
    CHECK(wire_hear_end(&w), "the connection stays open");
    wire_close(&w);
    front_close(&f);
}

static int32_t forget_client(void *user, jf_mock *mock, const jf_mock_event *e) {
    (void)user;
    if (e->type != JF_MOCK_CLIENT_MESSAGE) return JF_OK;
    jf_mock_refuse(mock, e->peer);
    return JF_E_STALE;
}

TEST(a_client_that_the_host_does_not_know_is_closed) {
    front f = front_open("{}");
    jf_mock_on_event(f.mock, forget_client, NULL);
    wire w = client_open(&f);
    say(&w, FIN | TEXT, "{}");
    CHECK(hears_close(&w) == 1001, "no close frame");
    says_close(&w, 1001, true);
    CHECK(wire_hear_end(&w), "the connection stays open");
    wire_close(&w);
    front_close(&f);
}

TEST(stop_says_goodbye) {
    front f = front_open("{}");
    wire w = client_open(&f);
    wire half = wire_dial(f.mock, f.port);
    wire_say(&half, "GET /mcp");
    jf_mock_stop(f.mock);
    CHECK(hears_close(&w) == 1001 && wire_hear_end(&w), "no goodbye");
    CHECK(wire_hear_end(&half), "a half request stays open");
    wire_close(&w);
    wire_close(&half);
    front_close(&f);
}
