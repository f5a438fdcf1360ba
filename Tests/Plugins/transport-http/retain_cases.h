/* SPDX-License-Identifier: Apache-2.0
 * Large answers that are lent instead of copied, and readers that take them in small pieces. */

enum { LENT_BYTES = 2 << 20 };

/** Asks and answers with `{"result":`, `body` and `}`, of which the body may be retained. */
static const jf_mock_event *lend(front *f, wire *w, uint32_t *mark, uint32_t flags, const char *body) {
    jf_view parts[] = {jf_mock_view("{\"result\":"), jf_mock_view(body), jf_mock_view("}")};
    const jf_mock_event *e = NULL;
    if (post(w, "", "{}")) e = next_message(f->mock, mark);
    CHECK(e != NULL, "no message");
    if (e == NULL) return NULL;
    int32_t status = jf_mock_reply_retainable(f->mock, e->peer, e->exchange, flags, parts, 3, 2);
    CHECK(status == JF_OK || ((flags & JF_MSG_FINAL) == 0 && status == JF_E_BUSY), "reply: %d", status);
    return e;
}

/** Takes up to `most` bytes, running the loop before. False: nothing more comes. */
static bool sip(wire *w, size_t most) {
    char piece[65536];
    for (int idle = 0; idle < WIRE_WAIT_MS;) {
        ssize_t got = recv(w->fd, piece, most < sizeof(piece) ? most : sizeof(piece), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) w->ended = true;
        if (w->ended) return false;
        if (got > 0) {
            if (w->room - w->length <= (size_t)got) {
                w->room = w->room * 2 + (size_t)got;
                w->text = realloc(w->text, w->room);
            }
            memcpy(w->text + w->length, piece, (size_t)got);
            w->length += (size_t)got;
            w->text[w->length] = 0;
            jf_mock_settle(w->mock);
            return true;
        }
        if (jf_mock_run_once(w->mock, 1) == 0) idle++;
    }
    return false;
}

static void hear_slowly(wire *w, size_t length, size_t piece) {
    while (w->length < length && sip(w, piece)) {
    }
}

/** The bytes behind the head. */
static const char *body_of(const wire *w) {
    const char *end = memmem(w->text, w->length, "\r\n\r\n", 4);
    return end == NULL ? "" : end + 4;
}

static bool is_lent_answer(const wire *w, const char *body) {
    const char *at = body_of(w);
    size_t length = strlen(body);
    return strlen(at) == length + 11 && memcmp(at, "{\"result\":", 10) == 0 &&
           memcmp(at + 10, body, length) == 0 && at[length + 10] == '}';
}

TEST(lends_a_large_answer_to_a_slow_reader) {
    front f = front_open("{}");
    wire w = wire_dial_slow(f.mock, f.port);
    char *body = big_json(LENT_BYTES);
    uint32_t mark = 0;
    for (uint32_t round = 1; round <= 2; round++) {
        wire_forget(&w);
        uint64_t before = jf_mock_bytes(f.mock);
        REQUIRE(lend(&f, &w, &mark, JF_MSG_FINAL, body) != NULL, "no message");
        CHECK(jf_mock_retained(f.mock) == 1 && jf_mock_retains(f.mock) == round, "%u references",
              jf_mock_retained(f.mock));
        CHECK(round == 1 || jf_mock_bytes(f.mock) < before + 8192, "%llu bytes more are held",
              (unsigned long long)(jf_mock_bytes(f.mock) - before));
        CHECK(jf_mock_buffers(f.mock) <= 1, "%u buffers are held", jf_mock_buffers(f.mock));
        while (w.length < LENT_BYTES / 20 && sip(&w, 10000)) {
        }
        CHECK(jf_mock_retained(f.mock) == 1, "released too early");
        hear_slowly(&w, LENT_BYTES + 11, 50000);
        CHECK(wire_hear(&w, "\"}") && is_lent_answer(&w, body), "%zu bytes", w.length);
        CHECK(jf_mock_retained(f.mock) == 0, "not released after the last byte");
    }
    CHECK(post(&w, "", "[7]"), "the connection is of no more use");
    CHECK(next_message(f.mock, &mark) != NULL, "no message");
    free(body);
    wire_close(&w);
    front_close(&f);
}

