/* SPDX-License-Identifier: Apache-2.0
 * https servers: `openssl s_server` carries the bytes, the test plays the server on its standard input and
 * output. */
#include <sys/wait.h>

/** A TLS server in a child process; what its clients send comes out of `talk`, what goes in is sent to them.
 */
typedef struct secure {
    char folder[64], certificate[96], key[96];
    pid_t child;
    wire talk;
    int port;
} secure;

static bool run_openssl(char *const arguments[]) {
    pid_t child = fork();
    if (child == 0) {
        int quiet = open("/dev/null", O_RDWR);
        dup2(quiet, 0);
        dup2(quiet, 1);
        dup2(quiet, 2);
        execvp("openssl", arguments);
        _exit(127);
    }
    int status = -1;
    return waitpid(child, &status, 0) == child && status == 0;
}

static secure secure_open(jf_mock *mock) {
    secure s = {.folder = "/tmp/transport-http-XXXXXX"};
    CHECK(mkdtemp(s.folder) != NULL, "no folder");
    sprintf(s.certificate, "%s/cert.pem", s.folder);
    sprintf(s.key, "%s/key.pem", s.folder);
    char *const make[] = {"openssl",
                          "req",
                          "-x509",
                          "-newkey",
                          "ec",
                          "-pkeyopt",
                          "ec_paramgen_curve:prime256v1",
                          "-nodes",
                          "-days",
                          "2",
                          "-subj",
                          "/CN=localhost",
                          "-addext",
                          "subjectAltName=DNS:localhost",
                          "-keyout",
                          s.key,
                          "-out",
                          s.certificate,
                          NULL};
    CHECK(run_openssl(make), "the program openssl cannot make a certificate");
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    s.child = fork();
    if (s.child == 0) {
        char *const serve[] = {"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", s.certificate,
                               "-key",    s.key,      "-alpn",   "http/1.1",    NULL};
        dup2(pair[1], 0);
        dup2(pair[1], 1);
        dup2(open("/dev/null", O_WRONLY), 2);
        execvp("openssl", serve);
        _exit(127);
    }
    close(pair[1]);
    s.talk = wire_of(mock, pair[0]);
    CHECK(wire_hear(&s.talk, "ACCEPT 127.0.0.1:") && wire_hear(&s.talk, "\n"), "s_server says %s",
          s.talk.text);
    s.port = port_of(strstr(s.talk.text, "ACCEPT"));
    return s;
}

static void secure_close(secure *s) {
    kill(s->child, SIGKILL);
    waitpid(s->child, NULL, 0);
    wire_close(&s->talk);
    unlink(s->certificate);
    unlink(s->key);
    rmdir(s->folder);
}

TEST(speaks_tls) {
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    secure s = secure_open(mock);
    char config[512];
    sprintf(config, "{\"url\":\"https://localhost:%d/mcp\",\"ca_file\":\"%s\"}", s.port, s.certificate);
    jf_ref channel = jf_mock_open(mock, "safe", config);
    REQUIRE(channel != 0, "%s", jf_mock_why(mock));
    // A large body there, a small and a large answer back, on one connection.
    char *big = big_json(300000), *text = malloc(310000);
    for (int i = 0; i < 3; i++) {
        jf_ref exchange = jf_mock_exchange(mock);
        const char *body = i == 1 ? big : "[7]";
        CHECK(jf_mock_send(mock, channel, exchange, body) == JF_OK, "send: %s", jf_mock_why(mock));
        CHECK(wire_hear(&s.talk, body), "request %d: %.300s", i, s.talk.text);
        wire_forget(&s.talk);
        const char *answer = i == 2 ? big : "[8]";
        sprintf(text, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                strlen(answer), answer);
        CHECK(wire_say(&s.talk, text), "answer");
        const jf_mock_event *e =
            jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_MESSAGE, channel, exchange, WIRE_WAIT_MS);
        REQUIRE(e != NULL, "no answer %d", i);
        CHECK(strcmp(e->text, answer) == 0, "answer %d: %.60s", i, e->text);
    }
    free(big);
    free(text);
    CHECK(jf_mock_count(mock, 0, JF_MOCK_CHANNEL_FAILED, 0, 0) == 0, "failures");
    CHECK(jf_mock_close(mock, channel, WIRE_WAIT_MS), "not closed");
    secure_close(&s);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(checks_certificates) {
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    secure s = secure_open(mock);
    static const struct {
        const char *host, *rest, *text;
    } rows[] = {{"localhost", "", "self-signed certificate"},
                {"127.0.0.1", ",\"ca_file\":\"%s\"", "IP address mismatch"},
                {"127.1", ",\"ca_file\":\"%s\"", "mismatch"},
                {"127.0.0.1", ",\"tls_verify\":false", NULL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char config[512];
        int length = sprintf(config, "{\"url\":\"https://%s:%d/mcp\"", rows[i].host, s.port);
        length += sprintf(config + length, rows[i].rest, s.certificate);
        strcpy(config + length, "}");
        jf_ref channel = jf_mock_open(mock, "safe", config), exchange = jf_mock_exchange(mock);
        REQUIRE(channel != 0 && jf_mock_send(mock, channel, exchange, "[7]") == JF_OK, "%s",
                jf_mock_why(mock));
        if (rows[i].text == NULL) {
            CHECK(wire_hear(&s.talk, "[7]"), "not sent without verification: %s", s.talk.text);
            continue;
        }
        const jf_mock_event *e =
            jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_FAILED, channel, exchange, WIRE_WAIT_MS);
        REQUIRE(e != NULL, "%zu: no failure", i);
        CHECK(strstr(e->fault.text, rows[i].text) && (e->fault.flags & JF_FAULT_NOT_STARTED), "%zu: %s", i,
              e->fault.text);
    }
    CHECK(jf_mock_open(mock, "x", "{\"url\":\"https://a/\",\"ca_file\":\"/nonexistent.pem\"}") == 0 &&
              strstr(jf_mock_why(mock), "ca_file"),
          "%s", jf_mock_why(mock));
    secure_close(&s);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

TEST(tells_of_a_server_without_tls) {
    jf_mock *mock = jf_mock_new();
    CHECK(jf_mock_up(mock, jf_check_plugin, "{}"), "the plugin does not start");
    server s = server_open(mock);
    char config[128];
    sprintf(config, "{\"url\":\"https://127.0.0.1:%d/mcp\"}", s.port);
    jf_ref channel = jf_mock_open(mock, "plain", config), exchange = jf_mock_exchange(mock);
    CHECK(jf_mock_send(mock, channel, exchange, "[7]") == JF_OK, "send");
    wire w = server_accept(&s);
    CHECK(wire_hear(&w, "http/1.1"), "no ALPN in the hello");
    wire_say(&w, "HTTP/1.1 400 Bad Request\r\n\r\n");
    const jf_mock_event *e = jf_mock_wait(mock, 0, JF_MOCK_CHANNEL_FAILED, channel, exchange, WIRE_WAIT_MS);
    CHECK(e != NULL && strstr(e->fault.text, "no TLS connection to server \"plain\""), "%s",
          e ? e->fault.text : "none");
    wire_close(&w);
    server_close(&s);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}
