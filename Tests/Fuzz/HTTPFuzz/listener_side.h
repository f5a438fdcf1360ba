/* SPDX-License-Identifier: Apache-2.0
 * The serving side: bytes of a client against a host that answers as the input says. */
#ifndef HTTP_FUZZ_LISTENER_SIDE_H
#define HTTP_FUZZ_LISTENER_SIDE_H

#include "answers.h"

enum { LATER_MAX = 64 };

typedef struct listening {
    script *s;
    jf_mock *mock;
    record *log;
    const jf_http_1 *http;
    struct {
        jf_ref client, exchange;
        char act;
    } later[LATER_MAX];
    uint32_t later_count;
} listening;

static const char *big_body(void) {
    static char text[BIG_BODY + 1];
    if (text[0] == 0) {
        memset(text, 'b', BIG_BODY);
        text[0] = text[BIG_BODY - 1] = '"';
    }
    return text;
}

static void push_later(listening *it, jf_ref client, jf_ref exchange, char act) {
    if (it->later_count == LATER_MAX) return;
    it->later[it->later_count].client = client;
    it->later[it->later_count].exchange = exchange;
    it->later[it->later_count++].act = act;
}

/** An answer with every member that a listener puts into its head. */
static void reply_full(listening *it, jf_ref client, jf_ref exchange) {
    jf_view body = jf_mock_view("{\"jsonrpc\":\"2.0\"}");
    jf_message m = {.size = sizeof(m), .flags = JF_MSG_FINAL, .exchange = exchange, .body = &body};
    m.body_count = 1;
    m.status = (int32_t)(it->s->acted * 7 % 15) - 1;
    m.retry_ms = 1500;
    m.session = jf_mock_view(it->s->acted % 3 != 0 ? "abc" : "a\r\nb");
    m.protocol = jf_mock_view("2025-06-18");
    jf_mock_listener(it->mock)->reply(jf_mock_self(it->mock), client, &m);
}

static void reply_lent(listening *it, jf_ref client, jf_ref exchange, uint32_t flags) {
    jf_view parts[] = {jf_mock_view("["), jf_mock_view(big_body()), jf_mock_view(""), jf_mock_view("]")};
    jf_mock_reply_retainable(it->mock, client, exchange, flags, parts, 4, 6);
}

static void reply_many(listening *it, jf_ref client, jf_ref exchange, uint32_t flags) {
    jf_view parts[80];
    for (uint32_t i = 0; i < 80; i++)
        parts[i] = jf_mock_view(i % 3 == 0 ? "1,\n" : "22\r");
    jf_mock_reply_retainable(it->mock, client, exchange, flags, parts, 20 + it->s->acted * 37 % 61, ~0ull);
}

static void answer(listening *it, jf_ref client, jf_ref exchange, char act) {
    jf_mock *mock = it->mock;
    switch (act) {
    case 'A':
        jf_mock_reply(mock, client, exchange, JF_MSG_FINAL, JF_STATUS_ACCEPTED, NULL);
        break;
    case 'B':
        reply_lent(it, client, exchange, JF_MSG_FINAL);
        break;
    case 'C':
        jf_mock_listener(mock)->close(jf_mock_self(mock), client);
        break;
    case 'E':
        reply_full(it, client, exchange);
        break;
    case 'G':
        jf_mock_reply(mock, client, exchange, JF_MSG_FINAL, JF_STATUS_OK, "{}");
        jf_mock_reply(mock, client, exchange, JF_MSG_FINAL, JF_STATUS_OK, "{}");
        jf_mock_listener(mock)->close(jf_mock_self(mock), client);
        break;
    case 'L':
    case 'N':
        if (act == 'L') push_later(it, client, exchange, 'J');
        break;
    case 'M':
        reply_many(it, client, exchange, JF_MSG_FINAL);
        break;
    case 'S':
        jf_mock_reply(mock, client, exchange, 0, JF_STATUS_OK, NULL);
        jf_mock_reply(mock, client, exchange, 0, JF_STATUS_OK, "{\"a\":\n1}");
        push_later(it, client, exchange, 'J');
        break;
    case 'T':
        reply_lent(it, client, exchange, 0);
        reply_many(it, client, exchange, 0);
        push_later(it, client, exchange, 'B');
        break;
    case 'V':
        jf_mock_reply(mock, client, exchange, 0, JF_STATUS_OK, "{}");
        jf_mock_reply(mock, client, exchange, JF_MSG_FINAL, JF_STATUS_OK, NULL);
        break;
    default:
        jf_mock_reply(mock, client, exchange, JF_MSG_FINAL, JF_STATUS_OK, "{\"result\":1}");
        break;
    }
}

static int32_t on_client(void *user, jf_mock *mock, const jf_mock_event *e) {
    listening *it = user;
    if (e->type == JF_MOCK_CLIENT_MESSAGE) note_message(it->log, e);
    if (e->type == JF_MOCK_CLIENT_OPENED || e->type == JF_MOCK_CLIENT_CLOSED ||
        e->type == JF_MOCK_CLIENT_GONE)
        note(it->log, "event %u exchange=%llx\n", e->type, (unsigned long long)e->exchange);
    if (e->type == JF_MOCK_CLIENT_OPENED && has(it->s, 'r')) return JF_E_BUSY;
    if (e->type == JF_MOCK_CLIENT_WRITABLE)
        jf_mock_reply(mock, e->peer, e->exchange, 0, JF_STATUS_OK, "{\"more\":1}");
    if (e->type != JF_MOCK_CLIENT_MESSAGE) return JF_OK;
    char act = next_act(it->s, 'J');
    if (act == 'R') {
        jf_mock_refuse(mock, e->peer);
        return JF_E_STALE;
    }
    answer(it, e->peer, e->exchange, act);
    return JF_OK;
}

