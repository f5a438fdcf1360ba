/* SPDX-License-Identifier: Apache-2.0
 * Control groups, version 2, for children, where a part of the hierarchy is ours (cgroups(7),
 * Documentation/admin-guide/cgroup-v2.rst).
 */
#ifndef STDIO_CGROUP_H
#define STDIO_CGROUP_H

#include "settings.h"

/** Longest path of a group; deeper hierarchies are not used. */
#define CGROUP_PATH 384

/** Where the groups of this instance are. Zeroed: not looked for yet. */
typedef struct cgroups {
    bool searched;
    char root[CGROUP_PATH];        /**< our own group, whose children the groups are; "": there is none */
    char reason[CGROUP_PATH + 64]; /**< why not */
    uint32_t serial;
} cgroups;

/** The group of one child. `path` "": none. */
typedef struct cgroup {
    char path[CGROUP_PATH];
    bool memory, pids, cpu; /**< which controllers it has */
} cgroup;

/** What a tree uses, or has used. */
typedef struct usage {
    uint64_t memory; /**< bytes resident */
    uint64_t cpu_ns; /**< since the child began */
    uint32_t processes, threads, descriptors;
} usage;

/** Finds the place, once, and makes our group there. False: `reason` says why not. */
bool cgroups_find(jf_self *self);
/** Removes our group, which must be empty. */
void cgroups_release(jf_self *self);

/** Makes a group with the limits. False: there is none, or a limit could not be set (`why`, at least `size`
 * bytes, says which). */
bool cgroup_make(jf_self *self, const limits *wanted, cgroup *out, char *why, size_t size);
/** Opens its directory, for CLONE_INTO_CGROUP. -1: there is none. */
int cgroup_directory(const cgroup *self);
/** Ends everything in it with SIGKILL, at once and without a race (cgroup.kill, Linux 5.14). */
void cgroup_kill(const cgroup *self);
/** True when no process is left in it (or below), or there is no group. */
bool cgroup_empty(const cgroup *self);
/** True when the kernel ended a process of it for lack of memory. */
bool cgroup_out_of_memory(const cgroup *self);
/** Fills what the group's controllers know; true for memory and CPU both. */
bool cgroup_usage(const cgroup *self, usage *out);
/** Removes it, with the groups below. True: it is gone, or there is none. */
bool cgroup_remove(cgroup *self);

#endif
