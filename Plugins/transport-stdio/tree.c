/* SPDX-License-Identifier: Apache-2.0
 * Process trees through /proc (proc(5): stat, task/TID/children, environ). */
#define _GNU_SOURCE
#include "tree.h"
#include "child.h"
#include "settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/** How much of an environment is searched for the marker. */
#define ENVIRONMENT_SEARCHED (128 * 1024)

/** What /proc/PID/stat says. */
typedef struct process {
    int32_t parent, group;
    uint64_t born, ticks, pages; /**< ticks: CPU time, ended children that were waited for included */
    uint32_t threads;
    char state;
} process;

/** Reads up to size - 1 bytes of a file and ends them with NUL. -1: no such file. */
static ssize_t read_file(const char *path, char *text, size_t size) {
    size_t used = 0;
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    while (used < size - 1 && (got = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    close(fd);
    text[used] = 0;
    return got < 0 && used == 0 ? -1 : (ssize_t)used;
}

static bool read_process(int32_t pid, process *out) {
    char path[48], text[1024], *at, *end;
    long long fields[22] = {0};
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (read_file(path, text, sizeof text) <= 0) return false;
    /* The program's name may hold anything; what follows its last ')' may not. */
    at = strrchr(text, ')');
    if (at == NULL || at[1] != ' ' || at[2] == 0) return false;
    out->state = at[2];
    at += 3;
    for (int field = 0; field < 21; field++, at = end) {
        fields[field] = strtoll(at, &end, 10);
        if (end == at) return false;
    }
    out->parent = (int32_t)fields[0];
    out->group = (int32_t)fields[1];
    out->born = (uint64_t)fields[18];
    out->ticks = (uint64_t)(fields[10] + fields[11] + fields[12] + fields[13]);
    out->pages = (uint64_t)fields[20];
    out->threads = (uint32_t)fields[16];
    return true;
}

/** Copies the marker out of a process's environment; "" when it has none (or is a zombie, or not ours to
 * read). False: there is no environment at all. */
static bool read_marker(const jf_self *self, int32_t pid, char *marker, size_t size) {
    static const char name[] = "\0" MARKER_NAME "=";
    char path[48], *text = allocate(self, ENVIRONMENT_SEARCHED), *hit;
    ssize_t length;
    marker[0] = 0;
    if (text == NULL) return false;
    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    length = read_file(path, text + 1, ENVIRONMENT_SEARCHED - 1);
    hit = length > 0 ? memmem(text, (size_t)length + 1, name, sizeof name - 1) : NULL;
    if (hit != NULL) snprintf(marker, size, "%s", hit + 1);
    release(self, text);
    return length > 0;
}

static bool is_member(const tree *self, int32_t pid) {
    for (uint32_t at = 0; at < self->count; at++)
        if (self->members[at].pid == pid) return true;
    return false;
}

static void add_member(tree *self, int32_t pid, uint64_t born) {
    if (self->count == self->capacity) {
        uint32_t capacity = self->capacity == 0 ? 16 : self->capacity * 2;
        member *members;
        if (capacity > TREE_LIMIT) return;
        members = allocate(self->self, capacity * sizeof *members);
        if (members == NULL) return;
        if (self->count > 0) memcpy(members, self->members, self->count * sizeof *members);
        release(self->self, self->members);
        self->members = members;
        self->capacity = capacity;
    }
    self->members[self->count++] = (member){pid, born};
}

/** Calls `take` for each number in the file /proc/PID/task/TID/children. */
static void each_child_of(int32_t pid, const char *thread, void (*take)(void *user, int32_t pid),
                          void *user) {
    char path[320], text[4096];
    int fd;
    size_t kept = 0;
    ssize_t got;
    snprintf(path, sizeof path, "/proc/%d/task/%s/children", pid, thread);
    if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) return;
    while ((got = read(fd, text + kept, sizeof text - 1 - kept)) > 0) {
        char *at = text, *end, *last;
        text[kept + (size_t)got] = 0;
        /* A number that the read cut in two waits for its rest; each whole one is followed by a space. */
        last = strrchr(text, ' ');
        while (last != NULL && at < last) {
            long number = strtol(at, &end, 10);
            if (end == at) break;
            take(user, (int32_t)number);
            at = end;
        }
        kept = last != NULL ? strlen(last + 1) : strlen(text);
        if (last != NULL) memmove(text, last + 1, kept);
        if (kept >= 32) break;
    }
    close(fd);
}

/** The same for all tasks of `pid`. */
static void each_child(int32_t pid, void (*take)(void *user, int32_t pid), void *user) {
    char path[320];
    DIR *tasks;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    if ((tasks = opendir(path)) == NULL) return;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;)
        if (task->d_name[0] != '.') each_child_of(pid, task->d_name, take, user);
    closedir(tasks);
}

