/* SPDX-License-Identifier: Apache-2.0
 * Cell tests: plugins that crash, hang, flood, lie or try what they may not. */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* Calls a tool that ends the cell; what is said of it, and that it comes back. */
static void ends_with(const char *tool, const char *part) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.limits.hang_ms = strcmp(tool, "hang") == 0 ? 300 : 10000;
    it.spawn.limits.heartbeat_ms = 50;
    it.spawn.limits.flood_frames = 20000;
    it.spawn.limits.flood_kill_ms = 300;
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    free(jf_mock_list(it.mock, set, JF_TOOLS, NULL));
    jf_ref other = jf_mock_request(it.mock, set, JF_MOCK_CALL, "never", "{}");
    jf_mock_op op = fixture_call(&it, set, tool, "{}");
    CHECK(op.status == JF_E_GONE && (op.fault.flags & JF_FAULT_PUBLIC) != 0, "%s: %d %s", tool,
          (int)op.status, op.why);
    CHECK(strstr(op.why, part) != NULL, "%s: the text is: %s", tool, op.why);
    CHECK(jf_mock_op_at(it.mock, other).status == JF_E_GONE, "%s: another operation stays open", tool);
    CHECK(strstr(fixture_state(&it).reason, part) != NULL, "%s: the reason is: %s", tool,
          fixture_state(&it).reason);
    uint32_t mark = jf_mock_mark(it.mock);
    op = jf_mock_op_at(it.mock, jf_mock_request(it.mock, set, JF_MOCK_CALL, "echo", "{}"));
    CHECK(op.status == JF_E_GONE && op.fault.retry_ms > 0 && (op.fault.flags & JF_FAULT_NOT_STARTED) != 0,
          "%s: while it is down: %d %s", tool, (int)op.status, op.why);
    CHECK(fixture_wait(&it, JF_CELL_UP, 1), "%s: it does not come back: %s", tool, fixture_state(&it).reason);
    op = fixture_call(&it, set, "echo", "{\"again\":true}");
    CHECK(op.status == JF_OK, "%s: after the restart: %d %s", tool, (int)op.status, op.why);
    CHECK(jf_mock_wait(it.mock, mark, JF_MOCK_SET_CHANGED, set, 0, 2000) != NULL,
          "%s: the host does not list again", tool);
    CHECK(fixture_state(&it).restarts == 1 && fixture_state(&it).ends == 1, "%s: counted wrongly", tool);
    CHECK(strstr(fixture_state(&it).reason, part) != NULL, "%s: the reason is forgotten: %s", tool,
          fixture_state(&it).reason);
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(survives_abort) {
    ends_with("abort", "signal 6");
}
TEST(survives_crashes) {
    ends_with("crash", "signal 11");
}
TEST(survives_exit) {
#ifdef SANITIZED
    ends_with("exit", "status"); /* leaks are looked for, in vain */
#else
    ends_with("exit", "status 7");
#endif
}
TEST(survives_hangs) {
    ends_with("hang", "hangs");
}
TEST(survives_floods) {
    ends_with("flood", "more than");
}
TEST(survives_floods_of_changes) {
    ends_with("flood-changes", "more than");
}
TEST(survives_garbage) {
    ends_with("garbage", "it sent");
    ends_with("garbage-zero", "it sent");
    ends_with("garbage-short", "it sent");
    ends_with("garbage-unsealed", "not sealed");
}
TEST(survives_a_closed_socket) {
    ends_with("close", "signal 9");
}

