/* SPDX-License-Identifier: Apache-2.0
 * Starts and reaps child processes. Between clone and exec only system calls are made: the child shares our
 * memory until then, and other threads may hold any lock. */
#define _GNU_SOURCE
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/** Bytes of stack for the few calls before exec. */
#define CHILD_STACK (32 * 1024)
/** What the kernel reads of a signal action and a signal set: all zero is "default" and "empty". */
#define KERNEL_SIGNALS 64
#define KERNEL_SET_SIZE 8

/** Where starting failed; the parent reads it after the clone returned (CLONE_VFORK). */
enum {
    STAGE_NONE = 0,
    STAGE_SETUP = 1,
    STAGE_DIRECTORY = 2,
    STAGE_RUN = 3,
    STAGE_ORPHAN = 4,
    STAGE_BOUNDS = 5
};

typedef struct launch {
    const settings *settings;
    const child_bounds *bounds;
    int in, out, err; /**< the child's ends, all above 2; -1: leave that stream */
    pid_t parent;
    volatile int stage, error;
} launch;

static void set_failure(launch *self, int stage) {
    self->error = errno;
    self->stage = stage;
}

/** Tries each candidate as execvp(3) does: a missing file is passed over, a refusal is remembered. */
static void run_program(launch *self) {
    const settings *plan = self->settings;
    int remembered = ENOENT;
    for (char *const *path = plan->candidates; *path != NULL; path++) {
        syscall(SYS_execve, *path, plan->arguments, plan->environment);
        if (errno == ENOEXEC) {
            plan->shell_arguments[1] = *path;
            syscall(SYS_execve, plan->shell_arguments[0], plan->shell_arguments, plan->environment);
        }
        if (errno == EACCES)
            remembered = EACCES;
        else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE && errno != ENODEV &&
                 errno != ETIMEDOUT) {
            remembered = errno;
            break;
        }
    }
    errno = remembered;
    set_failure(self, STAGE_RUN);
}

/** Takes the limits: what the child starts inherits them. */
__attribute__((no_sanitize("address", "undefined"))) static bool enter_bounds(const child_bounds *bounds) {
    for (uint32_t at = 0; at < bounds->count; at++)
        if (syscall(SYS_prlimit64, 0, bounds->limits[at].resource, &bounds->limits[at].limit, NULL) != 0)
            return false;
    return true;
}

/** The child's side, in our memory, on its own stack. */
__attribute__((no_sanitize("address", "undefined"))) static int child_main(void *argument) {
    launch *self = argument;
    static const uint64_t zeros[4];
    for (int number = 1; number <= KERNEL_SIGNALS; number++)
        syscall(SYS_rt_sigaction, number, zeros, NULL, KERNEL_SET_SIZE);

    if (syscall(SYS_setpgid, 0, 0) != 0 || syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        set_failure(self, STAGE_SETUP);
    else if (syscall(SYS_getppid) != self->parent)
        set_failure(self, STAGE_ORPHAN); /* we died before the kernel knew that this is to kill it */
    else if (syscall(SYS_dup3, self->in, 0, 0) < 0 || syscall(SYS_dup3, self->out, 1, 0) < 0 ||
             (self->err >= 0 && syscall(SYS_dup3, self->err, 2, 0) < 0))
        set_failure(self, STAGE_SETUP);
    else if (self->settings->directory != NULL && syscall(SYS_chdir, self->settings->directory) != 0)
        set_failure(self, STAGE_DIRECTORY);
    else if (!enter_bounds(self->bounds))
        set_failure(self, STAGE_BOUNDS);
    else if (syscall(SYS_close_range, 3u, ~0u, 0u) != 0)
        set_failure(self, STAGE_SETUP);
    else {
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, zeros, NULL, KERNEL_SET_SIZE);
        run_program(self);
    }
    syscall(SYS_exit_group, 127);
    return 127;
}

