/* SPDX-License-Identifier: Apache-2.0
 * Cases: the facet jf.connector/1, against a golden server where one can be had. */
#include "golden.h"

#define READY_MS 5000u
#define CLOSE_MS 5000u

/* The entry with the port of our server in it; to be freed. */
static char *entry_of(check *c) {
    const char *text = c->setup->connector, *place = strstr(text, "@PORT@");
    if (place == NULL) return strdup(text);
    char *made = NULL;
    if (asprintf(&made, "%.*s%u%s", (int)(place - text), text, golden_http(), place + 6) < 0) abort();
    return made;
}

typedef struct link {
    jf_ref channel, handle;
    uint32_t flags; /**< JF_CHANNEL_*, 0 before `ready` */
} link_state;

/* Opens a channel; false: skipped or failed. */
static bool open_link(check_host *h, const char *entry, link_state *it) {
    const jf_connector_1 *connector = jf_mock_connector(h->mock);
    if (connector == NULL || connector->open == NULL || connector->send == NULL || connector->close == NULL ||
        connector->cancel == NULL) {
        check_fail(h->c, "Fill in open, send, cancel and close.",
                   "its table for jf.connector/1 lacks required slots");
        return false;
    }
    mock_object *object = mock_new_object(h->mock, MOCK_CHANNEL);
    jf_fault *why = jf_mock_fault(h->mock);
    *it = (link_state){object->ref, 0, 0};
    jf_view name = check_lend_text(h->c, "`name` of open", "check");
    jf_view config = check_lend_text(h->c, "`config` of open", entry);
    check_enter(h, "open");
    int32_t status = connector->open(h->mock->self, object->ref, name, config, &it->handle, why);
    check_leave(h);
    check_return(h->c);
    object->handle = it->handle;
    if (status == JF_OK) return true;
    object->open = false;
    check_why(h, "open", status, why);
    check_skip(h->c, "it refuses to open a channel: %s", check_text(why));
    return false;
}

/* Waits until the channel can carry messages; false: it failed (that is not reported). */
static bool wait_ready(check_host *h, link_state *it) {
    for (uint32_t waited = 0; waited < READY_MS; waited += 5) {
        const jf_mock_event *ready = jf_mock_find(h->mock, 0, JF_MOCK_CHANNEL_READY, it->channel, 0);
        if (ready != NULL) {
            it->flags = ready->flags;
            return true;
        }
        if (jf_mock_find(h->mock, 0, JF_MOCK_CHANNEL_FAILED, it->channel, 0) != NULL) return false;
        check_step("the event loop, while a channel opens");
        jf_mock_run_once(h->mock, 5);
    }
    return false;
}

static int32_t send_text(check_host *h, const link_state *it, jf_ref exchange, const golden_step *step) {
    const jf_connector_1 *connector = jf_mock_connector(h->mock);
    jf_view body = check_lend_text(h->c, "the body of a message", step->request);
    jf_view segments = check_lend(h->c, "the segments of a message", &body, sizeof body);
    jf_message message = {.size = sizeof message,
                          .flags = JF_MSG_FINAL,
                          .exchange = exchange,
                          .deadline_ns = jf_mock_now(h->mock) + 30000000000u,
                          .body = (const jf_view *)(const void *)segments.ptr,
                          .body_count = 1,
                          .method = check_lend_text(h->c, "`method` of a message", step->method),
                          .protocol = check_lend_text(h->c, "`protocol` of a message", "2025-06-18")};
    jf_view lent = check_lend(h->c, "a message", &message, sizeof message);
    jf_fault *why = jf_mock_fault(h->mock);
    check_enter(h, "send");
    int32_t status =
        connector->send(h->mock->self, it->handle, (const jf_message *)(const void *)lent.ptr, why);
    check_leave(h);
    check_return(h->c);
    if (status < 0) check_why(h, "send", status, why);
    return status;
}

