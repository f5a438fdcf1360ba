/* SPDX-License-Identifier: Apache-2.0
 * Losing a server and finding it again: pauses, jitter, pings, names. */

static const jf_mock_event *wait_failed(back *b, uint32_t mark) {
    return jf_mock_wait(b->mock, mark, JF_MOCK_CHANNEL_FAILED, b->channel, 0, WIRE_WAIT_MS);
}

static bool wait_ready(back *b, uint32_t mark) {
    return jf_mock_wait(b->mock, mark, JF_MOCK_CHANNEL_READY, b->channel, 0, WIRE_WAIT_MS) != NULL;
}

TEST(comes_back_after_a_loss) {
    back b = back_open(",\"reconnect\":{\"initial_ms\":1000,\"jitter\":0}");
    wire w = back_accept(&b, NULL);
    REQUIRE(wait_ready(&b, 0), "not ready");
    for (int round = 0; round < 3; round++) {
        uint32_t mark = jf_mock_mark(b.mock);
        if (round == 1) says_close(&w, 1001, false);
        wire_close(&w);
        const jf_mock_event *e = wait_failed(&b, mark);
        REQUIRE(e != NULL, "the loss is not told");
        CHECK(e->exchange == 0 && e->fault.code == JF_E_GONE && e->fault.retry_ms == 1000u << round,
              "%d, again in %u ms", e->fault.code, e->fault.retry_ms);
        CHECK((e->fault.flags & JF_FAULT_NOT_STARTED) == 0, "what was open may have been started");
        CHECK(memmem(e->fault.text, e->fault.text_len, round == 1 ? "code 1001" : "without a close frame",
                     round == 1 ? 9 : 21) != NULL,
              "%.*s", (int)e->fault.text_len, e->fault.text);
        CHECK(jf_mock_send(b.mock, b.channel, 0, "{}") == JF_E_GONE, "sent into nothing");
        CHECK(jf_mock_fault(b.mock) != NULL && server_nobody(&b.s), "no pause");
        jf_mock_advance(b.mock, (1000000000u << round) + 1000000u);
        w = back_accept(&b, NULL);
        REQUIRE(wait_ready(&b, mark), "not ready again");
        CHECK(jf_mock_send(b.mock, b.channel, 0, "{}") == JF_OK && hears(&w, "{}", true), "no message");
    }
    wire_close(&w);
    back_close(&b);
}

TEST(a_long_life_is_forgiven) {
    back b = back_open(
        ",\"reconnect\":{\"initial_ms\":1000,\"jitter\":0,\"healthy_ms\":5000},\"ping_interval_ms\":0");
    for (int round = 0; round < 3; round++) {
        uint32_t mark = jf_mock_mark(b.mock);
        wire w = back_accept(&b, NULL);
        REQUIRE(wait_ready(&b, mark), "not ready");
        jf_mock_advance(b.mock, 6000000000u);
        jf_mock_settle(b.mock);
        wire_close(&w);
        const jf_mock_event *e = wait_failed(&b, mark);
        REQUIRE(e != NULL, "the loss is not told");
        CHECK(e->fault.retry_ms == 1000, "again in %u ms", e->fault.retry_ms);
        jf_mock_advance(b.mock, 1001000000u);
    }
    back_close(&b);
}

TEST(pauses_grow_with_jitter_and_an_end) {
    back b = back_open(
        ",\"reconnect\":{\"initial_ms\":100,\"factor\":3,\"max_ms\":500,\"jitter\":0.5,\"give_up_after\":5}");
    server_close(&b.s);
    static const uint32_t most[] = {100, 300, 500, 500, 0};
    uint32_t mark = 0, whole = 0;
    for (int i = 0; i < 5; i++) {
        const jf_mock_event *e = wait_failed(&b, mark);
        REQUIRE(e != NULL, "attempt %d did not fail", i);
        mark = e->index + 1;
        CHECK(e->fault.retry_ms <= most[i] && e->fault.retry_ms >= most[i] / 2, "pause %d is %u ms", i,
              e->fault.retry_ms);
        whole += e->fault.retry_ms == most[i];
        if (i == 0)
            CHECK(memmem(e->fault.text, e->fault.text_len, "Connection refused", 18) != NULL, "%.*s",
                  (int)e->fault.text_len, e->fault.text);
        jf_mock_advance(b.mock, (uint64_t)e->fault.retry_ms * 1000000u + 1000000u);
    }
    CHECK(whole < 4, "no jitter");
    CHECK(jf_mock_logged(b.mock, JF_LOG_ERROR, "give_up_after"), "giving up is not logged");
    jf_mock_advance(b.mock, 3600000000000u);
    jf_mock_settle(b.mock);
    CHECK(jf_mock_count(b.mock, mark, JF_MOCK_CHANNEL_FAILED, 0, 0) == 0, "it goes on");
    CHECK(jf_mock_close(b.mock, b.channel, WIRE_WAIT_MS), "not closed");
    back_close(&b);
}

