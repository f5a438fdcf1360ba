/* SPDX-License-Identifier: Apache-2.0
 * Event streams that live long: event ids, keep-alive comments, slow readers, and what an idle one costs. */

static bool get(wire *w, const char *path, const char *extra) {
    char text[1024];
    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n%s\r\n",
             path, extra);
    return wire_say(w, text);
}

/** Opens a stream with GET; its head is read. */
static const jf_mock_event *open_stream(front *f, wire *w, uint32_t *mark) {
    *w = wire_dial(f->mock, f->port);
    const jf_mock_event *e = get(w, "/mcp", "") ? next_message(f->mock, mark) : NULL;
    CHECK(e != NULL && jf_mock_reply(f->mock, e->peer, e->exchange, 0, JF_STATUS_OK, NULL) == JF_OK &&
              wire_hear(w, "\r\n\r\n"),
          "no stream: %s", w->text);
    wire_forget(w);
    return e;
}

static int32_t reply_with_id(front *f, const jf_mock_event *e, uint32_t flags, const char *body, jf_view id,
                             uint32_t retry_ms) {
    jf_view segment = jf_mock_view(body);
    jf_message m = {.size = sizeof(m),
                    .flags = flags,
                    .exchange = e->exchange,
                    .body = body != NULL ? &segment : NULL,
                    .body_count = body != NULL ? 1 : 0,
                    .retry_ms = retry_ms,
                    .resume = id};
    return jf_mock_listener(f->mock)->reply(jf_mock_self(f->mock), e->peer, &m);
}

TEST(writes_event_ids) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    CHECK(post(&w, "", "{}"), "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    // A priming event opens the stream; the wait that goes with it is no Retry-After.
    CHECK(reply_with_id(&f, e, 0, NULL, jf_mock_view("s-0"), 1500) == JF_OK, "priming");
    CHECK(wire_hear(&w, "\r\n\r\n1c\r\nid: s-0\nretry: 1500\ndata: \n\n\r\n"), "priming %s", w.text);
    CHECK(strstr(w.text, "Content-Type: text/event-stream\r\n") != NULL &&
              strstr(w.text, "Retry-After") == NULL,
          "head %s", w.text);
    static const struct {
        const char *body, *id;
        uint32_t retry_ms;
        const char *event;
    } rows[] = {{"{\"n\":1}", "s-1", 0, "17\r\nid: s-1\ndata: {\"n\":1}\n\n\r\n"},
                {"{\n}", "s-2", 0, "13\r\nid: s-2\ndata: { }\n\n\r\n"},
                {"[]", "s-3", 7, "1b\r\nid: s-3\nretry: 7\ndata: []\n\n\r\n"},
                {"[]", "", 7, "13\r\nretry: 7\ndata: []\n\n\r\n"},
                {NULL, "s-4", 0, "10\r\nid: s-4\ndata: \n\n\r\n"},
                {"[]", "", 0, "a\r\ndata: []\n\n\r\n"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wire_forget(&w);
        CHECK(reply_with_id(&f, e, 0, rows[i].body, jf_mock_view(rows[i].id), rows[i].retry_ms) == JF_OK,
              "reply %zu", i);
        CHECK(wire_hear(&w, "\n\n\r\n") && strcmp(w.text, rows[i].event) == 0, "event %zu: %s", i, w.text);
    }
    wire_forget(&w);
    CHECK(reply_with_id(&f, e, JF_MSG_FINAL, "[9]", jf_mock_view("s-9"), 0) == JF_OK, "last");
    CHECK(wire_hear(&w, "0\r\n\r\n") && wire_begins(&w, "13\r\nid: s-9\ndata: [9]\n\n\r\n0\r\n\r\n"), "%s",
          w.text);
    // An answer with an id is an event even when nothing went before it.
    wire_forget(&w);
    CHECK(post(&w, "", "{}"), "not sent");
    e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    CHECK(reply_with_id(&f, e, JF_MSG_FINAL, "[9]", jf_mock_view("t-0"), 0) == JF_OK, "only");
    CHECK(wire_hear(&w, "\r\n\r\n13\r\nid: t-0\ndata: [9]\n\n\r\n0\r\n\r\n"), "%s", w.text);
    wire_close(&w);
    front_close(&f);
}

TEST(refuses_ids_that_no_event_can_have) {
    front f = front_open("{}");
    wire w;
    uint32_t mark = 0;
    const jf_mock_event *e = open_stream(&f, &w, &mark);
    REQUIRE(e != NULL, "no stream");
    char longest[257];
    memset(longest, 'x', sizeof(longest));
    const jf_view bad[] = {jf_mock_view("a\nb"),
                           jf_mock_view("a\r"),
                           {(const uint8_t *)"a\0b", 3},
                           {(const uint8_t *)longest, 257}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(reply_with_id(&f, e, 0, "{}", bad[i], 0) == JF_E_INVALID, "id %zu was taken", i);
        CHECK(wire_silent(&w), "id %zu was written: %s", i, w.text);
    }
    CHECK(reply_with_id(&f, e, 0, "{}", (jf_view){(const uint8_t *)longest, 256}, 0) == JF_OK, "256 bytes");
    CHECK(wire_hear(&w, "xxx\ndata: {}\n\n"), "the stream is of no more use");
    wire_close(&w);
    front_close(&f);
}

TEST(limits_the_last_event_id) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    char line[320] = "Last-Event-ID: ";
    memset(line + 15, 'i', 256);
    strcpy(line + 15 + 256, "\r\n");
    CHECK(get(&w, "/mcp", line), "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    CHECK(e->message.resume.len == 256 && memcmp(e->message.resume.ptr, line + 15, 256) == 0, "%llu bytes",
          (unsigned long long)e->message.resume.len);
    jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_NOT_FOUND, NULL);
    CHECK(wire_hear(&w, "\r\n\r\n"), "no answer");
    wire_forget(&w);
    strcpy(line + 15 + 256, "i\r\n");
    CHECK(get(&w, "/mcp", line) && wire_hear(&w, "\r\n\r\n") && wire_begins(&w, "HTTP/1.1 400 "), "%s",
          w.text);
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0) == 1, "257 bytes were delivered");
    wire_close(&w);
    front_close(&f);
}

