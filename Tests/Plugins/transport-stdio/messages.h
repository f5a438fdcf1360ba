/* SPDX-License-Identifier: Apache-2.0
 * Tests of transport-stdio: messages to and from a child. */
TEST(echoes_one_message) {
    jf_mock *mock = up();
    jf_ref channel = jf_mock_open(mock, "echo", "{\"command\": \"cat\", \"type\": \"stdio\"}");
    REQUIRE(channel != 0, "%s", jf_mock_why(mock));
    CHECK(jf_mock_count(mock, 0, JF_MOCK_CHANNEL_READY, channel, 0) == 0, "ready came from inside open");
    REQUIRE(ready(mock, 0, channel), "never ready");
    CHECK(jf_mock_find(mock, 0, JF_MOCK_CHANNEL_READY, channel, 0)->flags ==
              (JF_CHANNEL_SHARED | JF_CHANNEL_LOCAL),
          "wrong flags");
    CHECK(jf_mock_send(mock, channel, jf_mock_exchange(mock), "{\"id\":1}") == JF_OK, "%s",
          jf_mock_why(mock));
    CHECK(strcmp(message(mock, channel, 0), "{\"id\":1}") == 0, "got %s", message(mock, channel, 0));
    const jf_mock_event *event = jf_mock_find(mock, 0, JF_MOCK_CHANNEL_MESSAGE, channel, 0);
    CHECK(event != NULL && event->exchange == 0 && (event->flags & JF_MSG_PADDED) != 0, "wrong envelope");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    CHECK(entries_named("cat") == 0, "the child is left after closed");
    down(mock);
}

