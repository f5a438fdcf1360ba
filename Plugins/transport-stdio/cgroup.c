/* SPDX-License-Identifier: Apache-2.0
 * Finds a delegated part of the cgroup v2 hierarchy and makes groups in it. Nothing outside of a directory of
 * our own is changed, but for the controllers that the place itself hands down.
 */
#define _GNU_SOURCE
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/** Period of the CPU limit in microseconds (the kernel's default). */
#define CPU_PERIOD 100000.0

static int open_in(const char *group, const char *file, int flags) {
    char path[CGROUP_PATH + 64];
    if (snprintf(path, sizeof path, "%s/%s", group, file) >= (int)sizeof path) return -1;
    return open(path, flags | O_CLOEXEC);
}

static bool write_in(const char *group, const char *file, const char *text) {
    int fd = open_in(group, file, O_WRONLY), error = 0;
    ssize_t wrote;
    if (fd < 0) return false;
    wrote = write(fd, text, strlen(text));
    if (wrote < 0) error = errno;
    close(fd);
    errno = error;
    return wrote >= 0;
}

/** The first bytes of a file, ended with NUL; false: there is no such file. */
static bool read_path(const char *path, char *text, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t got = 0;
    if (fd < 0) return false;
    while (used < size - 1 && (got = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    close(fd);
    text[used] = 0;
    return got >= 0 || used > 0;
}

static bool read_in(const char *group, const char *file, char *text, size_t size) {
    char path[CGROUP_PATH + 64];
    return snprintf(path, sizeof path, "%s/%s", group, file) < (int)sizeof path &&
           read_path(path, text, size);
}

/** The number behind `key` in a file of lines "key number"; 0: none. */
static uint64_t read_key(const char *group, const char *file, const char *key) {
    char text[2048];
    size_t length = strlen(key);
    if (!read_in(group, file, text, sizeof text)) return 0;
    for (char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && line[length] == ' ')
            return strtoull(line + length + 1, NULL, 10);
    }
    return 0;
}

/* ---- where ---- */

/** Finds the mount point and the part of the hierarchy that is mounted there (proc(5), mountinfo). */
static bool find_mount(char *point, char *part, size_t size) {
    char *line = NULL;
    size_t capacity = 0;
    bool found = false;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (file == NULL) return false;
    while (!found && getline(&line, &capacity, file) > 0) {
        char root[256], where[256];
        if (strstr(line, " - cgroup2 ") == NULL) continue;
        if (sscanf(line, "%*s %*s %*s %255s %255s", root, where) != 2) continue;
        snprintf(point, size, "%s", where);
        snprintf(part, size, "%s", strcmp(root, "/") == 0 ? "" : root);
        found = true;
    }
    free(line);
    fclose(file);
    return found;
}

/** This process's own group, as a path in the hierarchy: "" for its root. */
static bool find_own(char *path, size_t size) {
    char text[4096], *line;
    if (!read_path("/proc/self/cgroup", text, sizeof text)) return false;
    line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (line == NULL) return false;
    line += *line == '\n';
    line[strcspn(line, "\n")] = 0;
    snprintf(path, size, "%s", strcmp(line + 3, "/") == 0 ? "" : line + 3);
    return true;
}

/** Whether a manager says that the group is somebody else's to use (systemd, CGROUP_DELEGATION). */
static bool delegated(const char *group) {
    char mark[4];
    return (getxattr(group, "user.delegate", mark, sizeof mark) > 0 ||
            getxattr(group, "trusted.delegate", mark, sizeof mark) > 0) &&
           mark[0] == '1';
}

static bool usable(const char *group, bool is_root) {
    char path[CGROUP_PATH + 64];
    snprintf(path, sizeof path, "%s/cgroup.procs", group);
    if (access(path, W_OK) != 0 || access(group, W_OK) != 0) return false;
    /* The superuser may write everywhere: then only a mark, or the absence of a manager, makes a place ours.
     */
    return geteuid() != 0 || is_root || delegated(group);
}

/** The group to work in: the parent of our own where that was delegated and has no process itself (systemd's
 * DelegateSubgroup=), else our own. */
static bool find_place(char *place, size_t size, char *reason, size_t reason_size) {
    char point[CGROUP_PATH], part[CGROUP_PATH], own[CGROUP_PATH], above[CGROUP_PATH], text[16];
    const char *below = own;
    char *slash;
    if (!find_mount(point, part, sizeof part) || !find_own(own, sizeof own)) {
        snprintf(reason, reason_size, "cgroup v2 is not mounted");
        return false;
    }
    if (part[0] != 0) {
        if (strncmp(own, part, strlen(part)) != 0) {
            snprintf(reason, reason_size, "this process's group is outside of what is mounted at %.200s",
                     point);
            return false;
        }
        below = own + strlen(part);
    }
    if (snprintf(place, size, "%s%s", point, below) >= (int)size - 64) {
        snprintf(reason, reason_size, "its path is too long");
        return false;
    }
    snprintf(above, sizeof above, "%s", place);
    slash = strrchr(above, '/');
    if (below[0] != 0 && slash != NULL && strlen(point) < (size_t)(slash - above)) {
        *slash = 0;
        if (usable(above, false) && delegated(above) && read_in(above, "cgroup.procs", text, sizeof text) &&
            text[0] == 0) {
            snprintf(place, size, "%s", above);
            return true;
        }
    }
    if (usable(place, below[0] == 0)) return true;
    snprintf(reason, reason_size, "%.300s is not delegated to this process", place);
    return false;
}

/** Hands the controllers down that can be. */
static void hand_down(const char *group) {
    static const char *const controllers[] = {"+memory", "+pids", "+cpu"};
    for (size_t at = 0; at < sizeof controllers / sizeof *controllers; at++)
        (void)write_in(group, "cgroup.subtree_control", controllers[at]);
}

/** Removes one group of an instance, and what is below it, unless somebody is in there. */
static void remove_instance(const char *path) {
    DIR *list = opendir(path);
    if (list == NULL) return;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        cgroup below = {0};
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
        if (snprintf(below.path, sizeof below.path, "%s/%s", path, entry->d_name) < (int)sizeof below.path)
            (void)cgroup_remove(&below);
    }
    closedir(list);
    (void)rmdir(path);
}

