/* SPDX-License-Identifier: Apache-2.0
 * jf.http/1: mounted paths and requests of other plugins. */
#include <netdb.h>

/** What the last mounted request was, and how to answer it. */
typedef struct page {
    const jf_http_1 *http;
    jf_ref exchange;
    int calls;
    char method[16], url[128], body[128], accept[64];
    bool at_once;
} page;

static void copy_view(char *to, size_t room, jf_view v) {
    size_t length = v.len < room - 1 ? v.len : room - 1;
    if (length != 0) memcpy(to, v.ptr, length);
    to[length] = 0;
}

static int32_t page_answer(page *p, uint32_t flags, const char *body) {
    jf_pair header = {jf_mock_view("content-type"), jf_mock_view("text/plain")};
    jf_http_response r = {.size = sizeof(r), .flags = flags, .status = 200, .body = jf_mock_view(body)};
    r.headers = &header;
    r.header_count = 1;
    return p->http->respond(p->http->context, p->exchange, &r);
}

static void page_serve(void *user, const jf_http_request *r) {
    page *p = user;
    p->calls++;
    p->exchange = r->exchange;
    copy_view(p->method, sizeof(p->method), r->method);
    copy_view(p->url, sizeof(p->url), r->url);
    copy_view(p->body, sizeof(p->body), r->body);
    p->accept[0] = 0;
    for (uint64_t i = 0; i < r->header_count; i++)
        if (view_is(r->headers[i].name, "accept"))
            copy_view(p->accept, sizeof(p->accept), r->headers[i].value);
    if (p->at_once) page_answer(p, 0, "now");
}

TEST(serves_mounted_paths) {
    front f = front_open("{}");
    const jf_http_1 *http = jf_mock_facet(f.mock, JF_HTTP_1);
    page whole = {.http = http, .at_once = true}, tree = {.http = http},
         leaf = {.http = http, .at_once = true};
    jf_ref a = 0, b = 0, c = 0, d = 0;
    CHECK(http->mount(http->context, jf_mock_view("/metrics"), page_serve, &whole, &a) == JF_OK, "mount");
    CHECK(http->mount(http->context, jf_mock_view("/api/"), page_serve, &tree, &b) == JF_OK, "mount");
    CHECK(http->mount(http->context, jf_mock_view("/api/leaf"), page_serve, &leaf, &c) == JF_OK, "mount");
    CHECK(http->mount(http->context, jf_mock_view("/api/"), page_serve, &leaf, &d) == JF_E_BUSY, "taken");
    CHECK(http->mount(http->context, jf_mock_view("/mcp/x"), page_serve, &leaf, &d) == JF_E_BUSY, "shadowed");
    CHECK(http->mount(http->context, jf_mock_view("x"), page_serve, &leaf, &d) == JF_E_INVALID, "relative");
    wire w = wire_dial(f.mock, f.port);
    CHECK(wire_say(&w, "PUT /metrics?x=1 HTTP/1.1\r\nHost: localhost\r\nACCEPT:  */* \r\nContent-Length: "
                       "3\r\n\r\nabc") &&
              wire_hear(&w, "\r\nContent-Length: 3\r\n\r\nnow"),
          "answer %s", w.text);
    CHECK(strcmp(whole.method, "PUT") == 0 && strcmp(whole.url, "/metrics?x=1") == 0 &&
              strcmp(whole.body, "abc") == 0 && strcmp(whole.accept, "*/*") == 0,
          "%s %s %s", whole.method, whole.url, whole.body);
    CHECK(strstr(w.text, "content-type: text/plain\r\n") != NULL, "headers %s", w.text);
    wire_forget(&w);
    CHECK(wire_say(&w, "HEAD /api/leaf HTTP/1.1\r\nHost: localhost\r\n\r\n") &&
              wire_hear(&w, "\r\nContent-Length: 3\r\n\r\n") && wire_silent(&w) && !strstr(w.text, "now"),
          "HEAD %s", w.text);
    CHECK(leaf.calls == 1 && tree.calls == 0, "the longest does not win");
    wire_forget(&w);
    CHECK(wire_say(&w, "GET /api/leaf/more HTTP/1.1\r\nHost: localhost\r\n\r\n") && tree.calls == 1,
          "prefix");
    CHECK(page_answer(&tree, JF_HTTP_MORE, "one") == JF_OK &&
              page_answer(&tree, JF_HTTP_MORE, "two") == JF_OK && page_answer(&tree, 0, NULL) == JF_OK,
          "pieces");
    CHECK(wire_hear(&w, "\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"), "pieces %s", w.text);
    CHECK(page_answer(&tree, 0, "x") == JF_E_STALE, "not stale");
    wire_forget(&w);
    CHECK(wire_say(&w, "GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n") && wire_hear(&w, "}}") &&
              wire_begins(&w, "HTTP/1.1 404 "),
          "answer %s", w.text);
    http->unmount(http->context, a);
    http->unmount(http->context, a);
    wire_forget(&w);
    CHECK(wire_say(&w, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n") && wire_hear(&w, "}}") &&
              wire_begins(&w, "HTTP/1.1 404 "),
          "answer %s", w.text);
    CHECK(wire_say(&w, "GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n") && tree.calls == 2, "open");
    wire_close(&w);
    jf_mock_settle(f.mock);
    CHECK(page_answer(&tree, 0, "x") == JF_E_STALE, "the client left");
    CHECK(jf_mock_mark(f.mock) == 0, "the host heard of it");
    front_close(&f);
}

