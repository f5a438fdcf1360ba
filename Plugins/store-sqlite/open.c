/* SPDX-License-Identifier: Apache-2.0
 * Opening the file: whose it is, which version, whether it is whole. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* "JFst": marks the file as ours (PRAGMA application_id). */
#define OURS 0x4a467374
enum { VERSION = 1 };

static const char tables[] =
    "CREATE TABLE meta(one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL);"
    "CREATE TABLE entries(key BLOB PRIMARY KEY, revision INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
    " is_counter INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX entries_end ON entries(expires_ms) WHERE expires_ms > 0;"
    "CREATE TABLE limits(key BLOB NOT NULL, kind INTEGER NOT NULL, period_ms INTEGER NOT NULL, a INTEGER NOT "
    "NULL,"
    " b INTEGER NOT NULL, c INTEGER NOT NULL, end_ms INTEGER NOT NULL, PRIMARY KEY (key, kind, period_ms)) "
    "WITHOUT ROWID;"
    "CREATE INDEX limits_end ON limits(end_ms);"
    "PRAGMA application_id = 1246131060; PRAGMA user_version = 1;";
_Static_assert(OURS == 1246131060, "the number in the text");

static const char *const texts[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_GET] = "SELECT revision, expires_ms, is_counter, value FROM entries WHERE key = ?1 AND"
                " (expires_ms = 0 OR expires_ms > ?2)",
    [SQL_PUT] =
        "INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) DO UPDATE SET revision = ?2,"
        " expires_ms = ?3, is_counter = ?4, value = ?5",
    [SQL_DELETE] = "DELETE FROM entries WHERE key = ?1",
    [SQL_LIST] =
        "SELECT key, revision, expires_ms, is_counter, CASE WHEN ?4 = 1 THEN x'' ELSE value END FROM entries"
        " WHERE key >= ?1 AND key < ?2 AND (expires_ms = 0 OR expires_ms > ?3) ORDER BY key",
    [SQL_REVISE] = "UPDATE meta SET revision = revision + 1 RETURNING revision",
    [SQL_LIMIT_GET] = "SELECT a, b, c FROM limits WHERE key = ?1 AND kind = ?2 AND period_ms = ?3",
    [SQL_LIMIT_PUT] =
        "INSERT INTO limits VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (key, kind, period_ms)"
        " DO UPDATE SET a = ?4, b = ?5, c = ?6, end_ms = ?7",
    [SQL_ENDED] =
        "SELECT key FROM entries WHERE expires_ms > 0 AND expires_ms <= ?1 ORDER BY expires_ms LIMIT 1",
    [SQL_ENDED_DELETE] = "DELETE FROM entries WHERE key = (SELECT key FROM entries WHERE expires_ms > 0 AND"
                         " expires_ms <= ?1 ORDER BY expires_ms LIMIT 1) RETURNING key",
    [SQL_LIMITS_ENDED] =
        "DELETE FROM limits WHERE (key, kind, period_ms) IN (SELECT key, kind, period_ms FROM limits"
        " WHERE end_ms <= ?1 LIMIT 500)",
    [SQL_VERSION] = "PRAGMA data_version",
};

/* Waits for another process, but not longer than allowed, and not once we are to end. */
static int wait_a_little(void *user, int count) {
    struct database *it = user;
    const struct timespec pause = {0, 1000000};
    if (atomic_load(it->hurries) || (uint64_t)count >= it->options->busy_ms) return 0;
    nanosleep(&pause, NULL);
    return 1;
}

/* The first number or text of a statement's first row; -1: it failed. */
static int64_t ask(struct database *it, const char *sql, int *error, char *text, size_t room) {
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    *error = sqlite3_prepare_v2(it->db, sql, -1, &statement, NULL);
    if (*error == SQLITE_OK) *error = sqlite3_step(statement);
    if (*error == SQLITE_ROW) {
        number = sqlite3_column_int64(statement, 0);
        const unsigned char *own = sqlite3_column_text(statement, 0);
        if (text != NULL && own != NULL) snprintf(text, room, "%s", (const char *)own);
        *error = SQLITE_OK;
    }
    sqlite3_finalize(statement);
    return number;
}

static int32_t refuse(const struct database *it, jf_fault *why, const char *text) {
    return sc_fault(why, JF_E_FAULT, JF_FAULT_NOT_STARTED, "store-sqlite: %.80s %s", it->options->path, text);
}

