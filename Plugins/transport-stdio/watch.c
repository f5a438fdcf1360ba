/* SPDX-License-Identifier: Apache-2.0
 * The watcher: a fork of the gateway that gives its memory back, waits on a pidfd of the gateway, and kills
 * by control group, process group, noted pid and environment marker. After the fork only system calls are
 * made and nothing is allocated: other threads of the gateway may have held any lock.
 */
#define _GNU_SOURCE
#include "watch.h"
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/** Rounds of killing, and the pause between them: two seconds at most. */
#define ROUNDS 200
#define ROUND_NS 10000000
/** Rounds in a row that find nobody. */
#define QUIET_ROUNDS 3
/** Only mappings of at least this size are given back: smaller ones may be a library's variables. */
#define WORTH_DROPPING (1ull << 20)

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ADDRESS_SANITIZER 1
#endif
#endif

/** Used after the fork only. */
static char buffer[128 * 1024];

/** A directory entry as getdents64(2) gives it. */
typedef struct entry {
    uint64_t number, offset;
    uint16_t length;
    uint8_t type;
    char name[];
} entry;

static ssize_t read_whole(const char *path, char *text, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got = 0;
    if (fd < 0) return -1;
    while (used < size - 1 && (got = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    close(fd);
    text[used] = 0;
    return (ssize_t)used;
}

/** Writes "/proc/NUMBER/file"; snprintf may take locks. */
static void proc_path(char *out, const char *number, const char *file) {
    char *at = stpcpy(out, "/proc/");
    at = stpcpy(at, number);
    *at++ = '/';
    stpcpy(at, file);
}

static void number_text(int32_t number, char *out) {
    char digits[12];
    int count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0)
        *out++ = digits[--count];
    *out = 0;
}

/** Gives the gateway's memory back, so that the kernel need not copy what the gateway writes from now on. */
static void drop_memory(void) {
#if !defined(WITH_ADDRESS_SANITIZER)
    uintptr_t stack = (uintptr_t)&stack, thread = (uintptr_t)&errno;
    ssize_t length = read_whole("/proc/self/maps", buffer, sizeof buffer);
    for (char *line = buffer; length > 0 && line != NULL && *line != 0;) {
        char *at = line, *next = strchr(line, '\n');
        uintptr_t low = strtoull(at, &at, 16), high = *at == '-' ? strtoull(at + 1, &at, 16) : 0;
        const char *end = next != NULL ? next : at;
        bool anonymous = strncmp(at, " rw-p ", 6) == 0 &&
                         (end[-1] == ' ' || memmem(at, (size_t)(end - at), "[heap]", 6) != NULL ||
                          memmem(at, (size_t)(end - at), "[anon:", 6) != NULL);
        anonymous = anonymous && memmem(at, (size_t)(end - at), "[stack]", 7) == NULL;
        if (anonymous && high - low >= WORTH_DROPPING && !(stack >= low && stack < high) &&
            !(thread >= low && thread < high))
            madvise((void *)low, high - low, MADV_DONTNEED);
        line = next != NULL ? next + 1 : NULL;
    }
#endif
}

/** Shows itself as what it is: the command line is that of the gateway else. */
static void rename_self(void) {
    static const char title[] = "jackfield-watch";
    ssize_t length = read_whole("/proc/self/stat", buffer, sizeof buffer);
    char *at = length > 0 ? strrchr(buffer, ')') : NULL;
    unsigned long long begin = 0, end = 0;
    prctl(PR_SET_NAME, title, 0, 0, 0);
    if (at == NULL) return;
    at += 3;
    /* Fields 48 and 49 of proc(5): where the command line is. */
    for (int field = 4; field <= 49; field++) {
        unsigned long long value = strtoull(at, &at, 10);
        if (field == 48) begin = value;
        if (field == 49) end = value;
        if (*at == '-') at++;
    }
    if (end <= begin || end - begin < sizeof title || end - begin > 1 << 20) return;
    memset((void *)(uintptr_t)begin, 0, end - begin);
    memcpy((void *)(uintptr_t)begin, title, sizeof title);
}

/** Start time of a process, 0: it is gone or a zombie. */
static uint64_t born(const char *number) {
    char path[64], *at;
    proc_path(path, number, "stat");
    if (read_whole(path, buffer, sizeof buffer) <= 0 || (at = strrchr(buffer, ')')) == NULL) return 0;
    at += 2;
    if (*at == 'Z' || *at == 'X' || *at == 0) return 0;
    at++;
    for (int field = 4; field < 22; field++)
        (void)strtoll(at, &at, 10);
    return strtoull(at, NULL, 10);
}

static bool marked(const char *number, const char *marker) {
    char path[64];
    size_t length = strlen(marker);
    ssize_t size;
    proc_path(path, number, "environ");
    size = read_whole(path, buffer, sizeof buffer);
    for (char *at = buffer; size > 0 && at < buffer + size; at += strlen(at) + 1)
        if (strncmp(at, marker, length) == 0) return true;
    return false;
}

/** Kills all whose environment has the marker. True: there was one. */
static bool kill_marked(const char *marker) {
    static char list[32 * 1024];
    bool some = false;
    long got;
    int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    while ((got = syscall(SYS_getdents64, fd, list, sizeof list)) > 0)
        for (long at = 0; at < got;) {
            entry each;
            const char *name = list + at + offsetof(entry, name);
            memcpy(&each, list + at, offsetof(entry, name));
            at += each.length;
            if (name[0] < '1' || name[0] > '9' || !marked(name, marker)) continue;
            if (kill((pid_t)strtol(name, NULL, 10), SIGKILL) == 0) some = true;
        }
    close(fd);
    return some;
}

static bool kill_known(const watch_table *table) {
    bool some = false;
    for (uint32_t at = 0; at < table->count && at < WATCH_LIMIT; at++) {
        char number[12];
        int32_t pid = table->known[at].pid;
        number_text(pid, number);
        /* The number of a group with members is not given out again, even when its leader is gone. */
        if (table->known[at].leads && kill(-pid, SIGKILL) == 0) some = true;
        if (table->known[at].born != 0 && born(number) == table->known[at].born && kill(pid, SIGKILL) == 0)
            some = true;
    }
    return some;
}

static void cgroup_path(const watch_table *table, char *out, const char *file) {
    stpcpy(stpcpy(stpcpy(out, table->cgroup), "/"), file);
}

static void kill_group(const watch_table *table) {
    char path[512];
    int fd;
    if (table->cgroup[0] == 0) return;
    cgroup_path(table, path, "cgroup.kill");
    if ((fd = open(path, O_WRONLY | O_CLOEXEC)) < 0) return;
    if (write(fd, "1", 1) < 0) { /* nothing more can be done with it */
    }
    close(fd);
}

static void remove_groups(const watch_table *table) {
    long got;
    int fd = table->cgroup[0] != 0 ? open(table->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    while ((got = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
        for (long at = 0; at < got;) {
            entry each;
            const char *name = buffer + at + offsetof(entry, name);
            memcpy(&each, buffer + at, offsetof(entry, name));
            at += each.length;
            if (strncmp(name, "server-", 7) == 0) unlinkat(fd, name, AT_REMOVEDIR);
        }
    close(fd);
    rmdir(table->cgroup);
}

static _Noreturn void watch(const watch_table *table, int gateway) {
    struct pollfd wait = {.fd = gateway, .events = POLLIN};
    struct timespec nap = {.tv_nsec = ROUND_NS};
    sigset_t all;
    int quiet = 0, null;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setsid();
    if (chdir("/") != 0) { /* it only keeps a file system busy */
    }
    if ((null = open("/dev/null", O_RDWR)) >= 0)
        for (int number = 0; number < 3; number++)
            dup2(null, number);
    if (gateway > 3) syscall(SYS_close_range, 3u, (unsigned)gateway - 1, 0u);
    syscall(SYS_close_range, (unsigned)gateway + 1, ~0u, 0u);
    rename_self();
    drop_memory();
    while (poll(&wait, 1, -1) < 0 && errno == EINTR)
        ;
    for (int round = 0; round < ROUNDS && quiet < QUIET_ROUNDS; round++) {
        bool some = kill_known(table);
        kill_group(table);
        some = kill_marked(table->marker) || some;
        quiet = some ? 0 : quiet + 1;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
    }
    remove_groups(table);
    _exit(0);
}

/** It ended although nobody asked it to: another takes its place. */
static void on_end(void *user, uint32_t events) {
    jf_self *self = user;
    (void)events;
    say(self, JF_LOG_WARNING, NULL, self->watcher.pid,
        "the process that ends servers when the gateway is killed was ended itself; another one is started");
    watcher_stop(self);
    (void)watcher_start(self);
}

bool watcher_start(jf_self *self) {
    watcher *own = &self->watcher;
    int gateway;
    pid_t pid;
    if (own->pid != 0) return true;
    if (own->table == NULL) {
        void *memory =
            mmap(NULL, sizeof *own->table, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) return false;
        own->table = memory;
        snprintf(own->table->marker, sizeof own->table->marker, "%s", self->marker);
    }
    gateway = (int)syscall(SYS_pidfd_open, getpid(), 0);
    pid = gateway >= 0 ? (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) : -1;
    if (pid == 0) watch(own->table, gateway);
    if (pid > 0) {
        own->pid = pid;
        own->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (own->pidfd < 0 ||
            self->loop.watch(self->loop.context, own->pidfd, JF_READABLE, on_end, self, &own->watch) < JF_OK)
            own->watch = 0;
    } else
        say(self, JF_LOG_WARNING, NULL, 0,
            "cannot start the process that ends servers when the gateway is killed: %s", strerror(errno));
    if (gateway >= 0) close(gateway);
    return pid > 0;
}

void watcher_note(jf_self *self) {
    watch_table *table = self->watcher.table;
    uint32_t used = 0;
    if (table == NULL) return;
    snprintf(table->cgroup, sizeof table->cgroup, "%s", self->groups->root);
    for (uint32_t at = 0; at < self->slot_count; at++) {
        const channel *each = self->slots[at];
        if (each == NULL || each->child.pid == 0) continue;
        for (uint32_t place = 0; place <= each->tree.count && used < WATCH_LIMIT; place++, used++) {
            bool root = place == each->tree.count;
            table->known[used].pid = root ? each->child.pid : each->tree.members[place].pid;
            table->known[used].leads = root;
            table->known[used].born = root ? 0 : each->tree.members[place].born;
        }
    }
    table->count = used;
}

void watcher_stop(jf_self *self) {
    watcher *own = &self->watcher;
    end_watch(self, &own->watch);
    if (own->pid != 0) {
        kill(own->pid, SIGKILL);
        while (waitpid(own->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (own->pidfd > 0) close(own->pidfd);
    if (own->table != NULL) munmap(own->table, sizeof *own->table);
    *own = (watcher){0};
}
