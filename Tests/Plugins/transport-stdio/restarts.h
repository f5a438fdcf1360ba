/* SPDX-License-Identifier: Apache-2.0
 * Tests of transport-stdio: how children start, fail and start again. */
TEST(doubles_the_pause_between_restarts) {
    jf_mock *mock = up();
    jf_ref channel = open_shell(mock, "echo words >&2; exit 3",
                                "\"restart\": {\"initial_ms\": 4, \"max_ms\": 20, \"jitter\": 0}");
    static const uint32_t pauses[] = {4, 8, 16, 20, 20};
    uint32_t mark = 0;
    for (int at = 0; at < 5; at++) {
        const jf_mock_event *event = failed(mock, mark, channel);
        REQUIRE(event != NULL, "no failure %d", at);
        CHECK(event->fault.retry_ms == pauses[at], "pause %d is %u", at, event->fault.retry_ms);
        CHECK(event->exchange == 0 && event->fault.code == JF_E_GONE, "wrong envelope");
        CHECK(says(event, "server it exited with code 3") && says(event, "\"words\""), "%.*s",
              (int)event->fault.text_len, event->fault.text);
        const jf_mock_event *again =
            jf_mock_wait(mock, event->index, JF_MOCK_CHANNEL_READY, channel, 0, PATIENCE);
        REQUIRE(again != NULL, "no restart %d", at);
        CHECK(again->time_ns - event->time_ns >= pauses[at] * 1000000ull, "restarted too early");
        mark = event->index + 1;
    }
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(starts_over_after_a_long_life_and_spreads_restarts) {
    jf_mock *mock = up();
    jf_ref channel = open_shell(mock, "echo $$; exec cat",
                                "\"restart\": {\"initial_ms\": 1000, \"max_ms\": 100000, \"jitter\": 0.5}");
    uint32_t mark = 0;
    for (uint32_t life = 0; life < 4; life++) {
        long pid = atol(message(mock, channel, life));
        REQUIRE(pid > 0, "no child");
        if (life == 3) jf_mock_advance(mock, 11000000000ull);
        kill((pid_t)pid, SIGKILL);
        const jf_mock_event *event = failed(mock, mark, channel);
        REQUIRE(event != NULL, "no failure");
        uint32_t most = life == 3 ? 1000u : 1000u << life;
        CHECK(event->fault.retry_ms <= most && event->fault.retry_ms >= most / 2, "life %u: %u ms", life,
              event->fault.retry_ms);
        CHECK(says(event, "was ended by signal 9 (Killed)"), "%.*s", (int)event->fault.text_len,
              event->fault.text);
        CHECK(jf_mock_send(mock, channel, 0, "[]") == JF_E_GONE, "sent to nobody");
        mark = event->index + 1;
        jf_mock_advance(mock, 5000000000ull);
    }
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(gives_up_when_told_to) {
    jf_mock *mock = up();
    jf_ref channel =
        open_shell(mock, "exit 0", "\"restart\": {\"initial_ms\": 1, \"jitter\": 0, \"give_up_after\": 3}");
    CHECK(jf_mock_wait_count(mock, 3, 0, JF_MOCK_CHANNEL_FAILED, channel, 0, PATIENCE), "not three failures");
    const jf_mock_event *last = jf_mock_event_at(mock, jf_mock_mark(mock) - 1);
    CHECK(last->type == JF_MOCK_CHANNEL_FAILED && last->fault.retry_ms == 0, "it goes on");
    CHECK(jf_mock_logged(mock, JF_LOG_ERROR, "given up after 3 failures"), "not said");
    CHECK(jf_mock_send(mock, channel, 0, "[]") == JF_E_GONE, "sent to nobody");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(explains_what_cannot_be_run) {
    static const struct {
        const char *config, *says;
    } cases[] = {
        {"{\"command\": \"jf-no-such\", \"env\": {\"PATH\": \"/nowhere:/bin\"}}",
         "server it: cannot run 'jf-no-such': No such file or directory; PATH is /nowhere:/bin"},
        {"{\"command\": \"/nowhere/program\"}", "cannot run '/nowhere/program': No such file or directory"},
        {"{\"command\": \"/etc/passwd\"}", "cannot run '/etc/passwd': Permission denied"},
        {"{\"command\": \"cat\", \"cwd\": \"/nowhere\"}",
         "cannot enter its directory '/nowhere': No such file"},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        jf_mock *mock = up();
        jf_ref channel = jf_mock_open(mock, "it", cases[at].config);
        REQUIRE(channel != 0, "%s", jf_mock_why(mock));
        const jf_mock_event *event = failed(mock, 0, channel);
        REQUIRE(event != NULL, "no failure");
        CHECK(says(event, cases[at].says), "%.*s", (int)event->fault.text_len, event->fault.text);
        CHECK((event->fault.flags & JF_FAULT_NOT_STARTED) != 0 && event->fault.retry_ms > 0, "wrong fault");
        CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
        down(mock);
    }
}

TEST(refuses_a_configuration_it_cannot_use) {
    static const char *const configs[] = {
        "{\"command\": \"\"}", "{}", "{\"command\": \"cat\", \"args\": [1]}", "{\"command\": \"a\\u0000b\"}",
        "{\"command\": \"cat\", \"env\": {\"A=B\": \"c\"}}"};
    jf_mock *mock = up();
    for (size_t at = 0; at < sizeof configs / sizeof *configs; at++) {
        CHECK(jf_mock_open(mock, "it", configs[at]) == 0, "%s was taken", configs[at]);
        CHECK(strstr(jf_mock_why(mock), "server it") != NULL, "%s", jf_mock_why(mock));
    }
    down(mock);
}

TEST(reports_output_that_ends_inside_a_message) {
    jf_mock *mock = up();
    jf_ref channel =
        open_shell(mock, "printf '[1]\\\\n{half'; kill -9 $$", "\"restart\": {\"initial_ms\": 60000}");
    const jf_mock_event *event = failed(mock, 0, channel);
    CHECK(says(event, "signal 9"), "no failure");
    CHECK(messages(mock, channel) == 1 && event != NULL &&
              jf_mock_find(mock, 0, JF_MOCK_CHANNEL_MESSAGE, channel, 0)->index < event->index,
          "what was complete comes first, and only that");
    CHECK(jf_mock_logged(mock, JF_LOG_WARNING, "ended inside a message, after 5 bytes"), "not said");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(ends_a_child_that_closed_its_output_or_input) {
    static const struct {
        const char *script, *says;
    } cases[] = {{"echo $$; exec sleep 1000 >&-", "closed its standard output"},
                 {"exec 0<&-; echo $$; exec sleep 1000", "closed its standard input"}};
    for (size_t at = 0; at < 2; at++) {
        jf_mock *mock = up();
        jf_ref channel = open_shell(mock, cases[at].script, QUICK);
        long pid = atol(message(mock, channel, 0));
        (void)jf_mock_send(mock, channel, 0, "[]");
        const jf_mock_event *event = failed(mock, 0, channel);
        CHECK(says(event, cases[at].says), "%.*s", event ? (int)event->fault.text_len : 0, event->fault.text);
        CHECK(event != NULL && ready(mock, event->index, channel), "no restart");
        CHECK(!alive(pid), "the old child runs beside the new one");
        CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
        down(mock);
    }
}

/** Closes the channel from inside `ready` (user 1) or `failed` (user 2). */
static int32_t close_inside(void *user, jf_mock *mock, const jf_mock_event *event) {
    uint32_t type = *(uint32_t *)user;
    if (event->type == type)
        jf_mock_connector(mock)->close(jf_mock_self(mock), jf_mock_handle(mock, event->peer), 1);
    return JF_OK;
}

TEST(may_be_closed_from_inside_ready_and_failed) {
    static const char *const scripts[] = {"exec cat", "exit 1", "sleep 1000 & exit 1"};
    for (uint32_t at = 0; at < 6; at++) {
        jf_mock *mock = up();
        uint32_t type = at < 3 ? JF_MOCK_CHANNEL_READY : JF_MOCK_CHANNEL_FAILED;
        jf_mock_on_event(mock, close_inside, &type);
        jf_ref channel = at == 3 ? jf_mock_open(mock, "it", "{\"command\": \"/nowhere\"}")
                                 : open_shell(mock, scripts[at % 3], QUICK);
        CHECK(jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_CLOSED, channel, 0, PATIENCE) != NULL, "%u never closed",
              at);
        down(mock);
    }
}

TEST(a_child_starts_with_a_clean_slate) {
    jf_mock *mock = up();
    setenv("JF_TEST_SECRET", "s3cret", 1);
    setenv("XDG_JF_TEST", "given", 1);
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    int leak = open("/dev/null", O_RDONLY);
    jf_ref channel =
        jf_mock_open(mock, "it",
                     "{\"command\": \"python3\", \"cwd\": \"/usr\", \"env\": {\"MINE\": \"a\\u00e9\\n\", "
                     "\"TZ\": \"X\"}, \"args\": "
                     "[\"-c\", \"import os,sys\\nfor l in open('/proc/self/status'):\\n  if l[:3]=='Sig': "
                     "print(l.strip())\\n"
                     "print(os.getpid()==os.getpgid(0), os.getcwd(), sorted(os.listdir('/proc/self/fd')))\\n"
                     "print([os.environ.get(k) for k in ('JF_TEST_SECRET','XDG_JF_TEST','MINE','TZ')])\\n"
                     "print(sys.argv[1:])\", \"two words\", \"$HOME\", \"\"]}");
    REQUIRE(channel != 0, "%s", jf_mock_why(mock));
    /* Python itself ignores SIGPIPE (bit 12) and SIGXFSZ (bit 24). */
    CHECK(strstr(message(mock, channel, 2), "SigBlk:\t0000000000000000") != NULL, "%s",
          message(mock, channel, 2));
    CHECK(strstr(message(mock, channel, 3), "SigIgn:\t0000000001001000") != NULL, "%s",
          message(mock, channel, 3));
    CHECK(strcmp(message(mock, channel, 5), "True /usr ['0', '1', '2', '3']") == 0, "%s",
          message(mock, channel, 5));
    CHECK(strcmp(message(mock, channel, 6), "[None, 'given', 'a\u00e9\\n', 'X']") == 0, "%s",
          message(mock, channel, 6));
    CHECK(strcmp(message(mock, channel, 7), "['two words', '$HOME', '']") == 0, "%s",
          message(mock, channel, 7));
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    channel = open_shell(mock, "grep SigIgn /proc/self/status; exec cat", QUICK);
    CHECK(strcmp(message(mock, channel, 0), "SigIgn:\t0000000000000000") == 0, "%s: the host ignores SIGPIPE",
          message(mock, channel, 0));
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    close(leak);
    sigprocmask(SIG_SETMASK, &before, NULL);
    unsetenv("JF_TEST_SECRET");
    unsetenv("XDG_JF_TEST");
    down(mock);
}

TEST(inherits_what_is_asked_for) {
    setenv("JF_TEST_A", "1", 1);
    setenv("JF_OTHER", "2", 1);
    static const struct {
        const char *list, *says;
    } cases[] = {{"[\"*\"]", "12"}, {"[\"PATH\", \"JF_TEST_*\"]", "1-"}, {"[\"PATH\"]", "--"}};
    for (size_t at = 0; at < 3; at++) {
        jf_mock *mock = up();
        char more[80];
        snprintf(more, sizeof more, "\"inherit_env\": %s", cases[at].list);
        jf_ref channel = open_shell(mock, "echo ${JF_TEST_A:--}${JF_OTHER:--}; exec cat", more);
        CHECK(strcmp(message(mock, channel, 0), cases[at].says) == 0, "%s: %s", more,
              message(mock, channel, 0));
        CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
        down(mock);
    }
    unsetenv("JF_TEST_A");
    unsetenv("JF_OTHER");
}

TEST(runs_a_script_without_an_interpreter_line) {
    jf_mock *mock = up();
    char path[] = "/tmp/jf-stdio-XXXXXX", config[128];
    int file = mkstemp(path);
    REQUIRE(write(file, "echo \"$1\"\ncat\n", 14) == 14 && fchmod(file, 0755) == 0, "no script");
    close(file);
    snprintf(config, sizeof config, "{\"command\": \"%s\", \"args\": [\"first\"]}", path);
    jf_ref channel = jf_mock_open(mock, "it", config);
    CHECK(strcmp(message(mock, channel, 0), "first") == 0, "got %s", message(mock, channel, 0));
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    unlink(path);
    down(mock);
}

TEST(leaks_no_descriptor_in_200_restarts) {
    jf_mock *mock = up();
    /* The first start brings the watcher along. */
    jf_ref channel = open_shell(mock, "exec cat", QUICK);
    CHECK(ready(mock, 0, channel) && jf_mock_close(mock, channel, PATIENCE), "never closed");
    uint32_t before = entries("/proc/self/fd");
    channel = open_shell(mock, "echo x >&2; exit 1", QUICK);
    CHECK(jf_mock_wait_count(mock, 200, 0, JF_MOCK_CHANNEL_FAILED, channel, 0, 50000), "only %u failures",
          jf_mock_count(mock, 0, JF_MOCK_CHANNEL_FAILED, channel, 0));
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    CHECK(entries("/proc/self/fd") == before, "%u descriptors before, %u after", before,
          entries("/proc/self/fd"));
    down(mock);
}

TEST(survives_a_lack_of_memory) {
    for (uint64_t from = 0; from < 60; from++) {
        jf_mock *mock = up();
        jf_mock_fail_allocations(mock, from);
        jf_ref channel =
            jf_mock_open(mock, "it", "{\"command\": \"cat\", \"args\": [\"-u\"], \"env\": {\"A\": \"b\"}}");
        if (channel != 0) {
            CHECK(ready(mock, 0, channel), "never ready");
            (void)jf_mock_send(mock, channel, 0, "[1]");
            jf_mock_settle(mock);
            CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
        } else {
            CHECK(jf_mock_why(mock)[0] != 0, "no reason");
        }
        down(mock);
    }
}

/* ---- standard error ---- */

TEST(logs_standard_error_up_to_a_rate) {
    jf_mock *mock = up();
    jf_ref channel = open_shell(mock,
                                "echo hello >&2; printf 'bad \\\\377 byte\\\\n' >&2; printf '\\\\n' >&2; "
                                "yes flood | head -n 50000 >&2; "
                                "head -c 5000 /dev/zero | tr '\\\\0' w >&2; echo ready; exec cat",
                                "\"stderr_rate\": 20, " QUICK);
    CHECK(strcmp(message(mock, channel, 0), "ready") == 0, "got %s", message(mock, channel, 0));
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    CHECK(jf_mock_logged(mock, JF_LOG_INFO, "hello server=it pid="), "the line and its fields are not there");
    CHECK(jf_mock_logged(mock, JF_LOG_INFO, "bad ? byte"), "invalid UTF-8 went through");
    uint32_t lines = 0;
    for (uint32_t at = 0; at < jf_mock_log_count(mock); at++)
        lines += strncmp(jf_mock_log_at(mock, at, NULL), "flood", 5) == 0;
    CHECK(lines >= 18 && lines < 200, "%u lines", lines);
    CHECK(
        jf_mock_logged(mock, JF_LOG_WARNING, "lines on its standard error were left out (stderr_rate is 20"),
        "the loss is not said");
    down(mock);
}