static void close_link(check_host *h, link_state *it) {
    const jf_connector_1 *connector = jf_mock_connector(h->mock);
    check_enter(h, "close");
    connector->close(h->mock->self, it->handle, jf_mock_now(h->mock) + 2000000000u);
    check_leave(h);
    check_step("the event loop, while a channel closes");
    if (jf_mock_wait(h->mock, 0, JF_MOCK_CHANNEL_CLOSED, it->channel, 0, CLOSE_MS) == NULL) {
        check_fail(h->c, "Call `closed` once the channel is closed, by the deadline.",
                   "a closed channel was not reported with `closed` after %u s", CLOSE_MS / 1000);
        return;
    }
    /* Whatever comes now is too late: the mock notes it. */
    for (int i = 0; i < 8; i++) {
        jf_mock_advance(h->mock, 3000000000u);
        jf_mock_run_once(h->mock, 5);
    }
}

static check_host *up(check *c, link_state *it) {
    if (c->setup->connector == NULL) {
        check_skip(c, "no entry could be made from manifest.connector.config: give one with --server");
        return NULL;
    }
    check_host *h = check_up(c);
    if (h == NULL) return NULL;
    char *entry = entry_of(c);
    bool is_open = open_link(h, entry, it);
    free(entry);
    if (is_open) return h;
    check_host_free(h);
    return NULL;
}

static void opens(check *c) {
    link_state it;
    check_host *h = up(c, &it);
    if (h == NULL) return;
    bool is_ready = wait_ready(h, &it);
    if (!is_ready && jf_mock_find(h->mock, 0, JF_MOCK_CHANNEL_FAILED, it.channel, 0) == NULL)
        check_fail(c, "Tell with `ready` or `failed` what became of an open channel.",
                   "an opened channel was neither ready nor failed after %u s", READY_MS / 1000);
    if (!is_ready && c->setup->peer[0] != 0)
        check_fail(c, "See the text of `failed`.", "it cannot reach the check's own server");
    close_link(h, &it);
    check_host_free(h);
}

static void conversation(check *c) {
    if (c->setup->peer[0] == 0) {
        check_skip(c, "the check has no server that this connector could talk to");
        return;
    }
    link_state it;
    check_host *h = up(c, &it);
    if (h == NULL) return;
    size_t count;
    const golden_step *steps = golden_steps(&count);
    if (!wait_ready(h, &it))
        check_fail(c, "See the text of `failed`.", "it cannot reach the check's own server");
    for (size_t i = 0; i < count && !check_failed(c); i++) {
        bool is_shared = (it.flags & JF_CHANNEL_SHARED) != 0;
        jf_ref exchange = is_shared || steps[i].answer == NULL ? 0 : jf_mock_exchange(h->mock);
        uint32_t mark = jf_mock_mark(h->mock);
        int32_t status = send_text(h, &it, exchange, &steps[i]);
        if (status != JF_OK) {
            check_fail(c, "Take messages while the channel is ready.", "send of %s answered %d",
                       steps[i].method, (int)status);
            break;
        }
        if (steps[i].answer == NULL) continue;
        check_step("the event loop, while an answer is due");
        const jf_mock_event *answer =
            jf_mock_wait(h->mock, mark, JF_MOCK_CHANNEL_MESSAGE, it.channel, exchange, 5000);
        if (answer == NULL || answer->text == NULL)
            check_fail(c, "Deliver every message of the server.", "the golden answer to %s was not delivered",
                       steps[i].method);
        else if (strcmp(answer->text, steps[i].answer) != 0)
            check_fail(c, "Deliver a message's bytes as they came.",
                       "the golden answer to %s was delivered changed", steps[i].method);
        else if (!is_shared && (answer->flags & JF_MSG_FINAL) == 0)
            check_fail(c, "Set JF_MSG_FINAL on the last message of an exchange.",
                       "the answer to %s does not end its exchange", steps[i].method);
    }
    close_link(h, &it);
    check_host_free(h);
}