/** How a request ended. */
typedef struct fetched {
    int calls, status;
    jf_ref request;
    char body[256], header[64];
} fetched;

static void fetch_done(void *user, jf_ref request, const jf_http_response *r) {
    fetched *f = user;
    f->calls++;
    f->request = request;
    f->status = r->status;
    copy_view(f->body, sizeof(f->body), r->body);
    for (uint64_t i = 0; i < r->header_count; i++)
        if (view_is(r->headers[i].name, "x-a")) copy_view(f->header, sizeof(f->header), r->headers[i].value);
}

static bool is_done(void *user) {
    return ((fetched *)user)->calls != 0;
}

static uint32_t fetch_flags;

static int32_t fetch(jf_mock *mock, const char *method, const char *url, const char *body,
                     uint64_t timeout_ns, fetched *f, jf_ref *out) {
    const jf_http_1 *http = jf_mock_facet(mock, JF_HTTP_1);
    jf_pair header = {jf_mock_view("x-b"), jf_mock_view("c")};
    jf_http_request r = {.size = sizeof(r), .timeout_ns = timeout_ns, .method = jf_mock_view(method)};
    r.url = jf_mock_view(url);
    r.flags = fetch_flags;
    r.body = jf_mock_view(body);
    r.headers = &header;
    r.header_count = 1;
    *f = (fetched){0};
    return http->request(http->context, &r, fetch_done, f, out, jf_mock_fault(mock));
}

