/* SPDX-License-Identifier: Apache-2.0
 * Listeners with TLS: requests, client certificates, handshakes that come to nothing, renewal. */

static const char with_clients[] = ",\"client_ca\":\"%s/ca.pem\",\"client_certificates\":\"required\"";

/** Sends a request and returns the message that came of it; NULL: none did before the client was cut off. */
static const jf_mock_event *secure_post(front *f, tls_client *c, uint32_t *mark, const char *body) {
    post(&c->talk, "", body);
    for (int idle = 0; idle < WIRE_WAIT_MS && !c->talk.ended;) {
        const jf_mock_event *e = jf_mock_find(f->mock, *mark, JF_MOCK_CLIENT_MESSAGE, 0, 0);
        if (e != NULL) {
            *mark = e->index + 1;
            return e;
        }
        bool any = wire_take(&c->talk);
        if (jf_mock_run_once(f->mock, 1) == 0 && !any) idle++;
    }
    return NULL;
}

TEST(serves_tls) {
    pki p = pki_open();
    static const char *const versions[] = {"-tls1_3", "-tls1_2"};
    front f = secure_front(&p, "https://127.0.0.1:", "");
    uint32_t mark = 0;
    char *big = big_json(1000000);
    for (int version = 0; version < 2; version++) {
        tls_client c = tls_dial(&p, f.mock, f.port, versions[version]);
        for (int i = 0; i < 4; i++) {
            const char *asked = i % 2 == 1 ? big : "[7]", *answered = i / 2 == 1 ? big : "[8]";
            const jf_mock_event *e = secure_post(&f, &c, &mark, asked);
            REQUIRE(e != NULL, "no message %d: %.200s", i, c.talk.text);
            CHECK(strcmp(e->text, asked) == 0, "body %d: %.60s", i, e->text);
            CHECK(jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, answered) >= 0,
                  "reply");
            CHECK(wire_hear(&c.talk, answered) && wire_begins(&c.talk, "HTTP/1.1 200 OK\r\n"),
                  "answer %d: %.200s", i, c.talk.text);
            wire_forget(&c.talk);
        }
        tls_hang_up(&c);
    }
    free(big);
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0) == 2, "one connection is one client");
    const jf_mock_event *e = jf_mock_find(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0);
    CHECK(e->client.flags == JF_CLIENT_SECURE && view_is(e->client.server_name, "localhost") &&
              e->client.certificate.ptr == NULL,
          "flags %u", e->client.flags);
    CHECK(jf_mock_wait_count(f.mock, 2, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, WIRE_WAIT_MS), "closed is not told");
    front_close(&f);
    pki_close(&p);
}

TEST(resumes_sessions_where_nobody_is_identified) {
    pki p = pki_open();
    for (int identified = 0; identified < 2; identified++) {
        front f = secure_front(&p, "https://127.0.0.1:", identified ? ",\"client_ca\":\"%s/ca.pem\"" : "");
        uint32_t mark = 0;
        pki_run(&p, "rm -f session");
        tls_client c = tls_dial(&p, f.mock, f.port, "-cert client.pem -key client.key -sess_out session");
        const jf_mock_event *e = secure_post(&f, &c, &mark, "[7]");
        REQUIRE(e != NULL, "no message");
        jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, "[8]");
        CHECK(wire_hear(&c.talk, "[8]"), "no answer");
        tls_hang_up(&c);
        // No ticket is given where a certificate is asked for: it is looked at each time.
        pki_run(&p, identified ? "test ! -e session" : "test -s session");
        if (!identified) {
            uint32_t from = jf_mock_mark(f.mock);
            c = tls_dial(&p, f.mock, f.port, "-sess_in session");
            e = secure_post(&f, &c, &mark, "[7]");
            const jf_mock_event *opened = jf_mock_find(f.mock, from, JF_MOCK_CLIENT_OPENED, 0, 0);
            CHECK(e != NULL && opened != NULL && view_is(opened->client.server_name, "localhost"), "resumed");
            tls_hang_up(&c);
        }
        front_close(&f);
    }
    pki_close(&p);
}

