/* SPDX-License-Identifier: Apache-2.0
 * Functions that no declaration may name. */
#include "denied.h"

#include <string.h>

static const char *const denied[] = {
    /* programs and processes */
    "system", "popen", "pclose", "execl", "execle", "execlp", "execv", "execve", "execvp", "execvpe",
    "execveat", "fexecve", "posix_spawn", "posix_spawnp", "fork", "vfork", "_Fork", "clone", "clone3",
    "daemon", "kill", "killpg", "tgkill", "tkill", "raise", "wait", "wait3", "wait4", "waitpid", "waitid",
    "ptrace",
    /* the end of the process */
    "exit", "_exit", "_Exit", "quick_exit", "abort", "__assert_fail", "atexit", "on_exit", "at_quick_exit",
    "pthread_exit", "thrd_exit", "longjmp", "_longjmp", "siglongjmp", "setjmp", "_setjmp", "sigsetjmp",
    "__sigsetjmp", "setcontext", "swapcontext",
    /* code and memory */
    "dlopen", "dlmopen", "dlclose", "dlsym", "dlvsym", "mmap", "mmap64", "munmap", "mprotect",
    "pkey_mprotect", "mremap", "brk", "sbrk", "process_vm_readv", "process_vm_writev", "memfd_create",
    "syscall", "gets",
    /* who the process is and what it may do */
    "setuid", "setgid", "seteuid", "setegid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups",
    "initgroups", "setfsuid", "setfsgid", "setpgid", "setsid", "setns", "unshare", "chroot", "pivot_root",
    "capset", "prctl", "arch_prctl", "personality", "setrlimit", "setrlimit64", "prlimit", "prlimit64",
    "setpriority", "nice", "sethostname", "setdomainname", "mount", "umount", "umount2", "reboot", "swapon",
    "swapoff", "init_module", "delete_module", "acct", "settimeofday", "clock_settime", "stime", "adjtimex",
    /* state that the whole process shares */
    "signal", "sigaction", "sigprocmask", "pthread_sigmask", "sigsuspend", "sigaltstack", "alarm", "ualarm",
    "setitimer", "timer_create", "chdir", "fchdir", "umask", "setlocale", "putenv", "setenv", "unsetenv",
    "clearenv", "fesetenv", "feupdateenv", "fesetround", "close", "closefrom", "close_range", "dup2", "dup3",
    "fclose", "fcloseall", "pthread_create", "thrd_create", "pthread_kill", "pthread_cancel"};

#define DENIED (sizeof denied / sizeof *denied)

bool symbol_denied(const char *name) {
    for (size_t i = 0; i < DENIED; i++)
        if (strcmp(denied[i], name) == 0) return true;
    return false;
}

const char *denied_at(unsigned index) {
    return index < DENIED ? denied[index] : NULL;
}
