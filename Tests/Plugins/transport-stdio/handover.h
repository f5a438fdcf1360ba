/* SPDX-License-Identifier: Apache-2.0
 * Tests of transport-stdio: places for calls, and one child in the place of another. */

/** A server in Python: answers `initialize` and `server/discover`, then every request with its own pid. A
 * request `slow` is answered when `go` came; `ask` asks the host first. */
#define SERVER                                                                                               \
    "import sys, json, os\\n"                                                                                \
    "def say(**m): sys.stdout.write(json.dumps(m) + '\\\\n'); sys.stdout.flush()\\n"                         \
    "held = []\\n"                                                                                           \
    "for line in sys.stdin:\\n"                                                                              \
    "  m = json.loads(line)\\n"                                                                              \
    "  method, id = m.get('method'), m.get('id')\\n"                                                         \
    "  if method == 'initialize': say(id=id, result={'me': 'server'})\\n"                                    \
    "  elif method == 'slow': held.append(id)\\n"                                                            \
    "  elif method == 'ask': held.append(id); say(id=0, method='question')\\n"                               \
    "  elif method == 'go':\\n"                                                                              \
    "    for h in held: say(id=h, result=os.getpid())\\n"                                                    \
    "    held = []\\n"                                                                                       \
    "  elif method is None: say(id=held.pop(0), result=[os.getpid(), m.get('id'), m.get('result')])\\n"      \
    "  elif method == 'die': os._exit(3)\\n"                                                                 \
    "  elif method == 'subscriptions/listen': say(method='listening', pid=os.getpid())\\n"                   \
    "  elif method == 'resources/subscribe': say(method='subscribed', pid=os.getpid()); say(id=id, "         \
    "result={})\\n"                                                                                          \
    "  elif id is not None: say(id=id, result=os.getpid(), method_was=method)\\n"

static jf_ref open_server(jf_mock *mock, const char *more) {
    char *config = NULL;
    if (asprintf(&config, "{\"command\": \"python3\", \"args\": [\"-S\", \"-c\", \"%s\"], %s%s" QUICK "}",
                 SERVER, more, more[0] != 0 ? ", " : "") < 0)
        abort();
    jf_ref channel = jf_mock_open(mock, "it", config);
    free(config);
    CHECK(channel != 0, "open: %s", jf_mock_why(mock));
    CHECK(ready(mock, 0, channel), "never ready");
    return channel;
}

/** Sends and waits for one more message, whose text it returns. */
static const char *ask(jf_mock *mock, jf_ref channel, const char *text) {
    uint32_t before = messages(mock, channel);
    if (jf_mock_send(mock, channel, 0, text) != JF_OK) return jf_mock_why(mock);
    return message(mock, channel, before);
}

static void greet(jf_mock *mock, jf_ref channel) {
    CHECK(strstr(ask(mock, channel, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{}}"),
                 "\"me\"") != NULL,
          "no answer to initialize");
    CHECK(jf_mock_send(mock, channel, 0, "{\"method\":\"notifications/initialized\"}") == JF_OK, "not sent");
}

static long result_of(const char *text) {
    const char *at = strstr(text, "\"result\": ");
    return at != NULL ? atol(at + 10 + (at[10] == '[')) : 0;
}

/** The answer to a request, whatever else comes meanwhile; "" when none comes. */
static const char *answer_to(jf_mock *mock, jf_ref channel, int id) {
    char wanted[32];
    snprintf(wanted, sizeof wanted, "\"id\": %d,", id);
    for (uint32_t at = 0;; at++) {
        const char *got = message(mock, channel, at);
        if (got[0] == 0 || strstr(got, wanted) != NULL) return got;
    }
}

/** Calls until another process than `old` answers: its pid. */
static long successor(jf_mock *mock, jf_ref channel, long old) {
    uint64_t until = jf_mock_now(mock) + PATIENCE * 1000000ull;
    long fresh = old;
    for (int id = 100; fresh == old && jf_mock_now(mock) < until; id++) {
        char text[64];
        snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"which\"}", id);
        if (jf_mock_send(mock, channel, 0, text) != JF_OK) return 0;
        fresh = result_of(answer_to(mock, channel, id));
    }
    return fresh;
}