static void cancels(check *c) {
    link_state it;
    check_host *h = up(c, &it);
    if (h == NULL) return;
    size_t count;
    const golden_step *steps = golden_steps(&count);
    const jf_connector_1 *connector = jf_mock_connector(h->mock);
    if (wait_ready(h, &it)) {
        jf_ref exchange = jf_mock_exchange(h->mock);
        bool is_shared = (it.flags & JF_CHANNEL_SHARED) != 0;
        if (send_text(h, &it, is_shared ? 0 : exchange, &steps[2]) == JF_OK && !is_shared) {
            uint32_t mark = jf_mock_mark(h->mock);
            check_enter(h, "cancel");
            connector->cancel(h->mock->self, it.handle, exchange);
            check_leave(h);
            jf_mock_wait(h->mock, mark, JF_MOCK_CHANNEL_MESSAGE, it.channel, exchange, 60);
            if (jf_mock_find(h->mock, mark, JF_MOCK_CHANNEL_MESSAGE, it.channel, exchange) != NULL ||
                jf_mock_find(h->mock, mark, JF_MOCK_CHANNEL_FAILED, it.channel, exchange) != NULL)
                check_fail(c, "Forget an exchange in `cancel`.",
                           "an exchange that was given up was still heard of");
        }
    }
    check_step("cancel of an exchange that never was");
    connector->cancel(h->mock->self, it.handle, jf_mock_exchange(h->mock));
    close_link(h, &it);
    check_host_free(h);
}

/* Closed while answers are due. */
static void closes(check *c) {
    link_state it;
    check_host *h = up(c, &it);
    if (h == NULL) return;
    size_t count;
    const golden_step *steps = golden_steps(&count);
    if (wait_ready(h, &it)) {
        bool is_shared = (it.flags & JF_CHANNEL_SHARED) != 0;
        for (int i = 0; i < 10; i++)
            send_text(h, &it, is_shared ? 0 : jf_mock_exchange(h->mock), &steps[i % 2 == 0 ? 2 : 6]);
    }
    close_link(h, &it);
    check_host_free(h);
}

/* The instance ends with the channel open. */
static void stops(check *c) {
    check_snapshot *before = NULL;
    for (int i = 0; i < 2 && !check_failed(c); i++) {
        link_state it;
        size_t count;
        const golden_step *steps = golden_steps(&count);
        if (i == 1) before = check_snapshot_take();
        check_host *h = up(c, &it);
        if (h == NULL) return;
        if (wait_ready(h, &it)) {
            bool is_shared = (it.flags & JF_CHANNEL_SHARED) != 0;
            send_text(h, &it, is_shared ? 0 : jf_mock_exchange(h->mock), &steps[3]);
            if (c->setup->peer[0] != 0)
                jf_mock_wait(h->mock, 0, JF_MOCK_CHANNEL_MESSAGE, it.channel, 0, 2000);
        }
        check_host_free(h);
        if (c->result->outcome == CHECK_SKIP) return;
    }
    if (before != NULL && strcmp(c->setup->peer, "http") != 0)
        check_snapshot_compare(c, before, "an instance that ended with an open channel");
}

static void reopens(check *c) {
    for (int i = 0; i < 3 && !check_failed(c); i++) {
        link_state it, more[8];
        check_host *h = up(c, &it);
        if (h == NULL) return;
        char *entry = entry_of(c);
        uint32_t opened = 0;
        while (opened < 8 && open_link(h, entry, &more[opened]))
            opened++;
        free(entry);
        wait_ready(h, &it);
        close_link(h, &it);
        for (uint32_t n = 0; n < opened && !check_failed(c); n++) {
            if (jf_mock_find(h->mock, 0, JF_MOCK_CHANNEL_CLOSED, more[n].channel, 0) != NULL)
                check_fail(c, "Close the channel that is named, and no other.",
                           "a channel was closed that nobody had closed");
            else
                close_link(h, &more[n]);
        }
        check_host_free(h);
    }
}