TEST(keeps_the_order_of_a_thousand_messages) {
    jf_mock *mock = up();
    jf_ref channel = jf_mock_open(mock, "echo", "{\"command\": \"cat\"}");
    REQUIRE(ready(mock, 0, channel), "never ready");
    char text[64];
    for (int at = 0; at < 1000; at++) {
        snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"ping\"}", at);
        REQUIRE(jf_mock_send(mock, channel, 0, text) == JF_OK, "%s", jf_mock_why(mock));
    }
    CHECK(jf_mock_wait_count(mock, 1000, 0, JF_MOCK_CHANNEL_MESSAGE, channel, 0, PATIENCE), "only %u came",
          messages(mock, channel));
    uint32_t place = 0;
    for (int at = 0; at < 1000; at++) {
        const jf_mock_event *event = jf_mock_find(mock, place, JF_MOCK_CHANNEL_MESSAGE, channel, 0);
        snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"ping\"}", at);
        REQUIRE(event != NULL && strcmp(event->text, text) == 0, "message %d is %s", at,
                event ? event->text : "none");
        place = event->index + 1;
    }
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(carries_large_messages_among_small_ones) {
    jf_mock *mock = up();
    jf_ref channel = jf_mock_open(mock, "echo", "{\"command\": \"cat\"}");
    REQUIRE(ready(mock, 0, channel), "never ready");
    static const size_t sizes[] = {100000, 20, 3 * 1024 * 1024, 17000, 65535, 65536, 65537, 20, 1048576, 300};
    uint32_t count = sizeof sizes / sizeof *sizes;
    for (uint32_t at = 0; at < count; at++) {
        char *text = filled(sizes[at], "[", (char)('a' + at));
        CHECK(jf_mock_send(mock, channel, 0, text) == JF_OK, "%s", jf_mock_why(mock));
        free(text);
    }
    for (uint32_t at = 0; at < count; at++) {
        char *text = filled(sizes[at], "[", (char)('a' + at));
        CHECK(strcmp(message(mock, channel, at), text) == 0, "message %u of %zu bytes differs (length %zu)",
              at, sizes[at], strlen(message(mock, channel, at)));
        free(text);
    }
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(joins_segments_and_replaces_line_ends) {
    jf_mock *mock = up();
    jf_ref channel = jf_mock_open(mock, "echo", "{\"command\": \"cat\"}");
    REQUIRE(ready(mock, 0, channel), "never ready");
    for (uint32_t round = 0; round < 2; round++) {
        char *middle = filled(round == 0 ? 4 : 200000, "\"b\n", '\r');
        jf_view parts[] = {jf_mock_view("{\n\"a\":"), jf_mock_view(""), jf_mock_view(middle),
                           jf_mock_view("\r\n}")};
        jf_message sent = {.size = sizeof sent, .body = parts, .body_count = 4};
        CHECK(jf_mock_connector(mock)->send(jf_mock_self(mock), jf_mock_handle(mock, channel), &sent,
                                            jf_mock_fault(mock)) == JF_OK,
              "%s", jf_mock_why(mock));
        const char *got = message(mock, channel, round);
        CHECK(strncmp(got, "{ \"a\":\"b   ", 10) == 0, "got %.40s", got);
        CHECK(strlen(got) == 6 + strlen(middle) + 3 && strpbrk(got, "\r\n") == NULL, "length %zu",
              strlen(got));
        free(middle);
    }
    jf_message empty = {.size = sizeof empty};
    CHECK(jf_mock_connector(mock)->send(jf_mock_self(mock), jf_mock_handle(mock, channel), &empty,
                                        jf_mock_fault(mock)) == JF_E_UNSUPPORTED,
          "a message without a body was taken");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(reads_lines_of_every_kind) {
    jf_mock *mock = up();
    jf_ref channel = open_shell(mock,
                                "printf '\\\\n\\\\r\\\\n{}\\\\r\\\\n\\\\n[1]\\\\nplain garbage\\\\n'; "
                                "head -c 3000 /dev/zero | tr '\\\\0' x; printf 'y\\\\n'; "
                                "head -c 300000 /dev/zero | tr '\\\\0' x; printf '\\\\n'; "
                                "head -c 2048 /dev/zero | tr '\\\\0' z; printf '\\\\r\\\\n[2]\\\\n'; cat",
                                "\"max_message\": 2048, " QUICK);
    CHECK(strcmp(message(mock, channel, 0), "{}") == 0, "got %s", message(mock, channel, 0));
    CHECK(strcmp(message(mock, channel, 1), "[1]") == 0, "got %s", message(mock, channel, 1));
    CHECK(strcmp(message(mock, channel, 2), "plain garbage") == 0, "got %s", message(mock, channel, 2));
    CHECK(strlen(message(mock, channel, 3)) == 2048, "got %zu bytes", strlen(message(mock, channel, 3)));
    CHECK(strcmp(message(mock, channel, 4), "[2]") == 0, "got %s", message(mock, channel, 4));
    CHECK(jf_mock_logged(mock, JF_LOG_WARNING, "message of 3001 bytes was left out"), "no record");
    CHECK(jf_mock_logged(mock, JF_LOG_WARNING, "message of 300000 bytes was left out"), "no record");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

/** Answers each message under 20 levels from inside `deliver`, then closes from there. */
static int32_t reenter(void *user, jf_mock *mock, const jf_mock_event *event) {
    uint32_t *left = user;
    if (event->type != JF_MOCK_CHANNEL_MESSAGE) return JF_OK;
    if (*left > 0 && --*left == 0)
        jf_mock_connector(mock)->close(jf_mock_self(mock), jf_mock_handle(mock, event->peer), 0);
    else
        (void)jf_mock_send(mock, event->peer, 0, event->text);
    jf_mock_cancel(mock, event->peer, 7);
    return JF_OK;
}

TEST(may_be_called_from_inside_deliver) {
    jf_mock *mock = up();
    uint32_t left = 20;
    jf_mock_on_event(mock, reenter, &left);
    jf_ref channel = jf_mock_open(mock, "echo", "{\"command\": \"cat\"}");
    REQUIRE(ready(mock, 0, channel), "never ready");
    for (int at = 0; at < 30; at++)
        (void)jf_mock_send(mock, channel, 0, "[1]");
    CHECK(jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_CLOSED, channel, 0, PATIENCE) != NULL, "never closed");
    CHECK(messages(mock, channel) == 20, "%u messages: none may follow close", messages(mock, channel));
    CHECK(jf_mock_send(mock, channel, 0, "[2]") == JF_E_STALE, "the handle is not stale");
    down(mock);
}

TEST(refuses_more_than_its_queue_and_says_when_there_is_room) {
    jf_mock *mock = up();
    jf_ref channel = open_shell(mock, "echo $$; exec cat", "\"queue\": 1000000, " QUICK);
    pid_t pid = (pid_t)atol(message(mock, channel, 0));
    REQUIRE(pid > 0 && kill(pid, SIGSTOP) == 0, "no pid");
    char *text = filled(1000, "[", 'x');
    uint32_t sent = 0;
    int32_t status = JF_OK;
    while (status == JF_OK && sent < 5000)
        if ((status = jf_mock_send(mock, channel, 0, text)) == JF_OK) sent++;
    CHECK(status == JF_E_BUSY && sent > 900 && sent < 1200, "status %d after %u", status, sent);
    CHECK(strstr(jf_mock_why(mock), "does not read") != NULL, "%s", jf_mock_why(mock));
    jf_mock_settle(mock);
    CHECK(jf_mock_count(mock, 0, JF_MOCK_CHANNEL_WRITABLE, channel, 0) == 0, "writable too early");
    kill(pid, SIGCONT);
    CHECK(jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_WRITABLE, channel, 0, PATIENCE) != NULL, "never writable");
    CHECK(jf_mock_wait_count(mock, sent + 1, 0, JF_MOCK_CHANNEL_MESSAGE, channel, 0, PATIENCE),
          "%u of %u came", messages(mock, channel), sent + 1);
    CHECK(jf_mock_count(mock, 0, JF_MOCK_CHANNEL_WRITABLE, channel, 0) == 1, "writable more than once");
    free(text);
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(closes_a_child_that_never_reads) {
    jf_mock *mock = up();
    jf_ref channel = open_shell(mock, "echo $$; exec sleep 1000", QUICK);
    long pid = atol(message(mock, channel, 0));
    char *text = filled(500000, "[", 'x');
    CHECK(jf_mock_send(mock, channel, 0, text) == JF_OK, "%s", jf_mock_why(mock));
    jf_mock_settle(mock);
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    CHECK(!alive(pid), "it lives on");
    free(text);
    down(mock);
}
