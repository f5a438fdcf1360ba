/* SPDX-License-Identifier: Apache-2.0
 * Process-wide state before and after: signals, umask, locale, directory, environment, descriptors, threads.
 */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define DESCRIPTORS 1024
#define LIMITS 16

extern char **environ;

struct check_snapshot {
    struct sigaction actions[65];
    sigset_t mask;
    unsigned umask, threads, children;
    char *locale, *directory, *environment;
    char *descriptors[DESCRIPTORS]; /**< what each refers to; NULL: closed */
    struct rlimit limits[LIMITS];
    struct itimerval timer;
    fenv_t floats;
    int rounding;
};

uint64_t check_clock(void) {
    return mock_clock();
}

void check_pause(uint32_t ms) {
    poll(NULL, 0, (int)ms);
}

/* malloc counts the free blocks of a thread's cache as given out. A full cache is always the same number of
 * them: each class of small sizes is filled. */
static void fill_cache(void) {
    enum { CLASSES = 64, MOST = 16, STEP = 16 };
    static void *blocks[CLASSES][MOST];
    for (size_t i = 0; i < CLASSES; i++) {
        for (size_t n = 0; n < MOST; n++)
            blocks[i][n] = malloc(STEP + STEP * i);
    }
    for (size_t i = 0; i < CLASSES; i++) {
        for (size_t n = 0; n < MOST; n++)
            free(blocks[i][n]);
    }
}

uint64_t check_heap(void) {
    fill_cache();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* A number of /proc/self/status. */
static unsigned status_number(const char *key, int base) {
    char line[256];
    unsigned number = 0;
    FILE *file = fopen("/proc/self/status", "re");
    if (file == NULL) return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) number = (unsigned)strtoul(line + strlen(key), NULL, base);
    }
    fclose(file);
    return number;
}

/* Children of this process that live or wait to be collected. */
static unsigned count_children(void) {
    char path[64], text[4096];
    unsigned count = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    if (file == NULL) return 0;
    while (fscanf(file, "%4095s", text) == 1)
        count++;
    fclose(file);
    return count;
}

static char *join_environment(void) {
    size_t size = 1, at = 0;
    for (char **next = environ; next != NULL && *next != NULL; next++)
        size += strlen(*next) + 1;
    char *text = mock_allocate(size);
    for (char **next = environ; next != NULL && *next != NULL; next++)
        at += (size_t)snprintf(text + at, size - at, "%s\n", *next);
    return text;
}

static void list_descriptors(char **descriptors) {
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) return;
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char target[256];
        int number = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || number == dirfd(directory) || number >= DESCRIPTORS) continue;
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
        target[length > 0 ? length : 0] = 0;
        descriptors[number] = strdup(target);
    }
    closedir(directory);
}

check_snapshot *check_snapshot_take(void) {
    check_snapshot *it = mock_allocate(sizeof *it);
    for (int i = 1; i < 65; i++)
        sigaction(i, NULL, &it->actions[i]);
    pthread_sigmask(SIG_SETMASK, NULL, &it->mask);
    it->umask = status_number("Umask:", 8);
    it->threads = status_number("Threads:", 10);
    it->children = count_children();
    it->locale = strdup(setlocale(LC_ALL, NULL));
    it->directory = getcwd(NULL, 0);
    it->environment = join_environment();
    for (int i = 0; i < LIMITS; i++)
        getrlimit((__rlimit_resource_t)i, &it->limits[i]);
    getitimer(ITIMER_REAL, &it->timer);
    fegetenv(&it->floats);
    it->rounding = fegetround();
    list_descriptors(it->descriptors);
    return it;
}

static void free_snapshot(check_snapshot *it) {
    for (int i = 0; i < DESCRIPTORS; i++)
        free(it->descriptors[i]);
    free(it->locale);
    free(it->directory);
    free(it->environment);
    free(it);
}

static bool float_modes_differ(const check_snapshot *a, const check_snapshot *b) {
#if defined(__x86_64__)
    const unsigned control = 0xffc0u; /* masks, rounding, flush to zero; not the flags of past operations */
    if ((a->floats.__mxcsr & control) != (b->floats.__mxcsr & control)) return true;
#endif
    return a->rounding != b->rounding;
}