/** Removes what gateways left behind that were killed together with their watchers. */
static void remove_stale(const char *place) {
    char path[CGROUP_PATH];
    DIR *list = opendir(place);
    if (list == NULL) return;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        char *end;
        long pid;
        if (entry->d_type != DT_DIR || strncmp(entry->d_name, "jackfield-", 10) != 0) continue;
        pid = strtol(entry->d_name + 10, &end, 10);
        if (pid <= 0 || *end != '-' || kill((pid_t)pid, 0) == 0 || errno != ESRCH) continue;
        if (snprintf(path, sizeof path, "%s/%s", place, entry->d_name) < (int)sizeof path)
            remove_instance(path);
    }
    closedir(list);
}

bool cgroups_find(jf_self *self) {
    cgroups *all = self->groups;
    char place[CGROUP_PATH];
    uint32_t count = 0;
    if (all->searched) return all->root[0] != 0;
    all->searched = true;
    if (!find_place(place, sizeof place, all->reason, sizeof all->reason)) return false;
    remove_stale(place);
    /* An older generation of this plugin may be here still; an earlier process of our number may have been.
     */
    for (uint32_t attempt = 0; attempt < 64; attempt++) {
        snprintf(all->root, sizeof all->root, "%.320s/jackfield-%d-%u-%u", place, (int)getpid(),
                 self->loop.index(self->loop.context, &count), attempt);
        if (mkdir(all->root, 0755) == 0) break;
        if (errno == EEXIST && attempt < 63) continue;
        snprintf(all->reason, sizeof all->reason, "cannot make %.300s: %s", all->root, strerror(errno));
        all->root[0] = 0;
        return false;
    }
    hand_down(place);
    hand_down(all->root);
    return true;
}

void cgroups_release(jf_self *self) {
    if (self->groups->root[0] != 0) (void)rmdir(self->groups->root);
    *self->groups = (cgroups){0};
}

/* ---- one group ---- */