static uint32_t readies(jf_mock *mock) {
    return jf_mock_count(mock, 0, JF_MOCK_CHANNEL_READY, 0, 0);
}

TEST(calls_beyond_the_concurrency_wait_in_order) {
    jf_mock *mock = up();
    jf_ref channel = open_server(mock, "\"concurrency\": 2, \"waiting\": 3");
    greet(mock, channel);
    char text[64];
    for (int id = 10; id < 15; id++) {
        snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"slow\"}", id);
        CHECK(jf_mock_send(mock, channel, 0, text) == JF_OK, "%d: %s", id, jf_mock_why(mock));
    }
    CHECK(jf_mock_send(mock, channel, 0, "{\"id\":15,\"method\":\"slow\"}") == JF_E_BUSY, "one too many");
    CHECK(strstr(jf_mock_why(mock), "3 wait") != NULL, "%s", jf_mock_why(mock));
    /* One that waits is taken back, one that runs makes room. */
    CHECK(jf_mock_send(mock, channel, 0,
                       "{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":13}}") == JF_OK,
          "not cancelled");
    CHECK(jf_mock_send(mock, channel, 0,
                       "{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":10}}") == JF_OK,
          "not cancelled");
    uint32_t before = messages(mock, channel);
    CHECK(jf_mock_send(mock, channel, 0, "{\"method\":\"go\"}") == JF_OK, "not sent");
    /* 10 (the server does not care), 11 and 12 are held by the server, 14 waits. */
    CHECK(strstr(message(mock, channel, before + 1), "\"id\": 11") != NULL, "%s",
          message(mock, channel, before + 1));
    CHECK(strstr(message(mock, channel, before + 2), "\"id\": 12") != NULL, "%s",
          message(mock, channel, before + 2));
    CHECK(jf_mock_send(mock, channel, 0, "{\"method\":\"go\"}") == JF_OK, "not sent");
    CHECK(strstr(message(mock, channel, before + 3), "\"id\": 14") != NULL, "%s",
          message(mock, channel, before + 3));
    CHECK(jf_mock_count(mock, 0, JF_MOCK_CHANNEL_WRITABLE, channel, 0) == 1, "room is not said");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(a_fresh_child_takes_over_and_the_old_one_answers_what_it_has) {
    jf_mock *mock = up();
    jf_ref channel = open_server(mock, "\"recycle\": {\"calls\": 2}");
    greet(mock, channel);
    CHECK(
        strstr(ask(mock, channel, "{\"id\":2,\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"a\"}}"),
               "subscribed") != NULL,
        "not subscribed");
    CHECK(strstr(message(mock, channel, 2), "\"id\": 2") != NULL, "%s", message(mock, channel, 2));
    CHECK(jf_mock_send(mock, channel, 0, "{\"id\":3,\"method\":\"slow\"}") == JF_OK, "not sent");
    long old = result_of(ask(mock, channel, "{\"id\":4,\"method\":\"which\"}"));
    REQUIRE(old > 0, "no pid");
    long fresh = successor(mock, channel, old);
    CHECK(fresh != old && alive(old), "nobody took over, or the old one has ended before its call did");
    CHECK(jf_mock_send(mock, channel, 0,
                       "{\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":3}}") == JF_OK,
          "not sent");
    for (int wait = 0; alive(old) && wait < 2000; wait++)
        jf_mock_run_once(mock, 10);
    CHECK(!alive(old) && alive(fresh), "the old one stays");
    bool heard = false;
    for (uint32_t at = 0; at < messages(mock, channel); at++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "\"subscribed\", \"pid\": %ld", fresh);
        heard = heard || strstr(message(mock, channel, at), wanted) != NULL;
    }
    CHECK(heard, "the subscription is lost");
    for (uint32_t at = 0; at < messages(mock, channel); at++)
        CHECK(strstr(message(mock, channel, at), "\"jf-") == NULL, "the host hears of %s",
              message(mock, channel, at));
    CHECK(readies(mock) == 1, "the host was told to begin again");
    CHECK(jf_mock_count(mock, 0, JF_MOCK_CHANNEL_FAILED, 0, 0) == 0, "it failed");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(two_children_may_ask_under_the_same_id) {
    jf_mock *mock = up();
    jf_ref channel = open_server(mock, "\"recycle\": {\"calls\": 1}");
    greet(mock, channel);
    CHECK(strstr(ask(mock, channel, "{\"id\":2,\"method\":\"ask\"}"), "\"id\": 0") != NULL,
          "it does not ask");
    long old = result_of(ask(mock, channel, "{\"id\":3,\"method\":\"which\"}"));
    long fresh = successor(mock, channel, old);
    REQUIRE(fresh != old, "nobody took over");
    const char *question = ask(mock, channel, "{\"id\":5,\"method\":\"ask\"}");
    for (uint32_t at = 0; strstr(question, "question") == NULL && at < 50; at++)
        question = message(mock, channel, messages(mock, channel));
    const char *alias = strstr(question, "\"jf-asked-");
    REQUIRE(alias != NULL, "both questions have one id: %s", question);
    char text[128];
    snprintf(text, sizeof text, "{\"id\":%.*s,\"result\":\"new\"}", (int)(strcspn(alias + 1, "\"") + 2),
             alias);
    const char *answer = ask(mock, channel, text);
    CHECK(strstr(answer, "0, \"new\"") != NULL && strstr(answer, "\"id\": 5") != NULL, "%s", answer);
    answer = ask(mock, channel, "{\"id\":0,\"result\":\"old\"}");
    CHECK(strstr(answer, "0, \"old\"") != NULL && result_of(answer) == old, "%s", answer);
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(a_leaving_child_that_dies_costs_its_calls_only) {
    jf_mock *mock = up();
    jf_ref channel = open_server(mock, "\"recycle\": {\"calls\": 1}");
    greet(mock, channel);
    CHECK(jf_mock_send(mock, channel, 0, "{\"id\":2,\"method\":\"slow\"}") == JF_OK, "not sent");
    long old = result_of(ask(mock, channel, "{\"id\":3,\"method\":\"which\"}"));
    long fresh = successor(mock, channel, old);
    REQUIRE(fresh != old && alive(old), "nobody took over");
    uint32_t before = messages(mock, channel);
    kill((pid_t)old, SIGKILL);
    const char *lost = message(mock, channel, before);
    CHECK(strstr(lost, "\"id\":2,\"error\"") != NULL, "%s", lost);
    CHECK(jf_mock_count(mock, 0, JF_MOCK_CHANNEL_FAILED, 0, 0) == 0, "the channel failed");
    CHECK(result_of(ask(mock, channel, "{\"id\":5,\"method\":\"which\"}")) > 0, "no answer");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(an_idle_server_sleeps_until_the_next_call) {
    jf_mock *mock = up();
    jf_ref channel = open_server(mock, "\"recycle\": {\"idle_ms\": 60000}, \"sample_ms\": 1000");
    greet(mock, channel);
    CHECK(strstr(ask(mock, channel, "{\"id\":2,\"method\":\"subscriptions/listen\"}"), "listening") != NULL,
          "deaf");
    long first = result_of(ask(mock, channel, "{\"id\":3,\"method\":\"which\"}"));
    jf_mock_advance(mock, 61000000000ull);
    for (int wait = 0; alive(first) && wait < 2000; wait++)
        jf_mock_run_once(mock, 10);
    CHECK(first > 0 && !alive(first), "it does not sleep");
    uint32_t before = messages(mock, channel);
    CHECK(jf_mock_send(mock, channel, 0, "{\"method\":\"go\"}") == JF_OK, "a notification wakes it");
    for (int id = 4; id < 8; id++) {
        char text[64];
        snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"which\"}", id);
        CHECK(jf_mock_send(mock, channel, 0, text) == JF_OK, "%s", jf_mock_why(mock));
    }
    /* What listens is said again first. */
    CHECK(strstr(message(mock, channel, before), "listening") != NULL, "%s", message(mock, channel, before));
    long second = result_of(message(mock, channel, before + 1));
    CHECK(second > 0 && result_of(message(mock, channel, before + 4)) == second, "more than one was started");
    CHECK(readies(mock) == 1 && messages(mock, channel) == before + 5, "the host was bothered");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(a_server_that_cannot_wake_fails_as_any_other) {
    jf_mock *mock = up();
    char path[] = "/tmp/jf-stdio-XXXXXX", script[160];
    int file = mkstemp(path);
    close(file);
    snprintf(
        script, sizeof script,
        "test -e %s || exit 7; read x; echo '{\\\"id\\\":1,\\\"result\\\":{}}'; while read x; do :; done",
        path);
    jf_ref channel = open_shell(mock, script, "\"recycle\": {\"idle_ms\": 60000}, " QUICK);
    CHECK(ready(mock, 0, channel), "never ready");
    CHECK(strstr(ask(mock, channel, "{\"id\":1,\"method\":\"initialize\"}"), "result") != NULL,
          "not greeted");
    unlink(path);
    jf_mock_advance(mock, 61000000000ull);
    for (int wait = 0; !jf_mock_logged(mock, JF_LOG_INFO, "its process ends, the next call") && wait < 2000;
         wait++)
        jf_mock_run_once(mock, 10);
    uint32_t mark = jf_mock_mark(mock);
    CHECK(jf_mock_send(mock, channel, 0, "{\"id\":2,\"method\":\"which\"}") == JF_OK, "%s",
          jf_mock_why(mock));
    const jf_mock_event *event = failed(mock, mark, channel);
    CHECK(says(event, "exited with code 7"), "no failure");
    CHECK(event != NULL && event->fault.retry_ms > 0, "it gave up");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(a_spare_child_takes_over_at_once) {
    jf_mock *mock = up();
    jf_ref channel = open_server(mock, "\"prewarm\": 1, \"sample_ms\": 10, \"recycle\": {\"calls\": 1000}");
    greet(mock, channel);
    long first = result_of(ask(mock, channel, "{\"id\":2,\"method\":\"which\"}"));
    for (int wait = 0; entries_named("python3") < 2 && wait < 2000; wait++)
        jf_mock_run_once(mock, 10);
    CHECK(entries_named("python3") == 2, "no spare");
    uint32_t mark = jf_mock_mark(mock);
    kill((pid_t)first, SIGKILL);
    const jf_mock_event *event = failed(mock, mark, channel);
    CHECK(event != NULL && event->fault.retry_ms == 1, "it waits %u ms", event ? event->fault.retry_ms : 0);
    CHECK(event != NULL && ready(mock, event->index, channel), "no restart");
    CHECK(result_of(ask(mock, channel, "{\"id\":3,\"method\":\"which\"}")) != first, "no answer");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}

TEST(handovers_leak_nothing) {
    jf_mock *mock = up();
    jf_ref channel = open_server(mock, "\"recycle\": {\"calls\": 3}, \"prewarm\": 1, \"sample_ms\": 10");
    greet(mock, channel);
    long pid = 0;
    uint32_t changes = 0, descriptors = 0;
    for (int id = 10; changes < 20 && id < 60000; id++) {
        char text[64];
        snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"which\"}", id);
        long now = result_of(ask(mock, channel, text));
        REQUIRE(now > 0, "call %d failed: %s", id, jf_mock_why(mock));
        changes += now != pid;
        pid = now;
        if (changes == 5 && descriptors == 0) descriptors = entries("/proc/self/fd");
    }
    CHECK(changes == 20, "only %u handovers", changes);
    /* Another, a spare, one that leaves: five descriptors each. */
    CHECK(entries("/proc/self/fd") <= descriptors + 15, "%u descriptors, then %u", descriptors,
          entries("/proc/self/fd"));
    CHECK(jf_mock_count(mock, 0, JF_MOCK_CHANNEL_FAILED, 0, 0) == 0, "it failed");
    CHECK(jf_mock_close(mock, channel, PATIENCE), "never closed");
    down(mock);
}
