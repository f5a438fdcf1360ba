/* SPDX-License-Identifier: Apache-2.0
 * Tests of transport-stdio: the listener on pipes, sockets and files. */
typedef struct stdio_ends {
    int kept[2];  /**< the real standard input and output */
    int to, from; /**< the test writes and reads here */
    int flags[2]; /**< of what the plugin gets, before */
    ino_t inodes[2];
} stdio_ends;

static void lend(stdio_ends *self, int in, int out, int to, int from) {
    struct stat about;
    fflush(stdout);
    for (int fd = 0; fd < 2; fd++) {
        self->kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
        dup2(fd == 0 ? in : out, fd);
        self->flags[fd] = fcntl(fd, F_GETFL);
        self->inodes[fd] = fstat(fd, &about) == 0 ? about.st_ino : 0;
    }
    close(in);
    if (out != in) close(out);
    self->to = to;
    self->from = from;
}

/** Takes 0 and 1 back; true when they are as they were lent. */
static bool take_back(stdio_ends *self) {
    bool same = true;
    struct stat about;
    for (int fd = 0; fd < 2; fd++) {
        same = same && fcntl(fd, F_GETFL) == self->flags[fd] && fstat(fd, &about) == 0 &&
               about.st_ino == self->inodes[fd];
        dup2(self->kept[fd], fd);
        close(self->kept[fd]);
    }
    if (self->to >= 0) close(self->to);
    if (self->from != self->to) close(self->from);
    return same;
}

static void lend_pipes(stdio_ends *self) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) abort();
    lend(self, in[0], out[1], in[1], out[0]);
}

static jf_ref opened(jf_mock *mock) {
    const jf_mock_event *event = jf_mock_wait(mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0, PATIENCE);
    return event != NULL && strcmp(event->text, "stdio") == 0 &&
                   event->flags == (JF_CLIENT_SHARED | JF_CLIENT_SOLE)
               ? event->peer
               : 0;
}

static bool put(int fd, const char *text) {
    return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool reads(int fd, const char *text) {
    char got[256] = "";
    ssize_t length = read(fd, got, sizeof got - 1);
    return length == (ssize_t)strlen(text) && strcmp(got, text) == 0;
}

TEST(serves_one_client_on_pipes_and_sockets) {
    for (int kind = 0; kind < 2; kind++) {
        stdio_ends ends;
        int pair[2];
        jf_mock *mock = up();
        if (kind == 0) {
            lend_pipes(&ends);
        } else {
            if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) abort();
            lend(&ends, pair[1], pair[1], pair[0], pair[0]);
        }
        char bound[32];
        jf_ref listener = jf_mock_listen(mock, NULL, "{}", bound, sizeof bound);
        bool twice = jf_mock_listen(mock, NULL, "{}", NULL, 0) == 0;
        jf_ref client = opened(mock);
        bool sent = put(ends.to, "{\"id\":1}\n\r\n{\"id\":2}\r\n{\"ha");
        bool came = jf_mock_wait_count(mock, 2, 0, JF_MOCK_CLIENT_MESSAGE, client, 0, PATIENCE);
        const jf_mock_event *first = jf_mock_find(mock, 0, JF_MOCK_CLIENT_MESSAGE, client, 0);
        bool printed = write(1, "", 0) == 0 && dprintf(1, "a stray print\n") > 0;
        int32_t accepted = jf_mock_reply(mock, client, 0, JF_MSG_FINAL, JF_STATUS_ACCEPTED, NULL);
        int32_t replied = jf_mock_reply(mock, client, 0, JF_MSG_FINAL, JF_STATUS_OK, "{\"a\":\n1}");
        jf_mock_settle(mock);
        bool answered = reads(ends.from, "{\"a\": 1}\n");
        if (kind == 0)
            close(ends.to);
        else
            shutdown(ends.to, SHUT_WR);
        if (kind == 0) ends.to = -1;
        bool over = jf_mock_wait(mock, 0, JF_MOCK_CLIENT_CLOSED, client, 0, PATIENCE) != NULL;
        jf_mock_settle(mock);
        int32_t late = jf_mock_reply(mock, client, 0, JF_MSG_FINAL, JF_STATUS_OK, "{}");
        bool restored = take_back(&ends);
        CHECK(listener != 0 && strcmp(bound, "stdio") == 0, "bound to %s", bound);
        CHECK(twice, "a second client was let in");
        CHECK(client != 0 && sent && came && printed, "no messages");
        CHECK(first != NULL && strcmp(first->text, "{\"id\":1}") == 0 && first->exchange == 0 &&
                  first->flags == (JF_MSG_PADDED | JF_MSG_ACCEPTS_JSON | JF_MSG_ACCEPTS_STREAM),
              "wrong message");
        CHECK(accepted == JF_OK && replied == JF_OK && answered, "wrong answer");
        CHECK(over && late == JF_E_STALE, "the end of the input is not the end of the client");
        CHECK(jf_mock_count(mock, 0, JF_MOCK_CLIENT_MESSAGE, client, 0) == 2, "half a message was delivered");
        CHECK(restored, "the streams are not as they were (kind %d)", kind);
        down(mock);
    }
}

