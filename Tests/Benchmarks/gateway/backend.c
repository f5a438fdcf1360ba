/* SPDX-License-Identifier: Apache-2.0
 * bench-backend: a fast MCP server for benchmarks, over HTTP (one port or many) or stdio, in both eras. */
#define _GNU_SOURCE
#include "backend.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char usage[] =
    "usage: bench-backend [--ports N] [--first-port P] [options]     one HTTP server a port, on 127.0.0.1\n"
    "       bench-backend --stdio [options]                          one server on stdin and stdout\n"
    "  --tools N            tools listed (default 5): echo {text}, blob {n,tag}, sleep {ms}, tool_003 ...\n"
    "  --era both|legacy|modern          eras spoken (default both)\n"
    "  --session none|issue|require      legacy sessions (default none)\n"
    "  --strict             refuse modern requests whose Mcp-* headers are absent or differ from the body\n"
    "  --events             answer as event streams\n"
    "  --ttl MS             ttlMs of cacheable results (default 0)\n"
    "  --slow MS            the last server holds back its answers to tools/call so long\n"
    "  --core N             run on this processor\n"
    "Prints `ports P P ...` when all ports listen. GET /stats answers with counts of requests.\n";

backend_options options = {
    .servers = 1, .tools = 5, .eras = ERA_LEGACY | ERA_MODERN, .session = SESSION_NONE, .core = -1};

/** An answer whose delay has not passed. */
typedef struct delayed {
    long due_ms;
    bytes line;
    struct delayed *next;
} delayed;

static bool write_all(const char *data, size_t len) {
    while (len) {
        ssize_t n = write(STDOUT_FILENO, data, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool write_due(delayed **list, int *wait_ms) {
    long now = backend_now_ms(), least = -1;
    for (delayed **link = list; *link;) {
        delayed *d = *link;
        if (d->due_ms > now) {
            if (least < 0 || d->due_ms - now < least) least = d->due_ms - now;
            link = &d->next;
            continue;
        }
        *link = d->next;
        bool written = write_all(d->line.data, d->line.len);
        free(d->line.data);
        free(d);
        if (!written) return false;
    }
    *wait_ms = (int)least;
    return true;
}

/** Answers one line at once, as real servers do, or puts it by when it is delayed. */
static bool answer_line(span line, delayed **list) {
    static reply answer;
    backend_answer(0, line, NULL, &answer);
    if (!answer.status) return true;
    bytes_text(&answer.body, "\n");
    if (answer.delay_ms <= 0) return write_all(answer.body.data, answer.body.len);
    delayed *d = calloc(1, sizeof *d);
    if (!d) return false;
    *d = (delayed){.due_ms = backend_now_ms() + answer.delay_ms, .line = answer.body, .next = *list};
    answer.body = (bytes){0};
    *list = d;
    return true;
}

int backend_serve_stdio(void) {
    bytes in = {0};
    delayed *list = NULL;
    for (;;) {
        if (list) {
            int wait_ms;
            struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
            if (!write_due(&list, &wait_ms)) return 1;
            if (list && poll(&input, 1, wait_ms) == 0) continue;
        }
        bytes_reserve(&in, 65536);
        ssize_t n = read(STDIN_FILENO, in.data + in.len, in.cap - in.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 0;
        size_t searched = in.len, at = 0;
        in.len += (size_t)n;
        for (;;) {
            size_t from = searched > at ? searched : at;
            const char *newline = memchr(in.data + from, '\n', in.len - from);
            if (!newline) break;
            span line = {in.data + at, (size_t)(newline - in.data) - at};
            if (line.len > 1 && !answer_line(line, &list)) return 1;
            at += line.len + 1;
        }
        bytes_shift(&in, at);
    }
}

static bool choose(const char *text, const char *const *names, int *chosen) {
    for (int i = 0; names[i]; i++) {
        if (strcmp(text, names[i])) continue;
        *chosen = i;
        return true;
    }
    return false;
}

static bool set_option(const char *name, const char *value) {
    static const char *const eras[] = {"", "legacy", "modern", "both", NULL};
    static const char *const session[] = {"none", "issue", "require", NULL};
    if (!strcmp(name, "--ports"))
        options.servers = atoi(value);
    else if (!strcmp(name, "--first-port"))
        options.first_port = atoi(value);
    else if (!strcmp(name, "--tools"))
        options.tools = atoi(value);
    else if (!strcmp(name, "--ttl"))
        options.ttl_ms = atol(value);
    else if (!strcmp(name, "--slow"))
        options.slow_ms = atol(value);
    else if (!strcmp(name, "--core"))
        options.core = atoi(value);
    else if (!strcmp(name, "--era"))
        return choose(value, eras, &options.eras);
    else if (!strcmp(name, "--session"))
        return choose(value, session, &options.session);
    else
        return false;
    return true;
}

static bool read_options(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--stdio"))
            options.stdio = true;
        else if (!strcmp(argv[i], "--strict"))
            options.strict = true;
        else if (!strcmp(argv[i], "--events"))
            options.events = true;
        else if (i + 1 >= argc || !set_option(argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    return options.servers >= 1 && options.servers <= BACKEND_SERVERS && options.tools >= 0;
}

int main(int argc, char **argv) {
    if (!read_options(argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (options.core >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)options.core, &set);
        if (sched_setaffinity(0, sizeof set, &set)) perror("bench-backend: --core");
    }
    backend_prepare();
    if (options.stdio) return backend_serve_stdio();
    prctl(PR_SET_PDEATHSIG, SIGTERM); // a harness that was killed leaves no server behind
    return backend_serve_http();
}