void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/** Moves a descriptor out of the way of 0, 1 and 2, which the child's dup3 calls overwrite. */
static bool above_standard(int *fd) {
    int moved;
    if (*fd > 2) return true;
    moved = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
    if (moved < 0) return false;
    close(*fd);
    *fd = moved;
    return true;
}

/** A pipe whose end `ours` (0 reads, 1 writes) does not block. */
static bool make_pipe(int *read_end, int *write_end, int ours) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    *read_end = ends[0];
    *write_end = ends[1];
    return above_standard(read_end) && above_standard(write_end) &&
           fcntl(ours == 0 ? *read_end : *write_end, F_SETFL, O_NONBLOCK) == 0;
}

static bool make_streams(const settings *plan, child *parent_ends, launch *child_ends) {
    if (!make_pipe(&child_ends->in, &parent_ends->in, 1)) return false;
    if (!make_pipe(&parent_ends->out, &child_ends->out, 0)) return false;
    if (plan->stderr_mode == STDERR_LOG) return make_pipe(&parent_ends->err, &child_ends->err, 0);
    if (plan->stderr_mode == STDERR_INHERIT) return true;
    child_ends->err = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return child_ends->err >= 0 && above_standard(&child_ends->err);
}

/** The arguments of clone3(2), as far as Linux 5.7 knows them. */
typedef struct clone3_arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
        cgroup;
} clone3_arguments;

#define INTO_CGROUP 0x200000000ull

/** clone3(2) without a stack of its own: the child goes on right here, in this frame, while we are suspended,
 * and must not return from the function that this is inlined into. Hence no function call around the system
 * call. */
static inline __attribute__((always_inline)) long clone3_here(clone3_arguments *arguments) {
    long result;
#if defined(__x86_64__)
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"((long)SYS_clone3), "D"(arguments), "S"(sizeof *arguments)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long number __asm__("x8") = SYS_clone3;
    register void *first __asm__("x0") = arguments;
    register size_t second __asm__("x1") = sizeof *arguments;
    __asm__ volatile("svc 0" : "+r"(first) : "r"(number), "r"(second) : "memory");
    result = (long)first;
#else
    (void)arguments;
    result = -ENOSYS;
#endif
    return result;
}

/** Starts the child inside of its control group: moving it there later would take the kernel milliseconds. */
__attribute__((noinline, no_sanitize("address", "undefined"))) static int clone_grouped(launch *what,
                                                                                        int *pidfd) {
    clone3_arguments arguments = {.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | INTO_CGROUP,
                                  .pidfd = (uint64_t)(uintptr_t)pidfd,
                                  .exit_signal = SIGCHLD,
                                  .cgroup = (uint64_t)what->bounds->group};
    long pid = clone3_here(&arguments);
    if (pid == 0) {
        child_main(what);
        __builtin_unreachable();
    }
    if (pid > 0) return (int)pid;
    errno = (int)-pid;
    return -1;
}

/** Clones with every signal blocked, so that no handler of ours runs in the child. 0 or an errno. */
static int clone_child(launch *what, child *out) {
    _Alignas(16) uint8_t stack[CHILD_STACK];
    const uint64_t all = ~0ull;
    uint64_t before = 0;
    int pid, error;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, KERNEL_SET_SIZE);
    if (what->bounds->group >= 0)
        pid = clone_grouped(what, &out->pidfd);
    else
        pid = clone(child_main, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, what,
                    &out->pidfd);
    error = errno;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, KERNEL_SET_SIZE);
    if (pid < 0) return error;
    out->pid = pid;
    return 0;
}