static void lent(check *c) {
    c->guarded = true;
    link_state it;
    check_host *h = up(c, &it);
    if (h == NULL) return;
    size_t count;
    const golden_step *steps = golden_steps(&count);
    if (wait_ready(h, &it)) {
        bool is_shared = (it.flags & JF_CHANNEL_SHARED) != 0;
        for (size_t i = 0; i < count && !check_failed(c); i++) {
            bool is_answered = steps[i].answer != NULL;
            jf_ref exchange = is_shared || !is_answered ? 0 : jf_mock_exchange(h->mock);
            uint32_t mark = jf_mock_mark(h->mock);
            if (send_text(h, &it, exchange, &steps[i]) != JF_OK) break;
            if (is_answered)
                jf_mock_wait(h->mock, mark, JF_MOCK_CHANNEL_MESSAGE, it.channel, exchange,
                             c->setup->peer[0] != 0 ? 2000 : 100);
        }
    }
    close_link(h, &it);
    check_host_free(h);
}

/* What it tells of its processes fits the memory that it is given, and what it says elsewhere. */
static void tells(check *c) {
    link_state it;
    check_host *h = up(c, &it);
    if (h == NULL) return;
    const jf_connector_1 *connector = jf_mock_connector(h->mock);
    if (!JF_HAS(connector, usage)) {
        check_skip(c, "it has no `usage`");
        close_link(h, &it);
        check_host_free(h);
        return;
    }
    wait_ready(h, &it);
    struct {
        jf_usage usage;
        uint8_t beyond[64];
    } room;
    /* The whole of it, then what a host of a shorter one knows. */
    static const uint32_t sizes[] = {sizeof(jf_usage), offsetof(jf_usage, processes)};
    int32_t status = JF_OK;
    for (size_t i = 0; i < 2 && !check_failed(c); i++) {
        memset(&room, 0xa5, sizeof room);
        room.usage.size = sizes[i];
        check_enter(h, "usage");
        status = connector->usage(h->mock->self, it.handle, &room.usage);
        check_leave(h);
        const uint8_t *bytes = (const uint8_t *)&room;
        for (size_t at = sizes[i]; at < sizeof room && !check_failed(c); at++)
            if (bytes[at] != 0xa5)
                check_fail(c, "Write no more than the caller's `size` covers.",
                           "`usage` wrote behind the %u bytes that it was given", sizes[i]);
        if (status != JF_OK && status != JF_ABSENT && status != JF_E_UNSUPPORTED)
            check_fail(c, "Answer JF_OK, JF_ABSENT or JF_E_UNSUPPORTED for an open channel.",
                       "`usage` of an open channel answered %d", (int)status);
        if (status == JF_OK && (room.usage.flags != 0 || room.usage.size > sizes[i]))
            check_fail(c, "Leave `flags` 0 and `size` within what the caller gave.",
                       "`usage` claims %u bytes and flags %u", room.usage.size, room.usage.flags);
        if (status == JF_OK && room.usage.measured_ns > jf_mock_now(h->mock))
            check_fail(c, "Take times from jf.clock/1 or the loop.", "`usage` was measured in the future");
    }
    room.usage.size = sizeof room.usage;
    status = connector->usage(h->mock->self, it.handle + ((jf_ref)1 << 40), &room.usage);
    if (status >= 0)
        check_fail(c, "Answer JF_E_STALE for a handle that is none.",
                   "`usage` of a channel that never was answered %d", (int)status);
    close_link(h, &it);
    check_host_free(h);
}

CHECK_GROUP(connector,
            {"connector.opens", "an opened channel is ready or failed, and closed after close",
             JF_CONNECTOR_1, opens, false},
            {"connector.conversation", "a golden conversation passes unchanged", JF_CONNECTOR_1, conversation,
             false},
            {"connector.cancel", "nothing is delivered for an exchange that was given up", JF_CONNECTOR_1,
             cancels, false},
            {"connector.close", "nothing comes for a channel that is closed", JF_CONNECTOR_1, closes, false},
            {"connector.stop", "an instance can end with a channel open, and leaves nothing", JF_CONNECTOR_1,
             stops, false},
            {"connector.channels", "many channels are opened and closed", JF_CONNECTOR_1, reopens, false},
            {"connector.usage", "what it tells of its processes fits", JF_CONNECTOR_1, tells, false},
            {"connector.views", "messages are neither kept nor written to", JF_CONNECTOR_1, lent, false}, );
