/* SPDX-License-Identifier: Apache-2.0
 * Runs a child process to its end, with a timeout, and collects what it wrote. */
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 65536u
#define LAST_WORDS_NS 500000000u /* from SIGQUIT to SIGKILL */

extern char **environ;

typedef struct stream {
    int ends[2];
    char *text;
    size_t length;
} stream;

/* Keeps the last bytes: what a process says at its end matters. False: the other side is closed. */
static bool drain(stream *it) {
    char chunk[8192];
    for (;;) {
        ssize_t got = read(it->ends[0], chunk, sizeof chunk);
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        if (got == 0) return false;
        size_t size = (size_t)got;
        if (it->length + size > MOST) {
            size_t cut = it->length + size - MOST;
            memmove(it->text, it->text + cut, it->length - cut);
            it->length -= cut;
        }
        memcpy(it->text + it->length, chunk, size);
        it->length += size;
    }
}

static bool open_stream(stream *it) {
    it->text = mock_allocate(MOST + 1);
    return pipe2(it->ends, O_CLOEXEC) == 0 && fcntl(it->ends[0], F_SETFL, O_NONBLOCK) == 0;
}

static int spawn(const char *program, char *const *arguments, stream *output, stream *errors, pid_t *child) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output->ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, errors->ends[1], 2);
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    int failure = posix_spawn(child, program, &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failure;
}

static void collect(pid_t child, int pidfd, uint64_t timeout_ns, stream *output, stream *errors,
                    check_end *end) {
    uint64_t start = check_clock(), kill_at = 0;
    struct pollfd watched[] = {
        {pidfd, POLLIN, 0}, {output->ends[0], POLLIN, 0}, {errors->ends[0], POLLIN, 0}};
    while (watched[0].revents == 0) {
        uint64_t now = check_clock(), until = end->timed_out ? kill_at : start + timeout_ns;
        if (now >= until) {
            kill(-child, end->timed_out ? SIGKILL : SIGQUIT);
            kill(child, end->timed_out ? SIGKILL : SIGQUIT);
            kill_at = now + LAST_WORDS_NS;
            end->timed_out = true;
            until = kill_at;
        }
        poll(watched, 3, (int)((until - now) / 1000000u) + 1);
        if (!drain(output)) watched[1].fd = -1;
        if (!drain(errors)) watched[2].fd = -1;
    }
    siginfo_t how = {0};
    waitid(P_PID, (id_t)child, &how, WEXITED);
    kill(-child, SIGKILL); /* what it left behind goes with it */
    drain(output);
    drain(errors);
    if (how.si_code == CLD_EXITED)
        end->status = how.si_status;
    else
        end->signal = how.si_status;
}

void check_spawn(const char *program, char *const *arguments, uint64_t timeout_ns, check_end *end) {
    stream output = {{-1, -1}, NULL, 0}, errors = {{-1, -1}, NULL, 0};
    uint64_t start = check_clock();
    pid_t child = 0;
    memset(end, 0, sizeof *end);
    end->failure = open_stream(&output) && open_stream(&errors)
                       ? spawn(program, arguments, &output, &errors, &child)
                       : errno;
    close(output.ends[1]);
    close(errors.ends[1]);
    if (end->failure == 0) {
        int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
        if (pidfd < 0) {
            end->failure = errno;
            kill(-child, SIGKILL);
            waitpid(child, NULL, 0);
        } else {
            collect(child, pidfd, timeout_ns, &output, &errors, end);
            close(pidfd);
        }
    }
    close(output.ends[0]);
    close(errors.ends[0]);
    end->output = output.text;
    end->errors = errors.text;
    end->time_ns = check_clock() - start;
}
