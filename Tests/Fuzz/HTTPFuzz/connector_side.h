/* SPDX-License-Identifier: Apache-2.0
 * The asking side: requests of a host, answered with the input's bytes by a server that knows no HTTP. */
#ifndef HTTP_FUZZ_CONNECTOR_SIDE_H
#define HTTP_FUZZ_CONNECTOR_SIDE_H

#include "listener_side.h"

enum { SERVERS_MAX = 24, CALLS_MAX = 6, ROUNDS_MAX = 16 };

/** The servers' ends of the connections that the plugin made. */
static struct {
    peer peers[SERVERS_MAX];
    size_t answered[SERVERS_MAX]; /**< bytes heard when it last answered */
    uint32_t count, refuse;
    bool small;
} servers;

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);

/** Takes the place of connect: a socket pair is connected at once, deterministic, and leaves no port behind.
 */
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length) {
    (void)address, (void)length;
    if (servers.count == SERVERS_MAX || servers.refuse != 0) {
        if (servers.refuse != 0) servers.refuse--;
        errno = ECONNREFUSED;
        return -1;
    }
    servers.answered[servers.count] = 0;
    int other = peer_open(&servers.peers[servers.count++], servers.small);
    dup2(other, fd);
    close(other);
    return 0;
}

typedef struct asking {
    script *s;
    jf_mock *mock;
    record *log;
    jf_ref channel;
    const jf_http_1 *http;
    jf_view rest; /**< answers not given yet */
} asking;

static int32_t on_server(void *user, jf_mock *mock, const jf_mock_event *e) {
    asking *it = user;
    (void)mock;
    if (e->type == JF_MOCK_CHANNEL_MESSAGE)
        note_message(it->log, e);
    else if (e->type == JF_MOCK_CHANNEL_FAILED)
        note(it->log, "failed exchange=%llx code=%d flags=%u\n", (unsigned long long)e->exchange,
             e->fault.code, e->fault.flags);
    else
        note(it->log, "event %u\n", e->type);
    return JF_OK;
}

static void on_response(void *user, jf_ref request, const jf_http_response *r) {
    asking *it = user;
    (void)request;
    note(it->log, "response status=%d", r->status);
    if (r->status >= 100) note_view(it->log, "body", r->body);
    for (uint64_t i = 0; i < r->header_count; i++) {
        note_view(it->log, "header", r->headers[i].name);
        note_view(it->log, "value", r->headers[i].value);
    }
    note(it->log, "\n");
}

/** Up to the next line "%K", "%C" or "%H": keep the connection, close it, or close its sending half. */
static jf_view next_answer(asking *it, char *end) {
    jf_view all = it->rest;
    *end = 'C';
    for (uint64_t i = 0; i + 3 < all.len; i++) {
        if (memcmp(all.ptr + i, "\n%", 2) != 0 || all.ptr[i + 3] != '\n') continue;
        *end = (char)all.ptr[i + 2];
        it->rest = view_make(all.ptr + i + 4, all.len - i - 4);
        return view_make(all.ptr, i);
    }
    it->rest = view_make(all.ptr + all.len, 0);
    return all;
}

static void check_request(const peer *p) {
    static const char *const methods[] = {"POST /", "GET /", "DELETE /", "HEAD /"};
    bool good = false;
    for (size_t i = 0; i < 4; i++) {
        size_t size = strlen(methods[i]) < p->heard.length ? strlen(methods[i]) : p->heard.length;
        good = good || memcmp(p->heard.text, methods[i], size) == 0;
    }
    MUST(good, "a request begins with %.*s", (int)p->heard.length, p->heard.text);
}

/** Every server that was asked something answers, until nobody asks or there is nothing left to say. */
static void serve(asking *it, char act) {
    for (uint32_t round = 0; round < ROUNDS_MAX; round++) {
        bool any = false;
        jf_mock_settle(it->mock);
        for (uint32_t i = 0; i < servers.count; i++) {
            peer *p = &servers.peers[i];
            if (act != 'Q') peer_hear(it->mock, p);
            if (p->fd < 0 || (act != 'Q' && p->heard.length == servers.answered[i]) || it->rest.len == 0)
                continue;
            any = true;
            if (p->heard.length != 0) check_request(p);
            servers.answered[i] = p->heard.length;
            char end;
            jf_view bytes = next_answer(it, &end);
            peer_say(it->mock, p, it->s, bytes, act == 'Q');
            if (end == 'H') shutdown(p->fd, SHUT_WR);
            if (end == 'C') peer_close(p);
            jf_mock_settle(it->mock);
        }
        if (!any) return;
    }
}