TEST(releases_what_was_lent_when_the_connection_ends) {
    char *body = big_json(LENT_BYTES);
    for (int kind = 0; kind < 5; kind++) {
        front f = front_open("{}");
        wire w = wire_dial_slow(f.mock, f.port);
        uint32_t mark = 0;
        const jf_mock_event *e = lend(&f, &w, &mark, kind < 2 ? JF_MSG_FINAL : 0, body);
        REQUIRE(e != NULL, "no message");
        CHECK(sip(&w, 1000) && jf_mock_retained(f.mock) == 1, "kind %d: not lent", kind);
        struct linger reset = {.l_onoff = 1};
        if (kind == 1 || kind == 3) setsockopt(w.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        if (kind == 4) {
            // Closed by the host: what was written before still goes out.
            jf_mock_listener(f.mock)->close(jf_mock_self(f.mock), e->peer);
            jf_mock_settle(f.mock);
            CHECK(jf_mock_retained(f.mock) == 1, "dropped at once");
            hear_slowly(&w, LENT_BYTES, 60000);
            CHECK(wire_hear_end(&w) && memmem(w.text, w.length, body, LENT_BYTES) != NULL, "%zu bytes",
                  w.length);
        }
        wire_close(&w);
        CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, e->peer, 0, WIRE_WAIT_MS) != NULL, "kind %d",
              kind);
        CHECK(jf_mock_retained(f.mock) == 0, "kind %d: still held", kind);
        front_close(&f);
    }
    // The instance ends with the answer half written.
    front f = front_open("{}");
    wire w = wire_dial_slow(f.mock, f.port);
    uint32_t mark = 0;
    CHECK(lend(&f, &w, &mark, JF_MSG_FINAL, body) != NULL && jf_mock_retained(f.mock) == 1, "not lent");
    jf_mock_stop(f.mock);
    CHECK(jf_mock_retained(f.mock) == 0, "held after stop");
    front_close(&f);
    wire_close(&w);
    free(body);
}

TEST(copies_what_may_not_be_retained) {
    char *body = big_json(LENT_BYTES);
    front f = front_open("{}");
    uint32_t mark = 0;
    jf_mock_refuse_retain(f.mock, true);
    wire w = wire_dial_slow(f.mock, f.port);
    CHECK(lend(&f, &w, &mark, JF_MSG_FINAL, body) != NULL, "no message");
    CHECK(jf_mock_retains(f.mock) == 0, "retained all the same");
    hear_slowly(&w, LENT_BYTES + 11, 60000);
    CHECK(wire_hear(&w, "\"}") && is_lent_answer(&w, body), "%zu bytes", w.length);
    wire_close(&w);
    jf_mock_refuse_retain(f.mock, false);
    // A short one is written at once or not worth a reference.
    w = wire_dial_slow(f.mock, f.port);
    CHECK(lend(&f, &w, &mark, JF_MSG_FINAL, "\"short\"") != NULL && wire_hear(&w, "\"short\"}"), "%s",
          w.text);
    CHECK(jf_mock_retains(f.mock) == 0, "retained without need");
    wire_close(&w);
    front_close(&f);
    free(body);
}

/** Fails the test when called: a message that ends before `retain` has none. */
static int32_t never_retain(void *owner) {
    (void)owner;
    CHECK(false, "retain was called");
    return JF_OK;
}
static void never_release(void *owner) {
    (void)owner;
    CHECK(false, "release was called");
}

TEST(takes_messages_of_every_size) {
    char *body = big_json(LENT_BYTES);
    for (int kind = 0; kind < 4; kind++) {
        front f = front_open("{}");
        wire w = wire_dial_slow(f.mock, f.port);
        uint32_t mark = 0;
        CHECK(post(&w, "", "{}"), "not sent");
        const jf_mock_event *e = next_message(f.mock, &mark);
        REQUIRE(e != NULL, "no message");
        char *own = strdup(body);
        jf_view segment = jf_mock_view(own);
        jf_message m = {.size = sizeof(m), .flags = JF_MSG_FINAL, .exchange = e->exchange, .body = &segment};
        m.body_count = 1;
        m.retain = never_retain;
        m.release = never_release;
        m.retainable = 1;
        // As of 1.0's first members, in the middle of the new ones, without a function, without a bit.
        if (kind == 0) m.size = offsetof(jf_message, owner);
        if (kind == 1) m.size = offsetof(jf_message, retainable);
        if (kind == 2) m.release = NULL;
        if (kind == 3) m.retainable = ~1ull;
        CHECK(jf_mock_listener(f.mock)->reply(jf_mock_self(f.mock), e->peer, &m) == JF_OK, "kind %d", kind);
        memset(own, 'x', LENT_BYTES);
        free(own);
        hear_slowly(&w, LENT_BYTES, 60000);
        wire_hear_bytes(&w, (size_t)(body_of(&w) - w.text) + LENT_BYTES);
        CHECK(strcmp(body_of(&w), body) == 0, "kind %d: %zu bytes", kind, w.length);
        wire_close(&w);
        front_close(&f);
    }
    free(body);
}

