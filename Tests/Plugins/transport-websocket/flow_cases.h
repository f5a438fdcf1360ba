/* SPDX-License-Identifier: Apache-2.0
 * Slow readers, pings, and what happens without memory. */

TEST(a_slow_reader_is_told_busy_and_writable_later) {
    front f = front_open("{\"limits\":{\"send_slow\":200000,\"send_buffer\":100000000}}");
    wire w = wire_dial_slow(f.mock, f.port);
    upgrade_at(&w, "/mcp", "");
    free(wire_head(&w));
    const jf_mock_event *e = jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0, WIRE_WAIT_MS);
    REQUIRE(e != NULL, "no client");
    char *text = big_json(100000);
    uint64_t sent = 0;
    int32_t status = JF_OK;
    while (status == JF_OK && sent < 200) {
        status = jf_mock_reply(f.mock, e->peer, 0, 0, JF_STATUS_OK, text);
        sent++;
    }
    CHECK(status == JF_E_BUSY, "never busy: %d", status);
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_WRITABLE, 0, 0) == 0, "writable too early");
    // Whoever does not read is not read either, and loses nothing by it.
    say(&w, FIN | TEXT, "{\"held\":1}");
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0) == 0, "read on");
    for (uint64_t i = 0; i < sent; i++)
        CHECK(hears(&w, text, false), "message %llu is not whole", (unsigned long long)i);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_WRITABLE, e->peer, 0, WIRE_WAIT_MS) != NULL, "no writable");
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0, WIRE_WAIT_MS) != NULL, "its message is lost");
    free(text);
    wire_close(&w);
    front_close(&f);
}

TEST(a_reader_beyond_the_bound_is_closed) {
    front f = front_open("{\"limits\":{\"send_slow\":100000,\"send_buffer\":200000}}");
    wire w = wire_dial_slow(f.mock, f.port);
    upgrade_at(&w, "/mcp", "");
    free(wire_head(&w));
    const jf_mock_event *e = jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0, WIRE_WAIT_MS);
    REQUIRE(e != NULL, "no client");
    char *text = big_json(100000);
    int32_t status = JF_OK;
    for (int i = 0; i < 300 && status != JF_E_STALE; i++)
        status = jf_mock_reply(f.mock, e->peer, 0, 0, JF_STATUS_OK, text);
    CHECK(status == JF_E_STALE, "queued without end: %d", status);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, e->peer, 0, WIRE_WAIT_MS) != NULL, "not closed");
    CHECK(hears_close(&w) == 1008, "it is not told why, should it read again");
    CHECK(jf_mock_logged(f.mock, JF_LOG_WARNING, "send_buffer"), "the operator is not told");
    free(text);
    wire_close(&w);
    front_close(&f);
}

static int pongs_to(wire *w) {
    frame f = frame_hear(w);
    bool ping = f.first == (FIN | PING);
    free(f.payload);
    return ping ? say(w, FIN | PONG, "") : -1;
}

TEST(pings_and_takes_any_sign_of_life) {
    front f = front_open("{\"limits\":{\"ping_interval_ms\":30000,\"pong_timeout_ms\":10000}}");
    wire w = client_open(&f);
    for (int i = 0; i < 3; i++) {
        jf_mock_advance(f.mock, 29000000000u);
        CHECK(wire_silent(&w), "a ping too early");
        jf_mock_advance(f.mock, 1100000000u);
        CHECK(pongs_to(&w) == 1, "no ping");
    }
    jf_mock_advance(f.mock, 30100000000u);
    frame ping = frame_hear(&w);
    CHECK(ping.first == (FIN | PING), "no ping");
    free(ping.payload);
    jf_mock_advance(f.mock, 9000000000u);
    CHECK(wire_silent(&w), "given up too early");
    jf_mock_advance(f.mock, 1100000000u);
    CHECK(hears_close(&w) == 1011 && wire_hear_end(&w), "a silent client stays");
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0) == 1, "closed is not told");
    wire_close(&w);
    front_close(&f);
}

TEST(pings_can_be_off) {
    front f = front_open("{\"limits\":{\"ping_interval_ms\":0}}");
    wire w = client_open(&f);
    jf_mock_advance(f.mock, 3600000000000u);
    CHECK(wire_silent(&w), "something came");
    wire_close(&w);
    front_close(&f);
}

TEST(a_flood_of_pings_is_bounded) {
    front f = front_open("{\"limits\":{\"send_slow\":100000,\"send_buffer\":100000}}");
    wire w = wire_dial_slow(f.mock, f.port);
    upgrade_at(&w, "/mcp", "");
    free(wire_head(&w));
    char payload[125];
    size_t size;
    memset(payload, 'x', sizeof(payload));
    uint8_t *ping = frame_make(FIN | PING, payload, sizeof(payload), true, &size);
    bool full = false;
    for (int i = 0; i < 200000 && !full; i++) {
        ssize_t done = send(w.fd, ping, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        full = done < 0;
        if (i % 100 == 0) jf_mock_settle(f.mock);
        if (full) jf_mock_settle(f.mock);
        if (full && send(w.fd, ping, size, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) full = false;
    }
    CHECK(full, "pongs are queued without end");
    free(ping);
    wire_close(&w);
    front_close(&f);
}

TEST(lack_of_memory_ends_connections_only) {
    for (uint64_t from = 0; from < 24; from++) {
        front f = front_open("{}");
        jf_mock_on_event(f.mock, echo_now, NULL);
        wire w = wire_dial_slow(f.mock, f.port);
        jf_mock_fail_allocations(f.mock, from);
        upgrade_at(&w, "/mcp", "");
        char *text = big_json(200000);
        frame_send(&w, FIN | TEXT, text, 200000, true);
        frame_send(&w, FIN | TEXT, text, 200000, true);
        jf_mock_settle(f.mock);
        jf_mock_fail_allocations(f.mock, UINT64_MAX);
        wire_close(&w);
        jf_mock_settle(f.mock);
        wire again = client_open(&f);
        say(&again, FIN | TEXT, "{}");
        CHECK(hears(&again, "{}", false), "the listener is dead after allocation %llu",
              (unsigned long long)from);
        wire_close(&again);
        free(text);
        front_close(&f);
    }
}
