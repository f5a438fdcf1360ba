/* SPDX-License-Identifier: Apache-2.0
 * The file as tables: opening, checking, and what operations do there. Everything on one thread. */
#ifndef STORE_SQLITE_DATABASE_H
#define STORE_SQLITE_DATABASE_H

#include "host.h"
#include "limit.h"

#include <sqlite3.h>
#include <stdatomic.h>

struct options {
    char *path;
    const char *synchronous;
    uint64_t busy_ms, poll_ms, sweep_ms, in_flight, in_flight_bytes, bytes;
    bool checks;
};

enum {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_GET,
    SQL_PUT,
    SQL_DELETE,
    SQL_LIST,
    SQL_REVISE,
    SQL_LIMIT_GET,
    SQL_LIMIT_PUT,
    SQL_ENDED,
    SQL_ENDED_DELETE,
    SQL_LIMITS_ENDED,
    SQL_VERSION,
    SQL_COUNT
};

struct database {
    sqlite3 *db; /**< NULL: not open */
    sqlite3_stmt *statements[SQL_COUNT];
    const struct options *options;
    atomic_bool *hurries; /**< true: wait for nobody any more */
    uint64_t device, inode;
    int64_t now_ms;
    int64_t data_version;
};

enum { OP_GET, OP_PUT, OP_REMOVE, OP_LIST, OP_ADD, OP_TAKE };

struct member;

/** One operation; its arguments are copies behind it. */
struct op {
    struct op *next;
    struct member *member;
    jf_ref ref;
    uint32_t kind;
    uint64_t bytes;
    jf_store_put put; /**< key, value, ttl and conditions of every kind */
    jf_store_list list;
    int64_t delta;
    sc_limit *limits;
    uint64_t count;
    /* What came of it. */
    int32_t status;
    jf_blob answer;
    jf_fault why;
    bool changed; /**< watches are to be told */
    uint64_t revision;
};

static inline bool op_writes(const struct op *op) {
    return op->kind != OP_GET && op->kind != OP_LIST && !(op->kind == OP_ADD && op->delta == 0);
}

/** Opens the file, makes or checks the tables. JF_E_FAULT: it will not get better by itself; JF_E_TIMEOUT:
 * another process holds it; JF_E_GONE: it cannot be opened now. */
int32_t database_open(struct database *it, jf_fault *why);
void database_close(struct database *it);
/** Whether another file stands at the path by now. */
bool database_is_elsewhere(const struct database *it);

/** Begins or ends a transaction that writes. SQLITE_OK, or what went wrong. */
int database_begin(struct database *it);
int database_commit(struct database *it);
void database_rollback(struct database *it);
/** Carries out one operation within a transaction, or a reading one without. SQLITE_OK: its status and answer
 * are set; else what went wrong with the file, and the transaction is of no use. */
int database_run(struct database *it, struct op *op, int64_t now_ms);
/** What an error of the file means for an operation. */
int32_t database_fault(struct database *it, int error, jf_fault *why);
/** True: such an error will not go away with a new try; the file is to be closed. */
bool database_is_broken(int error);

/** Takes one expired entry out, within a transaction; SQLITE_ROW: its key is in `key`; SQLITE_DONE: none. */
int database_sweep_one(struct database *it, int64_t now_ms, uint8_t key[JF_STORE_KEY_MOST], uint64_t *length);
int database_sweep_limits(struct database *it, int64_t now_ms);
/** Whether something has expired. */
bool database_has_ended(struct database *it, int64_t now_ms);
/** Whether another process changed the file since this was asked last. */
bool database_was_changed(struct database *it);

#endif
