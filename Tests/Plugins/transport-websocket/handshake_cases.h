/* SPDX-License-Identifier: Apache-2.0
 * The opening handshake of the listener: who gets in, and what the others are told. */

TEST(accepts_the_example_of_the_rfc) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    CHECK(upgrade_at(&w, "/mcp/servers/time?x=1", "Sec-WebSocket-Protocol: other, mcp\r\n"), "not sent");
    char *head = wire_head(&w);
    CHECK(strncmp(head, "HTTP/1.1 101 Switching Protocols\r\n", 34) == 0, "%s", head);
    CHECK(strstr(head, "Sec-WebSocket-Accept: " ANSWER "\r\n") != NULL, "%s", head);
    CHECK(strstr(head, "Sec-WebSocket-Protocol: mcp\r\n") != NULL, "%s", head);
    CHECK(strstr(head, "Extensions") == NULL, "%s", head);
    free(head);
    const jf_mock_event *e = jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0, WIRE_WAIT_MS);
    REQUIRE(e != NULL, "no client");
    CHECK(e->flags == JF_CLIENT_SHARED && e->listener == f.listener, "flags %u", e->flags);
    CHECK(strncmp(e->text, "127.0.0.1:", 10) == 0, "address %s", e->text);
    CHECK(say(&w, FIN | TEXT, "{\"id\":1}"), "not sent");
    e = jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0, WIRE_WAIT_MS);
    REQUIRE(e != NULL, "no message");
    CHECK(view_is(e->message.target, "/mcp/servers/time"), "target");
    CHECK(e->exchange == 0 && e->message.kind == JF_KIND_MESSAGE, "a shared channel has no exchanges");
    CHECK(e->flags == (JF_MSG_PADDED | JF_MSG_ACCEPTS_JSON | JF_MSG_ACCEPTS_STREAM), "flags %u", e->flags);
    wire_close(&w);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, WIRE_WAIT_MS) != NULL, "closed is not told");
    front_close(&f);
}

TEST(sub_protocol_is_not_needed) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    upgrade_at(&w, "/mcp/", "");
    char *head = wire_head(&w);
    CHECK(strncmp(head, "HTTP/1.1 101 ", 13) == 0 && strstr(head, "Protocol:") == NULL, "%s", head);
    free(head);
    uint32_t mark = 0;
    say(&w, FIN | TEXT, "{}");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    CHECK(view_is(e->message.target, "/mcp"), "target");
    wire_close(&w);
    front_close(&f);
}

TEST(request_may_come_byte_by_byte_with_frames_behind) {
    front f = front_open("{}");
    wire w = wire_dial(f.mock, f.port);
    const char *head = "GET /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n" UPGRADE "\r\n";
    wire_dribble(&w, head, strlen(head) - 1);
    CHECK(wire_silent(&w), "answered before the head was whole");
    size_t size;
    uint8_t *message = frame_make(FIN | TEXT, "{\"early\":1}", 11, true, &size);
    uint8_t both[64] = "\n";
    memcpy(both + 1, message, size);
    wire_send(&w, both, size + 1);
    free(message);
    uint32_t mark = 0;
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    CHECK(strcmp(e->text, "{\"early\":1}") == 0, "%s", e->text);
    wire_close(&w);
    front_close(&f);
}

/** Sends a request and wants the status, a goodbye and the end of the connection. */
static void refused_with(front *f, const char *status, const char *part, const char *request) {
    wire w = wire_dial(f->mock, f->port);
    wire_say(&w, request);
    CHECK(wire_hear_end(&w), "stays open after %s", request);
    CHECK(strncmp(w.text, "HTTP/1.1 ", 9) == 0 && strncmp(w.text + 9, status, 3) == 0, "%s for %s", w.text,
          request);
    CHECK(strstr(w.text, part) != NULL, "no \"%s\" in %s", part, w.text);
    wire_close(&w);
}

#define GET_MCP "GET /mcp HTTP/1.1\r\n"
#define LOCAL "Host: localhost\r\n"

TEST(refuses_what_is_no_upgrade) {
    front f = front_open("{}");
    refused_with(&f, "426", "Upgrade: websocket\r\nSec-WebSocket-Version: 13", GET_MCP LOCAL "\r\n");
    refused_with(&f, "426", "Upgrade required", GET_MCP LOCAL "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n");
    refused_with(&f, "426", "13", GET_MCP LOCAL "Upgrade: websocket\r\nConnection: close\r\n\r\n");
    refused_with(&f, "426", "version",
                 GET_MCP LOCAL "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " KEY
                               "\r\nSec-WebSocket-Version: 8\r\n\r\n");
    refused_with(&f, "405", "Allow: GET", "POST /mcp HTTP/1.1\r\n" LOCAL UPGRADE "\r\n");
    refused_with(&f, "404", "/mcp/servers/NAME", "GET /mcpx HTTP/1.1\r\n" LOCAL UPGRADE "\r\n");
    refused_with(&f, "400", "HTTP/1.1", "nonsense\r\n\r\n");
    refused_with(&f, "400", "well-formed", GET_MCP LOCAL UPGRADE "Content-Length: 3\r\n\r\nabc");
    refused_with(&f, "400", "mcp", GET_MCP LOCAL UPGRADE "Sec-WebSocket-Protocol: mcp2, chat\r\n\r\n");
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0) == 0, "a refused request is a client");
    front_close(&f);
}