TEST(streams_events_over_tls_to_slow_readers) {
    pki p = pki_open();
    front f = secure_front(&p, "https://127.0.0.1:", "");
    tls_client c = tls_dial(&p, f.mock, f.port, "");
    uint32_t mark = 0, sent = 0;
    const jf_mock_event *e = secure_post(&f, &c, &mark, "[7]");
    REQUIRE(e != NULL, "no message");
    char *text = big_json(100000);
    int32_t status = JF_OK;
    // Nobody takes what the client's end of the pipe holds.
    while (status == JF_OK && ++sent < 200)
        status = jf_mock_reply(f.mock, e->peer, e->exchange, 0, JF_STATUS_OK, text);
    CHECK(status == JF_E_BUSY, "%d after %u events", status, sent);
    for (int idle = 0; idle < WIRE_WAIT_MS && count_of(&c.talk, "\"\n\n") < (int)sent;) {
        bool any = wire_take(&c.talk);
        if (jf_mock_run_once(f.mock, any ? 0 : 1) == 0 && !any) idle++;
    }
    CHECK(count_of(&c.talk, text) == (int)sent, "%d of %u events", count_of(&c.talk, text), sent);
    CHECK(jf_mock_wait(f.mock, 0, JF_MOCK_CLIENT_WRITABLE, e->peer, e->exchange, WIRE_WAIT_MS) != NULL,
          "not writable");
    jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, NULL);
    CHECK(wire_hear(&c.talk, "0\r\n\r\n"), "no end");
    free(text);
    tls_hang_up(&c);
    front_close(&f);
    pki_close(&p);
}

TEST(tells_the_last_words_before_it_closes) {
    pki p = pki_open();
    front f = secure_front(&p, "https://127.0.0.1:", "");
    tls_client c = tls_dial(&p, f.mock, f.port, "");
    CHECK(wire_say(&c.talk, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n"
                            "Content-Type: application/json\r\n\r\n"),
          "not sent");
    // A refused body is not read, yet the answer arrives, and a goodbye: s_client ends by itself.
    CHECK(wire_hear_end(&c.talk) && wire_begins(&c.talk, "HTTP/1.1 413 "), "%s", c.talk.text);
    tls_hang_up(&c);
    front_close(&f);
    pki_close(&p);
}

static bool is_file(const pki *p, const char *name, jf_view bytes) {
    char path[128], text[4096];
    sprintf(path, "%s/%s", p->folder, name);
    FILE *file = fopen(path, "r");
    size_t length = file == NULL ? 0 : fread(text, 1, sizeof(text), file);
    if (file != NULL) fclose(file);
    return length != 0 && length == bytes.len && memcmp(text, bytes.ptr, length) == 0;
}

TEST(asks_clients_for_certificates) {
    pki p = pki_open(), strange = pki_open();
    char stranger[160];
    sprintf(stranger, "-cert %s/client.pem -key %s/client.key", strange.folder, strange.folder);
    static const char *const modes[] = {"required", "optional", NULL, "none"};
    const struct {
        const char *options;
        bool shown, good;
    } clients[] = {{"-cert client.pem -key client.key", true, true},
                   {"-cert client.pem -key client.key -tls1_2", true, true},
                   {"", false, true},
                   {"-cert expired.pem -key client.key", true, false},
                   {stranger, true, false},
                   {"-cert server.pem -key server.key", true, true}};
    for (int mode = 0; mode < 4; mode++) {
        char rest[160];
        int length = sprintf(rest, ",\"client_ca\":\"%%s/ca.pem\"");
        if (modes[mode] != NULL) sprintf(rest + length, ",\"client_certificates\":\"%s\"", modes[mode]);
        front f = secure_front(&p, "https://127.0.0.1:", rest);
        bool required = mode == 0, asked = mode != 3;
        for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
            uint32_t mark = jf_mock_mark(f.mock), from = mark;
            tls_client c = tls_dial(&p, f.mock, f.port, clients[i].options);
            const jf_mock_event *e = secure_post(&f, &c, &mark, "[7]");
            bool welcome = !asked || (clients[i].shown ? clients[i].good : !required);
            CHECK((e != NULL) == welcome, "%s, client %zu: %s", modes[mode], i, e != NULL ? "in" : "out");
            const jf_mock_event *opened = jf_mock_find(f.mock, from, JF_MOCK_CLIENT_OPENED, 0, 0);
            CHECK((opened != NULL) == welcome, "the host was told of client %zu", i);
            if (opened != NULL && asked && clients[i].shown)
                CHECK(i == 5 || is_file(&p, "client.der", opened->client.certificate), "another certificate");
            else if (opened != NULL)
                CHECK(opened->client.certificate.ptr == NULL, "a certificate of nobody's");
            tls_hang_up(&c);
        }
        if (required)
            CHECK(jf_mock_logged(f.mock, JF_LOG_INFO, "no TLS with 127.0.0.1:"), "the log says nothing");
        front_close(&f);
    }
    pki_close(&p);
    pki_close(&strange);
}