TEST(reads_a_file_and_writes_one) {
    char in[] = "/tmp/jf-stdio-XXXXXX", out[] = "/tmp/jf-stdio-XXXXXX";
    int input = mkstemp(in), output = mkstemp(out);
    for (int at = 0; at < 50000; at++)
        if (!put(input, "{\"method\":\"notifications/something\"}\n")) abort();
    lseek(input, 0, SEEK_SET);
    stdio_ends ends;
    jf_mock *mock = up();
    lend(&ends, input, fcntl(output, F_DUPFD_CLOEXEC, 10), -1, output);
    jf_ref listener = jf_mock_listen(mock, NULL, "{}", NULL, 0);
    jf_ref client = opened(mock);
    int32_t replied = jf_mock_reply(mock, client, 0, JF_MSG_FINAL, JF_STATUS_OK, "{}");
    bool over = jf_mock_wait(mock, 0, JF_MOCK_CLIENT_CLOSED, client, 0, PATIENCE) != NULL;
    jf_mock_settle(mock);
    lseek(output, 0, SEEK_SET);
    bool answered = reads(output, "{}\n");
    bool restored = take_back(&ends);
    CHECK(listener != 0 && client != 0 && replied == JF_OK && over && answered && restored, "%d %d %d %d",
          replied, over, answered, restored);
    CHECK(jf_mock_count(mock, 0, JF_MOCK_CLIENT_MESSAGE, client, 0) == 50000, "only %u",
          jf_mock_count(mock, 0, JF_MOCK_CLIENT_MESSAGE, client, 0));
    unlink(in);
    unlink(out);
    down(mock);
}

TEST(waits_for_a_slow_client_and_writes_all_before_it_closes) {
    stdio_ends ends;
    jf_mock *mock = up();
    lend_pipes(&ends);
    jf_ref listener = jf_mock_listen(mock, NULL, "{\"queue\": 100000}", NULL, 0);
    jf_ref client = opened(mock);
    char *text = filled(50000, "[", 'x'), *got = malloc(4000000);
    uint32_t sent = 0;
    int32_t status = JF_OK;
    while (status == JF_OK && sent < 100) {
        status = jf_mock_reply(mock, client, 0, JF_MSG_FINAL, JF_STATUS_OK, text);
        sent++;
    }
    size_t length = 0;
    bool writable = false;
    while (length < sent * 50001ull) {
        ssize_t part = read(ends.from, got + length, 30000);
        if (part <= 0) break;
        length += (size_t)part;
        jf_mock_settle(mock);
        if (!writable && jf_mock_find(mock, 0, JF_MOCK_CLIENT_WRITABLE, client, 0) != NULL) {
            writable = true;
            for (int more = 0; more < 3; more++, sent++)
                (void)jf_mock_reply(mock, client, 0, JF_MSG_FINAL, JF_STATUS_OK, text);
            jf_mock_listener(mock)->close(jf_mock_self(mock), client);
        }
    }
    bool over = jf_mock_wait(mock, 0, JF_MOCK_CLIENT_CLOSED, client, 0, PATIENCE) != NULL;
    jf_mock_settle(mock);
    bool restored = take_back(&ends);
    bool intact = length == sent * 50001ull;
    for (uint32_t at = 0; intact && at < sent; at++)
        intact = memcmp(got + at * 50001ull, text, 50000) == 0 && got[at * 50001ull + 50000] == '\n';
    CHECK(listener != 0 && status == JF_E_BUSY && sent >= 4 && sent < 12, "status %d after %u", status, sent);
    CHECK(writable && intact && over && restored, "%d %d %d %d, %zu bytes", writable, intact, over, restored,
          length);
    free(text);
    free(got);
    down(mock);
}

