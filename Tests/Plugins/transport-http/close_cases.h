/* SPDX-License-Identifier: Apache-2.0
 * Channels that close while something is still to be said: what nobody waits for goes out first. */

static void close_begin(back *b) {
    jf_mock_connector(b->mock)->close(jf_mock_self(b->mock), jf_mock_handle(b->mock, b->channel),
                                      jf_mock_now(b->mock) + 30000ull * MS);
}

static void say(back *b, const char *json) {
    CHECK(jf_mock_send(b->mock, b->channel, 0, json) == JF_OK, "%s", jf_mock_why(b->mock));
}

static uint32_t closed_count(back *b) {
    return jf_mock_count(b->mock, 0, JF_MOCK_CHANNEL_CLOSED, b->channel, 0);
}

/** After the channel was closed by hand. */
static void back_end(back *b) {
    server_close(&b->server);
    CHECK(jf_mock_free(b->mock) == 0, "the plugin broke a rule");
}

TEST(says_the_last_words_before_it_closes) {
    static const char taken[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    back b = back_open("/mcp", ",\"max_connections\":1");
    jf_ref call = ask(&b, "[\"call\"]");
    wire held = server_accept(&b.server);
    CHECK(wire_hear(&held, "[\"call\"]"), "request");
    // More of them than connections: some wait in the queue.
    enum { WORDS = 8 };
    for (int i = 0; i < WORDS; i++)
        say(&b, "[\"last\"]");
    close_begin(&b);
    CHECK(wire_hear_end(&held), "the call under way goes on");
    for (int i = 0; i < WORDS; i++) {
        wire w = server_accept(&b.server);
        CHECK(wire_hear(&w, "[\"last\"]"), "word %d", i);
        CHECK(closed_count(&b) == 0, "closed before it was answered");
        CHECK(wire_say(&w, taken) && wire_hear_end(&w), "the connection stays");
        wire_close(&w);
    }
    CHECK(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_CLOSED, b.channel, 0, WIRE_WAIT_MS) != NULL, "not closed");
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_MESSAGE, b.channel, call) == 0, "told after the end");
    wire_close(&held);
    back_end(&b);
}

TEST(waits_a_second_for_a_server_that_is_silent) {
    back b = back_open("/mcp", "");
    say(&b, "[\"last\"]");
    wire w = server_accept(&b.server);
    CHECK(wire_hear(&w, "[\"last\"]"), "request");
    close_begin(&b);
    jf_mock_advance(b.mock, 900ull * MS);
    CHECK(closed_count(&b) == 0, "closed at once");
    jf_mock_advance(b.mock, 200ull * MS);
    CHECK(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_CLOSED, b.channel, 0, WIRE_WAIT_MS) != NULL, "not closed");
    CHECK(wire_hear_end(&w), "its connection stays");
    wire_close(&w);
    back_end(&b);
}

TEST(refuses_words_after_the_last_ones) {
    back b = back_open("/mcp", "");
    say(&b, "[1]");
    close_begin(&b);
    CHECK(jf_mock_send(b.mock, b.channel, 0, "[2]") == JF_E_STALE, "taken");
    close_begin(&b);
    wire w = server_accept(&b.server);
    // The server hangs up instead of an answer: that is the end, too.
    CHECK(wire_hear(&w, "[1]"), "request");
    wire_close(&w);
    CHECK(jf_mock_wait(b.mock, 0, JF_MOCK_CHANNEL_CLOSED, b.channel, 0, WIRE_WAIT_MS) != NULL, "not closed");
    CHECK(closed_count(&b) == 1, "told twice");
    back_end(&b);
}
