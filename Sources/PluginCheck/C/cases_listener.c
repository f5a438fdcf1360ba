/* SPDX-License-Identifier: Apache-2.0
 * Cases: the facet jf.listener/1, with a golden client where it speaks HTTP. */
#include "golden.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct front {
    jf_ref listener;
    char bound[300];
} front;

static bool is_network(const check *c) {
    return c->setup->transport == NULL || strcmp(c->setup->transport, "stdio") != 0;
}

static bool open_front(check_host *h, front *it) {
    const jf_listener_1 *facet = jf_mock_listener(h->mock);
    if (facet == NULL || facet->listen == NULL || facet->unlisten == NULL || facet->reply == NULL ||
        facet->close == NULL) {
        check_fail(h->c, "Fill in listen, unlisten, reply and close.",
                   "its table for jf.listener/1 lacks required slots");
        return false;
    }
    mock_object *object = mock_new_object(h->mock, MOCK_LISTENER);
    jf_fault *why = jf_mock_fault(h->mock);
    jf_blob bound = {0};
    *it = (front){.listener = object->ref};
    jf_view address =
        is_network(h->c) ? check_lend_text(h->c, "`address` of listen", "127.0.0.1:0") : (jf_view){NULL, 0};
    jf_view config = check_lend_text(h->c, "`config` of listen", h->c->setup->listener);
    check_enter(h, "listen");
    int32_t status = facet->listen(h->mock->self, object->ref, address, config, &bound, why);
    check_leave(h);
    check_return(h->c);
    object->open = status == JF_OK;
    if (status != JF_OK) {
        check_why(h, "listen", status, why);
        check_skip(h->c, "it refuses to listen: %s", check_text(why));
        return false;
    }
    char *text = jf_mock_take(&bound);
    if (text == NULL || text[0] == 0)
        check_fail(h->c, "Write to *bound where it listens, as text that a user can connect to.",
                   "listen answered JF_OK without saying where");
    snprintf(it->bound, sizeof it->bound, "%s", text != NULL ? text : "");
    free(text);
    return !check_failed(h->c);
}

static check_host *up(check *c, front *it) {
    if (c->setup->listener == NULL) {
        check_skip(c, "no entry could be made from manifest.listener.config: give one with --listener");
        return NULL;
    }
    if (!is_network(c)) { /* it serves standard input, which is empty here, and ends */
        int empty = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(empty, 0);
        close(empty);
    }
    check_host *h = check_up(c);
    if (h == NULL) return NULL;
    if (open_front(h, it)) return h;
    check_host_free(h);
    return NULL;
}

static void close_front(check_host *h, const front *it) {
    check_enter(h, "unlisten");
    jf_mock_listener(h->mock)->unlisten(h->mock->self, it->listener);
    check_leave(h);
    jf_mock_settle(h->mock);
}

static void opens(check *c) {
    front it;
    check_host *h = up(c, &it);
    if (h == NULL) return;
    jf_mock_settle(h->mock);
    if (is_network(c)) {
        int fd = golden_dial(it.bound);
        if (fd < 0)
            check_warn(c, "Write an address such as http://127.0.0.1:8808.",
                       "nothing accepts connections at \"%s\"", it.bound);
        else
            close(fd);
        jf_mock_run_once(h->mock, 20);
    }
    close_front(h, &it);
    check_host_free(h);
}

static void unlistens(check *c) {
    front it;
    check_host *h = up(c, &it);
    if (h == NULL) return;
    if (!is_network(c)) {
        check_skip(c, "it has no address to connect to");
    } else {
        close_front(h, &it);
        uint32_t mark = jf_mock_mark(h->mock);
        int fd = golden_dial(it.bound);
        for (int i = 0; i < 10; i++)
            jf_mock_run_once(h->mock, 5);
        if (fd >= 0) close(fd);
        for (int i = 0; i < 4; i++)
            jf_mock_run_once(h->mock, 5);
        if (jf_mock_find(h->mock, mark, JF_MOCK_CLIENT_OPENED, 0, 0) != NULL)
            check_fail(c, "Close the listening socket in `unlisten`.", "it accepts a client after unlisten");
        else if (fd >= 0)
            check_fail(c, "Close the listening socket in `unlisten`.",
                       "its socket takes connections after unlisten");
    }
    check_host_free(h);
}