TEST(copies_segments_that_it_might_retain) {
    stdio_ends ends;
    jf_mock *mock = up();
    lend_pipes(&ends);
    jf_ref listener = jf_mock_listen(mock, NULL, "{}", NULL, 0);
    jf_ref client = opened(mock);
    char *text = filled(200000, "[", 'x'), *got = malloc(200004);
    jf_view parts[] = {jf_mock_view("{}"), jf_mock_view(text)};
    int32_t status = jf_mock_reply_retainable(mock, client, 0, JF_MSG_FINAL, parts, 2, 3);
    uint32_t taken = jf_mock_retains(mock);
    size_t length = 0;
    for (ssize_t part; length < 200003; length += (size_t)part) {
        jf_mock_settle(mock);
        part = read(ends.from, got + length, 200003 - length);
        if (part <= 0) break;
    }
    jf_mock_listener(mock)->close(jf_mock_self(mock), client);
    bool over = jf_mock_wait(mock, 0, JF_MOCK_CLIENT_CLOSED, client, 0, PATIENCE) != NULL;
    jf_mock_settle(mock);
    bool restored = take_back(&ends);
    CHECK(listener != 0 && status == JF_OK && taken == 0, "status %d, %u references", status, taken);
    CHECK(over && restored && length == 200003 && memcmp(got, "{}", 2) == 0 &&
              memcmp(got + 2, text, 200000) == 0 && got[200002] == '\n',
          "%zu bytes", length);
    free(text);
    free(got);
    down(mock);
}

TEST(gives_up_a_client_that_never_reads) {
    stdio_ends ends;
    jf_mock *mock = up();
    lend_pipes(&ends);
    jf_ref listener = jf_mock_listen(mock, NULL, "{\"queue\": 100000}", NULL, 0);
    jf_ref client = opened(mock);
    char *text = filled(50000, "[", 'x');
    uint32_t sent = 0;
    while (sent < 100 && jf_mock_reply(mock, client, 0, JF_MSG_FINAL, JF_STATUS_OK, text) != JF_E_STALE)
        sent++;
    bool over = jf_mock_wait(mock, 0, JF_MOCK_CLIENT_CLOSED, client, 0, PATIENCE) != NULL;
    jf_mock_settle(mock);
    bool restored = take_back(&ends);
    CHECK(listener != 0 && sent >= 8 && sent < 20 && over && restored, "%u %d %d", sent, over, restored);
    free(text);
    down(mock);
}

/** Refuses the client (user 1) or its first message (user 2), or closes the client from inside (user 3). */
static int32_t refuse_client(void *user, jf_mock *mock, const jf_mock_event *event) {
    int how = *(int *)user;
    if (event->type == JF_MOCK_CLIENT_OPENED && how == 1) return JF_E_BUSY;
    if (event->type == JF_MOCK_CLIENT_MESSAGE && how == 2) return JF_E_DENIED;
    if (event->type == JF_MOCK_CLIENT_MESSAGE && how == 3)
        jf_mock_listener(mock)->close(jf_mock_self(mock), event->peer);
    return JF_OK;
}

TEST(lets_go_of_a_client_that_the_host_refuses_or_closes) {
    for (int how = 1; how < 5; how++) {
        stdio_ends ends;
        jf_mock *mock = up();
        lend_pipes(&ends);
        jf_mock_on_event(mock, refuse_client, &how);
        jf_ref listener = jf_mock_listen(mock, NULL, "{}", NULL, 0);
        bool sent = put(ends.to, "[1]\n[2]\n[3]\n");
        jf_mock_settle(mock);
        if (how == 4) jf_mock_stop(mock);
        uint32_t count = jf_mock_count(mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0);
        uint32_t closed = jf_mock_count(mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0);
        bool restored = take_back(&ends);
        CHECK(listener != 0 && sent && restored, "way %d: streams", how);
        CHECK(count == (how == 1 ? 0 : how == 4 ? 3 : 1), "way %d: %u messages", how, count);
        CHECK(closed == (how == 3), "way %d: closed %u times", how, closed);
        down(mock);
    }
}
