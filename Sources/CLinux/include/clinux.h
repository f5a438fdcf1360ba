/* SPDX-License-Identifier: Apache-2.0
 * The few Linux calls that Swift cannot see, each with one line why; a module of its own, libc only. */
#ifndef JACKFIELD_CLINUX_H
#define JACKFIELD_CLINUX_H

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Functions below answer -1 and set errno on failure, as the calls they stand for do. */

/* ---- errno ------------------------------------------------------------------------------------------- */

/** errno is a macro over a thread-local; inlined here it costs one load and cannot be clobbered between. */
static inline int jf_errno(void) {
    return errno;
}
static inline void jf_set_errno(int value) {
    errno = value;
}

/* ---- event loop -------------------------------------------------------------------------------------- */

/** The EPOLL* names are an enum that Swift imports as a struct, and EPOLLET does not fit its Int32. */
static const uint32_t JF_EPOLL_IN = EPOLLIN;
static const uint32_t JF_EPOLL_OUT = EPOLLOUT;
static const uint32_t JF_EPOLL_RDHUP = EPOLLRDHUP;
static const uint32_t JF_EPOLL_PRI = EPOLLPRI;
static const uint32_t JF_EPOLL_ERR = EPOLLERR;
static const uint32_t JF_EPOLL_HUP = EPOLLHUP;
static const uint32_t JF_EPOLL_ET = EPOLLET;
static const uint32_t JF_EPOLL_ONESHOT = EPOLLONESHOT;
static const uint32_t JF_EPOLL_EXCLUSIVE = EPOLLEXCLUSIVE;

/** An epoll, close-on-exec: the flag is imported as Int, the parameter as Int32. */
static inline int jf_epoll(void) {
    return epoll_create1(EPOLL_CLOEXEC);
}
/** epoll_event is packed with a union inside: built and read here, Swift sees two integers. `op` is
 * EPOLL_CTL_*. */
static inline int jf_epoll_control(int epoll, int op, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(epoll, op, fd, &event);
}
static inline uint32_t jf_epoll_events(const struct epoll_event *event) {
    return event->events;
}
static inline uint64_t jf_epoll_data(const struct epoll_event *event) {
    return event->data.u64;
}

/** epoll_wait with a timeout in nanoseconds (below 0: none); GNU-only, and a timespec by pointer. Falls back
 * to epoll_wait (whole milliseconds, rounded up) where the kernel has no epoll_pwait2 (before 5.11). */
int jf_epoll_wait_ns(int epoll, struct epoll_event *events, int capacity, int64_t timeout_ns);

/** The flag constants are anonymous enums of another type than the argument. */
static inline int jf_eventfd(void) {
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}
/** A signalfd for the set, close-on-exec and non-blocking; same reason. */
static inline int jf_signalfd(const sigset_t *set) {
    return signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
}
/** A timerfd on the monotonic clock, close-on-exec and non-blocking; same reason. */
static inline int jf_timerfd(void) {
    return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
}

/** Nanoseconds of CLOCK_MONOTONIC: one call to inline instead of a struct in Swift. */
static inline uint64_t jf_monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
/** Nanoseconds since 1970, for records that people read. */
static inline uint64_t jf_realtime_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- descriptors ------------------------------------------------------------------------------------- */

/** GNU-only. `flags`: SOCK_CLOEXEC | SOCK_NONBLOCK, see the constants below. */
int jf_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
/** struct ucred is GNU-only: the user at the other end of a Unix socket. */
int jf_peer_user(int fd, uid_t *user);
/** Its groups, its own first and then the supplementary ones; how many, or -1. */
int jf_peer_groups(int fd, gid_t *groups, int most);
/** GNU-only. `flags`: O_CLOEXEC | O_NONBLOCK. */
int jf_pipe2(int fds[2], int flags);
/** GNU-only; marks or closes every descriptor of a range. */
int jf_close_range(unsigned first, unsigned last, unsigned flags);
static const unsigned JF_CLOSE_RANGE_CLOEXEC = 4u;
/** GNU-only: anonymous memory with a descriptor, sealable, close-on-exec. */
int jf_memfd(const char *name);
/** fcntl is variadic and the F_SEAL names are GNU-only: no more growth, shrinking or writing. */
int jf_memfd_seal(int fd);
/** fcntl is variadic: sets or clears O_NONBLOCK. */
int jf_set_nonblocking(int fd, int on);
/** fcntl is variadic: a close-on-exec duplicate at or above `lowest`. */
int jf_duplicate(int fd, int lowest);
/** SOCK_* is an enum in glibc, which Swift cannot combine. */
static const int JF_SOCK_STREAM = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
static const int JF_SOCK_SEQPACKET = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
static const int JF_SOCK_ACCEPTED = SOCK_CLOEXEC | SOCK_NONBLOCK;

