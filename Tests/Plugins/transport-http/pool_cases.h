/* SPDX-License-Identifier: Apache-2.0
 * The connector's bounds: calls under way (`max_connections`), and event streams that stay open on top of
 * them
 * (`max_streams`). */

static const char said[] = "data: {\"method\":\"x\"}\n\n", answered[] = "data: {\"id\":1,\"result\":{}}\n\n";

/** A call that its server answers with a stream, and says `text` on it. */
static wire stream_begin(back *b, jf_ref *exchange, const char *text) {
    *exchange = ask_in(b, JF_KIND_MESSAGE, "2025-11-25", "s1", 0);
    wire w = server_accept(&b->server);
    CHECK(wire_hear(&w, "{}") && wire_say(&w, stream_head) && wire_say(&w, text), "request");
    return w;
}

TEST(serves_requests_beside_open_streams) {
    back b = back_open("/mcp", ",\"max_connections\":1,\"max_streams\":3");
    wire w[3];
    jf_ref parked[3];
    for (int i = 0; i < 3; i++) {
        w[i] = stream_begin(&b, &parked[i], said);
        CHECK(answer_of(&b, parked[i]) != NULL, "no event");
    }
    for (int i = 0; i < 2; i++) {
        wire plain = {.fd = -1};
        CHECK(exchange_of(&b, &plain, ok_json, JF_MOCK_CHANNEL_MESSAGE) != NULL, "an ordinary request waits");
        // One of them at a time, as configured.
        jf_ref first = ask(&b, "[1]"), second = ask(&b, "[2]");
        CHECK(wire_hear(&plain, "[1]") && server_nobody(&b.server), "more connections than configured");
        CHECK(wire_say(&plain, ok_json) && wire_hear(&plain, "[2]") && wire_say(&plain, ok_json), "queue");
        CHECK(answer_of(&b, first) != NULL && answer_of(&b, second) != NULL, "no answer");
        wire_close(&plain);
        jf_mock_settle(b.mock);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(wire_say(&w[i], answered), "answer");
        CHECK(jf_mock_wait_count(b.mock, 2, 0, JF_MOCK_CHANNEL_MESSAGE, b.channel, parked[i], WIRE_WAIT_MS),
              "stream %d", i);
        wire_close(&w[i]);
    }
    jf_mock_settle(b.mock);
    CHECK(told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 0, "a call failed");
    back_close(&b);
}

TEST(starts_what_waited_when_a_call_becomes_a_stream) {
    back b = back_open("/mcp", ",\"max_connections\":1");
    jf_ref first;
    wire w = stream_begin(&b, &first, ": nothing yet\n\nid: 1\ndata:\n\n");
    jf_ref second = ask(&b, "[2]");
    CHECK(server_nobody(&b.server), "a stream that said nothing is a call under way");
    CHECK(wire_say(&w, said), "event");
    wire other = server_accept(&b.server);
    CHECK(wire_hear(&other, "[2]") && wire_say(&other, ok_json) && answer_of(&b, second) != NULL, "waits on");
    // The connection that ends its call counts as one again: the third has to wait for it.
    jf_ref third = ask(&b, "[3]");
    CHECK(wire_hear(&other, "[3]"), "not reused");
    wire_close(&w);
    wire_say(&other, ok_json);
    CHECK(answer_of(&b, third) != NULL, "no answer");
    wire_close(&other);
    back_close(&b);
}

TEST(counts_an_answer_as_an_event_as_no_stream) {
    back b = back_open("/mcp", ",\"max_connections\":1,\"max_streams\":1");
    jf_ref parked, plain;
    wire held = stream_begin(&b, &parked, said);
    for (int i = 0; i < 3; i++) {
        wire w = stream_begin(&b, &plain, answered);
        CHECK(answer_of(&b, plain) != NULL, "turn %d", i);
        wire_close(&w);
        jf_mock_settle(b.mock);
    }
    CHECK(told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 0, "the limit of streams refuses plain answers");
    jf_mock_cancel(b.mock, b.channel, parked);
    wire_close(&held);
    back_close(&b);
}

TEST(fails_the_call_that_would_be_one_stream_too_many) {
    back b = back_open("/mcp", ",\"max_connections\":2,\"max_streams\":2");
    jf_ref parked[2], third;
    wire w[2];
    for (int i = 0; i < 2; i++)
        w[i] = stream_begin(&b, &parked[i], said);
    for (int turn = 0; turn < 2; turn++) {
        wire late =
            stream_begin(&b, &third, "id: 7\ndata: {\"method\":\"x\"}\n\ndata: {\"method\":\"y\"}\n\n");
        const jf_mock_event *e = failure_of(&b, third);
        REQUIRE(e != NULL, "no failure");
        CHECK(e->fault.code == JF_E_BUSY && e->fault.flags == JF_FAULT_PUBLIC, "code %d flags %u",
              e->fault.code, e->fault.flags);
        CHECK(strstr(e->fault.text, "all 2 event streams") && strstr(e->fault.text, "max_streams"), "%s",
              e->fault.text);
        CHECK(told(&b, JF_MOCK_CHANNEL_MESSAGE, third) == 0, "its event was delivered");
        CHECK(wire_hear_end(&late), "its connection stays");
        wire_close(&late);
        wire plain = {.fd = -1};
        CHECK(exchange_of(&b, &plain, ok_json, JF_MOCK_CHANNEL_MESSAGE) != NULL, "others suffer");
        wire_close(&plain);
        jf_mock_settle(b.mock);
    }
    // A stream that ends, of itself or cancelled, leaves its place.
    CHECK(wire_say(&w[0], answered), "answer");
    wire_close(&w[0]);
    jf_mock_settle(b.mock);
    w[0] = stream_begin(&b, &third, said);
    CHECK(answer_of(&b, third) != NULL, "no place after an end");
    jf_mock_cancel(b.mock, b.channel, parked[1]);
    CHECK(wire_hear_end(&w[1]), "not cancelled");
    wire_close(&w[1]);
    w[1] = stream_begin(&b, &parked[1], said);
    CHECK(answer_of(&b, parked[1]) != NULL, "no place after a cancellation");
    CHECK(told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 2, "a parked call failed");
    wire_close(&w[0]);
    wire_close(&w[1]);
    back_close(&b);
}