void own_children(void (*take)(void *user, int32_t pid), void *user) {
    each_child((int32_t)getpid(), take, user);
}

static void take_descendant(void *user, int32_t pid) {
    tree *self = user;
    process found;
    if (pid == self->root || is_member(self, pid) || !read_process(pid, &found)) return;
    add_member(self, pid, found.born);
}

/** The part of a process's control group that names one of ours; zombies have it too, until they are reaped.
 */
static void read_place(int32_t pid, char *place, size_t size) {
    char path[48], text[2048], *line, *ours;
    place[0] = 0;
    snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
    if (read_file(path, text, sizeof text) <= 0) return;
    line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (line == NULL) return;
    line += *line == '\n';
    line[strcspn(line, "\n")] = 0;
    if ((ours = strstr(line, "/jackfield-")) != NULL) snprintf(place, size, "%s", ours);
}

/** True when a group's path ends with the place, or the place is below it. */
static bool in_group(const cgroup *group, const char *place) {
    const char *own = group != NULL ? strstr(group->path, "/jackfield-") : NULL;
    size_t length;
    if (own == NULL || place[0] == 0) return false;
    length = strlen(own);
    return strncmp(place, own, length) == 0 &&
           (place[length] == 0 || place[length] == '/' || place[length] == ' ');
}

bool orphan_read(const jf_self *self, int32_t pid, orphan *out) {
    process found;
    if (!read_process(pid, &found)) return false;
    out->pid = pid;
    out->group = found.group;
    out->born = found.born;
    out->unclear = !read_marker(self, pid, out->marker, sizeof out->marker) && found.state != 'Z';
    out->place[0] = 0;
    if (out->marker[0] == 0) read_place(pid, out->place, sizeof out->place);
    return true;
}

bool tree_adopt(tree *self, const orphan *found) {
    if (is_member(self, found->pid)) return true;
    if ((self->root == 0 || found->group != self->root) && strcmp(found->marker, self->marker) != 0 &&
        !in_group(self->group, found->place))
        return false;
    add_member(self, found->pid, found->born);
    return true;
}

static void take_orphan(void *user, int32_t pid) {
    tree *self = user;
    orphan found;
    if (is_member(self, pid) || tree_foreign_root(self->self, pid)) return;
    if (orphan_read(self->self, pid, &found) && !tree_adopt(self, &found)) self->unclear += found.unclear;
}

void tree_collect(tree *self) {
    self->unclear = 0;
    own_children(take_orphan, self);
    tree_descend(self);
}

void tree_descend(tree *self) {
    uint32_t next = 0;
    if (self->root != 0) each_child(self->root, take_descendant, self);
    while (next < self->count)
        each_child(self->members[next++].pid, take_descendant, self);
}

/** Signals through a pidfd, so that the process cannot be replaced between the check and the signal. */
static void signal_member(const member *target, int signal) {
    process found;
    int pidfd = (int)syscall(SYS_pidfd_open, target->pid, 0);
    if (pidfd < 0) return;
    if (read_process(target->pid, &found) && found.born == target->born)
        syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
    close(pidfd);
}

void tree_signal(tree *self, int signal) {
    if (self->root != 0) {
        /* Not reaped yet, so both numbers are still the child's own. */
        kill(self->root, signal);
        kill(-self->root, signal);
    }
    for (uint32_t at = 0; at < self->count; at++)
        signal_member(&self->members[at], signal);
    if (signal == SIGKILL && self->group != NULL) cgroup_kill(self->group);
}