TEST(makes_requests) {
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    server s = server_open(mock);
    char url[128], expected[256];
    sprintf(url, "http://localhost:%d/jwks?a=b#c", s.port);
    fetched f;
    jf_ref id = 0;
    wire w = {.fd = -1};
    for (int i = 0; i < 2; i++) {
        CHECK(fetch(mock, i ? "POST" : "GET", url, i ? "xyz" : NULL, 0, &f, &id) == JF_OK, "%s",
              jf_mock_why(mock));
        CHECK(f.calls == 0, "called from inside");
        if (i == 0) w = server_accept(&s);
        CHECK(wire_hear(&w, i ? "\r\n\r\nxyz" : "\r\n\r\n"), "request");
        sprintf(expected, "%s /jwks?a=b HTTP/1.1\r\nHost: localhost:%d\r\nx-b: c\r\n%s\r\n%s",
                i ? "POST" : "GET", s.port, i ? "Content-Length: 3\r\n" : "", i ? "xyz" : "");
        CHECK(strcmp(w.text, expected) == 0, "request %s", w.text);
        wire_forget(&w);
        wire_say(&w, "HTTP/1.1 302 Found\r\nX-A:  v \r\nContent-Length: 4\r\n\r\nbody");
        CHECK(jf_mock_run_until(mock, is_done, &f, WIRE_WAIT_MS) && f.request == id, "not done");
        CHECK(f.status == 302 && strcmp(f.body, "body") == 0 && strcmp(f.header, "v") == 0, "%d %s", f.status,
              f.body);
    }
    CHECK(server_nobody(&s), "not reused");
    // HEAD has a length but no body.
    CHECK(fetch(mock, "HEAD", url, NULL, 0, &f, &id) == JF_OK && wire_hear(&w, "\r\n\r\n"), "HEAD");
    wire_say(&w, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    CHECK(jf_mock_run_until(mock, is_done, &f, WIRE_WAIT_MS) && f.status == 200 && f.body[0] == 0, "%d",
          f.status);
    // Time, giving up, nobody there.
    CHECK(fetch(mock, "GET", url, NULL, 1000000000, &f, &id) == JF_OK, "send");
    jf_mock_settle(mock);
    jf_mock_advance(mock, 1500000000);
    CHECK(jf_mock_run_until(mock, is_done, &f, WIRE_WAIT_MS) && f.status == JF_E_TIMEOUT, "%d", f.status);
    CHECK(wire_hear_end(&w), "the connection stays");
    wire_close(&w);
    CHECK(fetch(mock, "GET", url, NULL, 0, &f, &id) == JF_OK, "send");
    w = server_accept(&s);
    const jf_http_1 *http = jf_mock_facet(mock, JF_HTTP_1);
    http->abandon(http->context, id);
    http->abandon(http->context, id);
    CHECK(wire_hear_end(&w) && f.calls == 0, "abandoned");
    wire_close(&w);
    server_close(&s);
    CHECK(fetch(mock, "GET", url, NULL, 0, &f, &id) == JF_OK && f.calls == 0, "send");
    CHECK(jf_mock_run_until(mock, is_done, &f, WIRE_WAIT_MS) && f.status == JF_E_GONE, "%d", f.status);
    CHECK(fetch(mock, "GET", "file:///etc/passwd", NULL, 0, &f, &id) == JF_E_INVALID, "file");
    CHECK(fetch(mock, "GET\r\nX:", url, NULL, 0, &f, &id) == JF_E_INVALID, "method");
    CHECK(fetch(mock, "GET", url, NULL, 0, &f, &id) == JF_OK, "one is open at the end");
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

/** Whether a name is looked up and is 127.0.0.1. */
static bool leads_here(const char *name) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    if (strcmp(name, "localhost") == 0 || getaddrinfo(name, NULL, &hints, &found) != 0) return false;
    bool here = found != NULL &&
                ((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
    freeaddrinfo(found);
    return here;
}

TEST(requests_to_public_addresses_only) {
    static const char *const special[] = {"127.0.0.1", "localhost",         "10.0.0.1",  "169.254.169.254",
                                          "[::1]",     "[::ffff:10.1.2.3]", "[fd00::1]", "[fe80::1]",
                                          "0.0.0.0",   "192.168.1.1",       "100.64.0.1"};
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    server s = server_open(mock);
    char url[512], name[256] = "";
    fetched f;
    jf_ref id = 0;
    fetch_flags = JF_HTTP_PUBLIC;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        sprintf(url, "http://%s:%d/", special[i], s.port);
        CHECK(fetch(mock, "GET", url, NULL, 0, &f, &id) == JF_E_DENIED, "%s", url);
    }
    // A name that is looked up: this machine's own, which leads here on most.
    gethostname(name, sizeof name - 1);
    sprintf(url, "http://%s:%d/", name, s.port);
    if (leads_here(name)) {
        fetch_flags = 0;
        CHECK(fetch(mock, "GET", url, NULL, 0, &f, &id) == JF_OK, "%s", jf_mock_why(mock));
        wire w = server_accept(&s);
        CHECK(wire_hear(&w, "\r\n\r\n"), "no request");
        wire_say(&w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        CHECK(jf_mock_run_until(mock, is_done, &f, WIRE_WAIT_MS) && f.status == 200, "%d", f.status);
        // The connection that is idle is no way round it.
        fetch_flags = JF_HTTP_PUBLIC;
        CHECK(fetch(mock, "GET", url, NULL, 0, &f, &id) == JF_OK, "%s", jf_mock_why(mock));
        CHECK(jf_mock_run_until(mock, is_done, &f, WIRE_WAIT_MS) && f.status == JF_E_GONE, "%d", f.status);
        CHECK(server_nobody(&s), "it was connected");
        wire_close(&w);
    }
    fetch_flags = 0;
    server_close(&s);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(stops_with_everything_open) {
    front f = front_open("{}");
    server s = server_open(f.mock);
    char config[128];
    sprintf(config, "{\"url\":\"http://127.0.0.1:%d/mcp\",\"max_connections\":2}", s.port);
    jf_ref channel = jf_mock_open(f.mock, "up", config);
    wire reading = wire_dial(f.mock, f.port), busy = wire_dial(f.mock, f.port);
    uint32_t mark = 0;
    CHECK(wire_say(&reading, "POST /mcp HTTP/1.1\r\nHo") && post(&busy, "", "{}"), "not sent");
    CHECK(next_message(f.mock, &mark) != NULL, "no message");
    for (int i = 0; i < 4; i++)
        jf_mock_send(f.mock, channel, jf_mock_exchange(f.mock), "{}");
    sprintf(config, "{\"url\":\"http://a..b:%d/mcp\"}", s.port);
    jf_ref named = jf_mock_open(f.mock, "named", config);
    jf_mock_send(f.mock, named, jf_mock_exchange(f.mock), "{}");
    jf_mock_run_once(f.mock, 0);
    jf_mock_stop(f.mock);
    CHECK(wire_hear_end(&busy) && wire_hear_end(&reading), "connections outlive the stop");
    wire_close(&reading);
    wire_close(&busy);
    server_close(&s);
    front_close(&f);
}

TEST(survives_running_out_of_memory) {
    uint32_t answered = 0;
    for (uint64_t from = 0; from < 40; from++) {
        front f = front_open("{}");
        server s = server_open(f.mock);
        jf_mock_on_event(f.mock, echo_now, NULL);
        jf_mock_fail_allocations(f.mock, from);
        char config[128];
        sprintf(config, "{\"url\":\"http://127.0.0.1:%d/mcp\"}", s.port);
        jf_ref channel = jf_mock_open(f.mock, "up", config);
        if (channel != 0) jf_mock_send(f.mock, channel, jf_mock_exchange(f.mock), "{}");
        wire w = wire_dial(f.mock, f.port);
        char *body = big_json(100000);
        post(&w, "", body);
        for (int i = 0; i < 20; i++)
            jf_mock_run_once(f.mock, 1);
        jf_mock_fail_allocations(f.mock, UINT64_MAX);
        if (wire_take(&w) && wire_begins(&w, "HTTP/1.1 200 ")) answered++;
        free(body);
        wire_close(&w);
        w = wire_dial(f.mock, f.port);
        CHECK(post(&w, "", "[1]") && wire_hear(&w, "[1]"), "%llu: nothing works afterwards",
              (unsigned long long)from);
        wire_close(&w);
        server_close(&s);
        front_close(&f);
    }
    CHECK(answered > 0 && answered < 40, "%u of 40 had enough memory", answered);
}
