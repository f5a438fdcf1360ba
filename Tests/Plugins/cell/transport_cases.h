/* SPDX-License-Identifier: Apache-2.0
 * Cell tests: connectors and listeners, whose sockets and children live in the cell. */

/** Longest wait for something that is expected, in ms. */
#define PATIENCE 20000
#define QUICK "\"shutdown\":{\"close_stdin_ms\":150,\"terminate_ms\":150}"

static bool stdio_up(fixture *it) {
    fixture_describe(it, fixture_plugin("transport-stdio"), "jf.connector/1");
    it->spawn.flags = JF_CELL_PROCESSES;
    return fixture_up(it, "{}");
}

static bool channel_ready(const fixture *it, uint32_t mark, jf_ref channel) {
    return jf_mock_wait(it->mock, mark, JF_MOCK_CHANNEL_READY, channel, 0, PATIENCE) != NULL;
}

/** Sends a text and waits until it comes back. */
static bool echoes(const fixture *it, jf_ref channel, const char *text) {
    uint32_t mark = jf_mock_mark(it->mock);
    int32_t status = jf_mock_send(it->mock, channel, 0, text);
    CHECK(status == JF_OK, "send: %d %s", (int)status, jf_mock_why(it->mock));
    const jf_mock_event *event = jf_mock_wait(it->mock, mark, JF_MOCK_CHANNEL_MESSAGE, channel, 0, PATIENCE);
    return event != NULL && event->text != NULL && strcmp(event->text, text) == 0;
}

