/* SPDX-License-Identifier: Apache-2.0
 * Changes signals, umask, locale, directory, environment and floating point while it is loaded. */
#define _GNU_SOURCE
#include "fixture.h"

#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

FIXTURE_MANIFEST("side-effects");

static void on_signal(int number) {
    (void)number;
}

__attribute__((constructor)) static void on_load(void) {
    signal(SIGPIPE, on_signal);
    signal(SIGUSR2, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    sigprocmask(SIG_BLOCK, &set, NULL);
    umask(0);
    setlocale(LC_ALL, "C.UTF-8");
    if (chdir("/") != 0) abort();
    setenv("JACKFIELD_FIXTURE", "1", 1);
    fesetround(FE_DOWNWARD);
    struct rlimit limit;
    getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = limit.rlim_cur == 0 ? limit.rlim_max : 0;
    setrlimit(RLIMIT_CORE, &limit);
}
FIXTURE_ENTRY