/* Whose the file is, and whether it is whole. *is_new: there is nothing in it. */
static int32_t inspect(struct database *it, bool *is_new, jf_fault *why) {
    char text[64] = "";
    int error;
    int64_t count = ask(it, "SELECT count(*) FROM sqlite_schema", &error, NULL, 0);
    if (error != SQLITE_OK) return database_fault(it, error, why);
    int64_t owner = ask(it, "PRAGMA application_id", &error, NULL, 0);
    if (error != SQLITE_OK) return database_fault(it, error, why);
    *is_new = count == 0 && owner == 0;
    if (*is_new) return JF_OK;
    if (owner != OURS) return refuse(it, why, "is a database of another program: name another file");
    int64_t version = ask(it, "PRAGMA user_version", &error, NULL, 0);
    if (error != SQLITE_OK) return database_fault(it, error, why);
    if (version > VERSION)
        return refuse(it, why, "was made by a newer store-sqlite: use that, or another file");
    if (!it->options->checks) return JF_OK;
    ask(it, "PRAGMA quick_check(1)", &error, text, sizeof text);
    if (error != SQLITE_OK) return database_fault(it, error, why);
    if (strcmp(text, "ok") != 0)
        return refuse(it, why, "is damaged: restore it from a backup, or move it away to begin anew");
    return JF_OK;
}

static int32_t make_tables(struct database *it, jf_fault *why) {
    char sql[160];
    struct timespec now;
    int32_t status = JF_OK;
    int error = sqlite3_exec(it->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (error != SQLITE_OK) return database_fault(it, error, why);
    int64_t count = ask(it, "SELECT count(*) FROM sqlite_schema", &error, NULL, 0);
    if (error == SQLITE_OK && count == 0) { /* nobody else did meanwhile */
        clock_gettime(CLOCK_REALTIME, &now);
        /* Revisions begin with the time in microseconds, so that they rise even where the file was lost. */
        snprintf(sql, sizeof sql, "INSERT INTO meta VALUES (1, %lld)",
                 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
        error = sqlite3_exec(it->db, tables, NULL, NULL, NULL);
        if (error == SQLITE_OK) error = sqlite3_exec(it->db, sql, NULL, NULL, NULL);
    }
    if (error == SQLITE_OK) error = sqlite3_exec(it->db, "COMMIT", NULL, NULL, NULL);
    if (error != SQLITE_OK) status = database_fault(it, error, why);
    if (status != JF_OK) sqlite3_exec(it->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

static int32_t set_up(struct database *it, jf_fault *why) {
    char text[64] = "", sql[160];
    int error;
    ask(it, "PRAGMA journal_mode = WAL", &error, text, sizeof text);
    if (error != SQLITE_OK) return database_fault(it, error, why);
    if (strcmp(text, "wal") != 0)
        return refuse(it, why, "cannot have a write-ahead log: it must be on a local disk");
    snprintf(sql, sizeof sql,
             "PRAGMA synchronous = %s; PRAGMA journal_size_limit = 67108864; PRAGMA foreign_keys = OFF;"
             "PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384;",
             it->options->synchronous);
    error = sqlite3_exec(it->db, sql, NULL, NULL, NULL);
    if (error != SQLITE_OK) return database_fault(it, error, why);
    int64_t page = ask(it, "PRAGMA page_size", &error, NULL, 0);
    if (error == SQLITE_OK && page > 0) {
        snprintf(sql, sizeof sql, "PRAGMA max_page_count = %llu",
                 (unsigned long long)(it->options->bytes / (uint64_t)page));
        ask(it, sql, &error, NULL, 0);
    }
    for (int i = 0; i < SQL_COUNT && error == SQLITE_OK; i++)
        error = sqlite3_prepare_v3(it->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &it->statements[i], NULL);
    return error == SQLITE_OK ? JF_OK : database_fault(it, error, why);
}

/* Sessions and tokens are nobody else's: SQLite gives its other files the rights of this one. */
static int32_t make_file(struct database *it, jf_fault *why) {
    struct stat status;
    int fd = open(it->options->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return sc_fault(why, JF_E_GONE, JF_FAULT_NOT_STARTED, "store-sqlite: %.100s cannot be opened: %s",
                        it->options->path, strerror(errno));
    bool is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    it->device = (uint64_t)status.st_dev;
    it->inode = (uint64_t)status.st_ino;
    close(fd);
    return is_file ? JF_OK : refuse(it, why, "is no regular file");
}

int32_t database_open(struct database *it, jf_fault *why) {
    bool is_new = false;
    int32_t status = make_file(it, why);
    if (status != JF_OK) return status;
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    int error = sqlite3_open_v2(it->options->path, &it->db, flags, NULL);
    if (error != SQLITE_OK) {
        status = database_fault(it, error, why);
    } else {
        sqlite3_busy_handler(it->db, wait_a_little, it);
        status = inspect(it, &is_new, why);
    }
    if (status == JF_OK && is_new) status = make_tables(it, why);
    if (status == JF_OK) status = set_up(it, why);
    if (status != JF_OK) database_close(it);
    if (status == JF_OK) database_was_changed(it);
    return status;
}

void database_close(struct database *it) {
    for (int i = 0; i < SQL_COUNT; i++) {
        sqlite3_finalize(it->statements[i]);
        it->statements[i] = NULL;
    }
    sqlite3_close_v2(it->db);
    it->db = NULL;
}

bool database_is_elsewhere(const struct database *it) {
    struct stat status;
    if (stat(it->options->path, &status) != 0) return errno == ENOENT;
    return (uint64_t)status.st_dev != it->device || (uint64_t)status.st_ino != it->inode;
}