TEST(connects_to_children) {
    fixture it;
    REQUIRE(stdio_up(&it), "no cell: %s", jf_mock_why(it.mock));
    jf_ref channel = jf_mock_open(it.mock, "echo", "{\"command\":\"cat\"," QUICK "}");
    REQUIRE(channel != 0, "%s", jf_mock_why(it.mock));
    CHECK(jf_mock_count(it.mock, 0, JF_MOCK_CHANNEL_READY, channel, 0) == 0, "ready from inside open");
    REQUIRE(channel_ready(&it, 0, channel), "never ready");
    CHECK(echoes(&it, channel, "{\"id\":1}"), "no echo");
    char *large = malloc(300003);
    REQUIRE(large != NULL, "no memory");
    memset(large, 'x', 300002);
    large[0] = large[300001] = '"';
    large[300002] = 0;
    CHECK(echoes(&it, channel, large), "no large echo");
    free(large);
    CHECK(jf_mock_close(it.mock, channel, PATIENCE), "never closed");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(keeps_the_order) {
    fixture it;
    uint32_t place = 0;
    REQUIRE(stdio_up(&it), "no cell: %s", jf_mock_why(it.mock));
    jf_ref channel = jf_mock_open(it.mock, "echo", "{\"command\":\"cat\"," QUICK "}");
    REQUIRE(channel_ready(&it, 0, channel), "never ready");
    for (int i = 0; i < 1000; i++) {
        char text[32];
        snprintf(text, sizeof text, "{\"id\":%d}", i);
        REQUIRE(jf_mock_send(it.mock, channel, 0, text) == JF_OK, "%s", jf_mock_why(it.mock));
    }
    CHECK(jf_mock_wait_count(it.mock, 1000, 0, JF_MOCK_CHANNEL_MESSAGE, channel, 0, PATIENCE),
          "some are lost");
    for (int i = 0; i < 1000; i++) {
        char text[32];
        const jf_mock_event *event = jf_mock_find(it.mock, place, JF_MOCK_CHANNEL_MESSAGE, channel, 0);
        snprintf(text, sizeof text, "{\"id\":%d}", i);
        REQUIRE(event != NULL && strcmp(event->text, text) == 0, "message %d is %s", i,
                event ? event->text : "");
        place = event->index + 1;
    }
    CHECK(jf_mock_close(it.mock, channel, PATIENCE), "never closed");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(holds_back_for_slow_children) {
    fixture it;
    REQUIRE(stdio_up(&it), "no cell: %s", jf_mock_why(it.mock));
    jf_ref channel = jf_mock_open(
        it.mock, "slow",
        "{\"command\":\"sh\",\"args\":[\"-c\",\"sleep 0.3; cat\"],\"queue\":4096,\"pipe_size\":4096," QUICK
        "}");
    REQUIRE(channel != 0 && channel_ready(&it, 0, channel), "never ready: %s", jf_mock_why(it.mock));
    char text[1003];
    memset(text, 'x', 1001);
    text[0] = text[1000] = '"';
    text[1001] = 0;
    uint32_t sent = 0;
    int32_t status = JF_OK;
    for (int i = 0; i < 20000 && status == JF_OK; i++) {
        status = jf_mock_send(it.mock, channel, 0, text);
        if (status == JF_OK) sent++;
        jf_mock_run_once(it.mock, 0);
    }
    CHECK(status == JF_E_BUSY, "it takes %u messages: %d", sent, (int)status);
    CHECK(jf_mock_wait(it.mock, 0, JF_MOCK_CHANNEL_WRITABLE, channel, 0, PATIENCE) != NULL, "never writable");
    CHECK(jf_mock_wait_count(it.mock, sent, 0, JF_MOCK_CHANNEL_MESSAGE, channel, 0, PATIENCE),
          "some are lost");
    CHECK(jf_mock_send(it.mock, channel, 0, text) == JF_OK, "%s", jf_mock_why(it.mock));
    CHECK(jf_mock_close(it.mock, channel, PATIENCE), "never closed");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

/** Asks what a channel's processes use until the cell has told. */
static int32_t used(const fixture *it, jf_ref channel, jf_usage *usage) {
    int32_t status = JF_ABSENT;
    for (int asked = 0; asked < 400 && status == JF_ABSENT; asked++) {
        status = jf_mock_usage(it->mock, channel, usage);
        if (status == JF_ABSENT) jf_mock_run_once(it->mock, 50);
    }
    return status;
}

TEST(tells_what_children_use) {
    fixture it;
    jf_usage usage, cut;
    REQUIRE(stdio_up(&it), "no cell: %s", jf_mock_why(it.mock));
    jf_ref channel = jf_mock_open(it.mock, "echo", "{\"command\":\"cat\"," QUICK "}");
    REQUIRE(channel_ready(&it, 0, channel), "never ready");
    CHECK(jf_mock_usage(it.mock, channel, &usage) == JF_ABSENT, "who told it?");
    REQUIRE(used(&it, channel, &usage) == JF_OK, "never told");
    // It may have been looked at while it had hardly begun, and is looked at once a second.
    CHECK(usage.processes == 1 && usage.memory > 0 && usage.started == 1 && usage.since_ns > 0,
          "%u processes, %u started, %llu bytes", usage.processes, usage.started,
          (unsigned long long)usage.memory);
    memset(&cut, 0x5a, sizeof cut);
    cut.size = offsetof(jf_usage, memory);
    jf_ref handle = jf_mock_handle(it.mock, channel);
    const jf_connector_1 *table = jf_mock_connector(it.mock);
    CHECK(table->usage(jf_mock_self(it.mock), handle, &cut) == JF_OK && cut.measured_ns > 0, "cut");
    CHECK(cut.size == offsetof(jf_usage, memory) && cut.memory == 0x5a5a5a5a5a5a5a5a, "more than asked for");
    uint32_t mark = jf_mock_mark(it.mock);
    kill(fixture_state(&it).pid, SIGKILL);
    REQUIRE(jf_mock_wait(it.mock, mark, JF_MOCK_CHANNEL_FAILED, channel, 0, PATIENCE) != NULL, "still there");
    CHECK(jf_mock_usage(it.mock, channel, &usage) == JF_ABSENT, "of a process that is gone");
    REQUIRE(channel_ready(&it, mark, channel), "it does not come back");
    CHECK(used(&it, channel, &usage) == JF_OK && usage.started == 1, "never told again");
    CHECK(jf_mock_close(it.mock, channel, PATIENCE), "never closed");
    CHECK(table->usage(jf_mock_self(it.mock), handle, &usage) == JF_E_STALE, "of a closed channel");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(channels_come_back) {
    fixture it;
    REQUIRE(stdio_up(&it), "no cell: %s", jf_mock_why(it.mock));
    jf_ref channel = jf_mock_open(it.mock, "echo", "{\"command\":\"cat\"," QUICK "}");
    REQUIRE(channel_ready(&it, 0, channel), "never ready");
    uint32_t mark = jf_mock_mark(it.mock);
    kill(fixture_state(&it).pid, SIGKILL);
    const jf_mock_event *event = jf_mock_wait(it.mock, mark, JF_MOCK_CHANNEL_FAILED, channel, 0, PATIENCE);
    REQUIRE(event != NULL, "the host is not told");
    CHECK(event->exchange == 0 && event->status == JF_E_GONE && event->fault.retry_ms > 0, "%.*s",
          (int)event->fault.text_len, event->fault.text);
    CHECK(jf_mock_send(it.mock, channel, 0, "{}") == JF_E_GONE, "a message is taken while it is down");
    REQUIRE(channel_ready(&it, mark, channel), "it does not come back");
    CHECK(echoes(&it, channel, "{\"id\":2}"), "no echo after the restart");
    CHECK(jf_mock_close(it.mock, channel, PATIENCE), "never closed");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(channels_close_while_the_cell_is_down) {
    fixture it;
    REQUIRE(stdio_up(&it), "no cell: %s", jf_mock_why(it.mock));
    jf_ref channel = jf_mock_open(it.mock, "echo", "{\"command\":\"cat\"," QUICK "}");
    REQUIRE(channel_ready(&it, 0, channel), "never ready");
    kill(fixture_state(&it).pid, SIGKILL);
    CHECK(jf_mock_wait(it.mock, 0, JF_MOCK_CHANNEL_FAILED, channel, 0, PATIENCE) != NULL,
          "the host is not told");
    CHECK(jf_mock_close(it.mock, channel, PATIENCE), "never closed");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(wrong_channels_are_refused) {
    fixture it;
    REQUIRE(stdio_up(&it), "no cell: %s", jf_mock_why(it.mock));
    CHECK(jf_mock_open(it.mock, "it", "{\"command\":42}") == 0, "it is opened");
    CHECK(strlen(jf_mock_why(it.mock)) > 0, "without a reason");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

/* ---- transport-http, with itself as its client ---- */

typedef struct web {
    fixture it;
    jf_ref listener, channel;
    char bound[128], address[128];
} web;

static bool web_up(web *w) {
    fixture_describe(&w->it, fixture_plugin("transport-http"), "jf.listener/1 jf.connector/1");
    w->it.spawn.flags = JF_CELL_NETWORK;
    if (!fixture_up(&w->it, "{}")) return false;
    w->listener = jf_mock_listen(w->it.mock, "127.0.0.1:0", "{}", w->bound, sizeof w->bound);
    if (w->listener == 0) return false;
    char config[256];
    snprintf(config, sizeof config, "{\"url\":\"%s/mcp\"}", w->bound);
    w->channel = jf_mock_open(w->it.mock, "itself", config);
    return w->channel != 0 && channel_ready(&w->it, 0, w->channel);
}

/** Sends a request over HTTP and has it arrive as a client's message. */
static const jf_mock_event *request(web *w, const char *json, jf_ref *exchange) {
    uint32_t mark = jf_mock_mark(w->it.mock);
    *exchange = jf_mock_exchange(w->it.mock);
    int32_t status = jf_mock_send(w->it.mock, w->channel, *exchange, json);
    CHECK(status == JF_OK, "send: %d %s", (int)status, jf_mock_why(w->it.mock));
    return jf_mock_wait(w->it.mock, mark, JF_MOCK_CLIENT_MESSAGE, 0, 0, PATIENCE);
}

TEST(serves_and_asks_over_http) {
    web w;
    jf_ref exchange;
    REQUIRE(web_up(&w), "no cell: %s", jf_mock_why(w.it.mock));
    CHECK(strncmp(w.bound, "http://127.0.0.1:", 17) == 0, "bound to %s", w.bound);
    for (int i = 0; i < 3; i++) {
        size_t size = i == 2 ? 200000 : 10;
        char *json = malloc(size + 3);
        REQUIRE(json != NULL, "no memory");
        memset(json, 'y', size + 2);
        json[0] = json[size + 1] = '"';
        json[size + 2] = 0;
        const jf_mock_event *event = request(&w, json, &exchange);
        REQUIRE(event != NULL && strcmp(event->text, json) == 0, "the request does not arrive");
        CHECK(event->message.target.len == 4 && memcmp(event->message.target.ptr, "/mcp", 4) == 0, "target");
        CHECK(jf_mock_reply(w.it.mock, event->peer, event->exchange, JF_MSG_FINAL, JF_STATUS_OK, json) ==
                  JF_OK,
              "no reply");
        CHECK(jf_mock_reply(w.it.mock, event->peer, event->exchange, JF_MSG_FINAL, JF_STATUS_OK, "{}") ==
                  JF_E_STALE,
              "a second reply is taken");
        event = jf_mock_wait(w.it.mock, 0, JF_MOCK_CHANNEL_MESSAGE, w.channel, exchange, PATIENCE);
        CHECK(event != NULL && event->text != NULL && strcmp(event->text, json) == 0,
              "the answer does not arrive");
        free(json);
    }
    CHECK(jf_mock_close(w.it.mock, w.channel, PATIENCE), "never closed");
    CHECK(fixture_down(&w.it) == 0, "rules were broken");
}

TEST(streams_over_http) {
    web w;
    jf_ref exchange;
    REQUIRE(web_up(&w), "no cell: %s", jf_mock_why(w.it.mock));
    const jf_mock_event *event = request(&w, "{\"id\":1}", &exchange);
    REQUIRE(event != NULL, "the request does not arrive");
    jf_ref client = event->peer, own = event->exchange;
    uint32_t mark = jf_mock_mark(w.it.mock);
    for (int i = 0; i < 50; i++)
        CHECK(jf_mock_reply(w.it.mock, client, own, 0, JF_STATUS_OK, "{\"n\":1}") == JF_OK, "event %d", i);
    CHECK(jf_mock_reply(w.it.mock, client, own, JF_MSG_FINAL, JF_STATUS_OK, "{\"last\":1}") == JF_OK,
          "the last");
    CHECK(jf_mock_wait_count(w.it.mock, 51, mark, JF_MOCK_CHANNEL_MESSAGE, w.channel, exchange, PATIENCE),
          "%u of 51", jf_mock_count(w.it.mock, mark, JF_MOCK_CHANNEL_MESSAGE, w.channel, exchange));
    CHECK(jf_mock_close(w.it.mock, w.channel, PATIENCE), "never closed");
    CHECK(fixture_down(&w.it) == 0, "rules were broken");
}

TEST(clients_that_leave_are_told) {
    web w;
    jf_ref exchange;
    REQUIRE(web_up(&w), "no cell: %s", jf_mock_why(w.it.mock));
    const jf_mock_event *event = request(&w, "{\"id\":1}", &exchange);
    REQUIRE(event != NULL, "the request does not arrive");
    jf_ref client = event->peer, own = event->exchange;
    jf_mock_cancel(w.it.mock, w.channel, exchange);
    CHECK(jf_mock_wait(w.it.mock, 0, JF_MOCK_CLIENT_CLOSED, client, 0, PATIENCE) != NULL, "it is not told");
    CHECK(jf_mock_reply(w.it.mock, client, own, JF_MSG_FINAL, JF_STATUS_OK, "{}") == JF_E_STALE,
          "a reply is taken");
    CHECK(jf_mock_count(w.it.mock, 0, JF_MOCK_CHANNEL_MESSAGE, w.channel, exchange) == 0,
          "an answer after cancel");
    CHECK(jf_mock_close(w.it.mock, w.channel, PATIENCE), "never closed");
    CHECK(fixture_down(&w.it) == 0, "rules were broken");
}

static int32_t refuse_clients(void *user, jf_mock *mock, const jf_mock_event *event) {
    (void)user;
    (void)mock;
    return event->type == JF_MOCK_CLIENT_OPENED ? JF_E_BUSY : JF_OK;
}

TEST(refused_clients_are_closed) {
    web w;
    REQUIRE(web_up(&w), "no cell: %s", jf_mock_why(w.it.mock));
    jf_mock_on_event(w.it.mock, refuse_clients, NULL);
    jf_ref exchange = jf_mock_exchange(w.it.mock);
    CHECK(jf_mock_send(w.it.mock, w.channel, exchange, "{}") == JF_OK, "%s", jf_mock_why(w.it.mock));
    CHECK(jf_mock_wait(w.it.mock, 0, JF_MOCK_CHANNEL_FAILED, w.channel, exchange, PATIENCE) != NULL,
          "its connection stays open");
    CHECK(jf_mock_count(w.it.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0) == 0, "its message arrives");
    CHECK(jf_mock_close(w.it.mock, w.channel, PATIENCE), "never closed");
    CHECK(fixture_down(&w.it) == 0, "rules were broken");
}

TEST(listeners_come_back_where_they_were) {
    web w;
    jf_ref exchange;
    REQUIRE(web_up(&w), "no cell: %s", jf_mock_why(w.it.mock));
    const jf_mock_event *event = request(&w, "{\"id\":1}", &exchange);
    REQUIRE(event != NULL, "the request does not arrive");
    jf_ref client = event->peer, own = event->exchange;
    uint32_t mark = jf_mock_mark(w.it.mock);
    kill(fixture_state(&w.it).pid, SIGKILL);
    CHECK(jf_mock_wait(w.it.mock, mark, JF_MOCK_CLIENT_CLOSED, client, 0, PATIENCE) != NULL,
          "the host is not told");
    CHECK(jf_mock_reply(w.it.mock, client, own, JF_MSG_FINAL, JF_STATUS_OK, "{}") == JF_E_STALE,
          "a reply is taken");
    REQUIRE(channel_ready(&w.it, mark, w.channel), "it does not come back: %s", fixture_state(&w.it).reason);
    event = request(&w, "{\"id\":2}", &exchange);
    REQUIRE(event != NULL, "the request does not arrive after the restart");
    CHECK(jf_mock_reply(w.it.mock, event->peer, event->exchange, JF_MSG_FINAL, JF_STATUS_OK, "[2]") == JF_OK,
          "no reply");
    event = jf_mock_wait(w.it.mock, mark, JF_MOCK_CHANNEL_MESSAGE, w.channel, exchange, PATIENCE);
    CHECK(event != NULL && strcmp(event->text, "[2]") == 0, "no answer after the restart");
    const jf_listener_1 *listener = jf_mock_listener(w.it.mock);
    listener->unlisten(jf_mock_self(w.it.mock), w.listener);
    CHECK(jf_mock_close(w.it.mock, w.channel, PATIENCE), "never closed");
    CHECK(fixture_down(&w.it) == 0, "rules were broken");
}

static int connect_to(const char *bound) {
    const char *colon = strrchr(bound, ':');
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_port = htons((uint16_t)(colon != NULL ? atoi(colon + 1) : 0));
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

TEST(nobody_connects_after_unlisten) {
    web w;
    static const char text[] = "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                               "Accept: application/json, text/event-stream\r\nContent-Length: 2\r\n\r\n{}";
    REQUIRE(web_up(&w), "no cell: %s", jf_mock_why(w.it.mock));
    uint32_t mark = jf_mock_mark(w.it.mock);
    int waiting = connect_to(w.bound);
    CHECK(waiting >= 0 && send(waiting, text, sizeof text - 1, 0) == (ssize_t)sizeof text - 1,
          "no connection");
    const jf_listener_1 *listener = jf_mock_listener(w.it.mock);
    listener->unlisten(jf_mock_self(w.it.mock), w.listener);
    int late = connect_to(w.bound);
    CHECK(late < 0, "it still listens");
    /* Whoever was there before is served. */
    CHECK(jf_mock_wait(w.it.mock, mark, JF_MOCK_CLIENT_MESSAGE, 0, 0, PATIENCE) != NULL,
          "the client that waited is lost");
    if (waiting >= 0) close(waiting);
    if (late >= 0) close(late);
    CHECK(jf_mock_close(w.it.mock, w.channel, PATIENCE), "never closed");
    CHECK(fixture_down(&w.it) == 0, "rules were broken");
}

TEST(event_ids_are_checked_at_once) {
    web w;
    jf_ref exchange;
    REQUIRE(web_up(&w), "no cell: %s", jf_mock_why(w.it.mock));
    const jf_mock_event *event = request(&w, "{\"id\":1}", &exchange);
    REQUIRE(event != NULL, "the request does not arrive");
    jf_message message = {
        .size = sizeof message, .exchange = event->exchange, .resume = jf_mock_view("a\nb")};
    const jf_listener_1 *listener = jf_mock_listener(w.it.mock);
    CHECK(listener->reply(jf_mock_self(w.it.mock), event->peer, &message) == JF_E_INVALID,
          "a line break is taken");
    CHECK(jf_mock_close(w.it.mock, w.channel, PATIENCE), "never closed");
    CHECK(fixture_down(&w.it) == 0, "rules were broken");
}
