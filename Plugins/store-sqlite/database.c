/* SPDX-License-Identifier: Apache-2.0
 * What operations do in the file. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "database.h"

#include "answer.h"
#include <stdlib.h>
#include <string.h>

/* ---- Errors ---- */

bool database_is_broken(int error) {
    switch (error & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_MISUSE:
        return true;
    default:
        return false;
    }
}

int32_t database_fault(struct database *it, int error, jf_fault *why) {
    const char *path = it->options->path;
    switch (error & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
        return sc_fault(why, JF_E_TIMEOUT, JF_FAULT_NOT_STARTED,
                        "store-sqlite: %.100s is held by another process for too long (busy_ms)", path);
    case SQLITE_FULL:
        return sc_fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED,
                        "store-sqlite: %.100s is full: the disk, or max_bytes", path);
    case SQLITE_NOMEM:
        return sc_fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED, "store-sqlite: no memory");
    case SQLITE_NOTADB:
        return sc_fault(why, JF_E_FAULT, JF_FAULT_NOT_STARTED,
                        "store-sqlite: %.100s is no SQLite database: name another file", path);
    case SQLITE_CORRUPT:
        return sc_fault(
            why, JF_E_FAULT, JF_FAULT_NOT_STARTED,
            "store-sqlite: %.100s is damaged: restore it from a backup, or move it away to begin anew", path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return sc_fault(why, JF_E_FAULT, JF_FAULT_NOT_STARTED,
                        "store-sqlite: %.100s, or its folder, cannot be written", path);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return sc_fault(why, JF_E_GONE, 0, "store-sqlite: %.100s cannot be read or written: %.60s", path,
                        it->db != NULL ? sqlite3_errmsg(it->db) : sqlite3_errstr(error));
    default:
        return sc_fault(why, JF_E_FAULT, 0, "store-sqlite: %.100s: %.80s", path,
                        it->db != NULL ? sqlite3_errmsg(it->db) : sqlite3_errstr(error));
    }
}

/* ---- Statements ---- */

/* Runs a statement without rows. */
static int run(struct database *it, int which) {
    sqlite3_stmt *statement = it->statements[which];
    int error = sqlite3_step(statement);
    sqlite3_reset(statement);
    return error == SQLITE_DONE || error == SQLITE_ROW ? SQLITE_OK : error;
}

static void bind_view(sqlite3_stmt *statement, int at, jf_view view) {
    if (view.len == 0)
        sqlite3_bind_zeroblob(statement, at, 0);
    else
        sqlite3_bind_blob64(statement, at, view.ptr, view.len, SQLITE_STATIC);
}

static jf_view blob_at(sqlite3_stmt *statement, int column) {
    const void *bytes = sqlite3_column_blob(statement, column);
    return (jf_view){bytes, (uint64_t)sqlite3_column_bytes(statement, column)};
}

int database_begin(struct database *it) {
    return run(it, SQL_BEGIN);
}
int database_commit(struct database *it) {
    return run(it, SQL_COMMIT);
}
void database_rollback(struct database *it) {
    if (!sqlite3_get_autocommit(it->db)) run(it, SQL_ROLLBACK);
}

static int revise(struct database *it, uint64_t *revision) {
    sqlite3_stmt *statement = it->statements[SQL_REVISE];
    int error = sqlite3_step(statement);
    *revision = error == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    /* RETURNING gives its rows after the change is made; the step to its end is still needed. */
    if (error == SQLITE_ROW) error = sqlite3_step(statement);
    sqlite3_reset(statement);
    if (error != SQLITE_DONE) return error;
    return *revision != 0 ? SQLITE_OK : SQLITE_CORRUPT;
}

/* ---- Entries ---- */

/* What is there of a key; its value only while the statement stands. */
struct found {
    bool is_there, is_counter;
    uint64_t revision;
    int64_t expires_ms;
    jf_view value;
};

