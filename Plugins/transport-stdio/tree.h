/* SPDX-License-Identifier: Apache-2.0
 * The processes that descend from one child: found, signalled and reaped. */
#ifndef STDIO_TREE_H
#define STDIO_TREE_H

#include "cgroup.h"

/** A descendant, named so that a reused pid is never mistaken for it. */
typedef struct member {
    int32_t pid;
    uint64_t born; /**< start time in clock ticks since boot (proc(5), stat field 22) */
} member;

/** The tree below one child; the child itself (`root`) is not a member. All [lane]. */
typedef struct tree {
    jf_self *self;
    const char *marker;  /**< "NAME=value" that the child's environment began with */
    const cgroup *group; /**< the child's control group, or NULL */
    int32_t root;        /**< pid and process group of the child while it is not reaped, else 0 */
    member *members;
    uint32_t count, capacity;
    uint64_t cpu_ns; /**< used by members that were reaped here */
    uint32_t
        unclear; /**< processes of the last search that may belong here: they were in the middle of exec */
} tree;

/** Most members that are followed. */
#define TREE_LIMIT 4096

/** True for a process that some tree of this instance has as its root. */
bool tree_foreign_root(const jf_self *self, int32_t pid);

/** Finds descendants through /proc and adds them: children of the root and of members, and children of this
 * process (it is a subreaper, orphans come to it) that are in the root's group or carry the marker. */
void tree_collect(tree *self);
/** The same without a search among the children of this process. */
void tree_descend(tree *self);
/** Sends `signal` to the root, to its process group and to every member; SIGKILL to the control group too. */
void tree_signal(tree *self, int signal);
/** Reaps members that were left to this process and have ended, forgets those that are gone. */
void tree_reap(tree *self);
/** Searches and reaps once the root has ended. True: nothing is left of the tree, and nothing may still be.
 */
bool tree_gone(tree *self);
void tree_release(tree *self);
/** What the tree uses now: by its control group where that can tell, else the sum over the processes. Pages
 * that several processes share count for each of them. */
void tree_usage(tree *self, usage *out);
/** The same without a search for processes that left the tree since the last one: a fraction of the work
 * where there are many servers. */
void tree_glance(tree *self, usage *out);

/** What tells whether a child of this process, of unknown origin, belongs to a tree. */
typedef struct orphan {
    int32_t pid, group;
    uint64_t born;
    bool unclear;    /**< alive without an environment: in the middle of exec, or it has none */
    char marker[96]; /**< "NAME=value" from its environment, or "" */
    char place[96];  /**< the end of its control group's path, from "/jackfield-" on, or ""; read without a
                        marker */
} orphan;

/** Reads about a process. False: it is gone. */
bool orphan_read(const jf_self *self, int32_t pid, orphan *out);
/** Adds the orphan to the tree if it belongs there. */
bool tree_adopt(tree *self, const orphan *found);

/** Reaps orphans that ended before anybody saw whose they were: children of this process that it did not
 * start, which left the process group of whoever did, and which are still not waited for at the second look.
 * Only what came to us as a subreaper is a child of the main thread (find_alive_thread() in the kernel's
 * exit.c); a plugin that starts processes there, in groups of their own, has the time between two looks to
 * wait for them. True: another look is due soon. */
bool strays_reap(jf_self *self);
void strays_forget(jf_self *self);

/** Calls `take` for each child of this process. */
void own_children(void (*take)(void *user, int32_t pid), void *user);

#endif