TEST(counts_stand_alone_streams_from_their_head) {
    back b = back_open("/mcp", ",\"max_connections\":1,\"max_streams\":1");
    wire w[2];
    jf_ref stream[2];
    for (int i = 0; i < 2; i++) {
        stream[i] = ask_in(&b, JF_KIND_STREAM, "2025-11-25", "s1", 0);
        w[i] = server_accept(&b.server);
        CHECK(wire_hear(&w[i], "GET /mcp") && wire_say(&w[i], stream_head), "GET");
    }
    const jf_mock_event *e = failure_of(&b, stream[1]);
    REQUIRE(e != NULL, "two streams");
    CHECK(strstr(e->fault.text, "max_streams") && told(&b, JF_MOCK_CHANNEL_FAILED, stream[0]) == 0, "%s",
          e->fault.text);
    wire plain = {.fd = -1};
    CHECK(exchange_of(&b, &plain, ok_json, JF_MOCK_CHANNEL_MESSAGE) != NULL, "they take calls' places");
    wire_close(&plain);
    wire_close(&w[0]);
    wire_close(&w[1]);
    jf_mock_cancel(b.mock, b.channel, stream[0]);
    back_close(&b);
}

TEST(resumes_a_stream_though_its_place_is_taken) {
    back b = back_open("/mcp", ",\"max_connections\":1,\"max_streams\":1");
    jf_ref first, second;
    wire w = stream_begin(&b, &first, "id: a\ndata: {\"method\":\"x\"}\n\n");
    CHECK(answer_of(&b, first) != NULL, "no event");
    wire_close(&w);
    jf_mock_settle(b.mock);
    wire other = stream_begin(&b, &second, said);
    jf_mock_advance(b.mock, 1000ull * MS);
    w = server_accept(&b.server);
    CHECK(wire_hear(&w, "Last-Event-ID: a") && wire_say(&w, stream_head) && wire_say(&w, answered), "GET");
    CHECK(jf_mock_wait_count(b.mock, 2, 0, JF_MOCK_CHANNEL_MESSAGE, b.channel, first, WIRE_WAIT_MS),
          "answer");
    CHECK(told(&b, JF_MOCK_CHANNEL_FAILED, 0) == 0, "a call failed");
    wire_close(&w);
    jf_mock_settle(b.mock);
    CHECK(told(&b, JF_MOCK_CHANNEL_FAILED, first) == 0, "resumed after its answer");
    jf_mock_cancel(b.mock, b.channel, second);
    wire_close(&other);
    back_close(&b);
}

TEST(knows_the_answer_of_a_counted_stream) {
    // The id comes with the answer only: nothing is left to resume.
    back b = back_open("/mcp", "");
    jf_ref exchange;
    wire w = stream_begin(&b, &exchange, said);
    CHECK(wire_say(&w, "id: b\ndata: {\"id\":1,\"result\":{}}\n\n"), "answer");
    wire_close(&w);
    CHECK(jf_mock_wait_count(b.mock, 2, 0, JF_MOCK_CHANNEL_MESSAGE, b.channel, exchange, WIRE_WAIT_MS),
          "answer");
    jf_mock_advance(b.mock, 2000ull * MS);
    CHECK(server_nobody(&b.server), "it asks for more");
    back_close(&b);
}

TEST(keeps_no_more_idle_connections_than_calls_may_need) {
    static const char chunked_head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    enum { STREAMS = 12, KEPT = 5 };
    back b = back_open("/mcp", ",\"max_connections\":1");
    wire w[STREAMS];
    for (int i = 0; i < STREAMS; i++) {
        ask_in(&b, JF_KIND_MESSAGE, "2025-11-25", "s1", 0);
        w[i] = server_accept(&b.server);
        CHECK(wire_hear(&w[i], "{}") && wire_say(&w[i], chunked_head), "request");
        CHECK(wire_say(&w[i], "16\r\ndata: {\"method\":\"x\"}\n\n\r\n"), "event");
    }
    int kept = 0;
    for (int i = 0; i < STREAMS; i++)
        CHECK(wire_say(&w[i], "1c\r\ndata: {\"id\":1,\"result\":{}}\n\n\r\n0\r\n\r\n"), "answer");
    for (int i = 0; i < STREAMS; i++) {
        wire_take(&w[i]);
        kept += !w[i].ended;
        wire_close(&w[i]);
    }
    CHECK(kept == KEPT, "%d stay open", kept);
    back_close(&b);
}