static int find(struct database *it, jf_view key, int64_t now, struct found *found) {
    sqlite3_stmt *statement = it->statements[SQL_GET];
    bind_view(statement, 1, key);
    sqlite3_bind_int64(statement, 2, now);
    int error = sqlite3_step(statement);
    *found = (struct found){.is_there = error == SQLITE_ROW};
    if (error != SQLITE_ROW) return error == SQLITE_DONE ? SQLITE_OK : error;
    found->revision = (uint64_t)sqlite3_column_int64(statement, 0);
    found->expires_ms = sqlite3_column_int64(statement, 1);
    found->is_counter = sqlite3_column_int(statement, 2) != 0;
    found->value = blob_at(statement, 3);
    return SQLITE_OK;
}

static int write_entry(struct database *it, jf_view key, uint64_t revision, int64_t expires_ms,
                       bool is_counter, jf_view value) {
    sqlite3_stmt *statement = it->statements[SQL_PUT];
    bind_view(statement, 1, key);
    sqlite3_bind_int64(statement, 2, (int64_t)revision);
    sqlite3_bind_int64(statement, 3, expires_ms);
    sqlite3_bind_int(statement, 4, is_counter);
    bind_view(statement, 5, value);
    return run(it, SQL_PUT);
}

static void answer(struct op *op, uint64_t revision, int64_t expires_ms, jf_view value) {
    op->status = sc_one_entry(revision, (uint64_t)expires_ms, op->put.key, value, &op->answer);
    if (op->status != JF_OK) sc_fault(&op->why, op->status, 0, "store-sqlite: no memory for an answer");
}

static void refuse(struct op *op, int32_t code, const char *text) {
    op->status = sc_fault(&op->why, code, JF_FAULT_NOT_STARTED, "store-sqlite: %s", text);
}

static int get(struct database *it, struct op *op, int64_t now) {
    struct found found;
    int error = find(it, op->put.key, now, &found);
    op->status = JF_ABSENT;
    if (error == SQLITE_OK && found.is_there) answer(op, found.revision, found.expires_ms, found.value);
    sqlite3_reset(it->statements[SQL_GET]);
    return error;
}

static int put(struct database *it, struct op *op, int64_t now) {
    struct found found = {0};
    int error = SQLITE_OK;
    uint32_t flags = op->put.flags & (JF_STORE_CREATE | JF_STORE_MATCH);
    if (flags != 0) {
        error = find(it, op->put.key, now, &found);
        sqlite3_reset(it->statements[SQL_GET]);
        if (error != SQLITE_OK) return error;
        bool holds =
            flags == JF_STORE_CREATE ? !found.is_there : found.is_there && found.revision == op->put.revision;
        if (!holds) {
            refuse(op, JF_E_STALE, "the key has another revision, or is there already");
            return SQLITE_OK;
        }
    }
    int64_t expires = op->put.ttl_ms != 0 ? now + (int64_t)op->put.ttl_ms : 0;
    error = revise(it, &op->revision);
    if (error == SQLITE_OK) error = write_entry(it, op->put.key, op->revision, expires, false, op->put.value);
    if (error != SQLITE_OK) return error;
    op->changed = true;
    answer(op, op->revision, expires, (jf_view){0});
    return SQLITE_OK;
}

static int remove_key(struct database *it, struct op *op, int64_t now) {
    struct found found;
    int error = find(it, op->put.key, now, &found);
    sqlite3_reset(it->statements[SQL_GET]);
    if (error != SQLITE_OK) return error;
    op->status = JF_ABSENT;
    if (!found.is_there) return SQLITE_OK;
    if (op->put.revision != 0 && op->put.revision != found.revision) {
        refuse(op, JF_E_STALE, "the key has another revision");
        return SQLITE_OK;
    }
    bind_view(it->statements[SQL_DELETE], 1, op->put.key);
    error = run(it, SQL_DELETE);
    if (error != SQLITE_OK) return error;
    op->status = JF_OK;
    op->changed = true;
    op->revision = 0;
    return SQLITE_OK;
}

