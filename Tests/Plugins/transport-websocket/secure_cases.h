/* SPDX-License-Identifier: Apache-2.0
 * Listeners with TLS: wss. */

static char *secure_upgrade(tls_client *c) {
    upgrade_at(&c->talk, "/mcp", "");
    return wire_head(&c->talk);
}

TEST(serves_wss) {
    pki p = pki_open();
    front f = secure_front(&p, "wss://127.0.0.1:", ",\"client_ca\":\"%s/ca.pem\"");
    uint32_t mark = 0;
    char *big = big_json(1000000);
    for (int shown = 0; shown < 2; shown++) {
        tls_client c = tls_dial(&p, f.mock, f.port, shown ? "-cert client.pem -key client.key" : "");
        char *head = secure_upgrade(&c);
        CHECK(strncmp(head, "HTTP/1.1 101 ", 13) == 0, "no upgrade: %s", head);
        free(head);
        for (int i = 0; i < 3; i++) {
            const char *text = i == 1 ? big : "[7]";
            CHECK(say(&c.talk, FIN | TEXT, text), "not sent");
            const jf_mock_event *e = next_message(f.mock, &mark);
            REQUIRE(e != NULL && strcmp(e->text, text) == 0, "no message %d", i);
            jf_mock_reply(f.mock, e->peer, 0, JF_MSG_FINAL, JF_STATUS_OK, text);
            CHECK(hears(&c.talk, text, false), "answer %d", i);
        }
        if (shown) {
            // The closing handshake, and the goodbye of TLS behind it.
            CHECK(says_close(&c.talk, 1000, true) && hears_close(&c.talk) == 1000 && wire_hear_end(&c.talk),
                  "end");
        }
        tls_hang_up(&c);
    }
    free(big);
    const jf_mock_event *e = jf_mock_find(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0);
    CHECK(e->client.flags == (JF_CLIENT_SHARED | JF_CLIENT_SECURE) &&
              view_is(e->client.server_name, "localhost") && e->client.certificate.ptr == NULL,
          "the first client");
    e = jf_mock_find(f.mock, e->index + 1, JF_MOCK_CLIENT_OPENED, 0, 0);
    CHECK(e != NULL && e->client.certificate.len > 100 && e->client.certificate.ptr[0] == 0x30,
          "no certificate");
    CHECK(jf_mock_wait_count(f.mock, 2, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, WIRE_WAIT_MS), "closed is not told");
    front_close(&f);
    pki_close(&p);
}

TEST(lets_nobody_into_wss_without_a_handshake) {
    pki p = pki_open();
    front f = secure_front(
        &p, "wss://127.0.0.1:", ",\"client_ca\":\"%s/ca.pem\",\"client_certificates\":\"required\"");
    wire plain = wire_dial(f.mock, f.port), silent = wire_dial(f.mock, f.port),
         gone = wire_dial(f.mock, f.port);
    wire_close(&gone);
    upgrade_at(&plain, "/mcp", "");
    CHECK(wire_hear(&plain, "use wss") && wire_begins(&plain, "HTTP/1.1 400 ") && wire_hear_end(&plain), "%s",
          plain.text);
    wire_close(&plain);
    plain = wire_dial(f.mock, f.port);
    CHECK(wire_say(&plain, "\x01\x02\x03\x04\x05\x06\x07\x08") && wire_hear_end(&plain), "garbage");
    wire_close(&plain);
    tls_client c = tls_dial(&p, f.mock, f.port, "-cert expired.pem -key client.key");
    char *head = secure_upgrade(&c);
    CHECK(head[0] == 0 && c.talk.ended, "an expired certificate: %s", head);
    free(head);
    tls_hang_up(&c);
    jf_mock_advance(f.mock, 11000000000u);
    CHECK(wire_hear_end(&silent) && silent.length == 0, "still open");
    wire_close(&silent);
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0) == 0, "somebody came in");
    front_close(&f);
    pki_close(&p);
}

TEST(holds_slow_readers_of_wss_back) {
    pki p = pki_open();
    front f = secure_front(&p, "wss://127.0.0.1:", "");
    tls_client c = tls_dial(&p, f.mock, f.port, "");
    uint32_t mark = 0, sent = 0;
    free(secure_upgrade(&c));
    CHECK(say(&c.talk, FIN | TEXT, "[7]"), "not sent");
    const jf_mock_event *e = next_message(f.mock, &mark);
    REQUIRE(e != NULL, "no message");
    char *text = big_json(100000);
    int32_t status = JF_OK;
    while (status == JF_OK && ++sent < 200)
        status = jf_mock_reply(f.mock, e->peer, 0, 0, JF_STATUS_OK, text);
    CHECK(status == JF_E_BUSY, "%d after %u messages", status, sent);
    for (uint32_t i = 0; i < sent; i++)
        CHECK(hears(&c.talk, text, false), "message %u of %u", i, sent);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_WRITABLE, e->peer, 0, WIRE_WAIT_MS) != NULL, "not writable");
    free(text);
    tls_hang_up(&c);
    // The instance may end while somebody is connected.
    c = tls_dial(&p, f.mock, f.port, "");
    free(secure_upgrade(&c));
    front_close(&f);
    tls_hang_up(&c);
    pki_close(&p);
}
