/* SPDX-License-Identifier: Apache-2.0
 * Connecting to PostgreSQL, on a thread. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "connect.h"

#include "schema.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *job_make(struct settings *settings) {
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) return NULL;
    job->settings = settings_hold(settings);
    job->why.size = sizeof job->why;
    return job;
}

void job_drop(void *user) {
    struct job *job = user;
    if (job->connection != NULL) PQfinish(job->connection);
    settings_release(job->settings);
    free(job);
}

/* ---- Errors ---- */

int32_t error_code(const PGresult *result, bool *not_started) {
    static const struct {
        const char *state; /**< SQLSTATE, or how it begins */
        int32_t code;
    } known[] = {{"57014", JF_E_TIMEOUT}, {"55P03", JF_E_TIMEOUT}, {"57P", JF_E_GONE},     {"08", JF_E_GONE},
                 {"25006", JF_E_GONE},    {"53", JF_E_BUSY},       {"40", JF_E_BUSY},      {"54", JF_E_BUSY},
                 {"28", JF_E_DENIED},     {"42501", JF_E_DENIED},  {"22003", JF_E_INVALID}};
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    *not_started = state != NULL; /* the server said so itself: the transaction is undone */
    for (size_t i = 0; state != NULL && i < sizeof known / sizeof known[0]; i++)
        if (strncmp(state, known[i].state, strlen(known[i].state)) == 0) return known[i].code;
    return state != NULL ? JF_E_FAULT : JF_E_GONE;
}

void error_text(const char *message, char out[144]) {
    size_t used = 0;
    while (message != NULL && message[used] != 0 && message[used] != '\n' && used < 140) {
        out[used] = message[used] == '\t' ? ' ' : message[used];
        used++;
    }
    while (used > 0 && ((unsigned char)out[used - 1] & 0xc0) == 0x80)
        used--; /* not half a character */
    out[used] = 0;
}

/* ---- Waiting with an end ---- */

