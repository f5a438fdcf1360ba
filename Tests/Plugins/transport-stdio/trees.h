/* SPDX-License-Identifier: Apache-2.0
 * Tests of transport-stdio: nothing that a child started outlives it. */
TEST(leaves_no_descendant) {
    /* Each script prints the pids of its descendants, "." last, and then serves until its input ends. */
    static const char *const scripts[] = {
        "trap '' TERM; echo $$; echo .; while :; do sleep 1; done",
        "(trap '' TERM; while :; do sleep 1; done) & echo $!; echo .; exec cat",
        "setsid sleep 1000 & echo $!; echo .; exec cat",
        "(setsid sh -c 'trap : TERM HUP; while :; do sleep 1; done' & echo $!); echo .; exec cat",
        "(setsid sleep 1000 & (setsid sleep 1001 & echo $!); echo $!); echo .; kill -STOP $$; cat",
        "(env -i sleep 1000 & echo $!); echo .; exec cat",
        "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & echo $!; done; echo .; exec cat",
    };
    for (size_t at = 0; at < sizeof scripts / sizeof *scripts; at++) {
        for (int how = 0; how < 3; how++) {
            jf_mock *mock = up();
            jf_ref channel = open_shell(mock, scripts[at], QUICK);
            long pids[16];
            uint32_t count = 0;
            while (count < 16 && strcmp(message(mock, channel, count), ".") != 0) {
                pids[count] = atol(message(mock, channel, count));
                CHECK(alive(pids[count]), "script %zu has not started %s", at, message(mock, channel, count));
                count++;
            }
            CHECK(count > 0 && count < 16, "script %zu prints no pids", at);
            if (how == 0) {
                CHECK(jf_mock_close(mock, channel, PATIENCE), "script %zu: never closed", at);
            } else if (how == 1) {
                jf_mock_stop(mock);
            } else {
                jf_mock_connector(mock)->close(jf_mock_self(mock), jf_mock_handle(mock, channel), 1);
                CHECK(jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_CLOSED, channel, 0, PATIENCE) != NULL,
                      "never closed");
            }
            for (uint32_t each = 0; each < count; each++)
                CHECK(!alive(pids[each]), "script %zu: %ld survived (way %d)", at, pids[each], how);
            down(mock);
        }
    }
}

TEST(a_killed_child_takes_its_tree_along_before_the_next_starts) {
    jf_mock *mock = up();
    jf_ref channel =
        open_shell(mock, "(setsid sleep 1000 & echo $!); sleep 1001 & echo $!; echo $$; exec cat", QUICK);
    long away = atol(message(mock, channel, 0)), near = atol(message(mock, channel, 1));
    pid_t child = (pid_t)atol(message(mock, channel, 2));
    REQUIRE(child > 0 && alive(away) && alive(near), "not started");
    (void)jf_mock_send(mock, channel, 0, "{\"id\":1}");
    kill(child, SIGKILL);
    const jf_mock_event *event = failed(mock, 0, channel);
    CHECK(event != NULL && ready(mock, event->index, channel), "no restart");
    CHECK(!alive(away) && !alive(near), "descendants of the dead child run beside the new one");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(reaps_an_orphan_of_a_running_child) {
    jf_mock *mock = up();
    jf_ref channel = open_shell(mock, "(setsid sh -c 'echo $$; kill -STOP $$' &); echo out; exec cat", QUICK);
    bool second = strcmp(message(mock, channel, 0), "out") == 0;
    pid_t orphan = (pid_t)atol(message(mock, channel, second));
    REQUIRE(strcmp(message(mock, channel, !second), "out") == 0 && alive(orphan), "not started");
    jf_mock_advance(mock, 5000000000ull);
    jf_mock_settle(mock);
    siginfo_t info;
    kill(orphan, SIGKILL);
    CHECK(waitid(P_PID, (id_t)orphan, &info, WEXITED | WNOWAIT) == 0, "it is not an orphan");
    jf_mock_advance(mock, 5000000000ull);
    jf_mock_settle(mock);
    CHECK(!alive(orphan), "its zombie is left");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

/** Closes a channel whose script writes into the file $0 how it ended. */
static void ends_as(const char *script, const char *more, const char *expected) {
    jf_mock *mock = up();
    char path[] = "/tmp/jf-stdio-XXXXXX", *config = NULL, text[16] = "";
    int file = mkstemp(path);
    if (asprintf(&config, "{\"command\": \"sh\", \"args\": [\"-c\", \"%s\", \"%s\"], %s}", script, path,
                 more) < 0)
        abort();
    jf_ref channel = jf_mock_open(mock, "it", config);
    CHECK(strcmp(message(mock, channel, 0), "up") == 0, "not started");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    CHECK(pread(file, text, sizeof text - 1, 0) > 0 && strcmp(text, expected) == 0, "it wrote %s", text);
    close(file);
    unlink(path);
    free(config);
    down(mock);
}

TEST(a_polite_server_is_not_signalled) {
    ends_as("trap 'echo TERM > $0' TERM; echo up; cat; echo polite > $0",
            "\"shutdown\": {\"close_stdin_ms\": 20000, \"terminate_ms\": 20000}", "polite\n");
}

TEST(a_stopped_server_can_still_take_sigterm) {
    ends_as("trap 'echo TERM > $0; exit' TERM; echo up; kill -STOP $$; cat",
            "\"shutdown\": {\"close_stdin_ms\": 20, \"terminate_ms\": 20000}", "TERM\n");
}

TEST(children_die_with_the_host) {
    int tell[2];
    REQUIRE(pipe(tell) == 0, "pipe");
    pid_t host = fork();
    if (host == 0) {
        jf_mock *mock = up();
        jf_ref channel = open_shell(mock, "echo $$; kill -STOP $$", QUICK);
        long pid = atol(message(mock, channel, 0));
        if (write(tell[1], &pid, sizeof pid) < 0) _exit(1);
        for (;;)
            pause();
    }
    long pid = 0;
    CHECK(read(tell[0], &pid, sizeof pid) == sizeof pid && alive(pid), "no child");
    kill(host, SIGKILL);
    CHECK(waitpid(host, NULL, 0) == host, "the host lives");
    /* This process is a subreaper since the tests before: the orphan comes here. */
    CHECK(waitpid((pid_t)pid, NULL, 0) == pid && !alive(pid), "the child outlived its host");
    CHECK(wait(NULL) > 0, "there was no watcher");
    CHECK(childless(), "more came");
    close(tell[0]);
    close(tell[1]);
}