int32_t wait_counted(int by, uint32_t which, int options, uint64_t *cpu_ns) {
    struct rusage used = {0};
    siginfo_t info = {0};
    long waited;
    /* glibc's waitid() leaves the usage out. */
    do
        waited = syscall(SYS_waitid, by, which, &info, WEXITED | options, &used);
    while (waited != 0 && errno == EINTR);
    if (waited != 0) return -1;
    *cpu_ns += (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000u +
               (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000u;
    return info.si_pid;
}

static void reap(child *self, int options) {
    (void)wait_counted(P_PIDFD, (uint32_t)self->pidfd, options, &self->cpu_ns);
}

static int32_t explain(const settings *plan, const char *name, const launch *what, jf_fault *why) {
    const char *reason = strerror(what->error);
    switch (what->stage) {
    case STAGE_DIRECTORY:
        return fault(why, JF_E_GONE, JF_FAULT_NOT_STARTED,
                     "server %s: cannot enter its directory '%.120s': %s", name, plan->directory, reason);
    case STAGE_RUN:
        if (plan->search_path != NULL && what->error == ENOENT)
            return fault(why, JF_E_GONE, JF_FAULT_NOT_STARTED,
                         "server %s: cannot run '%.60s': %s; PATH is %s", name, plan->command, reason,
                         plan->search_path);
        return fault(why, JF_E_GONE, JF_FAULT_NOT_STARTED, "server %s: cannot run '%.140s': %s", name,
                     plan->command, reason);
    case STAGE_BOUNDS:
        return fault(why, JF_E_GONE, JF_FAULT_NOT_STARTED,
                     "server %s: cannot put its process under its limits: %s", name, reason);
    default:
        return fault(why, JF_E_GONE, JF_FAULT_NOT_STARTED, "server %s: cannot prepare its process: %s", name,
                     reason);
    }
}

int32_t child_start(const settings *plan, const child_bounds *bounds, const char *name, child *out,
                    jf_fault *why) {
    launch made = {.settings = plan, .bounds = bounds, .in = -1, .out = -1, .err = -1, .parent = getpid()};
    int error = 0;
    *out = (child){.pidfd = -1, .in = -1, .out = -1, .err = -1};
    if (!make_streams(plan, out, &made)) error = errno;
    if (error == 0) error = clone_child(&made, out);
    close_fd(&made.in);
    close_fd(&made.out);
    close_fd(&made.err);
    if (error == 0 && made.stage == STAGE_NONE) return JF_OK;
    /* It gave our memory back before it ended; the rest of its end takes microseconds. */
    if (error == 0) reap(out, 0);
    child_release(out);
    if (error == 0) return explain(plan, name, &made, why);
    return fault(why, JF_E_GONE, JF_FAULT_NOT_STARTED, "server %s: cannot create a process: %s", name,
                 strerror(error));
}

bool child_ended(const child *self, child_end *end) {
    siginfo_t info = {0};
    *end = (child_end){0};
    if (self->pidfd < 0) return true;
    if (waitid((idtype_t)P_PIDFD, (id_t)self->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return errno == ECHILD;
    if (info.si_pid == 0) return false;
    *end = (child_end){true, info.si_code != CLD_EXITED, info.si_status};
    return true;
}

void child_release(child *self) {
    if (self->pidfd >= 0) reap(self, WNOHANG);
    close_fd(&self->pidfd);
    close_fd(&self->in);
    close_fd(&self->out);
    close_fd(&self->err);
    self->pid = 0;
}

void child_widen(const child *self, uint32_t bytes) {
    /* Refused beyond /proc/sys/fs/pipe-max-size or the user's share of pipe memory: then they stay as they
     * are. */
    if (self->in >= 0) (void)fcntl(self->in, F_SETPIPE_SZ, (int)bytes);
    if (self->out >= 0) (void)fcntl(self->out, F_SETPIPE_SZ, (int)bytes);
}

void child_end_text(const child_end *end, char *text, size_t size) {
    if (!end->known)
        snprintf(text, size, "ended (its exit status is unknown)");
    else if (end->signal)
        snprintf(text, size, "was ended by signal %d (%s)", end->code, strsignal(end->code));
    else
        snprintf(text, size, "exited with code %d", end->code);
}