TEST(comments_on_silent_streams) {
    front f = front_open("{\"keep_alive_ms\":2000}");
    wire a, b;
    uint32_t mark = 0;
    const jf_mock_event *e = open_stream(&f, &a, &mark);
    REQUIRE(e != NULL && open_stream(&f, &b, &mark) != NULL, "no streams");
    jf_mock_advance(f.mock, 1500000000);
    CHECK(wire_silent(&a) && wire_silent(&b), "too early");
    jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, "{}");
    CHECK(wire_hear(&a, "{}"), "no event");
    wire_forget(&a);
    jf_mock_advance(f.mock, 700000000);
    CHECK(wire_hear(&b, "e\r\n: keep-alive\n\n\r\n") && wire_silent(&a), "a %s, b %s", a.text, b.text);
    wire_forget(&b);
    jf_mock_advance(f.mock, 1400000000);
    CHECK(wire_hear(&a, "e\r\n: keep-alive\n\n\r\n") && wire_silent(&b), "a %s, b %s", a.text, b.text);
    // An hour of a silent client is nothing to end a stream for.
    for (int minute = 0; minute < 60; minute++) {
        jf_mock_advance(f.mock, 60000000000ull);
        jf_mock_settle(f.mock);
    }
    wire_forget(&a);
    CHECK(jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, "[1]") == JF_OK &&
              wire_hear(&a, "[1]"),
          "the stream ended");
    // Nothing may come behind the end of an answer.
    jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, NULL);
    CHECK(wire_hear(&a, "0\r\n\r\n"), "no end");
    wire_forget(&a);
    jf_mock_advance(f.mock, 5000000000);
    CHECK(wire_hear(&b, "keep-alive") && a.length == 0, "comments on an ended stream: %s", a.text);
    wire_close(&a);
    wire_close(&b);
    front_close(&f);
}

TEST(comments_on_many_streams_in_turns) {
    enum { MANY = 300 };
    front f = front_open("{\"keep_alive_ms\":2000}");
    static wire w[MANY];
    uint32_t mark = 0;
    for (int i = 0; i < MANY; i++)
        if (open_stream(&f, &w[i], &mark) == NULL) return;
    for (int round = 0; round < 2; round++) {
        jf_mock_advance(f.mock, 2100000000);
        for (int i = 0; i < MANY; i++) {
            CHECK(wire_hear(&w[i], "keep-alive"), "stream %d got none in round %d", i, round);
            CHECK(count_of(&w[i], "keep-alive") == 1, "stream %d got several", i);
            wire_forget(&w[i]);
        }
    }
    for (int i = 0; i < MANY; i++)
        wire_close(&w[i]);
    CHECK(jf_mock_wait_count(f.mock, MANY, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, WIRE_WAIT_MS), "some are open");
    front_close(&f);
}

TEST(says_nothing_where_no_comments_are_wanted) {
    front f = front_open("{\"keep_alive_ms\":0}");
    wire w;
    uint32_t mark = 0;
    REQUIRE(open_stream(&f, &w, &mark) != NULL, "no stream");
    jf_mock_advance(f.mock, 3600000000000ull);
    CHECK(wire_silent(&w), "%s", w.text);
    wire_close(&w);
    front_close(&f);
}