static int add(struct database *it, struct op *op, int64_t now) {
    struct found found;
    int64_t sum = 0;
    uint64_t revision = 0;
    int error = find(it, op->put.key, now, &found);
    bool is_counter = found.is_there && found.is_counter && found.value.len == sizeof sum;
    if (is_counter) memcpy(&sum, found.value.ptr, sizeof sum);
    sqlite3_reset(it->statements[SQL_GET]);
    if (error != SQLITE_OK) return error;
    jf_view value = {(const uint8_t *)&sum, sizeof sum};
    if (found.is_there && !is_counter) {
        refuse(op, JF_E_INVALID, "the key holds no counter");
    } else if (op->delta == 0) {
        op->status = JF_ABSENT;
        if (found.is_there) answer(op, found.revision, found.expires_ms, value);
    } else if (__builtin_add_overflow(sum, op->delta, &sum)) {
        refuse(op, JF_E_INVALID, "the sum of a counter is too large");
    } else {
        int64_t expires = found.is_there        ? found.expires_ms
                          : op->put.ttl_ms != 0 ? now + (int64_t)op->put.ttl_ms
                                                : 0;
        error = revise(it, &revision);
        if (error == SQLITE_OK) error = write_entry(it, op->put.key, revision, expires, true, value);
        if (error == SQLITE_OK) answer(op, revision, expires, value);
    }
    return error;
}

static int list(struct database *it, struct op *op, int64_t now) {
    /* One byte longer than any key: behind all of them, or right behind `after`. */
    uint8_t from[JF_STORE_KEY_MOST + 1], to[JF_STORE_KEY_MOST + 1];
    jf_view first = op->list.prefix;
    if (op->list.after.len > 0 && sc_key_order(op->list.after, op->list.prefix) >= 0) {
        memcpy(from, op->list.after.ptr, (size_t)op->list.after.len);
        from[op->list.after.len] = 0;
        first = (jf_view){from, op->list.after.len + 1};
    }
    uint64_t end = sc_prefix_end(op->list.prefix, to), count = 0, bytes = 0;
    if (end == 0) memset(to, 0xff, end = sizeof to);
    sqlite3_stmt *statement = it->statements[SQL_LIST];
    bool keys_only = (op->list.flags & JF_STORE_KEYS) != 0, ok = true;
    bind_view(statement, 1, first);
    bind_view(statement, 2, (jf_view){to, end});
    sqlite3_bind_int64(statement, 3, now);
    sqlite3_bind_int(statement, 4, keys_only);
    sc_answer entries = {0};
    int error = SQLITE_ROW;
    while (ok && count < op->list.most && (error = sqlite3_step(statement)) == SQLITE_ROW) {
        jf_view key = blob_at(statement, 0), value = blob_at(statement, 4);
        bytes += sc_entry_size(key.len, value.len);
        if (count++ > 0 && bytes > JF_STORE_LIST_BYTES) break;
        ok = sc_answer_entry(&entries, (uint64_t)sqlite3_column_int64(statement, 1),
                             (uint64_t)sqlite3_column_int64(statement, 2), key, value);
    }
    sqlite3_reset(statement);
    op->status = count == 0 ? JF_ABSENT : JF_OK;
    if (!ok)
        refuse(op, JF_E_BUSY, "no memory for an answer");
    else if (error != SQLITE_ROW && error != SQLITE_DONE)
        sc_answer_drop(&entries);
    else if (count > 0)
        sc_answer_give(&entries, &op->answer);
    return error == SQLITE_ROW || error == SQLITE_DONE ? SQLITE_OK : error;
}

/* ---- Limits ---- */

static int read_limit(struct database *it, const sc_limit *limit, int64_t now, sc_state *state) {
    sqlite3_stmt *statement = it->statements[SQL_LIMIT_GET];
    bind_view(statement, 1, limit->key);
    sqlite3_bind_int64(statement, 2, limit->kind);
    sqlite3_bind_int64(statement, 3, limit->period_ms);
    int error = sqlite3_step(statement);
    if (error == SQLITE_ROW)
        *state = (sc_state){sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
                            sqlite3_column_int64(statement, 2)};
    else
        sc_limit_fresh(limit, now, state);
    sqlite3_reset(statement);
    return error == SQLITE_ROW || error == SQLITE_DONE ? SQLITE_OK : error;
}