static void respond(listening *it, jf_ref exchange, char act, bool more) {
    jf_pair headers[] = {{jf_mock_view("content-type"), jf_mock_view("text/plain")},
                         {jf_mock_view("content-length"), jf_mock_view("9")},
                         {jf_mock_view("x-bad"), jf_mock_view("a\r\nb: c")}};
    jf_http_response r = {.size = sizeof(r), .flags = more ? JF_HTTP_MORE : 0, .headers = headers};
    r.header_count = 3;
    r.status = act == 'A' ? 204 : act == 'C' ? 304 : act == 'E' ? 799 : act == 'G' ? 100 : 200;
    if (r.status == 799) r.status = 599;
    r.body = jf_mock_view(act == 'B' ? big_body() : act == 'M' ? "" : "hello");
    it->http->respond(it->http->context, exchange, &r);
}

/** Serves the mounted paths. */
static void on_page(void *user, const jf_http_request *r) {
    listening *it = user;
    note(it->log, "page exchange=%llx", (unsigned long long)r->exchange);
    note_view(it->log, "method", r->method);
    note_view(it->log, "url", r->url);
    note_view(it->log, "body", r->body);
    for (uint64_t i = 0; i < r->header_count; i++) {
        note_view(it->log, "header", r->headers[i].name);
        note_view(it->log, "value", r->headers[i].value);
    }
    note(it->log, "\n");
    char act = next_act(it->s, 'J');
    bool stream = act == 'S' || act == 'T' || act == 'V';
    if (act == 'N') return;
    if (act == 'L') {
        push_later(it, 0, r->exchange, 'P');
        return;
    }
    respond(it, r->exchange, act, stream);
    if (act == 'G') respond(it, r->exchange, 'J', false);
    if (!stream) return;
    respond(it, r->exchange, 'M', true);
    push_later(it, 0, r->exchange, 'P');
}

/** The answers that were put off, in their order, and those that they lead to. */
static void answer_later(listening *it, peer *client) {
    for (uint32_t i = 0; i < it->later_count; i++) {
        if (it->later[i].act == 'P')
            respond(it, it->later[i].exchange, 'J', false);
        else
            answer(it, it->later[i].client, it->later[i].exchange, it->later[i].act);
        peer_hear(it->mock, client);
    }
}

static const char *listen_config(const script *s) {
    if (has(s, 'h')) return "{\"limits\":{\"max_headers\":300,\"max_body\":64}}";
    if (has(s, 'o'))
        return "{\"allowed_hosts\":[\"a.example\",\"localhost:1\"],"
               "\"allowed_origins\":[\"http://b.example:*\",\"https://c.example\"]}";
    return "{}";
}

static void run_listener(script *s, record *log) {
    jf_mock *mock = jf_mock_new();
    jf_mock_want(mock, JF_WANTS_FIELDS);
    listening it = {.s = s, .mock = mock, .log = log};
    MUST(jf_mock_attach(mock, jf_entry_1) == JF_OK && jf_mock_create(mock, "{}") == JF_OK, "no instance");
    MUST(jf_mock_start(mock) == JF_OK, "start");
    jf_mock_on_event(mock, on_client, &it);
    jf_ref listener = jf_mock_listen(mock, "127.0.0.1:0", listen_config(s), NULL, 0), mount;
    MUST(listener != 0, "listen: %s", jf_mock_why(mock));
    it.http = jf_mock_facet(mock, JF_HTTP_1);
    it.http->mount(it.http->context, jf_mock_view("/m/"), on_page, &it, &mount);
    it.http->mount(it.http->context, jf_mock_view("/m/x"), on_page, &it, &mount);
    if (starved_from(s) != 0) jf_mock_fail_allocations(mock, starved_from(s) - 1);
    if (has(s, 'p')) jf_mock_refuse_retain(mock, true);

    peer client;
    struct endpoint from = {.length = sizeof(struct sockaddr_in)};
    from.address.v4.sin_family = AF_INET;
    jf_self *self = jf_mock_self(mock);
    self_tick(self);
    struct listener *opened = (struct listener *)(void *)self->ports;
    conn_open(opened, peer_open(&client, has(s, 's')), &from);
    if (has(s, 'k')) {
        opened->slow_bytes = 10000;
        opened->full_bytes = 500000;
    }
    peer_say(mock, &client, s, s->bytes, has(s, 'q'));
    if (has(s, 'q'))
        jf_mock_settle(mock);
    else
        peer_hear(mock, &client);
    if (has(s, 'g')) jf_mock_fail_allocations(mock, 0);
    if (has(s, 'b')) peer_close(&client);
    if (has(s, 'w') && client.fd >= 0) shutdown(client.fd, SHUT_WR);
    if (has(s, 'd')) jf_mock_drain(mock, 1000);
    if (has(s, 't')) jf_mock_advance(mock, 16000000000ull);
    peer_hear(mock, &client);
    answer_later(&it, &client);
    if (has(s, 'u')) jf_mock_listener(mock)->unlisten(self, listener);
    if (has(s, 'y')) jf_mock_advance(mock, 100000000000ull);
    peer_hear(mock, &client);
    if (!has(s, 'e')) peer_close(&client);
    jf_mock_settle(mock);

    blank_dates(&client.heard);
    check_answers(view_make(client.heard.text, client.heard.length),
                  starved_from(s) != 0 || has(s, 'q') || has(s, 'k') || has(s, 'g'));
    note_bytes(log, client.heard.text, client.heard.length);
    MUST(jf_mock_free(mock) == 0, "the plugin broke a rule");
    peer_free(&client);
}

#endif