static void compare_signals(check *c, const check_snapshot *a, const check_snapshot *b, const char *what) {
    for (int i = 1; i < 65; i++) {
        const struct sigaction *x = &a->actions[i], *y = &b->actions[i];
        const char *name = sigabbrev_np(i);
        if (x->sa_handler != y->sa_handler)
            check_fail(c, "Leave signals to the host: use MSG_NOSIGNAL, and pidfds or jf.loop/1.",
                       "%s changed the handling of SIG%s", what, name != NULL ? name : "?");
        if (sigismember(&a->mask, i) != sigismember(&b->mask, i))
            check_fail(c, "Block signals in threads of your own only.",
                       "%s changed whether the host's thread blocks SIG%s", what, name != NULL ? name : "?");
    }
}

static void compare_descriptors(check *c, const check_snapshot *a, const check_snapshot *b,
                                const char *what) {
    for (int i = 0; i < DESCRIPTORS; i++) {
        const char *x = a->descriptors[i], *y = b->descriptors[i];
        if (x == NULL && y != NULL)
            check_fail(c, "Close in `destroy` what the instance opened.", "%s left descriptor %d open (%s)",
                       what, i, y);
        else if (x != NULL && y == NULL)
            check_fail(c, "Close only what the plugin opened itself.",
                       "%s closed descriptor %d, which is not its own", what, i);
        else if (x != NULL && y != NULL && strcmp(x, y) != 0)
            check_fail(c, "Close only what the plugin opened itself.",
                       "%s replaced descriptor %d, which is not its own", what, i);
    }
}

void check_snapshot_compare(check *c, check_snapshot *a, const char *what) {
    check_snapshot *b = check_snapshot_take();
    /* A joined thread needs a moment to leave /proc. */
    for (int i = 0; i < 50 && b->threads > a->threads; i++) {
        free_snapshot(b);
        check_pause(4);
        b = check_snapshot_take();
    }
    compare_signals(c, a, b, what);
    compare_descriptors(c, a, b, what);
    if (b->threads > a->threads)
        check_fail(c, "Join every thread before `destroy` returns.", "%s left %u thread%s running", what,
                   b->threads - a->threads, b->threads - a->threads == 1 ? "" : "s");
    if (b->children > a->children)
        check_fail(c, "End and collect every child process before `destroy` returns.",
                   "%s left %u child process%s behind", what, b->children - a->children,
                   b->children - a->children == 1 ? "" : "es");
    if (a->umask != b->umask)
        check_fail(c, "Give modes to open and mkdir instead.", "%s changed the umask from %03o to %03o", what,
                   a->umask, b->umask);
    if (strcmp(a->locale, b->locale) != 0)
        check_fail(c, "Use newlocale and uselocale in a thread of your own, or none.",
                   "%s changed the locale from %s to %s", what, a->locale, b->locale);
    if (a->directory != NULL && (b->directory == NULL || strcmp(a->directory, b->directory) != 0))
        check_fail(c, "Use absolute paths or openat.", "%s changed the working directory", what);
    if (strcmp(a->environment, b->environment) != 0)
        check_fail(c, "Other threads read the environment: do not call setenv or putenv.",
                   "%s changed the environment", what);
    for (int i = 0; i < LIMITS; i++) {
        if (a->limits[i].rlim_cur != b->limits[i].rlim_cur || a->limits[i].rlim_max != b->limits[i].rlim_max)
            check_fail(c, "Limits are the operator's: leave them.", "%s changed resource limit number %d",
                       what, i);
    }
    if (a->timer.it_value.tv_sec == 0 && a->timer.it_value.tv_usec == 0 &&
        (b->timer.it_value.tv_sec != 0 || b->timer.it_value.tv_usec != 0))
        check_fail(c, "Use jf.loop/1 timers.", "%s left an alarm of the process set", what);
    if (float_modes_differ(a, b))
        check_fail(c, "Compile and link without -ffast-math.", "%s changed the floating-point mode", what);
    free_snapshot(a);
    free_snapshot(b);
}
