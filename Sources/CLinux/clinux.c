/* SPDX-License-Identifier: Apache-2.0
 * The parts of clinux.h that need _GNU_SOURCE, variadic calls or raw system calls. */
#define _GNU_SOURCE
#include "clinux.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

/* P_PIDFD of waitid(2), Linux 5.4. */
#define WAIT_ON_PIDFD 3

int jf_epoll_wait_ns(int epoll, struct epoll_event *events, int capacity, int64_t timeout_ns) {
    static _Atomic int missing;
    if (!missing) {
        struct timespec wait = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
        long count = syscall(SYS_epoll_pwait2, epoll, events, capacity, timeout_ns < 0 ? NULL : &wait, NULL,
                             (size_t)0);
        if (count >= 0 || errno != ENOSYS) return (int)count;
        missing = 1;
    }
    int64_t milliseconds = timeout_ns < 0 ? -1 : timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);
    return epoll_wait(epoll, events, capacity, milliseconds > INT_MAX ? INT_MAX : (int)milliseconds);
}

int jf_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    return accept4(fd, address, length, flags);
}

int jf_peer_user(int fd, uid_t *user) {
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -1;
    *user = peer.uid;
    return 0;
}

int jf_peer_groups(int fd, gid_t *groups, int most) {
    struct ucred peer;
    socklen_t size = sizeof(peer);
    if (most < 1 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -1;
    groups[0] = peer.gid;
    size = (socklen_t)((size_t)(most - 1) * sizeof(*groups));
    // Where the kernel does not know them, or there are more, its own group is all that counts.
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &size) != 0) return 1;
    return 1 + (int)(size / sizeof(*groups));
}

int jf_pipe2(int fds[2], int flags) {
    return pipe2(fds, flags);
}

int jf_close_range(unsigned first, unsigned last, unsigned flags) {
    return (int)syscall(SYS_close_range, first, last, flags);
}

int jf_memfd(const char *name) {
    return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

int jf_memfd_seal(int fd) {
    return fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_SEAL);
}

int jf_set_nonblocking(int fd, int on) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -1;
    return fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

int jf_duplicate(int fd, int lowest) {
    return fcntl(fd, F_DUPFD_CLOEXEC, lowest);
}

int jf_pidfd_open(pid_t pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0u);
}

int jf_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0u);
}

int jf_pidfd_wait(int pidfd, int blocking, jf_exit *result) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    memset(result, 0, sizeof *result);
    int answer;
    do {
        answer = waitid((idtype_t)WAIT_ON_PIDFD, (id_t)pidfd, &info, WEXITED | (blocking ? 0 : WNOHANG));
    } while (answer < 0 && errno == EINTR);
    if (answer < 0 || info.si_pid == 0) return answer;
    result->pid = info.si_pid;
    if (info.si_code == CLD_EXITED) {
        result->status = info.si_status;
    } else {
        result->signal = info.si_status;
        result->has_dumped = info.si_code == CLD_DUMPED;
    }
    return 0;
}

int jf_set_parent_death_signal(int signal) {
    return prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0, 0, 0);
}

int jf_set_no_new_privileges(void) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul);
}

int jf_set_dumpable(int on) {
    return prctl(PR_SET_DUMPABLE, on ? 1ul : 0ul, 0ul, 0ul, 0ul);
}

int jf_set_child_subreaper(int on) {
    return prctl(PR_SET_CHILD_SUBREAPER, on ? 1ul : 0ul, 0ul, 0ul, 0ul);
}

int jf_set_limit(int resource, uint64_t value) {
    struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
    return setrlimit((__rlimit_resource_t)resource, &limit);
}

void jf_get_limit(int resource, uint64_t *soft, uint64_t *hard) {
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0) {
        *soft = *hard = UINT64_MAX;
        return;
    }
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
}

int jf_set_soft_limit(int resource, uint64_t value) {
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0) return -1;
    limit.rlim_cur = value;
    return setrlimit((__rlimit_resource_t)resource, &limit);
}

pid_t jf_gettid(void) {
    return (pid_t)syscall(SYS_gettid);
}

int jf_thread_set_name(const char *name) {
    char kept[16];
    strncpy(kept, name, sizeof kept - 1);
    kept[sizeof kept - 1] = 0;
    int failure = pthread_setname_np(pthread_self(), kept);
    if (failure != 0) errno = failure;
    return failure == 0 ? 0 : -1;
}

/* The kernel's set may be larger than cpu_set_t's 1024 bits: grow until it fits. Free with CPU_FREE. */
static cpu_set_t *allowed_processors(size_t *bytes) {
    for (int bits = 1024; bits <= 1 << 16; bits *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)bits);
        if (set == NULL) return NULL;
        *bytes = CPU_ALLOC_SIZE((size_t)bits);
        CPU_ZERO_S(*bytes, set);
        if (sched_getaffinity(0, *bytes, set) == 0) return set;
        CPU_FREE(set);
        if (errno != EINVAL) return NULL;
    }
    return NULL;
}

int jf_cpu_count(void) {
    size_t bytes = 0;
    cpu_set_t *set = allowed_processors(&bytes);
    if (set == NULL) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        return online > 0 ? (int)online : 1;
    }
    int count = CPU_COUNT_S(bytes, set);
    CPU_FREE(set);
    return count > 0 ? count : 1;
}

int jf_thread_pin(int index) {
    size_t bytes = 0;
    cpu_set_t *set = allowed_processors(&bytes);
    if (set == NULL) return -1;
    int answer = -1;
    errno = EINVAL;
    for (size_t processor = 0; processor < bytes * 8; processor++) {
        if (!CPU_ISSET_S(processor, bytes, set)) continue;
        if (index-- > 0) continue;
        CPU_ZERO_S(bytes, set);
        CPU_SET_S(processor, bytes, set);
        answer = sched_setaffinity(0, bytes, set);
        break;
    }
    CPU_FREE(set);
    return answer;
}

char **jf_environment(void) {
    return environ;
}

int jf_is_sanitized(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 1;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return 1;
#else
    return 0;
#endif
#else
    return 0;
#endif
}