/** True when the member is gone for good. */
static bool reap_member(const member *target, uint64_t *cpu_ns) {
    process found;
    int32_t reaped;
    if (!read_process(target->pid, &found) || found.born != target->born) return true;
    if (found.state != 'Z' || found.parent != getpid()) return false;
    reaped = wait_counted(P_PID, (uint32_t)target->pid, WNOHANG, cpu_ns);
    return reaped == target->pid || (reaped < 0 && errno == ECHILD);
}

void tree_reap(tree *self) {
    uint32_t kept = 0;
    for (uint32_t at = 0; at < self->count; at++)
        if (!reap_member(&self->members[at], &self->cpu_ns)) self->members[kept++] = self->members[at];
    self->count = kept;
}

bool tree_gone(tree *self) {
    tree_collect(self);
    tree_reap(self);
    if (self->count > 0) return false;
    /* Who has just gone may have left a child behind after the search. */
    tree_collect(self);
    return self->count == 0 && self->unclear == 0 && (self->group == NULL || cgroup_empty(self->group));
}

/** Open descriptors of a process; 0: not ours to know. */
static uint32_t count_descriptors(int32_t pid) {
    char path[48];
    struct stat about;
    uint32_t count = 0;
    DIR *list;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    /* Since Linux 6.2 the directory's size is their number. */
    if (stat(path, &about) == 0 && about.st_size > 0) return (uint32_t)about.st_size;
    if ((list = opendir(path)) == NULL) return 0;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}

static void add_usage(usage *to, int32_t pid, uint64_t born) {
    process found;
    uint64_t tick_ns = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);
    if (!read_process(pid, &found) || (born != 0 && found.born != born)) return;
    to->memory += found.pages * (uint64_t)sysconf(_SC_PAGESIZE);
    to->cpu_ns += found.ticks * tick_ns;
    if (found.state == 'Z') return;
    to->processes++;
    to->threads += found.threads;
    to->descriptors += count_descriptors(pid);
}

static void add_up(const tree *self, usage *out) {
    *out = (usage){.cpu_ns = self->cpu_ns};
    if (self->root != 0) add_usage(out, self->root, 0);
    for (uint32_t at = 0; at < self->count; at++)
        add_usage(out, self->members[at].pid, self->members[at].born);
    if (self->group != NULL) (void)cgroup_usage(self->group, out);
}

void tree_usage(tree *self, usage *out) {
    tree_collect(self);
    tree_reap(self);
    add_up(self, out);
}

void tree_glance(tree *self, usage *out) {
    tree_descend(self);
    add_up(self, out);
}

void tree_release(tree *self) {
    release(self->self, self->members);
    self->members = NULL;
    self->count = self->capacity = 0;
    self->cpu_ns = 0;
    self->root = 0;
}

/* ---- strays ---- */

/** Most that are remembered from one look to the next. */
#define STRAYS 256u

struct strays {
    uint32_t count, seen;
    member before[STRAYS], now[STRAYS]; /**< zombies of the last look, and of this one */
};

static void take_stray(void *user, int32_t pid) {
    jf_self *self = user;
    struct strays *all = self->strays;
    process found;
    uint64_t ignored = 0;
    if (!read_process(pid, &found) || found.state != 'Z' || found.group == getpgrp()) return;
    if (tree_foreign_root(self, pid)) return;
    for (uint32_t at = 0; at < all->count; at++)
        if (all->before[at].pid == pid && all->before[at].born == found.born) {
            (void)wait_counted(P_PID, (uint32_t)pid, WNOHANG, &ignored);
            return;
        }
    if (all->seen < STRAYS) all->now[all->seen++] = (member){pid, found.born};
}

bool strays_reap(jf_self *self) {
    char own[16];
    struct strays *all = self->strays;
    if (all == NULL && (all = self->strays = allocate(self, sizeof *all)) == NULL) return false;
    snprintf(own, sizeof own, "%d", (int)getpid());
    all->seen = 0;
    each_child_of((int32_t)getpid(), own, take_stray, self);
    all->count = all->seen;
    memcpy(all->before, all->now, all->count * sizeof *all->now);
    return all->count > 0;
}

void strays_forget(jf_self *self) {
    release(self, self->strays);
    self->strays = NULL;
}
