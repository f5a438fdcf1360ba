/* SPDX-License-Identifier: Apache-2.0
 * What the listener refuses: access, framing, limits, time. */

/** Sends `request` on a fresh connection and expects a status line; `closes`: and the end of the connection.
 */
static void refuses(front *f, const char *request, const char *line, bool closes) {
    wire w = wire_dial(f->mock, f->port);
    wire_say(&w, request);
    CHECK(wire_hear(&w, "\r\n\r\n"), "no answer to %.60s", request);
    CHECK(wire_begins(&w, line), "%.60s: expected %s, got %.40s", request, line, w.text);
    if (closes)
        CHECK(wire_hear_end(&w), "still open after %s: %.90s", line, request);
    else
        CHECK(wire_silent(&w), "closed after %s: %.90s", line, request);
    wire_close(&w);
}

#define TO(path) "POST " path " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
#define BODY "Content-Length: 2\r\n\r\n{}"

TEST(refuses_by_access) {
    front f = front_open("{}");
    refuses(&f, "POST /mcp HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/json\r\n" BODY,
            "HTTP/1.1 403 ", 0);
    refuses(&f, "POST /mcp HTTP/1.1\r\nContent-Type: application/json\r\n" BODY, "HTTP/1.1 400 ", 0);
    refuses(
        &f,
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nContent-Type: application/json\r\n" BODY,
        "HTTP/1.1 400 ", 0);
    refuses(&f, TO("/mcp") "Origin: https://evil.example\r\n" BODY, "HTTP/1.1 403 ", 0);
    refuses(&f, TO("/mcp") "Origin: null\r\n" BODY, "HTTP/1.1 403 ", 0);
    refuses(&f, TO("/mcp") "Origin: http://localhost.evil.example\r\n" BODY, "HTTP/1.1 403 ", 0);
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0) == 0, "something was delivered");
    jf_mock_on_event(f.mock, echo_now, NULL);
    refuses(&f, TO("/mcp") "Origin: http://localhost:3000\r\n" BODY, "HTTP/1.1 200 ", 0);
    front_close(&f);
    f = front_open("{\"allowed_hosts\":[\"a.example\",\"b.example:80\"],"
                   "\"allowed_origins\":[\"https://app.example\",\"http://dev:*\"]}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    static const struct {
        const char *host, *origin, *line;
    } rows[] = {{"a.example:7", "https://app.example", "HTTP/1.1 200 "},
                {"A.example", "http://dev:1", "HTTP/1.1 200 "},
                {"b.example:80", "http://dev", "HTTP/1.1 200 "},
                {"b.example:81", "http://dev", "HTTP/1.1 403 "},
                {"localhost", "http://dev", "HTTP/1.1 403 "},
                {"a.example", "http://devil", "HTTP/1.1 403 "},
                {"a.example", "http://localhost", "HTTP/1.1 403 "},
                {"a.example", "http://a.example", "HTTP/1.1 200 "}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512];
        sprintf(text,
                "POST /mcp HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nContent-Type: application/json\r\n" BODY,
                rows[i].host, rows[i].origin);
        refuses(&f, text, rows[i].line, false);
    }
    front_close(&f);
}

TEST(refuses_by_path_method_and_type) {
    front f = front_open("{}");
    refuses(&f, TO("/mcpx") BODY, "HTTP/1.1 404 ", false);
    refuses(&f, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 404 ", false);
    refuses(&f, "PUT /mcp HTTP/1.1\r\nHost: localhost\r\n" BODY, "HTTP/1.1 405 ", false);
    refuses(&f, "POST /mcp HTTP/1.1\r\nHost: localhost\r\n" BODY, "HTTP/1.1 415 ", false);
    refuses(&f, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n" BODY, "HTTP/1.1 415 ",
            false);
    refuses(&f, TO("/mcp") "Content-Encoding: gzip\r\n" BODY, "HTTP/1.1 415 ", false);
    wire w = wire_dial(f.mock, f.port);
    CHECK(post(&w, "Origin: http://evil.example\r\n", "{}") && wire_hear(&w, "}}"), "no answer");
    CHECK(strstr(w.text, "\r\n\r\n{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\""), "body %s",
          w.text);
    wire_close(&w);
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0) == 0, "a client was announced");
    front_close(&f);
}

TEST(answers_preflights) {
    front f = front_open("{\"allowed_origins\":[\"https://app.example\"]}");
    wire w = wire_dial(f.mock, f.port);
    CHECK(wire_say(&w, "OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n"
                       "Access-Control-Request-Method: POST\r\n"
                       "Access-Control-Request-Headers: content-type, mcp-param-x\r\n\r\n") &&
              wire_hear(&w, "\r\n\r\n"),
          "no answer");
    CHECK(wire_begins(&w, "HTTP/1.1 204 ") &&
              strstr(w.text, "Access-Control-Allow-Origin: https://app.example\r\n") &&
              strstr(w.text, "Access-Control-Allow-Headers: content-type, mcp-param-x\r\n") &&
              strstr(w.text, "Vary: Origin\r\n"),
          "answer %s", w.text);
    wire_close(&w);
    front_close(&f);
}

