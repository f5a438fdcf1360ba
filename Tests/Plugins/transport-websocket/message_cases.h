/* SPDX-License-Identifier: Apache-2.0
 * Messages both ways: frames, fragments, sizes, segments. */

TEST(one_message_is_one_text_frame) {
    front f = front_open("{}");
    wire w = client_open(&f);
    uint32_t mark = 0;
    for (int i = 0; i < 3; i++) {
        CHECK(say(&w, FIN | TEXT, "{\"a\":\n1}"), "not sent");
        const jf_mock_event *e = next_message(f.mock, &mark);
        REQUIRE(e != NULL, "no message");
        CHECK(strcmp(e->text, "{\"a\":\n1}") == 0, "body %s", e->text);
        CHECK(jf_mock_reply(f.mock, e->peer, 0, 0, JF_STATUS_OK, "{\"p\":1}") == JF_OK, "reply");
        CHECK(jf_mock_reply(f.mock, e->peer, 0, JF_MSG_FINAL, JF_STATUS_OK, "{\"b\":\r\n2}") == JF_OK,
              "reply");
        CHECK(hears(&w, "{\"p\":1}", false) && hears(&w, "{\"b\":\r\n2}", false), "answers");
        CHECK(jf_mock_reply(f.mock, e->peer, 0, JF_MSG_FINAL, JF_STATUS_ACCEPTED, NULL) == JF_OK, "reply");
        CHECK(wire_silent(&w), "an acknowledgement is no frame");
    }
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0) == 1, "one connection is one client");
    wire_close(&w);
    front_close(&f);
}

TEST(sizes_around_the_length_forms) {
    front f = front_open("{}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    wire w = client_open(&f);
    static const size_t sizes[] = {2, 125, 126, 127, 4095, 4097, 65535, 65536, 65537, 300000, 4194304};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *text = big_json(sizes[i]);
        CHECK(frame_send(&w, FIN | TEXT, text, sizes[i], true), "%zu bytes are not taken", sizes[i]);
        frame got = frame_hear(&w);
        CHECK(got.length == sizes[i] && memcmp(got.payload, text, sizes[i]) == 0, "%zu bytes came as %llu",
              sizes[i], (unsigned long long)got.length);
        free(got.payload);
        free(text);
    }
    wire_close(&w);
    front_close(&f);
}

TEST(fragments_are_joined_and_control_frames_fit_between) {
    front f = front_open("{}");
    wire w = client_open(&f);
    uint32_t mark = 0;
    say(&w, TEXT, "{\"a\":\"\xc3");
    say(&w, FIN | PING, "are you there");
    say(&w, CONTINUATION, "\xa4");
    say(&w, CONTINUATION, "");
    say(&w, FIN | PONG, "unasked");
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0) == 0, "delivered before its end");
    say(&w, FIN | CONTINUATION, "\"}");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    CHECK(strcmp(e->text, "{\"a\":\"\xc3\xa4\"}") == 0, "%s", e->text);
    frame pong = frame_hear(&w);
    CHECK(pong.first == (FIN | PONG) && strcmp(pong.payload, "are you there") == 0, "%02x", pong.first);
    free(pong.payload);
    say(&w, FIN | TEXT, "{}");
    REQUIRE(next_message(f.mock, &mark) != NULL, "the connection is stuck");
    wire_close(&w);
    front_close(&f);
}

TEST(frames_may_come_byte_by_byte_or_many_at_once) {
    front f = front_open("{}");
    wire w = client_open(&f);
    uint8_t many[4096];
    size_t length = 0, size;
    for (int i = 0; i < 100; i++) {
        char text[16];
        uint8_t *bytes =
            frame_make(FIN | TEXT, text, (uint64_t)snprintf(text, sizeof(text), "[%d]", i), true, &size);
        memcpy(many + length, bytes, size);
        length += size;
        free(bytes);
    }
    wire_dribble(&w, (const char *)many, length);
    CHECK(jf_mock_wait_count(f.mock, 100, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0, WIRE_WAIT_MS), "not all came");
    wire_send(&w, many, length);
    CHECK(jf_mock_wait_count(f.mock, 200, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0, WIRE_WAIT_MS), "not all came");
    const jf_mock_event *last = NULL;
    for (uint32_t mark = 0; (last = jf_mock_find(f.mock, mark, JF_MOCK_CLIENT_MESSAGE, 0, 0)) != NULL;) {
        mark = last->index + 1;
        if (jf_mock_find(f.mock, mark, JF_MOCK_CLIENT_MESSAGE, 0, 0) == NULL) break;
    }
    CHECK(last != NULL && strcmp(last->text, "[99]") == 0, "the last is %s",
          last != NULL ? last->text : "none");
    wire_close(&w);
    front_close(&f);
}

TEST(segments_are_one_frame_and_may_be_retained) {
    front f = front_open("{}");
    wire w = wire_dial_slow(f.mock, f.port);
    upgrade_at(&w, "/mcp", "");
    free(wire_head(&w));
    const jf_mock_event *e = jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0, WIRE_WAIT_MS);
    REQUIRE(e != NULL, "no client");
    char *big = big_json(700000);
    jf_view parts[130];
    uint64_t total = 0;
    for (uint32_t i = 0; i < 130; i++) {
        parts[i] = jf_mock_view(i % 3 == 0 ? "1,\n" : "22");
        if (i == 1 || i == 62) parts[i] = (jf_view){(const uint8_t *)big, 700000};
        if (i == 5) parts[i].len = 0;
        total += parts[i].len;
    }
    char *whole = malloc(total + 1), *at = whole;
    for (uint32_t i = 0; i < 130; i++) {
        if (parts[i].len != 0) memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    *at = 0;
    int32_t status =
        jf_mock_reply_retainable(f.mock, e->peer, 0, JF_MSG_FINAL, parts, 130, 2ull | 1ull << 62);
    CHECK(status == JF_OK || status == JF_E_BUSY, "reply %d", status);
    CHECK(jf_mock_retains(f.mock) > 0, "nothing was retained");
    frame got = frame_hear(&w);
    CHECK(got.length == total && memcmp(got.payload, whole, total) == 0, "%llu bytes came",
          (unsigned long long)got.length);
    CHECK(jf_mock_retained(f.mock) == 0, "something is still retained");
    free(got.payload);
    free(whole);
    free(big);
    wire_close(&w);
    front_close(&f);
}

TEST(many_clients_keep_apart) {
    front f = front_open("{}");
    enum { CLIENTS = 150 };
    wire all[CLIENTS];
    jf_mock_on_event(f.mock, echo_now, NULL);
    for (int i = 0; i < CLIENTS; i++)
        all[i] = client_open(&f);
    for (int i = 0; i < CLIENTS; i += 3)
        wire_close(&all[i]);
    CHECK(jf_mock_wait_count(f.mock, CLIENTS / 3, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, WIRE_WAIT_MS), "closed");
    for (int i = 0; i < CLIENTS; i++) {
        char text[32];
        if (i % 3 == 0) continue;
        snprintf(text, sizeof(text), "{\"n\":%d}", i);
        say(&all[i], FIN | TEXT, text);
        CHECK(hears(&all[i], text, false), "client %d", i);
        wire_close(&all[i]);
    }
    front_close(&f);
}