static void stale(check *c) {
    front it;
    check_host *h = up(c, &it);
    if (h == NULL) return;
    const jf_listener_1 *facet = jf_mock_listener(h->mock);
    jf_view body = jf_mock_view("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
    jf_message message = {
        .size = sizeof message, .flags = JF_MSG_FINAL, .exchange = 77, .body = &body, .body_count = 1};
    check_enter(h, "reply to a client that never was");
    int32_t status = facet->reply(h->mock->self, 0x1200000123u, &message);
    check_leave(h);
    if (status == JF_OK)
        check_fail(c, "Answer JF_E_STALE where the client or the exchange is gone.",
                   "a reply to a client that never was answered JF_OK");
    check_enter(h, "close of a client that never was");
    facet->close(h->mock->self, 0x1200000123u);
    check_leave(h);
    check_enter(h, "unlisten of a listener that never was");
    facet->unlisten(h->mock->self, 0x1100000123u);
    check_leave(h);
    close_front(h, &it);
    check_host_free(h);
}

static bool write_text(int fd, const char *text, size_t length) {
    return send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

static void garbage(check *c) {
    front it;
    check_host *h = up(c, &it);
    if (h == NULL) return;
    if (!is_network(c)) check_skip(c, "it has no address to connect to");
    for (int round = 0; round < 40 && is_network(c) && !check_failed(c); round++) {
        static const char *const starts[] = {
            "", "POST /mcp HTTP/1.1\r\nHost: localhost\r\n", "GET / HTTP/1.1\r\n",
            "GET /mcp HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"};
        uint8_t bytes[2000];
        size_t length = (size_t)snprintf((char *)bytes, sizeof bytes, "%s", starts[round % 4]);
        for (uint64_t n = check_below(c, 1500); n > 0 && length < sizeof bytes; n--)
            bytes[length++] = (uint8_t)check_random(c);
        int fd = golden_dial(it.bound);
        if (fd < 0) break;
        write_text(fd, (const char *)bytes, length);
        check_step("the event loop, with random bytes from a client");
        for (int i = 0; i < 4; i++)
            jf_mock_run_once(h->mock, 2);
        close(fd);
        for (int i = 0; i < 4; i++)
            jf_mock_run_once(h->mock, 2);
    }
    close_front(h, &it);
    check_host_free(h);
}

/* The instance ends with clients connected. */
static void stops(check *c) {
    check_snapshot *before = NULL;
    for (int round = 0; round < 2 && !check_failed(c); round++) {
        front it;
        static const char half[] = "POST /mcp HTTP/1.1\r\nHost: localhost\r\n";
        int fds[8];
        if (round == 1) before = check_snapshot_take();
        check_host *h = up(c, &it);
        if (h == NULL) return;
        for (int i = 0; i < 8; i++) {
            fds[i] = is_network(c) ? golden_dial(it.bound) : -1;
            if (fds[i] >= 0 && i % 2 == 0) write_text(fds[i], half, strlen(half));
            jf_mock_run_once(h->mock, 2);
        }
        jf_mock_settle(h->mock);
        check_host_free(h);
        for (int i = 0; i < 8; i++) {
            if (fds[i] >= 0) close(fds[i]);
        }
        if (c->result->outcome == CHECK_SKIP) return;
    }
    if (before != NULL) check_snapshot_compare(c, before, "an instance that ended with clients connected");
}

/* ---- The golden client ---- */

/* Reads what a socket has, running the loop, until `end` stands in it. */
static bool read_until(check_host *h, int fd, char *text, size_t size, const char *end) {
    size_t have = 0;
    text[0] = 0;
    for (int i = 0; i < 1000; i++) {
        ssize_t got = recv(fd, text + have, size - 1 - have, MSG_DONTWAIT);
        if (got > 0) have += (size_t)got;
        text[have] = 0;
        if (strstr(text, end) != NULL) return true;
        if (got == 0) return false;
        if (got < 0) jf_mock_run_once(h->mock, 5);
    }
    return false;
}

static void conversation(check *c) {
    front it;
    if (c->setup->transport == NULL || strcmp(c->setup->transport, "http") != 0) {
        check_skip(c, "the check has no client for transport %s",
                   c->setup->transport != NULL ? c->setup->transport : "?");
        return;
    }
    check_host *h = up(c, &it);
    if (h == NULL) return;
    size_t count;
    const golden_step *steps = golden_steps(&count);
    int fd = golden_dial(it.bound);
    const size_t room = 1 << 20;
    char *text = mock_allocate(room);
    if (fd < 0)
        check_fail(c, "Write to *bound where it listens.", "nothing accepts connections at \"%s\"", it.bound);
    for (size_t i = 0; i < count && !check_failed(c); i++) {
        uint32_t mark = jf_mock_mark(h->mock);
        int size = snprintf(text, room,
                            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                            "Accept: application/json, text/event-stream\r\nContent-Length: %zu\r\n\r\n%s",
                            strlen(steps[i].request), steps[i].request);
        write_text(fd, text, (size_t)size);
        const jf_mock_event *got = jf_mock_wait(h->mock, mark, JF_MOCK_CLIENT_MESSAGE, 0, 0, 5000);
        if (got == NULL || got->text == NULL) {
            check_fail(c, "Deliver every message of a client.", "the golden request %s was not delivered",
                       steps[i].method);
            break;
        }
        if (strcmp(got->text, steps[i].request) != 0)
            check_fail(c, "Deliver a message's bytes as they came.",
                       "the golden request %s was delivered changed", steps[i].method);
        int32_t status =
            jf_mock_reply(h->mock, got->peer, got->exchange, JF_MSG_FINAL,
                          steps[i].answer != NULL ? JF_STATUS_OK : JF_STATUS_ACCEPTED, steps[i].answer);
        if (status != JF_OK && status != JF_E_BUSY)
            check_fail(c, "Take the answer of an open exchange.", "a reply to %s answered %d",
                       steps[i].method, (int)status);
        const char *end = steps[i].answer != NULL ? steps[i].answer : "\r\n\r\n";
        if (!read_until(h, fd, text, room, end))
            check_fail(c, "Write the answer's bytes as they are.",
                       "the golden answer to %s did not reach the client", steps[i].method);
        if (jf_mock_reply(h->mock, got->peer, got->exchange, JF_MSG_FINAL, JF_STATUS_OK, "{}") == JF_OK)
            check_fail(c, "Answer JF_E_STALE for an exchange that is over.",
                       "a second answer to %s was accepted", steps[i].method);
    }
    if (fd >= 0) close(fd);
    free(text);
    jf_mock_settle(h->mock);
    close_front(h, &it);
    check_host_free(h);
}

CHECK_GROUP(listener,
            {"listener.opens", "it listens, says where, and stops listening", JF_LISTENER_1, opens, false},
            {"listener.conversation", "a golden conversation passes unchanged", JF_LISTENER_1, conversation,
             false},
            {"listener.unlisten", "it accepts nobody after unlisten", JF_LISTENER_1, unlistens, false},
            {"listener.stale", "replies to clients that are gone are refused", JF_LISTENER_1, stale, false},
            {"listener.garbage", "random bytes from clients do not break it", JF_LISTENER_1, garbage, false},
            {"listener.stop", "an instance can end with clients connected, and leaves nothing", JF_LISTENER_1,
             stops, false}, );