TEST(refuses_smuggling) {
    static const char *const bad[] = {
        TO("/mcp") "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        TO("/mcp") "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        TO("/mcp") "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        TO("/mcp") "Content-Length: +2\r\n\r\n{}",
        TO("/mcp") "Content-Length: 2x\r\n\r\n{}",
        TO("/mcp") "Content-Length: 99999999999999999999\r\n\r\n{}",
        TO("/mcp") "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        TO("/mcp") "Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n",
        TO("/mcp") "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        TO("/mcp") "Transfer-Encoding: chunked, gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        TO("/mcp") "Content-Length : 2\r\n\r\n{}",
        TO("/mcp") "X: a\r\n b\r\n" BODY,
        TO("/mcp") "X:\r\n\tb\r\n" BODY,
        TO("/mcp") "X: \r\n b\r\n" BODY,
        TO("/mcp") "X: a\x01\r\n" BODY,
        TO("/mcp") " X: a\r\n" BODY,
        "\x16\x03\x01\x02 hello\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"};
    front f = front_open("{}");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refuses(&f, bad[i], "HTTP/1.1 400 ", true);
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0) == 0, "something was delivered");
    refuses(&f, "POST /mcp\r\n\r\n", "HTTP/1.1 505 ", true);
    refuses(&f, TO("/mcp") "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "HTTP/1.1 501 ",
            true);
    front_close(&f);
}

TEST(refuses_too_much) {
    front f = front_open("{\"limits\":{\"max_body\":1000,\"max_headers\":2000}}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    char *body = big_json(3u << 20), *text = malloc((3u << 20) + 4096);
    refuses(&f, TO("/mcp") "Content-Length: 1001\r\n\r\n", "HTTP/1.1 413 ", true);
    refuses(&f, TO("/mcp") "Content-Length: 3000000000\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 413 ",
            true);
    // Refused before it is read, and the answer arrives although the client goes on sending.
    wire w = wire_dial(f.mock, f.port);
    CHECK(post(&w, "", body), "the rest is not taken");
    CHECK(wire_hear(&w, "\r\n\r\n") && wire_begins(&w, "HTTP/1.1 413 "), "answer %.40s", w.text);
    CHECK(wire_hear_end(&w), "still open");
    wire_close(&w);
    // Chunks add up.
    sprintf(text, TO("/mcp") "Transfer-Encoding: chunked\r\n\r\n1f4\r\n%.500s\r\n1f5\r\n%.501s\r\n0\r\n\r\n",
            body, body);
    refuses(&f, text, "HTTP/1.1 413 ", true);
    sprintf(text, TO("/mcp") "Transfer-Encoding: chunked\r\n\r\n1f4\r\n%.500s\r\n1f4\r\n%.500s\r\n0\r\n\r\n",
            body, body);
    refuses(&f, text, "HTTP/1.1 200 ", false);
    sprintf(text, TO("/mcp") "X: %.2000s\r\n" BODY, body);
    refuses(&f, text, "HTTP/1.1 431 ", true);
    sprintf(text, TO("/mcp") "X: %.1700s\r\n" BODY, body);
    refuses(&f, text, "HTTP/1.1 200 ", false);
    // A head without end.
    sprintf(text, TO("/mcp") "X: %.200000s", body);
    refuses(&f, text, "HTTP/1.1 431 ", true);
    strcpy(text, TO("/mcp"));
    for (int i = 0; i < 130; i++)
        strcat(text, "A: b\r\n");
    strcat(text, BODY);
    refuses(&f, text, "HTTP/1.1 431 ", true);
    free(body);
    free(text);
    front_close(&f);
}

TEST(gives_up_on_slow_requests) {
    front f = front_open(
        "{\"limits\":{\"header_timeout_ms\":1000,\"body_timeout_ms\":2000,\"idle_timeout_ms\":5000}}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    wire head = wire_dial(f.mock, f.port), body = wire_dial(f.mock, f.port), idle = wire_dial(f.mock, f.port);
    CHECK(post(&idle, "", "[]") && wire_hear(&idle, "[]"), "no answer");
    CHECK(wire_say(&head, "POST /mcp HT") && wire_say(&body, TO("/mcp") "Content-Length: 2\r\n\r\n{"),
          "not sent");
    jf_mock_advance(f.mock, 1300000000);
    CHECK(wire_hear(&head, "\r\n\r\n") && wire_begins(&head, "HTTP/1.1 408 ") && wire_hear_end(&head),
          "head");
    CHECK(wire_silent(&body), "the body's time is not over");
    jf_mock_advance(f.mock, 1300000000);
    CHECK(wire_hear(&body, "\r\n\r\n") && wire_begins(&body, "HTTP/1.1 408 ") && wire_hear_end(&body),
          "body");
    wire_forget(&idle);
    CHECK(wire_silent(&idle), "the idle one went early");
    jf_mock_advance(f.mock, 3000000000);
    CHECK(wire_hear_end(&idle) && idle.length == 0, "idle");
    wire_close(&head);
    wire_close(&body);
    wire_close(&idle);
    front_close(&f);
}

TEST(limits_connections) {
    front f = front_open("{\"limits\":{\"max_connections\":2}}");
    jf_mock_on_event(f.mock, echo_now, NULL);
    wire a = wire_dial(f.mock, f.port), b = wire_dial(f.mock, f.port);
    CHECK(post(&a, "", "[1]") && wire_hear(&a, "[1]") && post(&b, "", "[2]") && wire_hear(&b, "[2]"),
          "no answers");
    wire c = wire_dial(f.mock, f.port);
    CHECK(wire_hear(&c, "\r\n\r\n") && wire_begins(&c, "HTTP/1.1 503 ") && wire_hear_end(&c), "%s", c.text);
    wire_close(&c);
    wire_close(&a);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, WIRE_WAIT_MS) != NULL, "closed");
    c = wire_dial(f.mock, f.port);
    CHECK(post(&c, "", "[3]") && wire_hear(&c, "[3]"), "no room after one left: %s", c.text);
    wire_close(&b);
    wire_close(&c);
    front_close(&f);
}
