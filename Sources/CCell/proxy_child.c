/* SPDX-License-Identifier: Apache-2.0
 * Proxy: the child process, from spawn to reaping, and its standard error. */
#define _GNU_SOURCE
#include "proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* Where the cell finds its socket; `--run` says so. */
#define CELL_FD 3
/* The gateway's ends of descriptors must not be among those that the file actions overwrite. */
#define ABOVE 16
#define SECOND 1000000000ull

/* Moves a descriptor above those of the child's own layout. */
static int lift(int fd) {
    if (fd < 0 || fd >= ABOVE) return fd;
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);
    int error = errno;
    close(fd);
    errno = error;
    return higher;
}

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* 0 or an errno. */
static int start(jf_self *self, int socket, int errors) {
    const jf_cell_spawn *spawn = &self->kind->spawn;
    char program[] = "jackfield-cell", run[] = "--run", fd[] = "3";
    char *arguments[] = {program, run, fd, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error = posix_spawn_file_actions_init(&files);
    if (error != 0) return error;
    if ((error = posix_spawnattr_init(&attributes)) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return error;
    }
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    error = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&files, errors, 1);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&files, errors, 2);
    if (error == 0) error = posix_spawn_file_actions_adddup2(&files, socket, CELL_FD);
    if (error == 0)
        error = posix_spawn(&self->pid, spawn->cell, &files, &attributes, arguments, self->kind->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

int32_t proxy_spawn(jf_self *self, jf_fault *why) {
    int ends[2] = {-1, -1}, errors[2] = {-1, -1}, error = 0;
    const char *step = "its socket";
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        error = errno;
    } else {
        step = "its pipe";
        if (pipe2(errors, O_CLOEXEC) != 0) error = errno;
    }
    for (int i = 0; i < 2 && error == 0; i++) {
        ends[i] = lift(ends[i]);
        errors[i] = lift(errors[i]);
        if (ends[i] < 0 || errors[i] < 0) error = errno;
    }
    /* Only our end: a plugin's printf must not meet EAGAIN. */
    if (error == 0 && fcntl(errors[0], F_SETFL, O_NONBLOCK) != 0) error = errno;
    if (error == 0) {
        step = self->kind->spawn.cell;
        error = start(self, ends[1], errors[1]);
    }
    close_fd(&ends[1]);
    close_fd(&errors[1]);
    if (error == 0) {
        /* It is our child and unreaped, so its number is still its own. */
        self->pidfd = (int)syscall(SYS_pidfd_open, self->pid, 0u);
        if (self->pidfd < 0) {
            error = errno;
            step = "a descriptor for its process";
            kill(self->pid, SIGKILL);
            waitpid(self->pid, NULL, 0);
        }
    }
    if (error != 0) {
        close_fd(&ends[0]);
        close_fd(&errors[0]);
        self->pid = 0;
        return cell_fault(why, JF_E_FAULT, 0, 0, "plugin %s: its cell cannot be started: %s: %s",
                          self->kind->spawn.name, step, strerror(error));
    }
    pthread_mutex_lock(&self->lock);
    cell_link_open(&self->link, ends[0]);
    self->errors = errors[0];
    self->epoch++;
    self->state = JF_CELL_STARTING;
    self->cause[0] = self->last_words[0] = 0;
    self->line_used = 0;
    self->picks_late = false;
    self->window_ns = self->window_frames = self->window_bytes = self->throttled_since_ns = 0;
    self->ping_ns = 0;
    self->started_ns = cell_clock();
    pthread_mutex_unlock(&self->lock);
    return JF_OK;
}

static void errors_ready(void *user, uint32_t events) {
    (void)events;
    proxy_read_errors(user);
}

int32_t proxy_watch(jf_self *self) {
    const jf_loop_1 *loop = &self->loop;
    self->link_events = JF_READABLE;
    if (loop->watch(loop->context, self->link.fd, JF_READABLE, proxy_link_ready, self, &self->link_watch) ==
            JF_OK &&
        loop->watch(loop->context, self->pidfd, JF_READABLE, proxy_pid_ready, self, &self->pid_watch) ==
            JF_OK &&
        loop->watch(loop->context, self->errors, JF_READABLE, errors_ready, self, &self->error_watch) ==
            JF_OK)
        return JF_OK;
    return JF_E_BUSY;
}

