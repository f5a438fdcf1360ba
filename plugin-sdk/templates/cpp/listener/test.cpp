// SPDX-License-Identifier: Apache-2.0
// Tests of the listener on the mock host, with clients on real sockets.
#include "jf_check.h"

#include <jackfield/mock.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

using jackfield::Ref;
using jackfield::testing::Mock;

static const char any_port[] = R"({"address": "127.0.0.1:0", "max_message": 1024})";

/** Listens, and connects one client: its descriptor, or -1. */
static int connect_client(Mock &mock) {
    char bound[100];
    unsigned port = 0;
    if (!mock.up(jf_check_plugin)) return -1;
    if (jf_mock_listen(mock, nullptr, any_port, bound, sizeof bound) == 0) return -1;
    if (sscanf(bound, "tcp://127.0.0.1:%u", &port) != 1) return -1;
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<uint16_t>(port));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, reinterpret_cast<sockaddr *>(&at), sizeof at) != 0) return -1;
    return jf_mock_wait(mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0, 5000) != nullptr ? fd : -1;
}

static void say(int fd, const std::string &text) {
    CHECK(send(fd, text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size()), "the plugin hung up");
}

/** Reads until there is a line feed, or the end, while the plugin goes on. */
static std::string heard(Mock &mock, int fd) {
    std::string text;
    char part[1000];
    for (int i = 0; i < 1000 && text.find('\n') == std::string::npos; i++) {
        ssize_t count = recv(fd, part, sizeof part, MSG_DONTWAIT);
        if (count == 0) break;
        if (count > 0)
            text.append(part, static_cast<size_t>(count));
        else
            jf_mock_run_once(mock, 5);
    }
    return text;
}

TEST(carries_lines_both_ways) {
    Mock mock;
    int fd = connect_client(mock);
    REQUIRE(fd >= 0, "%s", mock.why());
    say(fd, "{\"id\":1}\r\n\n{\"id\"");
    const jf_mock_event *first = jf_mock_wait(mock, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0, 5000);
    REQUIRE(first != nullptr, "nothing was delivered");
    CHECK(strcmp(first->text, "{\"id\":1}") == 0, "%s", first->text);
    say(fd, ":2}\n");
    CHECK(jf_mock_wait_count(mock, 2, 0, JF_MOCK_CLIENT_MESSAGE, 0, 0, 5000), "the second line is lost");
    CHECK(jf_mock_reply(mock, first->peer, 0, JF_MSG_FINAL, JF_STATUS_OK, "{\"a\":\n1}") == JF_OK, "refused");
    CHECK(heard(mock, fd) == "{\"a\": 1}\n", "an answer is one line");
    close(fd);
    CHECK(jf_mock_wait(mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, 5000) != nullptr, "nobody noticed the end");
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(hangs_up_on_endless_lines) {
    Mock mock;
    int fd = connect_client(mock);
    REQUIRE(fd >= 0, "%s", mock.why());
    say(fd, std::string(2000, ' '));
    CHECK(jf_mock_wait(mock, 0, JF_MOCK_CLIENT_CLOSED, 0, 0, 5000) != nullptr, "it reads on");
    close(fd);
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(closes_clients_when_it_is_told_to) {
    Mock mock;
    int fd = connect_client(mock);
    REQUIRE(fd >= 0, "%s", mock.why());
    Ref client = jf_mock_find(mock, 0, JF_MOCK_CLIENT_OPENED, 0, 0)->peer;
    jf_mock_reply(mock, client, 0, JF_MSG_FINAL, JF_STATUS_OK, "{}");
    jf_mock_listener(mock)->close(jf_mock_self(mock), client);
    CHECK(heard(mock, fd) == "{}\n" && heard(mock, fd).empty(), "the last answer is lost");
    CHECK(jf_mock_reply(mock, client, 0, JF_MSG_FINAL, JF_STATUS_OK, "{}") == JF_E_STALE, "not stale");
    close(fd);
    CHECK(mock.end() == 0, "the plugin broke a rule");
}

TEST(ends_with_clients_connected) {
    Mock mock;
    int fd = connect_client(mock);
    REQUIRE(fd >= 0, "%s", mock.why());
    say(fd, "{\"half\":");
    jf_mock_settle(mock);
    CHECK(mock.end() == 0, "the plugin broke a rule");
    close(fd);
}

TEST(stays_on_this_machine) {
    Mock mock;
    REQUIRE(mock.up(jf_check_plugin), "%s", mock.why());
    CHECK(jf_mock_listen(mock, nullptr, R"({"address": "0.0.0.0:0"})", nullptr, 0) == 0,
          "it listens to the network");
    CHECK(strstr(mock.why(), "loopback") != nullptr, "%s", mock.why());
}

int main(int argc, char **argv) {
    return jf_check_main(argc, argv);
}