static jf_ref ask(asking *it, uint32_t kind, bool wanted, const char *body) {
    jf_view view = jf_mock_view(body);
    jf_pair header = {jf_mock_view("Mcp-Param-City"), jf_mock_view("K\xc3\xb6ln ")};
    jf_message m = {.size = sizeof(m), .flags = JF_MSG_FINAL, .kind = kind, .headers = &header};
    m.header_count = kind == JF_KIND_MESSAGE ? 1 : 0;
    m.exchange = wanted ? jf_mock_exchange(it->mock) : 0;
    m.body = &view;
    m.body_count = kind == JF_KIND_MESSAGE ? 1 : 0;
    m.session = jf_mock_view("s1");
    int32_t status = jf_mock_connector(it->mock)->send(
        jf_mock_self(it->mock), jf_mock_handle(it->mock, it->channel), &m, jf_mock_fault(it->mock));
    note(it->log, "asked %u exchange=%llx: %d\n", kind, (unsigned long long)m.exchange, status);
    return m.exchange;
}

static void ask_page(asking *it, const char *method) {
    jf_http_request r = {.size = sizeof(r), .method = jf_mock_view(method)};
    jf_ref ref;
    r.url = jf_mock_view("http://127.0.0.1:9/page?x=1");
    it->http->request(it->http->context, &r, on_response, it, &ref, jf_mock_fault(it->mock));
    serve(it, 'W');
    if (it->s->acted % 5 == 4) it->http->abandon(it->http->context, ref);
}

static void act_once(asking *it, char act) {
    jf_ref exchange;
    switch (act) {
    case 'N':
        ask(it, JF_KIND_MESSAGE, false, "{}");
        break;
    case 'G':
        ask(it, JF_KIND_STREAM, true, NULL);
        break;
    case 'D':
        ask(it, JF_KIND_END, true, NULL);
        break;
    case 'B':
    case 'Q':
        ask(it, JF_KIND_MESSAGE, true, big_body());
        break;
    case 'P':
        ask(it, JF_KIND_MESSAGE, true, "[1]");
        ask(it, JF_KIND_MESSAGE, true, "[2]");
        ask(it, JF_KIND_MESSAGE, false, "[3]");
        break;
    case 'C':
        exchange = ask(it, JF_KIND_MESSAGE, true, "{}");
        serve(it, act);
        jf_mock_cancel(it->mock, it->channel, exchange);
        break;
    case 'H':
        ask_page(it, "GET");
        return;
    case 'E':
        ask_page(it, "HEAD");
        return;
    case 'X':
        ask(it, JF_KIND_MESSAGE, true, "{}");
        serve(it, act);
        jf_mock_close(it->mock, it->channel, 1000);
        return;
    case 'T':
        jf_mock_advance(it->mock, 31000000000ull);
        return;
    default:
        ask(it, JF_KIND_MESSAGE, true, "{\"method\":\"ping\"}");
        break;
    }
    serve(it, act);
}

static void run_connector(script *s, record *log) {
    jf_mock *mock = jf_mock_new();
    asking it = {.s = s, .mock = mock, .log = log, .rest = s->bytes};
    char config[256];
    MUST(jf_mock_attach(mock, jf_entry_1) == JF_OK && jf_mock_create(mock, "{}") == JF_OK, "no instance");
    MUST(jf_mock_start(mock) == JF_OK, "start");
    jf_mock_on_event(mock, on_server, &it);
    servers.small = has(s, 's');
    servers.refuse = has(s, 'r') ? 1 : 0;
    snprintf(config, sizeof(config), "{\"url\":\"http://127.0.0.1:9/mcp%s\",\"max_connections\":%d%s%s}",
             has(s, 'l') ? "/" : "", has(s, 'q') ? 1 : 4, has(s, 'm') ? ",\"max_message\":64" : "",
             has(s, 'h') ? ",\"headers\":{\"X-Team\":\"core\"}" : "");
    it.channel = jf_mock_open(mock, "fuzz", config);
    MUST(it.channel != 0, "open: %s", jf_mock_why(mock));
    it.http = jf_mock_facet(mock, JF_HTTP_1);
    jf_mock_settle(mock);
    if (starved_from(s) != 0) jf_mock_fail_allocations(mock, starved_from(s) - 1);
    uint32_t calls = s->acts.len == 0 ? 1 : s->acts.len > CALLS_MAX ? CALLS_MAX : (uint32_t)s->acts.len;
    for (uint32_t i = 0; i < calls; i++)
        act_once(&it, next_act(s, 'J'));
    if (has(s, 't')) jf_mock_advance(mock, 100000000000ull);
    jf_mock_settle(mock);
    for (uint32_t i = 0; i < servers.count && !has(s, 'e'); i++)
        peer_close(&servers.peers[i]);
    jf_mock_settle(mock);
    MUST(jf_mock_free(mock) == 0, "the plugin broke a rule");
    for (uint32_t i = 0; i < servers.count; i++)
        peer_free(&servers.peers[i]);
    servers.count = 0;
}

#endif