static uint64_t clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static bool wait_for(PGconn *connection, short events, uint64_t end_ms) {
    struct pollfd it = {PQsocket(connection), events, 0};
    for (;;) {
        uint64_t now = clock_ms();
        if (now >= end_ms) return false;
        int ready = poll(&it, 1, (int)(end_ms - now));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

/* Runs SQL; the last result, or NULL after a failure that `why` explains. */
static PGresult *run(struct job *job, const char *sql, const char *what, uint64_t end_ms) {
    PGconn *to = job->connection;
    PGresult *last = NULL, *next;
    char text[144];
    int sent = PQsendQuery(to, sql);
    for (int left = 1; sent == 1 && left != 0;) {
        left = PQflush(to);
        if (left < 0 || (left > 0 && !wait_for(to, POLLOUT | POLLIN, end_ms))) sent = 0;
        if (left > 0 && sent == 1) PQconsumeInput(to);
    }
    while (sent == 1) {
        while (PQisBusy(to) && sent == 1)
            if (!wait_for(to, POLLIN, end_ms) || PQconsumeInput(to) != 1) sent = 0;
        if (sent == 0 || (next = PQgetResult(to)) == NULL) break;
        if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
            PQclear(next); /* the first error counts */
            continue;
        }
        PQclear(last);
        last = next;
    }
    if (sent == 1 && last != NULL && PQresultStatus(last) != PGRES_FATAL_ERROR) return last;
    bool unused;
    int32_t code = sent == 1 && last != NULL ? error_code(last, &unused) : JF_E_GONE;
    error_text(sent == 1 && last != NULL ? PQresultErrorMessage(last) : PQerrorMessage(to), text);
    sc_fault(&job->why, code, 0, "%s failed: %s", what, text[0] != 0 ? text : "no answer in time");
    PQclear(last);
    return NULL;
}

static bool run_all(struct job *job, const char *sql, const char *what, uint64_t end_ms) {
    PGresult *result = run(job, sql, what, end_ms);
    PQclear(result);
    return result != NULL;
}

/* ---- Steps ---- */

static int32_t login_code(const PGconn *connection) {
    /* libpq has no SQLSTATE for a refused login. */
    const char *text = PQerrorMessage(connection);
    if (PQconnectionNeedsPassword(connection) || strstr(text, "authentication failed") != NULL ||
        strstr(text, "no pg_hba.conf entry") != NULL)
        return JF_E_DENIED;
    return JF_E_GONE;
}

static bool log_in(struct job *job, uint64_t end_ms) {
    const struct settings *to = job->settings;
    char timeout[24], text[144];
    snprintf(timeout, sizeof timeout, "%llu", (unsigned long long)to->bounds.timeout_ms);
    /* Later ones win; an empty one is ignored. */
    const char *names[] = {"keepalives_idle",
                           "keepalives_interval",
                           "keepalives_count",
                           "tcp_user_timeout",
                           "gssencmode",
                           "fallback_application_name",
                           "dbname",
                           "password",
                           NULL};
    const char *values[] = {"15",           "5",          "3", timeout, "disable", "jackfield",
                            to->connection, to->password, NULL};
    job->connection = PQconnectStartParams(names, values, 1);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (job->connection != NULL && PQstatus(job->connection) != CONNECTION_BAD &&
           state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
        if (!wait_for(job->connection, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, end_ms)) break;
        state = PQconnectPoll(job->connection);
    }
    if (job->connection != NULL && PQstatus(job->connection) == CONNECTION_OK) return true;
    int32_t code = job->connection != NULL ? login_code(job->connection) : JF_E_GONE;
    error_text(job->connection != NULL ? PQerrorMessage(job->connection) : "no memory", text);
    sc_fault(&job->why, code, 0, "cannot connect: %s", text[0] != 0 ? text : "no answer in time");
    return false;
}

static bool set_session(struct job *job, uint64_t end_ms) {
    char sql[512];
    const struct settings *to = job->settings;
    /* The server gives up a little before we do, so that an answer comes instead of a lost connection. */
    snprintf(sql, sizeof sql,
             "SET search_path = pg_catalog; SET client_min_messages = error; SET synchronous_commit = %s;"
             "SET statement_timeout = %llu; SET lock_timeout = 0; SET default_transaction_isolation = 'read "
             "committed';"
             "SET client_encoding = 'UTF8'; SELECT pg_is_in_recovery()",
             to->synchronous_commit, (unsigned long long)(to->bounds.timeout_ms * 4 / 5));
    PGresult *result = run(job, sql, "setting up the session", end_ms);
    if (result == NULL) return false;
    bool is_standby = PQntuples(result) == 1 && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
    if (is_standby)
        sc_fault(&job->why, JF_E_GONE, 0,
                 "it is a standby: name the primary, or all with target_session_attrs=read-write");
    return !is_standby;
}

/* The version of what is there; 0: nothing is; -1: it cannot be asked. */
static int version_of(struct job *job, uint64_t end_ms) {
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT to_regclass('%s.meta') IS NOT NULL", job->settings->schema);
    PGresult *result = run(job, sql, "looking for the tables", end_ms);
    if (result == NULL) return -1;
    bool is_there = PQntuples(result) == 1 && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
    if (!is_there) return 0;
    snprintf(sql, sizeof sql, "SELECT version FROM %s.meta", job->settings->schema);
    result = run(job, sql, "reading the version of the tables", end_ms);
    if (result == NULL) return -1;
    int version = PQntuples(result) == 1 ? atoi(PQgetvalue(result, 0, 0)) : 0;
    PQclear(result);
    return version;
}

static bool run_parts(struct job *job, const char *const *parts, const char *what, uint64_t end_ms) {
    char *sql = schema_text(parts, job->settings->schema);
    if (sql == NULL) {
        sc_fault(&job->why, JF_E_GONE, 0, "no memory for SQL");
        return false;
    }
    bool ok = run_all(job, sql, what, end_ms);
    free(sql);
    return ok;
}

static bool make_tables(struct job *job, uint64_t end_ms) {
    int version = version_of(job, end_ms);
    if (version < 0) return false;
    if (version > SCHEMA_VERSION) {
        sc_fault(
            &job->why, JF_E_FAULT, 0,
            "the tables in schema %s are of version %d, made by a newer store-postgres: this one knows %d",
            job->settings->schema, version, SCHEMA_VERSION);
        return false;
    }
    if (version == 0 && !job->settings->creates) {
        sc_fault(&job->why, JF_E_FAULT, 0, "schema %s has no tables of the store, and `create` is false",
                 job->settings->schema);
        return false;
    }
    return version != 0 || run_parts(job, schema_create, "making the tables", end_ms);
}

void job_work(void *user) {
    struct job *job = user;
    uint64_t end_ms = clock_ms() + job->settings->connect_timeout_ms;
    if (log_in(job, end_ms) && set_session(job, end_ms) && make_tables(job, end_ms) &&
        run_parts(job, schema_prepare, "preparing statements", end_ms) &&
        PQsetnonblocking(job->connection, 1) == 0) {
        if (PQenterPipelineMode(job->connection) == 1) return;
        sc_fault(&job->why, JF_E_FAULT, 0, "libpq has no pipeline mode");
    }
    if (job->connection != NULL) PQfinish(job->connection);
    job->connection = NULL;
}