TEST(retry_after_is_respected) {
    back b = back_open("");
    wire w =
        back_accept(&b, "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
    const jf_mock_event *e = wait_failed(&b, 0);
    REQUIRE(e != NULL, "no failure");
    CHECK(e->fault.retry_ms == 7000, "again in %u ms", e->fault.retry_ms);
    wire_close(&w);
    back_close(&b);
}

TEST(a_silent_server_is_given_up) {
    back b = back_open(",\"ping_interval_ms\":1000,\"pong_timeout_ms\":500");
    wire w = back_accept(&b, NULL);
    REQUIRE(wait_ready(&b, 0), "not ready");
    jf_mock_advance(b.mock, 1001000000u);
    frame ping = frame_hear(&w);
    CHECK(ping.first == (FIN | PING) && ping.masked, "%02x", ping.first);
    free(ping.payload);
    frame_send(&w, FIN | PONG, "", 0, false);
    jf_mock_advance(b.mock, 1001000000u);
    ping = frame_hear(&w);
    CHECK(ping.first == (FIN | PING), "no second ping");
    free(ping.payload);
    jf_mock_advance(b.mock, 501000000u);
    const jf_mock_event *e = wait_failed(&b, 0);
    REQUIRE(e != NULL, "not given up");
    CHECK(e->fault.code == JF_E_TIMEOUT, "%d", e->fault.code);
    wire_close(&w);
    back_close(&b);
}

TEST(a_server_that_does_not_answer_the_upgrade) {
    back b = back_open(",\"handshake_timeout_ms\":3000");
    wire w = server_accept(&b.s);
    free(wire_head(&w));
    wire_say(&w, "HTTP/1.1 101 ");
    jf_mock_advance(b.mock, 2900000000u);
    CHECK(wire_silent(&w), "too early");
    jf_mock_advance(b.mock, 200000000u);
    const jf_mock_event *e = wait_failed(&b, 0);
    REQUIRE(e != NULL, "waits for ever");
    CHECK(e->fault.code == JF_E_TIMEOUT, "%d", e->fault.code);
    wire_close(&w);
    back_close(&b);
}

/** What is wrong with a server's frame ends the connection with this code. */
static void server_frame_ends(int code, uint8_t first, const char *payload, uint64_t length, bool masked) {
    back b = back_open(",\"max_message\":1000");
    wire w = back_accept(&b, NULL);
    REQUIRE(wait_ready(&b, 0), "not ready");
    frame_send(&w, first, payload, length, masked);
    CHECK(hears_close(&w) == code, "not closed with %d", code);
    const jf_mock_event *e = wait_failed(&b, 0);
    REQUIRE(e != NULL, "no failure");
    CHECK(e->fault.code == JF_E_INVALID && e->fault.retry_ms != 0, "%d", e->fault.code);
    CHECK(jf_mock_count(b.mock, 0, JF_MOCK_CHANNEL_MESSAGE, 0, 0) == 0, "something was delivered");
    wire_close(&w);
    back_close(&b);
}

TEST(broken_frames_of_servers) {
    char text[1001];
    memset(text, ' ', sizeof(text));
    server_frame_ends(1002, FIN | TEXT, "{}", 2, true);
    server_frame_ends(1003, FIN | BINARY, "{}", 2, false);
    server_frame_ends(1007, FIN | TEXT, "\"\xff\"", 3, false);
    server_frame_ends(1009, FIN | TEXT, text, 1001, false);
}

TEST(names_are_looked_up) {
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "start");
    jf_ref channel = jf_mock_open(mock, "nowhere", "{\"url\":\"ws://no-such-host.invalid/mcp\"}");
    REQUIRE(channel != 0, "%s", jf_mock_why(mock));
    const jf_mock_event *e = jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_FAILED, channel, 0, 30000);
    REQUIRE(e != NULL, "no failure");
    CHECK(memmem(e->fault.text, e->fault.text_len, "no-such-host.invalid", 20) != NULL, "%.*s",
          (int)e->fault.text_len, e->fault.text);
    CHECK(jf_mock_free(mock) == 0, "a rule was broken");
}

TEST(stop_closes_channels_in_every_state) {
    for (int state = 0; state < 3; state++) {
        back b = back_open("");
        wire w = {.fd = -1};
        if (state == 1) w = server_accept(&b.s);
        if (state == 2) {
            w = back_accept(&b, NULL);
            REQUIRE(wait_ready(&b, 0), "not ready");
        }
        jf_mock_stop(b.mock);
        if (state == 2) CHECK(hears_close(&w) == 1001, "no goodbye");
        if (w.fd >= 0) {
            CHECK(wire_hear_end(&w), "stays open");
            wire_close(&w);
        }
        back_close(&b);
    }
}

TEST(lack_of_memory_is_a_failure_like_others) {
    for (uint64_t from = 0; from < 12; from++) {
        back b = back_open(",\"reconnect\":{\"initial_ms\":1,\"max_ms\":1}");
        jf_mock_fail_allocations(b.mock, from);
        wire w = server_accept(&b.s);
        jf_mock_settle(b.mock);
        jf_mock_fail_allocations(b.mock, UINT64_MAX);
        wire_close(&w);
        w = back_accept(&b, NULL);
        CHECK(wait_ready(&b, 0), "not ready after allocation %llu", (unsigned long long)from);
        wire_close(&w);
        back_close(&b);
    }
}