void proxy_unwatch(jf_self *self) {
    jf_ref *watches[] = {&self->link_watch, &self->pid_watch, &self->error_watch};
    for (size_t i = 0; i < sizeof watches / sizeof watches[0]; i++) {
        if (*watches[i] != 0) self->loop.unwatch(self->loop.context, *watches[i]);
        *watches[i] = 0;
    }
    if (self->pause_timer != 0) self->loop.cancel(self->loop.context, self->pause_timer);
    self->pause_timer = 0;
    self->is_paused = false;
}

void proxy_kill(jf_self *self) {
    if (self->pid <= 0) return;
    /* Until it is reaped, its number names it and its group and nobody else. */
    syscall(SYS_pidfd_send_signal, self->pidfd, SIGKILL, NULL, 0u);
    kill(-self->pid, SIGKILL);
}

bool proxy_reap(jf_self *self, int wait_ms, char *text, uint64_t size) {
    struct pollfd watched = {.fd = self->pidfd, .events = POLLIN};
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (size > 0) text[0] = 0;
    if (self->pid <= 0) return true;
    if (wait_ms > 0) poll(&watched, 1, wait_ms);
    int answer;
    do
        answer = waitid((idtype_t)P_PIDFD, (id_t)self->pidfd, &info, WEXITED | WNOHANG | WNOWAIT);
    while (answer < 0 && errno == EINTR);
    if (answer == 0 && info.si_pid == 0) return false;
    kill(-self->pid, SIGKILL); /* what it left behind in its group; its number is still taken */
    waitid((idtype_t)P_PIDFD, (id_t)self->pidfd, &info, WEXITED | WNOHANG);
    self->pid = 0;
    if (answer < 0)
        snprintf(text, size, "it ended");
    else if (info.si_code == CLD_EXITED)
        snprintf(text, size, "it exited with status %d", info.si_status);
    else
        snprintf(text, size, "it was ended by signal %d (%s)", info.si_status, strsignal(info.si_status));
    return true;
}

void proxy_close(jf_self *self) {
    pthread_mutex_lock(&self->lock);
    cell_link_close(&self->link);
    pthread_mutex_unlock(&self->lock);
    close_fd(&self->errors);
    close_fd(&self->pidfd);
    self->pid = 0;
}

/* ---- Standard error ---- */

static void log_line(jf_self *self) {
    if (self->line_used == 0) return;
    jf_view text = {(const uint8_t *)self->line, self->line_used};
    size_t kept = text.len < sizeof self->last_words - 1 ? text.len : sizeof self->last_words - 1;
    memcpy(self->last_words, self->line, kept);
    self->last_words[kept] = 0;
    self->line_used = 0;
    uint64_t now = cell_clock();
    if (now - self->lines_ns >= SECOND) {
        self->lines_ns = now;
        self->lines_now = 0;
        if (self->lines_lost > 0)
            proxy_log(self, JF_LOG_WARNING, "%u lines of standard error were dropped", self->lines_lost);
        self->lines_lost = 0;
    }
    if (self->lines_now >= self->kind->spawn.limits.stderr_lines) {
        self->lines_lost++;
        return;
    }
    self->lines_now++;
    if (!JF_HAS(&self->log, write)) return;
    jf_pair fields[] = {{cell_text("cell"), cell_text(self->kind->spawn.name)},
                        {cell_text("stream"), cell_text("stderr")}};
    self->log.write(self->log.context, JF_LOG_INFO, text, fields, 2);
}

void proxy_end_errors(jf_self *self) {
    proxy_read_errors(self);
    log_line(self); /* the last one may lack its end */
}

void proxy_read_errors(jf_self *self) {
    char bytes[4096];
    /* Bounded: a cell that only prints must not keep the lane; the next edge or its end brings us back. */
    for (int turn = 0; turn < 64 && self->errors >= 0; turn++) {
        ssize_t count = read(self->errors, bytes, sizeof bytes);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        for (ssize_t i = 0; i < count; i++) {
            if (bytes[i] == '\n') {
                log_line(self);
                continue;
            }
            if (self->line_used == sizeof self->line) log_line(self);
            self->line[self->line_used++] = bytes[i];
        }
        if (count < (ssize_t)sizeof bytes) break;
    }
}