TEST(last_words_are_kept) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    fixture_call(&it, set, "abort", "{}");
    CHECK(strstr(fixture_state(&it).reason, "it is all over") != NULL, "the reason is: %s",
          fixture_state(&it).reason);
    CHECK(jf_mock_logged(it.mock, JF_LOG_INFO, "it is all over"), "standard error is not logged");
    CHECK(jf_mock_logged(it.mock, JF_LOG_ERROR, "it was ended by signal 6"), "the end is not logged");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(last_words_need_no_line_end) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    fixture_call(&it, set, "abort-unended", "{}");
    CHECK(strstr(fixture_state(&it).reason, "cut off") != NULL, "the reason is: %s",
          fixture_state(&it).reason);
    CHECK(jf_mock_logged(it.mock, JF_LOG_INFO, "cut off"), "standard error is not logged");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(standard_error_is_bounded) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.limits.stderr_lines = 20;
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    CHECK(fixture_says(&it, set, "stderr", "printed"), "it does not print");
    jf_mock_settle(it.mock);
    CHECK(jf_mock_logged(it.mock, JF_LOG_INFO, "line 19"), "its first lines are not there");
    CHECK(!jf_mock_logged(it.mock, JF_LOG_INFO, "line 40"), "too many are");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(quarantine) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.limits.crashes = 3;
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    for (uint32_t end = 1; end <= 3; end++) {
        fixture_call(&it, set, "abort", "{}");
        CHECK(fixture_wait(&it, end < 3 ? JF_CELL_UP : JF_CELL_QUARANTINED, end), "after end %u: state %u",
              end, fixture_state(&it).state);
    }
    jf_mock_op op = fixture_call(&it, set, "echo", "{}");
    CHECK(op.status == JF_E_GONE && strstr(op.why, "quarantine") != NULL && strstr(op.why, "restart") != NULL,
          "%s", op.why);
    CHECK(fixture_state(&it).pid == 0, "a process is left");
    CHECK(jf_cell_lift(jf_mock_self(it.mock)) == JF_OK, "it is not lifted");
    CHECK(fixture_wait(&it, JF_CELL_UP, 0), "it does not come back");
    CHECK(jf_cell_lift(jf_mock_self(it.mock)) == JF_ABSENT, "what runs is lifted");
    CHECK(fixture_call(&it, set, "echo", "{}").status == JF_OK, "it does not work again");
    /* The count goes on; it takes as many ends again for the next quarantine. */
    for (uint32_t end = 4; end <= 6; end++) {
        fixture_call(&it, set, "abort", "{}");
        CHECK(fixture_wait(&it, end < 6 ? JF_CELL_UP : JF_CELL_QUARANTINED, end), "after end %u: state %u",
              end, fixture_state(&it).state);
    }
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(waits_are_cut_short) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.limits.backoff_ms = 600000;
    it.spawn.limits.backoff_most_ms = 600000;
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    fixture_call(&it, set, "abort", "{}");
    CHECK(fixture_wait(&it, JF_CELL_WAITING, 1), "it does not wait");
    CHECK(jf_cell_lift(jf_mock_self(it.mock)) == JF_OK, "it is not lifted");
    CHECK(fixture_wait(&it, JF_CELL_UP, 1), "it does not come back");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(pauses_grow) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.limits.backoff_ms = 20;
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    static const char *const wanted[] = {"again in 20 ms", "again in 40 ms", "again in 80 ms"};
    for (uint32_t end = 0; end < 3; end++) {
        fixture_call(&it, set, "abort", "{}");
        CHECK(jf_mock_logged(it.mock, JF_LOG_ERROR, wanted[end]), "not: %s", wanted[end]);
        CHECK(fixture_wait(&it, JF_CELL_UP, end + 1), "it does not come back");
    }
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

/* ---- Starts that fail ---- */

static void does_not_start(const char *config, const char *library, const char *part) {
    fixture it;
    fixture_describe(&it, library, TOOLS);
    it.spawn.limits.control_ms = 500;
    CHECK(!fixture_up(&it, config), "it starts");
    CHECK(strstr(jf_mock_why(it.mock), part) != NULL, "the text is: %s", jf_mock_why(it.mock));
    CHECK(fixture_down(&it) == 0, "something is left");
}

TEST(failed_starts_leave_nothing) {
    does_not_start("\"abort\"", jf_check_plugin, "no thanks");
    does_not_start("\"refuse\"", jf_check_plugin, "no way");
    does_not_start("\"hang\"", jf_check_plugin, "within 500 ms");
    does_not_start("{}", "/usr/bin/true", "cannot be loaded");
    does_not_start("{}", "/nonexistent", "cannot be loaded");
}

TEST(a_missing_executable_is_said) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.cell = "/nonexistent/jackfield-cell";
    CHECK(!fixture_up(&it, "{}"), "it starts");
    CHECK(strstr(jf_mock_why(it.mock), "/nonexistent/jackfield-cell") != NULL, "%s", jf_mock_why(it.mock));
    CHECK(fixture_down(&it) == 0, "something is left");
}

TEST(wrong_descriptions_are_refused) {
    fixture it;
    const char *why = NULL;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.library = "relative.so";
    CHECK(jf_cell_plugin(&it.spawn, &why) == NULL && strstr(why, "absolute") != NULL, "%s", why);
    it.spawn.library = NULL;
    CHECK(jf_cell_plugin(&it.spawn, &why) == NULL, "without a library");
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.flags = 1u << 20;
    CHECK(jf_cell_plugin(&it.spawn, &why) == NULL, "with unknown flags");
}

