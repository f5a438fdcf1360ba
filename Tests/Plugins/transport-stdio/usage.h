/* SPDX-License-Identifier: Apache-2.0
 * Tests of transport-stdio: what it tells of its processes, and orphans that ended before anybody knew them.
 */

/** Looks until `processes` are alive; a look is good for a second. */
static jf_usage used(jf_mock *mock, jf_ref channel, uint32_t processes) {
    jf_usage usage;
    for (int looks = 0; looks < 100; looks++) {
        CHECK(jf_mock_usage(mock, channel, &usage) == JF_OK, "usage is not told");
        if (usage.processes == processes) break;
        jf_mock_run_once(mock, 50);
        jf_mock_advance(mock, 1000000000u);
    }
    CHECK(usage.processes == processes, "%u processes instead of %u", usage.processes, processes);
    return usage;
}

TEST(tells_what_its_processes_use) {
    jf_mock *mock = up();
    jf_usage first, then, cut;
    /* Some work for the processor before the first message. */
    jf_ref channel = open_shell(mock,
                                "sleep 1000 & i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; "
                                "echo $$; exec cat",
                                "\"limits\": {\"cgroup\": \"off\"}, " QUICK);
    CHECK(ready(mock, 0, channel), "never ready");
    long pid = atol(message(mock, channel, 0));
    jf_mock_advance(mock, 2000000000u);
    first = used(mock, channel, 2);
    CHECK(first.memory > 100000 && first.threads == 2 && first.descriptors >= 6,
          "%llu bytes, %u threads, %u files", (unsigned long long)first.memory, first.threads,
          first.descriptors);
    CHECK(first.cpu_ns >= 10000000u, "%llu ns", (unsigned long long)first.cpu_ns);
    CHECK(first.since_ns != 0 && first.since_ns <= first.measured_ns, "since when?");
    CHECK(first.started == 1 && first.failures == 0 && first.replaced == 0 && first.spares == 0, "counts");

    memset(&cut, 0x5a, sizeof cut);
    cut.size = offsetof(jf_usage, processes);
    CHECK(jf_mock_connector(mock)->usage(jf_mock_self(mock), jf_mock_handle(mock, channel), &cut) == JF_OK,
          "cut");
    CHECK(cut.size == offsetof(jf_usage, processes) && cut.cpu_ns > 0, "the beginning is not written");
    CHECK(cut.processes == 0x5a5a5a5au && cut.waiting == 0x5a5a5a5au, "more than asked for is written");

    uint32_t mark = jf_mock_mark(mock);
    CHECK(pid > 0 && kill((pid_t)pid, SIGKILL) == 0, "no child to kill");
    CHECK(failed(mock, mark, channel) != NULL && ready(mock, mark, channel), "it does not come back");
    then = used(mock, channel, 2);
    CHECK(then.started == 2 && then.failures == 1, "%u started, %u failures", then.started, then.failures);
    CHECK(then.cpu_ns >= first.cpu_ns, "time is forgotten: %llu, then %llu", (unsigned long long)first.cpu_ns,
          (unsigned long long)then.cpu_ns);
    jf_ref handle = jf_mock_handle(mock, channel);
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    CHECK(jf_mock_connector(mock)->usage(jf_mock_self(mock), handle, &then) == JF_E_STALE,
          "a closed channel is known");
    down(mock);
}

TEST(reaps_orphans_that_ended_before_they_were_known) {
    jf_mock *mock = up();
    jf_ref channel =
        open_shell(mock, "for i in 1 2 3 4 5 6 7 8; do (setsid true &); done; echo done; exec cat",
                   "\"limits\": {\"cgroup\": \"off\"}, " QUICK);
    CHECK(strcmp(message(mock, channel, 0), "done") == 0, "%s", message(mock, channel, 0));
    /* One of our own, in our own process group: whoever started it waits for it. */
    pid_t own = fork();
    if (own == 0) _exit(7);
    for (int looks = 0; looks < 60; looks++) {
        jf_mock_advance(mock, 5000000000u);
        jf_mock_run_once(mock, 20);
    }
    CHECK(entries_named("true") == 0, "%u zombies are left", entries_named("true"));
    int status = 0;
    CHECK(waitpid(own, &status, 0) == own && WEXITSTATUS(status) == 7,
          "somebody else's child was waited for");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}
