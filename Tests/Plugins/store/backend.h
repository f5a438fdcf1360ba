/* SPDX-License-Identifier: Apache-2.0
 * Servers that a test starts for itself, and a proxy in front of them that can cut and stall connections. */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- Folders ---- */

static int remove_item(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_folder(const char *path) {
    nftw(path, remove_item, 16, FTW_DEPTH | FTW_PHYS);
}

/** A new folder of its own, in static memory. */
static const char *make_folder(const char *name) {
    static char path[128];
    const char *temporary = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/jf-%s-XXXXXX", temporary != NULL ? temporary : "/tmp", name);
    if (mkdtemp(path) == NULL) {
        perror("no temporary folder");
        exit(1);
    }
    return path;
}

/* ---- Processes ---- */

/** Starts a program, with its output in a file; it ends with this process. `user` 0: as who we are. */
static pid_t start_program(const char *const *arguments, const char *output, uid_t user, gid_t group) {
    fflush(stdout);
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    /* Not in our group: a signal from the terminal is for the test, which then ends it. */
    setpgid(0, 0);
    int file = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file >= 0) dup2(file, 1), dup2(file, 2);
    if (user != 0 && (setgid(group) != 0 || setuid(user) != 0)) _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(125);
    signal(SIGPIPE, SIG_DFL);
    execvp(arguments[0], (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static int wait_program(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) return 128;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void kill_program(pid_t *pid, int signal_number) {
    if (*pid <= 0) return;
    kill(*pid, signal_number);
    wait_program(*pid);
    *pid = 0;
}

static void print_file(const char *path) {
    char line[512];
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        fprintf(stderr, "    %s", line);
    if (file != NULL) fclose(file);
}

/* ---- Sockets ---- */

static struct sockaddr_in loopback(uint16_t port) {
    struct sockaddr_in it = {.sin_family = AF_INET, .sin_port = htons(port)};
    it.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return it;
}

/** A port that was free a moment ago, chosen by the system. */
static uint16_t free_port(void) {
    struct sockaddr_in it = loopback(0);
    socklen_t length = sizeof it;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&it, sizeof it) != 0) abort();
    getsockname(fd, (struct sockaddr *)&it, &length);
    close(fd);
    return ntohs(it.sin_port);
}

static int connect_to_port(uint16_t port) {
    struct sockaddr_in it = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd >= 0 && connect(fd, (struct sockaddr *)&it, sizeof it) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* ---- A proxy ---- */

enum { PROXY_MOST = 64 };

/** Passes bytes on in both directions. The thread is the only one that touches the pairs. */
static struct proxy {
    uint16_t port, target;
    int listener;
    int wake[2];
    atomic_bool is_stalled, ends;
    atomic_uint cuts, done_cuts;
    pthread_t thread;
    int pairs[PROXY_MOST][2];
    uint32_t count;
} proxy;

static void drop_pair(uint32_t at) {
    close(proxy.pairs[at][0]);
    close(proxy.pairs[at][1]);
    proxy.count--;
    proxy.pairs[at][0] = proxy.pairs[proxy.count][0];
    proxy.pairs[at][1] = proxy.pairs[proxy.count][1];
}

static bool pass(int from, int to) {
    char bytes[65536];
    ssize_t got = read(from, bytes, sizeof bytes);
    for (ssize_t at = 0; at < got;) {
        ssize_t done = send(to, bytes + at, (size_t)(got - at), MSG_NOSIGNAL);
        if (done <= 0) return false;
        at += done;
    }
    return got > 0;
}

static void accept_one(void) {
    int on = 1, near = accept4(proxy.listener, NULL, NULL, SOCK_CLOEXEC);
    if (near < 0) return;
    int far = connect_to_port(proxy.target);
    if (far < 0 || proxy.count == PROXY_MOST) {
        /* As a port that nobody listens on. */
        struct linger reset = {1, 0};
        setsockopt(near, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(near);
        if (far >= 0) close(far);
        return;
    }
    setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    proxy.pairs[proxy.count][0] = near;
    proxy.pairs[proxy.count++][1] = far;
}

static void *run_proxy(void *user) {
    char byte;
    (void)user;
    while (!atomic_load(&proxy.ends)) {
        struct pollfd polled[2 * PROXY_MOST + 2] = {{proxy.wake[0], POLLIN, 0}, {proxy.listener, POLLIN, 0}};
        uint32_t count = proxy.count;
        bool stalled = atomic_load(&proxy.is_stalled);
        for (uint32_t i = 0; i < 2 * count; i++)
            polled[2 + i] = (struct pollfd){stalled ? -1 : proxy.pairs[i / 2][i % 2], POLLIN, 0};
        if (poll(polled, 2 + 2 * (nfds_t)count, -1) < 0) continue;
        if (polled[0].revents != 0 && read(proxy.wake[0], &byte, 1) < 0) break;
        for (uint32_t i = count; i > 0; i--) {
            bool ok = true;
            for (uint32_t side = 0; side < 2 && ok; side++) {
                if (polled[2 + 2 * (i - 1) + side].revents != 0)
                    ok = pass(proxy.pairs[i - 1][side], proxy.pairs[i - 1][1 - side]);
            }
            if (!ok) drop_pair(i - 1);
        }
        if (atomic_load(&proxy.cuts) > atomic_load(&proxy.done_cuts)) {
            while (proxy.count > 0)
                drop_pair(proxy.count - 1);
            atomic_fetch_add(&proxy.done_cuts, 1);
        }
        if (polled[1].revents != 0) accept_one();
    }
    while (proxy.count > 0)
        drop_pair(proxy.count - 1);
    return NULL;
}

static void nudge_proxy(void) {
    if (write(proxy.wake[1], "x", 1) != 1) abort();
}

static void start_proxy(uint16_t target) {
    struct sockaddr_in it = loopback(0);
    socklen_t length = sizeof it;
    proxy.target = target;
    proxy.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(proxy.listener, (struct sockaddr *)&it, sizeof it) != 0 || listen(proxy.listener, 64) != 0)
        abort();
    getsockname(proxy.listener, (struct sockaddr *)&it, &length);
    proxy.port = ntohs(it.sin_port);
    if (pipe2(proxy.wake, O_CLOEXEC) != 0 || pthread_create(&proxy.thread, NULL, run_proxy, NULL) != 0)
        abort();
}

static void stop_proxy(void) {
    atomic_store(&proxy.ends, true);
    nudge_proxy();
    pthread_join(proxy.thread, NULL);
    close(proxy.listener), close(proxy.wake[0]), close(proxy.wake[1]);
    proxy = (struct proxy){0};
}

static void cut_proxy(void) {
    atomic_fetch_add(&proxy.cuts, 1);
    nudge_proxy();
    while (atomic_load(&proxy.done_cuts) < atomic_load(&proxy.cuts))
        sched_yield();
}

static void stall_proxy(bool stalled) {
    atomic_store(&proxy.is_stalled, stalled);
    nudge_proxy();
}

#endif
