/* SPDX-License-Identifier: Apache-2.0
 * Tests of transport-stdio: limits, what is kept of standard error, the watcher. */

TEST(sets_resource_limits_where_no_control_group_does) {
    jf_mock *mock = up();
    jf_ref channel =
        open_shell(mock, "ulimit -d; ulimit -n; ulimit -f; exec cat",
                   "\"limits\": {\"cgroup\": \"off\", \"memory\": 104857600, \"open_files\": 40, "
                   "\"file_size\": 5120}, " QUICK);
    CHECK(strcmp(message(mock, channel, 0), "102400") == 0, "%s", message(mock, channel, 0));
    CHECK(strcmp(message(mock, channel, 1), "40") == 0, "%s", message(mock, channel, 1));
    CHECK(strcmp(message(mock, channel, 2), "10") == 0, "%s", message(mock, channel, 2));
    CHECK(jf_mock_logged(mock, JF_LOG_INFO, "no control group keeps all of its limits"), "not said");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(ends_a_tree_that_is_over_its_limits) {
    static const struct {
        const char *script, *limits, *says;
    } cases[] = {
        {"for i in 1 2 3 4 5 6; do sleep 1000 & done; exec cat", "\"processes\": 3",
         "over its limits.processes of 3"},
        {"exec python3 -S -c 'x = bytearray(64 << 20); import time; time.sleep(1000)'",
         "\"memory\": 33554432", "limits.memory"},
    };
    for (size_t at = 0; at < 2; at++) {
        jf_mock *mock = up();
        char more[200];
        snprintf(
            more, sizeof more,
            "\"sample_ms\": 10, \"limits\": {\"cgroup\": \"off\", %s}, \"restart\": {\"initial_ms\": 60000}",
            cases[at].limits);
        jf_ref channel = open_shell(mock, cases[at].script, more);
        const jf_mock_event *event = failed(mock, 0, channel);
        /* A process that is refused memory, or a fork (not as root), may end by itself. */
        CHECK(says(event, cases[at].says) || says(event, "MemoryError") || says(event, "Cannot fork"), "%.*s",
              event ? (int)event->fault.text_len : 0, event ? event->fault.text : "");
        CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
        down(mock);
    }
}

TEST(keeps_the_end_of_standard_error) {
    jf_mock *mock = up();
    jf_ref channel =
        open_shell(mock, "for i in 1 2 3 4 5 6 7 8 9; do echo line-$i >&2; done; exit 1",
                   "\"stderr_rate\": 2, \"stderr_tail\": 22, \"restart\": {\"initial_ms\": 60000}");
    CHECK(says(failed(mock, 0, channel), "\"line-9\""), "not in the error");
    CHECK(jf_mock_logged(mock, JF_LOG_WARNING, "| line-9") &&
              jf_mock_logged(mock, JF_LOG_WARNING, "| line-8"),
          "the end is not told");
    CHECK(!jf_mock_logged(mock, JF_LOG_WARNING, "| line-5"), "more is told than is kept");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(refuses_a_sandbox_that_cannot_be_had) {
    static const struct {
        const char *sandbox, *says;
    } cases[] = {
        {"{\"program\": \"/nowhere/bwrap\"}", "install the package bubblewrap"},
        {"{\"program\": \"/bin/true\", \"bind\": [\"/nowhere\"]}", "binds '/nowhere', which does not exist"},
        {"{\"program\": \"/bin/true\", \"bind_read_only\": [\"etc\"]}", "absolute paths"}};
    jf_mock *mock = up();
    for (size_t at = 0; at < 3; at++) {
        char config[200];
        snprintf(config, sizeof config, "{\"command\": \"cat\", \"sandbox\": %s}", cases[at].sandbox);
        CHECK(jf_mock_open(mock, "it", config) == 0, "case %zu was taken", at);
        CHECK(strstr(jf_mock_why(mock), cases[at].says) != NULL, "%s", jf_mock_why(mock));
    }
    down(mock);
}

TEST(puts_the_sandbox_in_front_of_the_command) {
    jf_mock *mock = up();
    jf_ref channel =
        jf_mock_open(mock, "it",
                     "{\"command\": \"server\", \"args\": [\"a b\"], \"cwd\": \"/usr\", \"sandbox\": "
                     "{\"program\": \"/bin/echo\", \"bind\": [\"/tmp\"], \"bind_read_only\": [\"/etc\"], "
                     "\"tmp\": false}, \"restart\": {\"initial_ms\": 60000}}");
    REQUIRE(channel != 0, "%s", jf_mock_why(mock));
    const char *line = message(mock, channel, 0);
    CHECK(strstr(line, "--die-with-parent") != NULL &&
              strstr(line, "--unshare-net --ro-bind / / --dev /dev --proc "
                           "/proc --ro-bind /etc /etc --bind /tmp /tmp "
                           "--chdir /usr -- server a b") != NULL,
          "%s", line);
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

/** Runs a host whose server leaves `script` behind, kills the host, and reaps everything that comes here. */
static void killed_host_leaves_nothing(const char *script) {
    int tell[2];
    REQUIRE(pipe(tell) == 0, "pipe");
    pid_t host = fork();
    if (host == 0) {
        jf_mock *mock = up();
        jf_ref channel = open_shell(mock, script, QUICK);
        long pid = atol(message(mock, channel, 0));
        if (write(tell[1], &pid, sizeof pid) < 0) _exit(1);
        for (;;)
            jf_mock_run_once(mock, 1000);
    }
    long pid = 0;
    CHECK(read(tell[0], &pid, sizeof pid) == sizeof pid && alive(pid), "%s: no descendant", script);
    kill(host, SIGKILL);
    for (int status; wait(&status) > 0;)
        ;
    CHECK(!alive(pid), "%s: it outlived the host", script);
    CHECK(childless(), "more came");
    close(tell[0]);
    close(tell[1]);
}

TEST(descendants_die_with_a_host_that_is_killed) {
    killed_host_leaves_nothing("sleep 1000 & echo $!; exec cat");
    killed_host_leaves_nothing("(setsid sleep 1000 & echo $!); exec cat");
    killed_host_leaves_nothing("(trap '' TERM; setsid sh -c 'sleep 1000 & echo $!; wait' &); exec cat");
}
