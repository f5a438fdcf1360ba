/* SPDX-License-Identifier: Apache-2.0
 * Starts one child process with pipes for its three streams, and learns how it ended. */
#ifndef STDIO_CHILD_H
#define STDIO_CHILD_H

#include "cgroup.h"

#include <sys/resource.h>

/** A running child, or one that ended and is not reaped. Descriptors are ours: non-blocking, close-on-exec,
 * -1 when closed. The process leads a process group of its own (so its pid is the group's id until it is
 * reaped). */
typedef struct child {
    int32_t pid;     /**< 0: none */
    uint64_t cpu_ns; /**< once it is reaped: what it used, with the descendants that it had waited for */
    int pidfd;
    int in;  /**< we write: its standard input */
    int out; /**< we read: its standard output */
    int err; /**< we read: its standard error; -1 unless STDERR_LOG */
} child;

/** How a child ended. */
typedef struct child_end {
    bool known;  /**< false: somebody else reaped it */
    bool signal; /**< true: `code` is a signal, else an exit code */
    int32_t code;
} child_end;

/** What a child gets besides its program. */
typedef struct child_bounds {
    int group; /**< directory of its control group; -1: none. Stays the caller's */
    uint32_t count;
    struct {
        int resource;
        struct rlimit limit;
    } limits[6];
} child_bounds;

/** Starts the program of `plan`. On error `why` says what could not be done, with the system's text, and
 * nothing is left behind. Takes about as long as vfork and exec; the calling thread must live as long as the
 * child should (PR_SET_PDEATHSIG). [lane] */
int32_t child_start(const settings *plan, const child_bounds *bounds, const char *name, child *out,
                    jf_fault *why);
/** Turns limits that no control group keeps into resource limits (getrlimit(2)): `group` may be NULL. Memory
 * becomes RLIMIT_DATA of each process, processes RLIMIT_NPROC, which counts all of the user's. */
void child_bounds_read(const limits *wanted, const cgroup *group, child_bounds *out);
/** True when it has ended; it stays unreaped, so that its pid and group id stay its own. */
bool child_ended(const child *self, child_end *end);
/** Reaps it when it has ended, and closes every descriptor. */
void child_release(child *self);
/** Enlarges the pipes of its input and output to `bytes` where the system permits it (F_SETPIPE_SZ, pipe(7)).
 */
void child_widen(const child *self, uint32_t bytes);
/** waitid(2) with WEXITED, which adds up what the process used, and those that it had waited for, in
 * nanoseconds of processor time. The pid of who was reaped; 0: nobody has ended; -1 with errno. */
int32_t wait_counted(int by, uint32_t which, int options, uint64_t *cpu_ns);
/** Closes a descriptor and forgets it. */
void close_fd(int *fd);
/** Writes "exited with code 1" or "was ended by signal 9 (Killed)" into `text`. */
void child_end_text(const child_end *end, char *text, size_t size);

#endif