TEST(takes_no_older_tls_than_it_should) {
    pki p = pki_open();
    front f = secure_front(&p, "https://127.0.0.1:", ",\"min_version\":1.3");
    static const struct {
        const char *options;
        bool good;
    } rows[] = {
        {"-tls1_3", true}, {"-tls1_2", false}, {"", true}, {"-alpn h2", false}, {"-alpn h2,http/1.1", true}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t mark = jf_mock_mark(f.mock);
        tls_client c = tls_dial(&p, f.mock, f.port, rows[i].options);
        CHECK((secure_post(&f, &c, &mark, "[7]") != NULL) == rows[i].good, "%s", rows[i].options);
        tls_hang_up(&c);
    }
    front_close(&f);
    f = secure_front(&p, "https://127.0.0.1:", "");
    uint32_t mark = 0;
    // What 1.2 has without forward secrecy is not offered.
    tls_client c = tls_dial(&p, f.mock, f.port, "-tls1_2 -cipher AES128-SHA:AES256-GCM-SHA384");
    CHECK(secure_post(&f, &c, &mark, "[7]") == NULL, "a cipher without forward secrecy");
    tls_hang_up(&c);
    c = tls_dial(&p, f.mock, f.port, "-tls1_1 -cipher DEFAULT@SECLEVEL=0");
    CHECK(secure_post(&f, &c, &mark, "[7]") == NULL, "TLS 1.1");
    tls_hang_up(&c);
    front_close(&f);
    pki_close(&p);
}

TEST(answers_plain_http_on_a_tls_port) {
    pki p = pki_open();
    front f = secure_front(&p, "https://127.0.0.1:", with_clients);
    wire w = wire_dial(f.mock, f.port);
    CHECK(post(&w, "", "[7]"), "not sent");
    CHECK(wire_hear(&w, "use https") && wire_begins(&w, "HTTP/1.1 400 ") && wire_hear_end(&w), "%s", w.text);
    wire_close(&w);
    // Neither HTTP nor TLS, and nothing at all.
    w = wire_dial(f.mock, f.port);
    CHECK(wire_say(&w, "\x01\x02\x03\x04\x05\x06\x07\x08") && wire_hear_end(&w), "garbage");
    wire_close(&w);
    w = wire_dial(f.mock, f.port);
    wire_close(&w);
    jf_mock_settle(f.mock);
    CHECK(jf_mock_count(f.mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0) == 0, "somebody came in");
    front_close(&f);
    pki_close(&p);
}