TEST(places_are_given_back) {
    fixture it;
    const jf_plugin *tables[256];
    fixture_describe(&it, jf_check_plugin, TOOLS);
    for (int i = 0; i < 256; i++) {
        tables[i] = jf_cell_plugin(&it.spawn, NULL);
        REQUIRE(tables[i] != NULL, "no place for %d", i);
    }
    CHECK(jf_cell_plugin(&it.spawn, NULL) == NULL, "more than there are places for");
    for (int i = 0; i < 256; i++)
        jf_cell_forget(tables[i]);
    CHECK((tables[0] = jf_cell_plugin(&it.spawn, NULL)) != NULL, "none is given back");
    jf_cell_forget(tables[0]);
}

/* ---- Hardening ---- */

TEST(it_is_confined) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    static const char *const refused[] = {"fork", "exec", "ptrace", "survive", "socket"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        CHECK(fixture_says(&it, set, refused[i], "EPERM"), "%s is not refused", refused[i]);
    CHECK(fixture_says(&it, set, "umask", "077"), "its umask");
    CHECK(fixture_says(&it, set, "fds", "6"), "0, 1, 2, its socket, its epoll and its eventfd");
    if (!jf_mock_logged(it.mock, JF_LOG_WARNING, "Landlock")) {
        CHECK(fixture_says(&it, set, "read-home", "EACCES"), "it reads a home");
        CHECK(fixture_says(&it, set, "write-tmp", "EACCES"), "it writes to /tmp");
        CHECK(fixture_says(&it, set, "read-usr", "done"), "it cannot read /usr");
        CHECK(fixture_says(&it, set, "read-passwd", "done"), "it cannot read the names of users");
        CHECK(fixture_says(&it, set, "read-etc", "EACCES"), "it reads all of /etc");
    }
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(it_may_more_where_it_is_let) {
    fixture it;
    static const char *const writable[] = {"/tmp", NULL};
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.flags = JF_CELL_PROCESSES | JF_CELL_NETWORK;
    it.spawn.writable = writable;
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    CHECK(fixture_says(&it, set, "fork", "done"), "no processes");
    CHECK(fixture_says(&it, set, "socket", "done"), "no network");
    CHECK(fixture_says(&it, set, "write-tmp", "done"), "no files");
    CHECK(fixture_says(&it, set, "ptrace", "EPERM"), "ptrace");
    CHECK(fixture_says(&it, set, "survive", "EPERM"), "it may outlive the gateway");
    unlink("/tmp/cell-test-escape");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

TEST(memory_is_limited_and_counted) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    it.spawn.limits.heartbeat_ms = 10;
#ifndef SANITIZED
    it.spawn.limits.address_space = 0;
#endif
    REQUIRE(fixture_up(&it, "{}"), "no cell: %s", jf_mock_why(it.mock));
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
#ifndef SANITIZED
    CHECK(fixture_says(&it, set, "memory", "refused"), "3 GiB in a cell of 1");
#endif
    for (int i = 0; i < 200 && fixture_state(&it).memory == 0; i++)
        fixture_call(&it, set, "later", "{}");
    jf_cell_state state = fixture_state(&it);
    CHECK(state.memory == 12345, "%llu bytes", (unsigned long long)state.memory);
    CHECK(state.heartbeat_ns > 0 && state.pid > 0 && state.frames_in > 0 && state.frames_out > 0,
          "no metrics");
    CHECK(fixture_down(&it) == 0, "rules were broken");
}

/* ---- The gateway's death ---- */

/* A gateway of its own in a child: says its cell's pid, has it hang, and is killed. */
static void doomed_gateway(int out) {
    fixture it;
    fixture_describe(&it, jf_check_plugin, TOOLS);
    if (!fixture_up(&it, "{}")) _exit(1);
    jf_ref set = jf_mock_open_set(it.mock, "set", "{}");
    jf_mock_request(it.mock, set, JF_MOCK_CALL, "hang", "{}");
    int32_t pid = fixture_state(&it).pid;
    if (write(out, &pid, sizeof pid) != sizeof pid) _exit(1);
    jf_mock_run_until(it.mock, NULL, NULL, 20000);
    _exit(1);
}

TEST(nothing_survives_the_gateway) {
    int ends[2];
    int32_t cell = 0;
    REQUIRE(pipe(ends) == 0, "no pipe");
    pid_t gateway = fork();
    if (gateway == 0) doomed_gateway(ends[1]);
    close(ends[1]);
    REQUIRE(read(ends[0], &cell, sizeof cell) == sizeof cell && cell > 0, "no cell");
    int pidfd = (int)syscall(SYS_pidfd_open, cell, 0);
    REQUIRE(pidfd >= 0, "the cell is gone already");
    kill(gateway, SIGKILL);
    waitpid(gateway, NULL, 0);
    struct pollfd watched = {.fd = pidfd, .events = POLLIN};
    CHECK(poll(&watched, 1, 5000) == 1, "the cell lives on");
    close(pidfd);
    close(ends[0]);
}
