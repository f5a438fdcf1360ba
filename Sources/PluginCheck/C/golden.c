/* SPDX-License-Identifier: Apache-2.0
 * The golden conversation, and the peers that speak it: over standard input and output, and over HTTP. */
#include "golden.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGE 200000u

static golden_step steps[] = {
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\","
     "\"capabilities\":{},\"clientInfo\":{\"name\":\"check\",\"version\":\"1\"}}}",
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{"
     "\"tools\":{}},"
     "\"serverInfo\":{\"name\":\"golden\",\"version\":\"1\"}}}",
     "initialize"},
    {"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", NULL, "notifications/initialized"},
    {"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\"}", "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}",
     "ping"},
    {"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/list\",\"params\":{}}",
     "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"tools\":[{\"name\":\"echo\",\"inputSchema\":{\"type\":"
     "\"object\"}}]}}",
     "tools/list"},
    {"{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/"
     "call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"text\":"
     "\"gr\xc3\xbc\xc3\x9f \\u00e9 \\\"q\\\" \xf0\x9f\x98\x80\"}}}",
     "{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{\"content\":[{\"type\":\"text\",\"text\":"
     "\"gr\xc3\xbc\xc3\x9f \\u00e9 "
     "\\\"q\\\" \xf0\x9f\x98\x80\"}]}}",
     "tools/call"},
    {"{\"jsonrpc\":\"2.0\",\"id\":\"five\",\"method\":\"tools/"
     "call\",\"params\":{\"name\":\"nothing\",\"arguments\":{}}}",
     "{\"jsonrpc\":\"2.0\",\"id\":\"five\",\"error\":{\"code\":-32602,\"message\":\"Unknown tool: "
     "nothing\"}}",
     "tools/call"},
    {"{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"tools/"
     "call\",\"params\":{\"name\":\"large\",\"arguments\":{}}}",
     NULL, "tools/call"},
};

/* The last answer is larger than a buffer of any transport. */
static void make_large(void) {
    golden_step *last = &steps[sizeof steps / sizeof steps[0] - 1];
    if (last->answer != NULL) return;
    char *text = mock_allocate(LARGE + 200), *at = text;
    at +=
        sprintf(at, "{\"jsonrpc\":\"2.0\",\"id\":6,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"");
    for (unsigned i = 0; i < LARGE; i++)
        *at++ = (char)('a' + i % 26);
    sprintf(at, "\"}]}}");
    last->answer = text;
}

const golden_step *golden_steps(size_t *count) {
    make_large();
    *count = sizeof steps / sizeof steps[0];
    return steps;
}

const char *golden_answer(const char *request, size_t length) {
    make_large();
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (strlen(steps[i].request) == length && memcmp(steps[i].request, request, length) == 0)
            return steps[i].answer;
    }
    /* Anything else with an id: a connector may have a handshake of its own. */
    const char *id = memmem(request, length, "\"id\":", 5);
    static _Thread_local char other[200];
    if (id == NULL) return NULL;
    size_t end = 5, left = length - (size_t)(id - request);
    while (end < left && end < 80 && id[end] != ',' && id[end] != '}')
        end++;
    snprintf(other, sizeof other, "{\"jsonrpc\":\"2.0\",%.*s,\"result\":{}}", (int)end, id);
    return other;
}

int check_golden_stdio(void) {
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    while ((length = getline(&line, &capacity, stdin)) > 0) {
        while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            length--;
        const char *answer = golden_answer(line, (size_t)length);
        if (answer != NULL && (puts(answer) < 0 || fflush(stdout) != 0)) break;
    }
    free(line);
    return 0;
}

/* ---- HTTP ---- */

static atomic_uint requests;

static bool send_all(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

static bool respond(int fd, const char *request, size_t length, bool is_post) {
    char head[200];
    const char *answer = is_post ? golden_answer(request, length) : NULL;
    const char *status = !is_post ? "405 Method Not Allowed" : answer != NULL ? "200 OK" : "202 Accepted";
    int size = snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status,
                        answer != NULL ? "Content-Type: application/json\r\n" : "",
                        answer != NULL ? strlen(answer) : (size_t)0);
    return send_all(fd, head, (size_t)size) && (answer == NULL || send_all(fd, answer, strlen(answer)));
}

static void *serve(void *user) {
    int fd = (int)(intptr_t)user;
    const size_t most = 1 << 20;
    char *text = mock_allocate(most + 1);
    size_t have = 0;
    for (;;) {
        char *end = memmem(text, have, "\r\n\r\n", 4);
        if (end != NULL) {
            size_t head = (size_t)(end - text) + 4, body = 0;
            text[head - 1] = 0;
            const char *field = strcasestr(text, "content-length:");
            if (field != NULL) body = strtoul(field + 15, NULL, 10);
            if (head + body <= have) {
                atomic_fetch_add(&requests, 1);
                if (!respond(fd, text + head, body, strncmp(text, "POST", 4) == 0)) break;
                memmove(text, text + head + body, have - head - body);
                have -= head + body;
                continue;
            }
            text[head - 1] = '\n';
        }
        ssize_t got = have < most ? recv(fd, text + have, most - have, 0) : 0;
        if (got <= 0) break;
        have += (size_t)got;
    }
    close(fd);
    free(text);
    return NULL;
}

static void *accept_all(void *user) {
    int listener = (int)(intptr_t)user;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        pthread_t thread;
        if (fd < 0) return NULL;
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
        else
            close(fd);
    }
}

uint16_t golden_http(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    pthread_t thread;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    make_large();
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)fd) != 0)
        return 0;
    pthread_detach(thread);
    return ntohs(address.sin_port);
}

uint32_t golden_http_requests(void) {
    return atomic_load(&requests);
}

int golden_dial(const char *bound) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *host = strstr(bound, "://");
    host = host != NULL ? host + 3 : bound;
    const char *end = host + strcspn(host, "/");
    const char *colon = memrchr(host, ':', (size_t)(end - host));
    unsigned long port = colon != NULL ? strtoul(colon + 1, NULL, 10) : 0;
    if (port == 0 || port > 65535) return -1;
    address.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}