TEST(refuses_bad_keys) {
    front f = front_open("{}");
    static const char *const keys[] = {"", "short", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25j!Q==",
                                       "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char request[512];
        snprintf(request, sizeof(request),
                 GET_MCP LOCAL "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                               "Sec-WebSocket-Key: %s\r\n\r\n",
                 keys[i]);
        refused_with(&f, "400", "Sec-WebSocket-Key", request);
    }
    refused_with(&f, "400", "Sec-WebSocket-Key", GET_MCP LOCAL UPGRADE "Sec-WebSocket-Key: " KEY "\r\n\r\n");
    front_close(&f);
}

TEST(checks_host_and_origin) {
    front f = front_open("{}");
    refused_with(&f, "400", "exactly one Host", GET_MCP UPGRADE "\r\n");
    refused_with(&f, "400", "exactly one Host", GET_MCP LOCAL LOCAL UPGRADE "\r\n");
    refused_with(&f, "403", "allowed_hosts", GET_MCP "Host: evil.example\r\n" UPGRADE "\r\n");
    refused_with(&f, "403", "allowed_origins", GET_MCP LOCAL UPGRADE "Origin: https://evil.example\r\n\r\n");
    refused_with(&f, "403", "allowed_origins", GET_MCP LOCAL UPGRADE "Origin: null\r\n\r\n");
    refused_with(&f, "403", "allowed_origins",
                 GET_MCP LOCAL UPGRADE "Origin: http://localhost\r\nOrigin: http://localhost\r\n\r\n");
    wire w = wire_dial(f.mock, f.port);
    upgrade_at(&w, "/mcp", "Origin: http://localhost:3000\r\n");
    CHECK(wire_hear(&w, "HTTP/1.1 101 "), "a page of this machine is refused: %s", w.text);
    wire_close(&w);
    front_close(&f);
}

TEST(checks_configured_hosts_and_origins) {
    front f =
        front_open("{\"allowed_hosts\":[\"gate.example:81\"],\"allowed_origins\":[\"https://a.example:*\"]}");
    refused_with(&f, "403", "allowed_hosts", GET_MCP LOCAL UPGRADE "\r\n");
    refused_with(&f, "403", "allowed_origins",
                 GET_MCP "Host: gate.example:81\r\n" UPGRADE "Origin: http://localhost\r\n\r\n");
    refused_with(&f, "403", "allowed_origins",
                 GET_MCP "Host: gate.example:81\r\n" UPGRADE "Origin: https://a.example.evil\r\n\r\n");
    wire w = wire_dial(f.mock, f.port);
    wire_say(&w, GET_MCP "Host: gate.example:81\r\n" UPGRADE "Origin: https://a.example:8443\r\n\r\n");
    CHECK(wire_hear(&w, "HTTP/1.1 101 "), "%s", w.text);
    wire_close(&w);
    front_close(&f);
}

TEST(limits_head_time_and_connections) {
    front f =
        front_open("{\"limits\":{\"max_headers\":300,\"max_connections\":1,\"handshake_timeout_ms\":10000}}");
    char request[1024];
    snprintf(request, sizeof(request), GET_MCP LOCAL UPGRADE "X-Long: %0400d\r\n\r\n", 1);
    refused_with(&f, "431", "max_headers", request);
    wire slow = wire_dial(f.mock, f.port);
    wire_say(&slow, GET_MCP LOCAL);
    jf_mock_advance(f.mock, 9000000000u);
    CHECK(wire_silent(&slow), "too early: %s", slow.text);
    refused_with(&f, "503", "Retry-After", GET_MCP LOCAL UPGRADE "\r\n");
    jf_mock_advance(f.mock, 2000000000u);
    CHECK(wire_hear(&slow, "HTTP/1.1 408 "), "%s", slow.text);
    wire_close(&slow);
    front_close(&f);
}

static int32_t refuse_clients(void *user, jf_mock *mock, const jf_mock_event *e) {
    (void)user;
    if (e->type == JF_MOCK_CLIENT_OPENED) {
        jf_mock_refuse(mock, e->peer);
        return JF_E_BUSY;
    }
    return JF_OK;
}

TEST(host_may_refuse_a_client) {
    front f = front_open("{}");
    jf_mock_on_event(f.mock, refuse_clients, NULL);
    refused_with(&f, "503", "too many clients", GET_MCP LOCAL UPGRADE "\r\n");
    front_close(&f);
}

TEST(loops_share_a_port_and_others_do_not) {
    front f = front_open("{}");
    jf_mock *second = jf_mock_new(), *third = jf_mock_new();
    char address[64], config[96];
    snprintf(address, sizeof(address), "127.0.0.1:%d", f.port);
    snprintf(config, sizeof(config), "{\"address\":\"%s\"}", address);
    CHECK(jf_mock_up(second, jf_check_plugin, "{}") && jf_mock_up(third, jf_check_plugin, "{}"), "start");
    CHECK(jf_mock_listen(second, address, "{}", NULL, 0) != 0, "%s", jf_mock_why(second));
    CHECK(jf_mock_listen(third, NULL, config, NULL, 0) == 0, "a taken port is joined silently");
    CHECK(strstr(jf_mock_why(third), address) != NULL, "%s", jf_mock_why(third));
    CHECK(jf_mock_listen(third, "nowhere", "{}", NULL, 0) == 0, "a name is no address");
    CHECK(strstr(jf_mock_why(third), "127.0.0.1:8810") != NULL, "%s", jf_mock_why(third));
    CHECK(jf_mock_free(second) == 0 && jf_mock_free(third) == 0, "a rule was broken");
    front_close(&f);
}