static bool has(const char *group, const char *file) {
    int fd = open_in(group, file, O_RDONLY);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

static bool set_limits(const limits *wanted, cgroup *out, char *why, size_t size) {
    char text[64];
    const char *file = NULL;
    out->memory = has(out->path, "memory.max");
    out->pids = has(out->path, "pids.max");
    out->cpu = has(out->path, "cpu.max");
    if (out->memory && wanted->memory != 0) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)wanted->memory);
        if (!write_in(out->path, "memory.max", text)) file = "memory.max";
        /* Without these a server over its limit would swap, or lose one process of many. */
        (void)write_in(out->path, "memory.swap.max", "0");
        (void)write_in(out->path, "memory.oom.group", "1");
    }
    if (file == NULL && out->pids && wanted->processes != 0) {
        snprintf(text, sizeof text, "%u", wanted->processes);
        if (!write_in(out->path, "pids.max", text)) file = "pids.max";
    }
    if (file == NULL && out->cpu && wanted->cpu > 0) {
        snprintf(text, sizeof text, "%.0f %.0f",
                 wanted->cpu * CPU_PERIOD < 1000 ? 1000 : wanted->cpu * CPU_PERIOD, CPU_PERIOD);
        if (!write_in(out->path, "cpu.max", text)) file = "cpu.max";
    }
    if (file == NULL) return true;
    snprintf(why, size, "cannot write %s of its control group: %s", file, strerror(errno));
    return false;
}

bool cgroup_make(jf_self *self, const limits *wanted, cgroup *out, char *why, size_t size) {
    *out = (cgroup){0};
    if (wanted->cgroup == CGROUP_OFF) return false;
    if (!cgroups_find(self)) {
        snprintf(why, size, "%s", self->groups->reason);
        return false;
    }
    snprintf(out->path, sizeof out->path, "%.350s/server-%u", self->groups->root, ++self->groups->serial);
    /* A gateway in another process namespace may take ours for one that is gone, while it is empty. */
    if (mkdir(out->path, 0755) != 0 &&
        (errno != ENOENT || mkdir(self->groups->root, 0755) != 0 || mkdir(out->path, 0755) != 0)) {
        snprintf(why, size, "cannot make its control group: %s", strerror(errno));
        out->path[0] = 0;
        return false;
    }
    if (set_limits(wanted, out, why, size)) return true;
    (void)rmdir(out->path);
    *out = (cgroup){0};
    return false;
}

int cgroup_directory(const cgroup *self) {
    return self->path[0] != 0 ? open(self->path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

void cgroup_kill(const cgroup *self) {
    if (self->path[0] != 0) (void)write_in(self->path, "cgroup.kill", "1");
}

bool cgroup_empty(const cgroup *self) {
    return self->path[0] == 0 || read_key(self->path, "cgroup.events", "populated") == 0;
}

bool cgroup_out_of_memory(const cgroup *self) {
    return self->memory && read_key(self->path, "memory.events", "oom_kill") != 0;
}

bool cgroup_usage(const cgroup *self, usage *out) {
    char text[32];
    if (self->pids && read_in(self->path, "pids.current", text, sizeof text))
        out->threads = (uint32_t)strtoul(text, NULL, 10); /* it counts tasks */
    if (self->memory && read_in(self->path, "memory.current", text, sizeof text))
        out->memory = strtoull(text, NULL, 10);
    if (self->cpu) out->cpu_ns = read_key(self->path, "cpu.stat", "usage_usec") * 1000;
    return self->memory && self->cpu && self->pids;
}

bool cgroup_remove(cgroup *self) {
    DIR *list;
    if (self->path[0] == 0) return true;
    /* A server may have made groups of its own. */
    if (rmdir(self->path) != 0 && errno != ENOENT && (list = opendir(self->path)) != NULL) {
        for (struct dirent *entry; (entry = readdir(list)) != NULL;)
            if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
                (void)unlinkat(dirfd(list), entry->d_name, AT_REMOVEDIR);
        closedir(list);
        if (rmdir(self->path) != 0 && errno != ENOENT) return false;
    }
    *self = (cgroup){0};
    return true;
}
