/* SPDX-License-Identifier: Apache-2.0
 * Tests of the mock host itself: its loop, its services, and that it notices each broken rule. The argument
 * is bad_plugin.so. */
#define _GNU_SOURCE
#include "jf_check.h"
#include "jf_mock.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>

/* A plugin linked into this program; what it does is up to each test. */
struct jf_self {
    const jf_loop_1 *loop;
    const jf_memory_1 *memory;
    const jf_ops_1 *ops;
    const jf_inbound_1 *inbound;
    const jf_channels_1 *channels;
    const jf_calls_1 *calls;
    const jf_log_1 *log;
};

static jf_self me;
static const void *(*service)(const jf_host *host, const char *id);
static const jf_host *host;

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config, (void)why;
    host = offer->host;
    service = offer->service;
    me.loop = service(host, JF_LOOP_1);
    me.memory = service(host, JF_MEMORY_1);
    me.ops = service(host, JF_OPS_1);
    me.inbound = service(host, JF_INBOUND_1);
    me.channels = service(host, JF_CHANNELS_1);
    me.calls = service(host, JF_CALLS_1);
    me.log = service(host, JF_LOG_1);
    *out = &me;
    return JF_OK;
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    (void)self, (void)op, (void)why;
    if (request->name.ptr[0] == 'p') return JF_PENDING;
    static const uint8_t answer[] = "{\"content\":[]}";
    *result = (jf_blob){answer, sizeof answer - 1, NULL, NULL};
    return JF_OK;
}

static int32_t open_any(jf_self *self, jf_ref theirs, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    (void)self, (void)name, (void)config, (void)why;
    *handle = theirs;
    return JF_OK;
}

static int32_t listen_any(jf_self *self, jf_ref listener, jf_view address, jf_view config, jf_blob *bound,
                          jf_fault *why) {
    (void)self, (void)listener, (void)address, (void)config, (void)why;
    *bound = (jf_blob){(const uint8_t *)"here", 4, NULL, NULL};
    return JF_OK;
}

/** What the last reply lent; its body is retained as often as its exchange says. */
static jf_message lent;

static int32_t reply_any(jf_self *self, jf_ref client, const jf_message *message) {
    (void)self, (void)client;
    int32_t status = JF_OK;
    lent = *message;
    for (jf_ref i = 0; i < message->exchange; i++)
        status = message->retain(message->owner);
    return status;
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_toolset_1 toolset = {.size = sizeof toolset, .open = open_any, .call = call};
    /* An older plugin: its table ends before `send`. */
    static const jf_connector_1 connector = {.size = 16, .open = open_any, .send = NULL};
    static const jf_listener_1 listener = {.size = sizeof listener, .listen = listen_any, .reply = reply_any};
    (void)self;
    return strcmp(id, JF_TOOLSET_1) == 0     ? (const void *)&toolset
           : strcmp(id, JF_CONNECTOR_1) == 0 ? (const void *)&connector
           : strcmp(id, JF_LISTENER_1) == 0  ? (const void *)&listener
                                             : NULL;
}

static void destroy(jf_self *self) {
    memset(self, 0, sizeof *self);
}

static const jf_plugin *entry(const jf_offer *offer, jf_fault *why) {
    (void)offer, (void)why;
    static const jf_plugin plugin = {
        .size = sizeof plugin, .create = create, .destroy = destroy, .facet = facet};
    return &plugin;
}

static jf_mock *up(void) {
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_attach(mock, entry) == JF_OK, "%s", jf_mock_why(mock));
    CHECK(jf_mock_create(mock, NULL) == JF_OK && jf_mock_start(mock) == JF_OK, "%s", jf_mock_why(mock));
    return mock;
}

/* ---- Loop ---- */

typedef struct counter {
    uint32_t ran, events, order;
    jf_mock *mock;
    jf_ref other;
    struct counter *peer;
} counter;

static uint32_t sequence;
static void count(void *user) {
    counter *it = user;
    it->ran++;
    it->order = ++sequence;
}
static bool has_run(void *user) {
    return ((counter *)user)->ran > 0;
}

