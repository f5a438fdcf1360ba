/* SPDX-License-Identifier: Apache-2.0
 * A file that all instances with the same path share: one thread works on it, and does what it finds waiting
 * in one transaction. */
#ifndef STORE_SQLITE_FILE_H
#define STORE_SQLITE_FILE_H

#include "database.h"
#include "watch.h"

struct file;

/** One instance. */
struct member {
    struct member *next;
    sc_host host;
    sc_watches watches;
    uint32_t in_hand; /**< operations that the thread works on; under the file's lock */
};

/** The file with these options, which are its own from then on; NULL: no memory. */
struct file *file_take(struct options *options);
void file_give(struct file *file);

/** Joins; the first one starts the thread and waits until the file is open. An error: it never will be. */
int32_t file_join(struct file *file, struct member *member, jf_fault *why);
/** Leaves: its operations end, and it is told nothing more. The last one ends the thread. */
void file_leave(struct file *file, struct member *member);

/** Takes an operation: JF_PENDING, or an error, and then it is freed. [any] */
int32_t file_submit(struct file *file, struct op *op, jf_fault *why);
/** Something is watched now. */
void file_watched(struct file *file);
void op_free(struct op *op);

#endif