TEST(lends_events_and_many_segments) {
    front f = front_open("{}");
    wire w = wire_dial_slow(f.mock, f.port);
    char *body = big_json(300000);
    uint32_t mark = 0;
    CHECK(post(&w, "", "{}"), "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    jf_view parts[70];
    for (int i = 0; i < 70; i++)
        parts[i] = jf_mock_view(i % 2 == 0 ? body : "");
    uint32_t events = 0;
    int32_t status = JF_OK;
    for (; status == JF_OK && events < 50; events++)
        status = jf_mock_reply_retainable(f.mock, e->peer, e->exchange, 0, parts, 5, ~0ull);
    CHECK(status == JF_E_BUSY, "%d after %u events", status, events);
    CHECK(jf_mock_retained(f.mock) != 0, "nothing is retained");
    wire_hear_bytes(&w, (size_t)events * 900000);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_WRITABLE, e->peer, e->exchange, WIRE_WAIT_MS) != NULL,
          "writable");
    // Line breaks are rewritten: a copy. So is a message of more segments than are written in place.
    char *broken = big_json(300000);
    broken[1000] = '\n';
    uint32_t taken = jf_mock_retains(f.mock);
    jf_view one = jf_mock_view(broken);
    jf_mock_reply_retainable(f.mock, e->peer, e->exchange, 0, &one, 1, 1);
    parts[0] = jf_mock_view("[1");
    for (int i = 1; i < 70; i++)
        parts[i] = jf_mock_view(",2");
    jf_mock_reply_retainable(f.mock, e->peer, e->exchange, JF_MSG_FINAL, parts, 70, ~0ull);
    CHECK(wire_hear(&w, "\r\n0\r\n\r\n"), "no end");
    CHECK(jf_mock_retains(f.mock) == taken, "a copy was retained");
    CHECK(count_of(&w, body) == (int)events * 3, "%d parts of %u events", count_of(&w, body), events);
    broken[1000] = ' ';
    CHECK(count_of(&w, broken) == 1 && count_of(&w, ",2") == 69, "the last events");
    CHECK(jf_mock_retained(f.mock) == 0, "%u references are left", jf_mock_retained(f.mock));
    free(broken);
    free(body);
    wire_close(&w);
    front_close(&f);
}

/** Answers each message with 1 MB that may be retained. */
static int32_t lend_now(void *user, jf_mock *mock, const jf_mock_event *e) {
    jf_view segment = jf_mock_view(user);
    if (e->type == JF_MOCK_CLIENT_MESSAGE)
        jf_mock_reply_retainable(mock, e->peer, e->exchange, JF_MSG_FINAL, &segment, 1, 1);
    return JF_OK;
}

TEST(answers_pipelined_requests_as_their_answers_are_read) {
    enum { COUNT = 20 };
    front f = front_open("{}");
    char *body = big_json(1 << 20);
    jf_mock_on_event(f.mock, lend_now, body);
    wire w = wire_dial_slow(f.mock, f.port);
    for (int i = 0; i < COUNT; i++)
        CHECK(post(&w, "", "{}"), "not sent");
    jf_mock_settle(f.mock);
    uint32_t served = jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0);
    CHECK(served < COUNT / 2, "%u answers lie before a client that reads none", served);
    hear_slowly(&w, (size_t)COUNT << 20, 60000);
    for (int i = 0; i < 100 && count_of(&w, body) < COUNT; i++)
        wire_hear_bytes(&w, w.length + 1);
    CHECK(count_of(&w, body) == COUNT, "%d answers", count_of(&w, body));
    CHECK(jf_mock_retained(f.mock) == 0, "%u references are left", jf_mock_retained(f.mock));
    free(body);
    wire_close(&w);
    front_close(&f);
}

TEST(waits_for_a_reader_that_makes_progress) {
    front f = front_open("{}");
    wire w = wire_dial_slow(f.mock, f.port);
    char *body = big_json(LENT_BYTES);
    uint32_t mark = 0;
    REQUIRE(lend(&f, &w, &mark, JF_MSG_FINAL, body) != NULL, "no message");
    // More than twice the idle timeout in all, less than that between two reads.
    for (int i = 0; i < 3; i++) {
        jf_mock_advance(f.mock, 60000000000ull);
        jf_mock_settle(f.mock);
        hear_slowly(&w, w.length + 600000, 50000);
    }
    hear_slowly(&w, LENT_BYTES + 11, 60000);
    CHECK(wire_hear(&w, "\"}") && is_lent_answer(&w, body), "cut after %zu bytes", w.length);
    // One that reads no more is given up, and what was lent to it released.
    REQUIRE(lend(&f, &w, &mark, JF_MSG_FINAL, body) != NULL, "no message");
    jf_mock_advance(f.mock, 80000000000ull);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, WIRE_WAIT_MS) != NULL, "never given up");
    CHECK(jf_mock_retained(f.mock) == 0, "still held");
    free(body);
    wire_close(&w);
    front_close(&f);
}
