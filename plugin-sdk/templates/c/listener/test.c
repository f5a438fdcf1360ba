/* SPDX-License-Identifier: Apache-2.0
 * Tests of the listener on the mock host, with clients on real sockets. */
#define _GNU_SOURCE
#include "jf_check.h"
#include "jf_mock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

static jf_mock *mock;
static jf_ref listener;

/** Listens, and connects one client: its descriptor, or -1. */
static int begin(const char *settings) {
    char bound[100];
    unsigned port;
    mock = jf_mock_new();
    if (!jf_mock_up(mock, jf_check_plugin, "{}")) return -1;
    listener = jf_mock_listen(mock, NULL, settings, bound, sizeof bound);
    if (listener == 0 || sscanf(bound, "tcp://127.0.0.1:%u", &port) != 1) return -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&at, sizeof at) != 0) return -1;
    return jf_mock_wait(mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0, 5000) != NULL ? fd : -1;
}

static void say(int fd, const char *text) {
    CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text), "the plugin hung up");
}

/** Reads until there is a line feed, or the end, while the plugin goes on. */
static const char *heard(int fd) {
    static char text[1000];
    size_t used = 0;
    for (int i = 0; i < 1000; i++) {
        ssize_t count = recv(fd, text + used, sizeof text - 1 - used, MSG_DONTWAIT);
        if (count > 0) used += (size_t)count;
        text[used] = 0;
        if (count == 0 || strchr(text, '\n') != NULL) return text;
        if (count < 0) jf_mock_run_once(mock, 5);
    }
    return text;
}

static void end(int fd) {
    if (fd >= 0) close(fd);
    CHECK(jf_mock_free(mock) == 0, "the plugin broke a rule");
}

#define PORT "{\"address\":\"127.0.0.1:0\",\"max_message\":1024}"

TEST(carries_lines_both_ways) {
    int fd = begin(PORT);
    REQUIRE(fd >= 0, "it does not come up");
    say(fd, "{\"id\":1}\r\n\n{\"id\"");
    const jf_mock_event *first = jf_mock_wait(mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0, 5000);
    REQUIRE(first != NULL, "nothing was delivered");
    CHECK(strcmp(first->text, "{\"id\":1}") == 0, "%s", first->text);
    say(fd, ":2}\n");
    CHECK(jf_mock_wait_count(mock, 2, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0, 5000), "the second line is lost");
    CHECK(jf_mock_reply(mock, first->peer, 0, JF_MSG_FINAL, JF_STATUS_OK, "{\"a\":\n1}") == JF_OK, "refused");
    CHECK(strcmp(heard(fd), "{\"a\": 1}\n") == 0, "an answer is one line");
    end(fd);
}

TEST(tells_when_a_client_leaves) {
    int fd = begin(PORT);
    REQUIRE(fd >= 0, "it does not come up");
    close(fd);
    CHECK(jf_mock_wait(mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, 5000) != NULL, "nobody noticed");
    end(-1);
}

TEST(hangs_up_on_endless_lines) {
    int fd = begin(PORT);
    char line[2000];
    REQUIRE(fd >= 0, "it does not come up");
    memset(line, ' ', sizeof line - 1);
    line[sizeof line - 1] = 0;
    say(fd, line);
    CHECK(jf_mock_wait(mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, 5000) != NULL, "it reads on");
    end(fd);
}

TEST(closes_clients_when_it_is_told_to) {
    int fd = begin(PORT);
    REQUIRE(fd >= 0, "it does not come up");
    jf_ref client = jf_mock_find(mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0)->peer;
    jf_mock_reply(mock, client, 0, JF_MSG_FINAL, JF_STATUS_OK, "{}");
    jf_mock_listener(mock)->close(jf_mock_self(mock), client);
    CHECK(strcmp(heard(fd), "{}\n") == 0, "the last answer is lost");
    CHECK(recv(fd, &(char){0}, 1, 0) == 0, "still connected");
    CHECK(jf_mock_reply(mock, client, 0, JF_MSG_FINAL, JF_STATUS_OK, "{}") == JF_E_STALE, "not stale");
    end(fd);
}

TEST(ends_with_clients_connected) {
    int fd = begin(PORT);
    REQUIRE(fd >= 0, "it does not come up");
    say(fd, "{\"half\":");
    jf_mock_settle(mock);
    end(fd);
}

TEST(stays_on_this_machine) {
    CHECK(begin("{\"address\":\"0.0.0.0:0\"}") < 0, "it listens to the network");
    CHECK(strstr(jf_mock_why(mock), "loopback") != NULL, "%s", jf_mock_why(mock));
    end(-1);
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
