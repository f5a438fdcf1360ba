/* SPDX-License-Identifier: Apache-2.0
 * Cases: what a plugin must not do to the process that it lives in. */
#include "check.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Stands for whatever the host does with a signal. */
static void host_handler(int number) {
    (void)number;
}

static void loading(check *c) {
    const int often[] = {SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof often / sizeof often[0]; i++)
        signal(often[i], host_handler);
    check_snapshot *before = check_snapshot_take();
    if (check_entry(c) == NULL) return;
    check_snapshot_compare(c, before, "loading it (a constructor)");
}

/* A life with some use; what loading did is compared elsewhere. */
static void life(check *c) {
    if (check_entry(c) == NULL) return;
    /* Once before, since runtimes and libraries keep what they open on first use. */
    check_host *h = check_up(c);
    if (h == NULL) return;
    check_exercise(h, 2);
    check_host_free(h);
    if (check_failed(c)) return;
    check_snapshot *before = check_snapshot_take();
    h = check_up(c);
    if (h == NULL) return;
    check_exercise(h, 2);
    check_host_free(h);
    check_snapshot_compare(c, before, "its life");
}

/* The same for the first life, but for descriptors and threads that may belong to a library's cache. */
static void first_life(check *c) {
    if (check_entry(c) == NULL) return;
    check_snapshot *before = check_snapshot_take();
    check_host *h = check_up(c);
    if (h == NULL) return;
    check_exercise(h, 1);
    check_host_free(h);
    bool was_bad = check_failed(c);
    check_snapshot_compare(c, before, "its life");
    bool is_leak =
        strstr(c->result->reason, "descriptor") != NULL && strstr(c->result->reason, "left") != NULL;
    is_leak =
        is_leak || (strstr(c->result->reason, "thread") != NULL && strstr(c->result->reason, "left") != NULL);
    if (!was_bad && check_failed(c) && is_leak) c->result->outcome = CHECK_WARN;
}

static void standard_output(check *c) {
    if (check_entry(c) == NULL) return;
    fflush(stdout);
    int memory = memfd_create("stdout", MFD_CLOEXEC), kept = dup(1);
    if (memory < 0 || kept < 0 || dup2(memory, 1) < 0) return;
    check_host *h = check_up(c);
    if (h != NULL) {
        check_exercise(h, 1);
        check_host_free(h);
    }
    fflush(stdout);
    struct stat written = {0};
    fstat(memory, &written);
    dup2(kept, 1);
    close(kept);
    close(memory);
    if (written.st_size > 0)
        check_fail(c, "Use jf.log/1: standard output may carry the messages of a client.",
                   "it wrote %lld bytes to standard output", (long long)written.st_size);
}

static void exits(check *c) {
    check_host *h = check_up(c);
    if (h == NULL) return;
    check_exercise(h, 1);
    check_host_free(h);
    if (check_failed(c)) return;
    /* A child, so that this process can still tell how it went. */
    fflush(NULL);
    check_step("a handler of exit()");
    pid_t child = fork();
    if (child == 0) exit(0);
    int status = 0;
    for (int i = 0; i < 500 && waitpid(child, &status, WNOHANG) == 0; i++) {
        check_pause(10);
        if (i == 499) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
        }
    }
    if (WIFSIGNALED(status))
        check_fail(c, "Register no atexit handler and no destructor that needs other libraries.",
                   "the process %s when it exits with the plugin loaded",
                   WTERMSIG(status) == SIGKILL ? "hangs" : "crashes");
}

CHECK_GROUP(hygiene,
            {"hygiene.loading", "loading it changes no signals, locale, descriptors or threads", NULL,
             loading, false},
            {"hygiene.first-life", "its first life leaves the process as it was", NULL, first_life, false},
            {"hygiene.life", "a later life leaves no descriptor and no thread", NULL, life, false},
            {"hygiene.output", "it writes nothing to standard output", NULL, standard_output, false},
            {"hygiene.exit", "the process can exit with it loaded", NULL, exits, false}, );
