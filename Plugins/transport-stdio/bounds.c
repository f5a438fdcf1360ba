/* SPDX-License-Identifier: Apache-2.0
 * Limits for a child where no control group keeps them: setrlimit(2).
 */
#define _GNU_SOURCE
#include "child.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/** Tasks of this user now: what RLIMIT_NPROC counts. */
static uint64_t own_tasks(void) {
    uint64_t count = 0;
    uid_t user = getuid();
    DIR *list = opendir("/proc");
    if (list == NULL) return 0;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        char path[300], line[1024], *at;
        struct stat about;
        FILE *file;
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        if (stat(path, &about) != 0 || about.st_uid != user || (file = fopen(path, "re")) == NULL) continue;
        if (fgets(line, sizeof line, file) != NULL && (at = strrchr(line, ')')) != NULL) {
            at += 3;
            /* Field 20 of proc(5): its threads. */
            for (int field = 4; field < 20; field++)
                (void)strtoll(at, &at, 10);
            count += strtoull(at, NULL, 10);
        }
        fclose(file);
    }
    closedir(list);
    return count;
}

/** Never above what we may have ourselves. */
static void bound(child_bounds *out, int resource, uint64_t value) {
    struct rlimit ours;
    if (syscall(SYS_prlimit64, 0, resource, NULL, &ours) != 0) return;
    if (value > ours.rlim_max) value = ours.rlim_max;
    out->limits[out->count].resource = resource;
    out->limits[out->count].limit = (struct rlimit){value, value};
    out->count++;
}

void child_bounds_read(const limits *wanted, const cgroup *group, child_bounds *out) {
    *out = (child_bounds){.group = -1};
    if (wanted->memory != 0 && (group == NULL || !group->memory)) bound(out, RLIMIT_DATA, wanted->memory);
    if (wanted->processes != 0 && (group == NULL || !group->pids))
        bound(out, RLIMIT_NPROC, own_tasks() + wanted->processes);
    if (wanted->open_files != 0) bound(out, RLIMIT_NOFILE, wanted->open_files);
    if (wanted->file_size != 0) bound(out, RLIMIT_FSIZE, wanted->file_size);
}