/* ---- processes and threads --------------------------------------------------------------------------- */

/** System call without a libc wrapper in every glibc we support. */
int jf_pidfd_open(pid_t pid);
/** As above: no race with a recycled process id. */
int jf_pidfd_send_signal(int pidfd, int signal);

/** How a child ended. */
typedef struct jf_exit {
    pid_t pid;      /**< 0: it still runs */
    int status;     /**< exit status */
    int signal;     /**< the signal that ended it, 0 when it exited */
    int has_dumped; /**< a core was written */
} jf_exit;
/** waitid(P_PIDFD) with siginfo's union unpacked; P_PIDFD is missing from older headers. `blocking` 0: look
 * only. */
int jf_pidfd_wait(int pidfd, int blocking, jf_exit *result);

/** prctl is variadic: the wish to be killed with the parent *thread*; 0 clears it. */
int jf_set_parent_death_signal(int signal);
/** prctl is variadic: exec can no longer raise privileges. */
int jf_set_no_new_privileges(void);
/** prctl is variadic: 0 keeps core dumps and ptrace by equals away (core_pattern pipes ignore RLIMIT_CORE).
 */
int jf_set_dumpable(int on);
/** prctl is variadic: orphans of our children become our own. */
int jf_set_child_subreaper(int on);
/** RLIMIT_* is an enum that Swift imports as a struct; sets soft and hard limit alike. */
int jf_set_limit(int resource, uint64_t value);
/** Reads a limit; both -1 where `resource` is unknown. */
void jf_get_limit(int resource, uint64_t *soft, uint64_t *hard);
/** Sets a soft limit below the unchanged hard one. */
int jf_set_soft_limit(int resource, uint64_t value);
static const int JF_LIMIT_CPU = RLIMIT_CPU;
static const int JF_LIMIT_CORE = RLIMIT_CORE;
static const int JF_LIMIT_FILES = RLIMIT_NOFILE;
static const int JF_LIMIT_FILE_SIZE = RLIMIT_FSIZE;
static const int JF_LIMIT_ADDRESS_SPACE = RLIMIT_AS;
static const int JF_LIMIT_COUNT = 16;

/** No wrapper in glibc before 2.30, GNU-only after. */
pid_t jf_gettid(void);
/** GNU-only. At most 15 bytes are kept. */
int jf_thread_set_name(const char *name);
/** CPU_COUNT and its set sizes are macros: the processors this process may run on, at least 1. */
int jf_cpu_count(void);
/** The CPU_* macros again: pins the calling thread to the n-th processor of its own set. */
int jf_thread_pin(int index);
/** AT_SECURE: started set-user-ID or with file capabilities, so the environment is not to be trusted. */
static inline int jf_is_privileged(void) {
    return getauxval(AT_SECURE) != 0;
}
/** `environ` is a mutable global, which Swift 6 refuses to read. */
char **jf_environment(void);
/** Compiler macro: built with AddressSanitizer or ThreadSanitizer, whose shadow needs terabytes of address
 * space. */
int jf_is_sanitized(void);

/** Takes whole blocks of 64 bytes into a SHA-256 state by the processor's own instructions for it, which have
 * no name in Swift. 0: it has none, nothing was done. */
int jf_sha256_blocks(uint32_t state[8], const uint32_t constants[64], const void *bytes, uint64_t blocks);

/* ---- process-wide state that a library can change behind our back ------------------------------------ */

/** All signal dispositions and the calling thread's mask; struct sigaction holds a union and a macro. */
typedef struct jf_signals jf_signals;
/** Takes them down; NULL without memory. Free with jf_signals_free. */
jf_signals *jf_signals_save(void);
void jf_signals_free(jf_signals *saved);
/** Bit n-1 is set when the disposition of signal n is not what was saved. */
uint64_t jf_signals_changed(const jf_signals *saved);
/** Bit n-1 is set when signal n's bit in the calling thread's mask is not what was saved. */
uint64_t jf_signals_mask_changed(const jf_signals *saved);
/** Puts back what differs. */
int jf_signals_restore(const jf_signals *saved);
/** GNU-only: "PIPE" for 13; NULL for signals without a name. */
const char *jf_signal_name(int signal);

/** Control bits of the floating-point unit (rounding, traps, flush to zero), opaque; needs registers. */
uint64_t jf_float_mode(void);
void jf_set_float_mode(uint64_t mode);

#endif