static int write_limit(struct database *it, const sc_limit *limit, const sc_state *state) {
    sqlite3_stmt *statement = it->statements[SQL_LIMIT_PUT];
    bind_view(statement, 1, limit->key);
    sqlite3_bind_int64(statement, 2, limit->kind);
    sqlite3_bind_int64(statement, 3, limit->period_ms);
    sqlite3_bind_int64(statement, 4, state->a);
    sqlite3_bind_int64(statement, 5, state->b);
    sqlite3_bind_int64(statement, 6, state->c);
    sqlite3_bind_int64(statement, 7, sc_limit_end(limit, state));
    return run(it, SQL_LIMIT_PUT);
}

static int take(struct database *it, struct op *op, int64_t now) {
    sc_state states[JF_STORE_TAKE_MOST];
    jf_store_verdict verdicts[JF_STORE_TAKE_MOST];
    bool fits = true;
    int error = SQLITE_OK;
    for (uint64_t i = 0; i < op->count && error == SQLITE_OK; i++) {
        error = read_limit(it, &op->limits[i], now, &states[i]);
        sc_limit_advance(&op->limits[i], now, &states[i]);
        sc_limit_judge(&op->limits[i], now, &states[i], &verdicts[i]);
        fits = fits && verdicts[i].fits;
    }
    for (uint64_t i = 0; fits && i < op->count && error == SQLITE_OK; i++) {
        if (op->limits[i].cost == 0) continue;
        sc_limit_take(&op->limits[i], now, &states[i], &verdicts[i]);
        error = write_limit(it, &op->limits[i], &states[i]);
    }
    if (error != SQLITE_OK) return error;
    op->status = sc_verdicts(verdicts, op->count, &op->answer);
    if (op->status != JF_OK) refuse(op, op->status, "no memory for an answer");
    return SQLITE_OK;
}

int database_run(struct database *it, struct op *op, int64_t now_ms) {
    static int (*const all[])(struct database *, struct op *,
                              int64_t) = {[OP_GET] = get,   [OP_PUT] = put, [OP_REMOVE] = remove_key,
                                          [OP_LIST] = list, [OP_ADD] = add, [OP_TAKE] = take};
    if (op->answer.drop != NULL) op->answer.drop(op->answer.owner); /* it was tried before */
    op->answer = (jf_blob){0};
    op->changed = false;
    return all[op->kind](it, op, now_ms);
}

/* ---- Sweeping ---- */

bool database_has_ended(struct database *it, int64_t now_ms) {
    sqlite3_stmt *statement = it->statements[SQL_ENDED];
    sqlite3_bind_int64(statement, 1, now_ms);
    bool found = sqlite3_step(statement) == SQLITE_ROW;
    sqlite3_reset(statement);
    return found;
}

int database_sweep_one(struct database *it, int64_t now_ms, uint8_t key[JF_STORE_KEY_MOST],
                       uint64_t *length) {
    sqlite3_stmt *statement = it->statements[SQL_ENDED_DELETE];
    sqlite3_bind_int64(statement, 1, now_ms);
    int error = sqlite3_step(statement);
    if (error == SQLITE_ROW) {
        jf_view gone = blob_at(statement, 0);
        *length = gone.len < JF_STORE_KEY_MOST ? gone.len : JF_STORE_KEY_MOST;
        memcpy(key, gone.ptr, (size_t)*length);
        int rest = sqlite3_step(statement);
        if (rest != SQLITE_DONE) error = rest;
    }
    sqlite3_reset(statement);
    return error;
}

int database_sweep_limits(struct database *it, int64_t now_ms) {
    sqlite3_bind_int64(it->statements[SQL_LIMITS_ENDED], 1, now_ms);
    return run(it, SQL_LIMITS_ENDED);
}

bool database_was_changed(struct database *it) {
    sqlite3_stmt *statement = it->statements[SQL_VERSION];
    int64_t before = it->data_version;
    if (sqlite3_step(statement) == SQLITE_ROW) it->data_version = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return it->data_version != before;
}