static void on_ready(void *user, uint32_t events) {
    counter *it = user;
    it->events |= events;
    it->ran++;
    if (it->other != 0) me.loop->unwatch(me.loop->context, it->other);
}

TEST(watches_edges) {
    jf_mock *mock = up();
    int pair[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0, "socketpair");
    counter seen = {0};
    jf_ref watch = 0;
    CHECK(me.loop->watch(me.loop->context, pair[0], JF_READABLE | JF_WRITABLE, on_ready, &seen, &watch) ==
              JF_OK,
          "watch");
    jf_mock_run_once(mock, 1000);
    CHECK(seen.events == JF_WRITABLE, "events %u", seen.events);
    CHECK(write(pair[1], "x", 1) == 1, "write");
    seen = (counter){0};
    jf_mock_run_until(mock, has_run, &seen, 1000);
    CHECK(seen.events & JF_READABLE, "events %u", seen.events);
    seen = (counter){0};
    CHECK(jf_mock_run_once(mock, 0) == 0, "an edge came twice");
    close(pair[1]);
    jf_mock_run_until(mock, has_run, &seen, 1000);
    CHECK(seen.events & JF_HANGUP, "events %u", seen.events);
    me.loop->unwatch(me.loop->context, watch);
    me.loop->unwatch(me.loop->context, watch);
    close(pair[0]);
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(drops_collected_events_of_unwatched_descriptors) {
    jf_mock *mock = up();
    int a[2], b[2];
    REQUIRE(pipe2(a, O_NONBLOCK) == 0 && pipe2(b, O_NONBLOCK) == 0, "pipe");
    counter one = {0}, two = {0};
    me.loop->watch(me.loop->context, a[0], JF_READABLE, on_ready, &one, &two.other);
    me.loop->watch(me.loop->context, b[0], JF_READABLE, on_ready, &two, &one.other);
    CHECK(write(a[1], "x", 1) == 1 && write(b[1], "x", 1) == 1, "write");
    jf_mock_settle(mock);
    CHECK(one.ran + two.ran == 1, "both ran, although the first unwatched the other");
    me.loop->unwatch(me.loop->context, one.ran == 1 ? two.other : one.other);
    for (int i = 0; i < 2; i++)
        close(a[i]), close(b[i]);
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(fires_timers_in_order_and_never_early) {
    jf_mock *mock = up();
    counter counters[4] = {{0}};
    jf_ref timers[4];
    static const uint64_t delays[] = {30000000, 1, 15000000, 15000000};
    uint64_t begin = jf_mock_now(mock);
    for (int i = 0; i < 4; i++)
        me.loop->timer(me.loop->context, delays[i], count, &counters[i], &timers[i]);
    me.loop->cancel(me.loop->context, timers[3]);
    sequence = 0;
    CHECK(jf_mock_run_until(mock, has_run, &counters[0], 5000), "timers do not fire");
    CHECK(jf_mock_now(mock) - begin >= 30000000, "early");
    CHECK(counters[1].order == 1 && counters[2].order == 2 && counters[0].order == 3, "out of order");
    CHECK(counters[3].ran == 0, "a canceled timer fired");
    me.loop->cancel(me.loop->context, timers[0]);
    me.loop->timer(me.loop->context, 3600000000000u, count, &counters[3], &timers[3]);
    jf_mock_advance(mock, 3600000000000u);
    CHECK(jf_mock_run_once(mock, 0) == 1 && counters[3].ran == 1, "the clock was not moved");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

static void again(void *user) {
    counter *it = user;
    it->ran++;
    me.loop->post(me.loop->context, again, it);
    jf_ref timer;
    me.loop->timer(me.loop->context, 0, count, it->peer, &timer);
}

TEST(work_made_inside_a_batch_waits_for_the_next) {
    jf_mock *mock = up();
    counter timers = {0}, posts = {.peer = &timers};
    me.loop->post(me.loop->context, again, &posts);
    CHECK(posts.ran == 0, "a post ran inside of post");
    jf_mock_run_once(mock, 0);
    CHECK(posts.ran == 1, "%u posts", posts.ran);
    jf_mock_run_once(mock, 0);
    CHECK(posts.ran == 2 && timers.ran <= 2, "%u posts, %u timers", posts.ran, timers.ran);
    jf_mock_stop(mock); /* runs posts until it gives up */
    CHECK(jf_mock_problems(mock) > 0, "endless posting went unnoticed");
    jf_mock_free(mock);
}

typedef struct thread_work {
    counter *counter;
    pthread_t thread;
} thread_work;
static void *from_thread(void *user) {
    for (int i = 0; i < 100; i++)
        me.loop->post(me.loop->context, count, user);
    return NULL;
}
static bool has_400(void *user) {
    return ((counter *)user)->ran == 400;
}

TEST(posts_from_threads) {
    jf_mock *mock = up();
    counter seen = {0};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, from_thread, &seen);
    CHECK(jf_mock_run_until(mock, has_400, &seen, 5000), "%u of 400 posts ran", seen.ran);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(a_post_before_stop_is_not_lost) {
    jf_mock *mock = up();
    counter seen = {0};
    me.loop->post(me.loop->context, count, &seen);
    CHECK(jf_mock_free(mock) == 0 && seen.ran == 1, "the task did not run");
}

/* ---- Services and problems ---- */

TEST(hides_and_replaces_services) {
    static const jf_log_1 own = {.size = sizeof own};
    jf_mock *mock = jf_mock_new();
    jf_mock_hide(mock, JF_OPS_1);
    jf_mock_offer(mock, JF_LOG_1, &own);
    jf_mock_offer(mock, "com.acme.x/1", &own);
    jf_mock_attach(mock, entry);
    jf_mock_create(mock, NULL);
    CHECK(me.ops == NULL && me.log == &own && me.loop != NULL, "wrong services");
    CHECK(service(host, "com.acme.x/1") == &own && service(host, "com.acme.x/2") == NULL, "wrong services");
    jf_mock_hide(mock, NULL);
    CHECK(service(host, JF_LOOP_1) == NULL, "not all hidden");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(cuts_and_extends_tables) {
    jf_mock *mock = up();
    const jf_connector_1 *connector = jf_mock_connector(mock);
    REQUIRE(connector != NULL, "no connector");
    CHECK(connector->open != NULL && connector->close == NULL, "not cut at the declared size");
    CHECK(jf_mock_send(mock, 1, 0, "{}") == JF_E_UNSUPPORTED, "an absent slot was called");
    CHECK(jf_mock_routing(mock) == NULL, "a facet that is not there");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(accounts_memory) {
    jf_mock *mock = up();
    uint8_t *memory = me.memory->allocate(me.memory->context, 100);
    CHECK(memory[0] == 0 && memory[99] == 0 && ((uintptr_t)memory & 15) == 0, "not zeroed or not aligned");
    uint64_t capacity = 0;
    uint8_t *buffer = me.memory->borrow(me.memory->context, 70000, &capacity);
    volatile uint8_t behind = buffer[capacity + 63];
    (void)behind;
    CHECK(capacity == 1048576 && jf_mock_buffers(mock) == 1 && jf_mock_bytes(mock) == 1048676, "accounts");
    jf_mock_set_memory_limit(mock, 1048676 + 10);
    CHECK(me.memory->allocate(me.memory->context, 11) == NULL, "beyond the limit");
    jf_mock_fail_allocations(mock, 0);
    CHECK(me.memory->allocate(me.memory->context, 1) == NULL, "was to fail");
    CHECK(jf_mock_destroy(mock) == 2, "%u problems instead of the two leaks", jf_mock_problems(mock));
    CHECK(strstr(jf_mock_problem(mock, 0), "1 borrowed buffers") != NULL, "%s", jf_mock_problem(mock, 0));
    CHECK(strstr(jf_mock_problem(mock, 1), "100 bytes") != NULL, "%s", jf_mock_problem(mock, 1));
    jf_mock_json(mock);
    const jf_memory_1 *table = me.memory; /* cleared by destroy */
    CHECK(table == NULL, "destroy was not called");
    jf_mock_forgive(mock);
    CHECK(jf_mock_free(mock) == 0, "problems");
    free((char *)memory - 16); /* what the plugin leaked above */
}

static void *off_lane(void *user) {
    jf_ref timer;
    me.loop->timer(me.loop->context, 3600000000000u, count, user, &timer);
    return NULL;
}

TEST(notices_broken_rules) {
    jf_mock *mock = up();
    pthread_t thread;
    counter seen = {0};
    pthread_create(&thread, NULL, off_lane, &seen);
    pthread_join(thread, NULL);
    CHECK(jf_mock_problems(mock) == 1, "a [lane] slot on another thread: %u", jf_mock_problems(mock));
    int ends[2];
    REQUIRE(pipe(ends) == 0, "pipe");
    jf_ref watch;
    me.loop->watch(me.loop->context, ends[0], JF_READABLE, on_ready, &seen, &watch);
    close(ends[0]);
    close(ends[1]);
    me.loop->unwatch(me.loop->context, watch);
    CHECK(jf_mock_problems(mock) == 2, "unwatch after close: %u", jf_mock_problems(mock));
    me.memory->give_back(me.memory->context, (uint8_t *)&seen);
    CHECK(jf_mock_problems(mock) == 3, "a foreign buffer: %u", jf_mock_problems(mock));
    me.inbound->gone(me.inbound->context, 77, 0);
    me.channels->ready(me.channels->context, 77, 0);
    CHECK(jf_mock_problems(mock) == 5, "unknown handles: %u", jf_mock_problems(mock));
    jf_mock_request(mock, jf_mock_open_set(mock, "s", NULL), JF_MOCK_CALL, "pending", NULL);
    CHECK(jf_mock_free(mock) == 7, "a timer and an operation were left");
}

static bool noticed(jf_mock *mock, const char *part) {
    for (uint32_t i = 0; i < jf_mock_problems(mock); i++) {
        if (strstr(jf_mock_problem(mock, i), part) != NULL) return true;
    }
    return false;
}

TEST(checks_a_plugin_against_its_manifest) {
    char *manifest = jf_mock_manifest(jf_check_plugin != NULL ? jf_check_plugin : "");
    REQUIRE(manifest != NULL, "no manifest in %s",
            jf_check_plugin != NULL ? jf_check_plugin : "(no argument)");
    jf_mock *mock = jf_mock_new();
    char *id = jf_mock_json_get(mock, manifest, "/id");
    CHECK(id != NULL && strcmp(id, "bad") == 0, "%s", manifest);
    CHECK(jf_mock_load(mock, jf_check_plugin) == JF_OK, "%s", jf_mock_why(mock));
    CHECK(noticed(mock, "no member threads"), "threads is missing");
    CHECK(jf_mock_create(mock, NULL) == JF_OK, "%s", jf_mock_why(mock));
    CHECK(noticed(mock, "asks for jf.clock/1"), "an unlisted service");
    CHECK(noticed(mock, "lists jf.routing/1 in facets"), "a missing facet");
    CHECK(jf_mock_free(mock) == 3, "other problems");
    free(manifest);
    free(id);
}

TEST(explains_what_cannot_be_loaded) {
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_load(mock, "/nonexistent.so") == JF_E_FAULT, "loaded");
    CHECK(strstr(jf_mock_why(mock), "/nonexistent.so") != NULL, "%s", jf_mock_why(mock));
    CHECK(jf_mock_load(mock, "libc.so.6") == JF_E_FAULT, "libc is no plugin");
    CHECK(strstr(jf_mock_why(mock), "jf_entry_1") != NULL, "%s", jf_mock_why(mock));
    CHECK(jf_mock_create(mock, NULL) == JF_E_FAULT && jf_mock_start(mock) == JF_E_FAULT, "nothing is loaded");
    CHECK(jf_mock_manifest("/nonexistent.so") == NULL && jf_mock_manifest("/proc/self/cmdline") == NULL,
          "manifest");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

/* ---- Operations, events, calls ---- */

TEST(finishes_operations_once) {
    jf_mock *mock = up();
    jf_ref set = jf_mock_open_set(mock, "s", NULL);
    jf_ref op = jf_mock_request(mock, set, JF_MOCK_CALL, "now", NULL);
    CHECK(jf_mock_op_at(mock, op).status == JF_OK && jf_mock_op_at(mock, op).inline_result, "inline");
    op = jf_mock_request(mock, set, JF_MOCK_CALL, "pending", NULL);
    CHECK(jf_mock_op_at(mock, op).status == JF_PENDING && me.ops->state(me.ops->context, op) == JF_OK,
          "pending");
    jf_mock_cancel_op(mock, op, JF_E_GONE);
    CHECK(me.ops->state(me.ops->context, op) == JF_E_GONE, "canceled");
    CHECK(me.ops->progress(me.ops->context, op, 1, 2, jf_mock_view("half")) == JF_OK, "progress");
    jf_blob result = {(const uint8_t *)"{}", 2, NULL, NULL};
    CHECK(me.ops->finish(me.ops->context, op, JF_OK, &result, NULL) == JF_OK, "finish");
    CHECK(me.ops->state(me.ops->context, op) == JF_E_STALE, "over");
    CHECK(me.ops->finish(me.ops->context, op, JF_OK, &result, NULL) == JF_E_STALE, "twice");
    CHECK(jf_mock_op_at(mock, op).strikes == 1 && strcmp(jf_mock_op_at(mock, op).result, "{}") == 0,
          "strikes");
    CHECK(jf_mock_count(mock, 0, JF_MOCK_OP_FINISHED, op, 0) == 1, "events");
    CHECK(jf_mock_request(mock, set, JF_MOCK_READ, "x:y", NULL) != 0, "an absent slot");
    CHECK(jf_mock_free(mock) == 1, "only the double finish is a problem");
}

static int32_t answer_inside(void *user, jf_mock *mock, const jf_mock_event *event) {
    (void)mock;
    counter *it = user;
    it->ran++;
    if (event->type == JF_MOCK_CLIENT_OPENED) return it->other != 0 ? JF_E_BUSY : JF_OK;
    return event->text != NULL && strcmp(event->text, "stop") == 0 ? JF_E_DENIED : JF_OK;
}

TEST(records_inbound_messages) {
    jf_mock *mock = up();
    char bound[16];
    counter hooks = {0};
    jf_ref listener = jf_mock_listen(mock, NULL, NULL, bound, sizeof bound), client = 0;
    CHECK(listener != 0 && strcmp(bound, "here") == 0, "bound to %s", bound);
    jf_mock_on_event(mock, answer_inside, &hooks);
    jf_client_info info = {.size = sizeof info, .listener = listener, .address = jf_mock_view("peer")};
    CHECK(me.inbound->opened(me.inbound->context, &info, &client) == JF_OK && client != 0, "opened");
    char body[5 + 64] = "hello";
    jf_view segment = {(const uint8_t *)body, 5};
    jf_pair header = {jf_mock_view("Mcp-Param-a"), jf_mock_view("1")};
    jf_message message = {.size = sizeof message,
                          .flags = JF_MSG_FINAL | JF_MSG_PADDED,
                          .exchange = 5,
                          .body = &segment,
                          .body_count = 1,
                          .target = jf_mock_view("/mcp"),
                          .headers = &header,
                          .header_count = 1};
    CHECK(me.inbound->deliver(me.inbound->context, client, &message) == JF_OK, "deliver");
    memset(body, 'x', sizeof body);
    const jf_mock_event *event = jf_mock_find(mock, 0, JF_MOCK_CLIENT_MESSAGE, client, 5);
    REQUIRE(event != NULL, "no event");
    CHECK(strcmp(event->text, "hello") == 0 && event->message.body[0].len == 5, "%s", event->text);
    CHECK(event->message.target.len == 4 && event->message.headers[0].value.ptr[0] == '1', "not copied");
    segment = jf_mock_view("stop");
    message.flags = 0;
    CHECK(me.inbound->deliver(me.inbound->context, client, &message) == JF_E_DENIED, "the hook's answer");
    CHECK(me.inbound->deliver(me.inbound->context, client, &message) == JF_E_STALE, "dropped by the host");
    hooks.other = 1;
    CHECK(me.inbound->opened(me.inbound->context, &info, &client) == JF_E_BUSY && client == 0, "refused");
    CHECK(hooks.ran == 4, "%u hooks", hooks.ran);
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(lends_segments) {
    jf_mock *mock = up();
    jf_view parts[] = {jf_mock_view("a"), jf_mock_view("bc")};
    CHECK(jf_mock_reply_retainable(mock, 1, 2, 0, parts, 2, 2) == JF_OK, "reply");
    CHECK(jf_mock_retained(mock) == 2 && jf_mock_retains(mock) == 2, "%u", jf_mock_retained(mock));
    CHECK(lent.retainable == 2 && lent.body_count == 2, "mask %llu", (unsigned long long)lent.retainable);
    CHECK(lent.retain(lent.owner) == JF_E_STALE && jf_mock_problems(mock) == 1, "retained too late");
    lent.release(lent.owner);
    CHECK(jf_mock_retained(mock) == 1, "%u", jf_mock_retained(mock));
    lent.release(lent.owner);
    lent.release(lent.owner);
    CHECK(jf_mock_retained(mock) == 0 && jf_mock_problems(mock) == 2, "released once more");
    jf_mock_refuse_retain(mock, true);
    CHECK(jf_mock_reply_retainable(mock, 1, 1, 0, parts, 2, 1) == JF_E_BUSY, "not refused");
    jf_mock_refuse_retain(mock, false);
    CHECK(jf_mock_reply_retainable(mock, 1, 1, 0, parts, 2, 1) == JF_OK, "reply");
    CHECK(jf_mock_destroy(mock) == 3, "a reference that is left over is no problem");
    lent.release(lent.owner);
    jf_mock_forgive(mock);
    CHECK(jf_mock_free(mock) == 0, "problems");
}

static int32_t serve_call(void *user, jf_mock *mock, jf_ref id, const jf_call *request) {
    (void)request;
    *(jf_ref *)user = id;
    return jf_mock_answer(mock, id, JF_OK, "{\"x\":1}");
}
static void call_done(void *user, jf_ref id, const jf_call_result *result) {
    (void)id;
    counter *it = user;
    it->ran++;
    it->events = (uint32_t)result->body.len;
}

TEST(answers_calls_later) {
    jf_mock *mock = up();
    jf_ref id = 0, seen = 0;
    counter done = {0};
    jf_fault why = {.size = sizeof why};
    jf_call request = {.size = sizeof request, .method = jf_mock_view("tools/list")};
    CHECK(me.calls->start(me.calls->context, &request, call_done, &done, &id, &why) == JF_E_UNSUPPORTED,
          "no handler");
    jf_mock_on_call(mock, serve_call, &seen);
    CHECK(me.calls->start(me.calls->context, &request, call_done, &done, &id, &why) == JF_OK && id == seen,
          "start");
    CHECK(done.ran == 0, "done came from inside start");
    me.calls->cancel(me.calls->context, id);
    jf_mock_settle(mock);
    CHECK(done.ran == 1 && done.events == 7, "done ran %u times", done.ran);
    CHECK(jf_mock_answer(mock, id, JF_OK, NULL) == JF_E_STALE, "answered twice");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

TEST(captures_logs) {
    jf_mock *mock = up();
    jf_pair field = {jf_mock_view("fd"), jf_mock_view("7")};
    me.log->write(me.log->context, JF_LOG_WARNING, jf_mock_view("cannot read"), &field, 1);
    uint32_t level = 0;
    CHECK(strcmp(jf_mock_log_at(mock, 0, &level), "cannot read fd=7") == 0 && level == JF_LOG_WARNING,
          "record");
    CHECK(jf_mock_logged(mock, JF_LOG_INFO, "fd=7") && !jf_mock_logged(mock, JF_LOG_ERROR, "fd=7"), "levels");
    CHECK(jf_mock_free(mock) == 0, "problems");
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