TEST(finds_dead_peers_by_their_silence) {
    front f = front_open("{}");
    wire w;
    uint32_t mark = 0;
    const jf_mock_event *e = open_stream(&f, &w, &mark);
    REQUIRE(e != NULL, "no stream");
    // The other end reads no more without saying so, as a machine does that vanished and came back.
    int on = 1;
    if (setsockopt(w.fd, SOL_TCP, TCP_REPAIR, &on, sizeof(on)) != 0) {
        CHECK(errno == EPERM, "%s", strerror(errno));
        printf("     needs CAP_NET_ADMIN: left out\n");
        wire_close(&w);
        front_close(&f);
        return;
    }
    close(w.fd);
    w.fd = -1;
    CHECK(jf_mock_find(f.mock, 0, JF_MOCK_CLIENT_CLOSED, e->peer, 0) == NULL, "closed already");
    jf_mock_advance(f.mock, 16000000000ull);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, e->peer, 0, WIRE_WAIT_MS) != NULL,
          "a comment to nobody goes unnoticed");
    wire_close(&w);
    front_close(&f);
}

TEST(closes_streams_that_grow_although_nobody_reads) {
    enum { BUFFER = 262144, EVENT = 50000 };
    front f = front_open("{\"stream_buffer\":262144}");
    wire slow = wire_dial_slow(f.mock, f.port), other;
    uint32_t mark = 0, events = 0, busy = 0;
    CHECK(post(&slow, "", "{}"), "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    const jf_mock_event *o = open_stream(&f, &other, &mark);
    REQUIRE(o != NULL, "no other stream");
    char *body = big_json(EVENT);
    uint64_t before = jf_mock_bytes(f.mock);
    int32_t status = JF_OK;
    for (; events < 1000 && status != JF_E_STALE; events++) {
        status = jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, body);
        CHECK(status == JF_OK || status == JF_E_BUSY || status == JF_E_STALE, "status %d", status);
        CHECK(status != JF_OK || busy == 0, "not slow any more");
        if (status == JF_E_BUSY) busy++;
        // Pooled buffers hold it: what is allocated beside them stays small, and the sum has its bound.
        CHECK(jf_mock_bytes(f.mock) - before < 2 * BUFFER + 4 * EVENT + 1048576, "%llu bytes are held",
              (unsigned long long)(jf_mock_bytes(f.mock) - before));
        char text[32];
        sprintf(text, "{\"n\":%u}", events);
        wire_forget(&other);
        CHECK(jf_mock_reply(f.mock, o->peer, o->exchange, 0, JF_STATUS_OK, text) == JF_OK &&
                  wire_hear(&other, text),
              "the other stream suffers");
    }
    CHECK(status == JF_E_STALE, "%u events were queued", events);
    CHECK(busy >= 1 && busy <= BUFFER / EVENT + 2, "%u times busy", busy);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, e->peer, 0, WIRE_WAIT_MS) != NULL, "not closed");
    CHECK(jf_mock_logged(f.mock, JF_LOG_WARNING, "does not read its event stream"), "no word of it");
    // An answer ends the exchange: it is taken however much waits.
    wire_close(&slow);
    slow = wire_dial_slow(f.mock, f.port);
    CHECK(post(&slow, "", "{}"), "not sent");
    e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    for (status = JF_OK, events = 0; events < 1000 && status == JF_OK; events++)
        status = jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, body);
    CHECK(status == JF_E_BUSY, "status %d", status);
    CHECK(jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, body) == JF_OK, "refused");
    CHECK(wire_hear(&slow, "0\r\n\r\n") && count_of(&slow, body) == (int)events + 1, "%d of %u",
          count_of(&slow, body), events + 1);
    free(body);
    wire_close(&slow);
    wire_close(&other);
    front_close(&f);
}

/** A stream that waits may cost this much of the instance's memory. */
enum { STREAM_BYTES = 4096 };

TEST(holds_little_for_an_idle_stream) {
    enum { MANY = 320 };
    front f = front_open("{}");
    static wire w[MANY];
    uint32_t mark = 0;
    uint64_t before = 0;
    for (int i = 0; i < MANY; i++) {
        // The second half is measured: what is there once for all has been allocated by then.
        if (i == MANY / 2) before = jf_mock_bytes(f.mock);
        const jf_mock_event *e = open_stream(&f, &w[i], &mark);
        REQUIRE(e != NULL, "no stream");
        // What went through it once leaves nothing behind.
        char *body = big_json(100000);
        CHECK(jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, body) >= JF_E_BUSY &&
                  wire_hear(&w[i], body),
              "no event");
        free(body);
        free(w[i].text);
        w[i].text = calloc(1, 4096);
        w[i].length = 0;
        w[i].room = 4096;
    }
    jf_mock_settle(f.mock);
    uint64_t each = (jf_mock_bytes(f.mock) - before) / (MANY / 2);
    printf("     an idle event stream holds %llu bytes\n", (unsigned long long)each);
    CHECK(each <= STREAM_BYTES, "%llu bytes for each stream", (unsigned long long)each);
    CHECK(jf_mock_buffers(f.mock) <= 1, "%u buffers are held", jf_mock_buffers(f.mock));
    for (int i = 0; i < MANY; i++)
        wire_close(&w[i]);
    front_close(&f);
}