/** The first bytes of a ClientHello: more has to follow. */
static const char hello_begins[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

TEST(gives_up_on_slow_handshakes) {
    pki p = pki_open();
    front f = secure_front(&p, "https://127.0.0.1:", "");
    wire silent = wire_dial(f.mock, f.port), slow = wire_dial(f.mock, f.port);
    jf_mock_settle(f.mock);
    // A byte now and then does not win time.
    for (size_t i = 0; i < sizeof(hello_begins) - 1; i++) {
        wire_send(&slow, hello_begins + i, 1);
        jf_mock_advance(f.mock, 850000000);
        jf_mock_settle(f.mock);
    }
    jf_mock_advance(f.mock, 850000000);
    CHECK(wire_hear_end(&silent) && wire_hear_end(&slow), "still open");
    CHECK(silent.length == 0 && slow.length == 0, "something was said");
    wire_close(&silent);
    wire_close(&slow);
    // The instance may end in the middle of one.
    wire open = wire_dial(f.mock, f.port);
    wire_send(&open, hello_begins, sizeof(hello_begins) - 1);
    front_close(&f);
    wire_close(&open);
    pki_close(&p);
}

TEST(renews_its_certificate) {
    pki p = pki_open();
    front f = secure_front(&p, "https://127.0.0.1:", "");
    const uint64_t later = 2500000000u;
    uint32_t mark = 0;
    tls_client old = tls_dial(&p, f.mock, f.port, "");
    const jf_mock_event *e = secure_post(&f, &old, &mark, "[1]");
    REQUIRE(e != NULL, "no message");
    // Another authority's pair: whoever trusts that one only gets in once it is used.
    pki_run(&p, "mkdir new && cp ca.pem old.pem && " PKI_NEW
                "-subj /CN=other -keyout new/ca.key -out new/ca.pem && " PKI_NEW
                "-subj /CN=new -CA new/ca.pem -CAkey new/ca.key -addext subjectAltName=DNS:localhost "
                "-keyout new/server.key -out new/server.pem");
    // First only half of it, as a copy in two steps is seen: the old one stays, and the log says so.
    pki_run(&p, "cp server.key old.key && cp new/server.pem server.pem");
    jf_mock_advance(f.mock, later);
    tls_client c = tls_dial(&p, f.mock, f.port, "");
    CHECK(secure_post(&f, &c, &mark, "[2]") != NULL, "the old one is gone");
    CHECK(jf_mock_logged(f.mock, JF_LOG_WARNING, "stays in use"), "no warning");
    tls_hang_up(&c);
    pki_run(&p, "cp new/server.key server.key");
    jf_mock_advance(f.mock, later);
    c = tls_dial(&p, f.mock, f.port, "-CAfile new/ca.pem");
    CHECK(secure_post(&f, &c, &mark, "[3]") != NULL, "the new one is not used");
    CHECK(jf_mock_logged(f.mock, JF_LOG_INFO, "was read again"), "not logged");
    tls_hang_up(&c);
    // Files that are gone, or no certificates, change nothing.
    pki_run(&p, "rm server.pem && echo nonsense >server.key");
    jf_mock_advance(f.mock, later);
    c = tls_dial(&p, f.mock, f.port, "-CAfile new/ca.pem");
    CHECK(secure_post(&f, &c, &mark, "[4]") != NULL, "a broken pair is used");
    tls_hang_up(&c);
    CHECK(!jf_mock_logged(f.mock, JF_LOG_TRACE, "PRIVATE KEY") &&
              !jf_mock_logged(f.mock, JF_LOG_TRACE, "nonsense"),
          "the log has the key");
    // The first connection is still the one that it was.
    CHECK(jf_mock_reply(f.mock, e->peer, e->exchange, JF_MSG_FINAL, JF_STATUS_OK, "[8]") == JF_OK &&
              wire_hear(&old.talk, "[8]"),
          "the first one broke");
    tls_hang_up(&old);
    front_close(&f);
    pki_close(&p);
}

TEST(refuses_tls_that_cannot_work) {
    pki p = pki_open();
    pki_run(
        &p,
        "cp client.key mixed.key; cp server.pem mixed.pem; echo nonsense >junk.pem; cp server.key junk.key; "
        "mkdir folder.pem; cp server.key folder.key; cp server.pem sealed.pem; mkfifo pipe.pem; "
        "cp server.key pipe.key; openssl ec -in server.key -aes128 -passout pass:x -out sealed.key; "
        "cp ca.pem half.pem; : >half.key");
    static const struct {
        const char *name, *rest, *text;
    } rows[] = {{"missing", "", "tls.certificate: cannot read"},
                {"mixed", "", "tls.key: "},
                {"junk", "", "tls.certificate: "},
                {"folder", "", "no regular file"},
                {"pipe", "", "no regular file"},
                {"sealed", "", "without a pass phrase"},
                {"half", "", "tls.key: "},
                {"server", ",\"client_ca\":\"%s/none.pem\"", "tls.client_ca: cannot read"},
                {"server", ",\"client_ca\":\"%s/junk.pem\"", "tls.client_ca: "},
                {"server", ",\"client_certificates\":\"required\"", "tls.client_ca"},
                {"server", ",\"client_certificates\":\"perhaps\"", "none, optional or required"}};
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *option = pki_option(&p, rows[i].name, rows[i].rest), bound[96];
        CHECK(jf_mock_listen(mock, "127.0.0.1:0", option, bound, sizeof(bound)) == 0, "%s is taken",
              rows[i].name);
        CHECK(strstr(jf_mock_why(mock), rows[i].text) != NULL, "%zu: %s", i, jf_mock_why(mock));
        free(option);
    }
    CHECK(jf_mock_listen(mock, "127.0.0.1:0", "{\"tls\":{\"key\":\"x\"}}", NULL, 0) == 0 &&
              strstr(jf_mock_why(mock), "certificate"),
          "%s", jf_mock_why(mock));
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
    pki_close(&p);
}
