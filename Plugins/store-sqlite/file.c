/* SPDX-License-Identifier: Apache-2.0
 * A file that all instances with the same path share. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "file.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH_MOST = 256, SWEPT_MOST = 200, OPEN_MS = 5000, REOPEN_MS = 250 };

struct file {
    struct file *next;
    uint32_t users;
    struct options options;
    pthread_mutex_t life_lock; /**< one joins or leaves at a time */
    pthread_mutex_t lock;      /**< guards what follows; never held while the host is called */
    pthread_cond_t wake, done;
    struct op *first, **end;
    uint64_t count, bytes;
    uint32_t leaving; /**< how many wait for `done` to leave */
    bool runs, ends, was_tried;
    pthread_t thread;
    jf_fault fault; /**< why it is not open; code JF_OK: it is */
    atomic_bool hurries;
    pthread_mutex_t members_lock; /**< recursive; held while watches are told */
    struct member *members;
    /* The thread's own. */
    struct database database;
    uint64_t retry_ms, sweep_ms, poll_ms;
};

static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;
static struct file *files;

static uint64_t clock_ms(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* ---- Sharing ---- */

static void free_options(struct options *options) {
    free(options->path);
}

static struct file *make(struct options *options) {
    struct file *file = calloc(1, sizeof *file);
    pthread_condattr_t clock;
    pthread_mutexattr_t recursive;
    if (file == NULL) return NULL;
    file->options = *options;
    file->database.options = &file->options;
    file->database.hurries = &file->hurries;
    file->fault.size = sizeof file->fault;
    file->end = &file->first;
    pthread_mutex_init(&file->life_lock, NULL);
    pthread_mutex_init(&file->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&file->wake, &clock);
    pthread_cond_init(&file->done, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&file->members_lock, &recursive);
    pthread_mutexattr_destroy(&recursive);
    file->next = files;
    files = file;
    return file;
}

struct file *file_take(struct options *options) {
    pthread_mutex_lock(&files_lock);
    struct file *file = files;
    while (file != NULL && strcmp(file->options.path, options->path) != 0)
        file = file->next;
    if (file != NULL)
        free_options(options); /* one file has one set of options: those of who came first */
    else
        file = make(options);
    if (file != NULL) file->users++;
    pthread_mutex_unlock(&files_lock);
    return file;
}

void file_give(struct file *file) {
    pthread_mutex_lock(&files_lock);
    if (--file->users == 0) {
        struct file **link = &files;
        while (*link != file)
            link = &(*link)->next;
        *link = file->next;
        pthread_mutex_destroy(&file->life_lock);
        pthread_mutex_destroy(&file->lock);
        pthread_mutex_destroy(&file->members_lock);
        pthread_cond_destroy(&file->wake);
        pthread_cond_destroy(&file->done);
        free_options(&file->options);
        free(file);
    }
    pthread_mutex_unlock(&files_lock);
}

/* ---- Operations ---- */

void op_free(struct op *op) {
    if (op->answer.drop != NULL) op->answer.drop(op->answer.owner);
    free(op);
}

static void finish(struct op *op) {
    const sc_host *host = &op->member->host;
    jf_blob answer = op->status == JF_OK ? op->answer : (jf_blob){0};
    if (op->status == JF_OK) op->answer = (jf_blob){0};
    sc_finish(host, op->ref, op->status, &answer, &op->why);
    op_free(op);
}

static void tell(struct file *file, jf_view key, uint64_t revision) {
    pthread_mutex_lock(&file->members_lock);
    for (struct member *it = file->members; it != NULL; it = it->next)
        sc_watch_tell(&it->watches, key, revision);
    pthread_mutex_unlock(&file->members_lock);
}

static bool is_watched(struct file *file) {
    bool watched = false;
    pthread_mutex_lock(&file->members_lock);
    for (struct member *it = file->members; it != NULL && !watched; it = it->next)
        watched = sc_watch_count(&it->watches) > 0;
    pthread_mutex_unlock(&file->members_lock);
    return watched;
}

static void log_all(struct file *file, uint32_t level, const jf_fault *why) {
    pthread_mutex_lock(&file->members_lock);
    if (file->members != NULL) sc_log(&file->members->host, level, "%.*s", (int)why->text_len, why->text);
    pthread_mutex_unlock(&file->members_lock);
}

/* ---- The thread ---- */

/* Time that all processes on this machine agree on; it does not go back while we run. */
static int64_t now_of(struct file *file) {
    int64_t now = (int64_t)clock_ms(CLOCK_REALTIME);
    if (now > file->database.now_ms) file->database.now_ms = now;
    return file->database.now_ms;
}

static void set_fault(struct file *file, const jf_fault *why) {
    pthread_mutex_lock(&file->lock);
    file->fault = *why;
    file->was_tried = true;
    pthread_cond_broadcast(&file->done);
    pthread_mutex_unlock(&file->lock);
}

/* Opens the file, unless it is open or was tried a moment ago. */
static bool open_now(struct file *file) {
    jf_fault why = {.size = sizeof why};
    uint64_t now = clock_ms(CLOCK_MONOTONIC);
    if (file->database.db != NULL) return true;
    if (file->retry_ms > now) return false;
    bool failed_before = file->fault.code != JF_OK;
    int32_t status = database_open(&file->database, &why);
    file->retry_ms = clock_ms(CLOCK_MONOTONIC) + REOPEN_MS;
    if (status != JF_OK && !failed_before) log_all(file, JF_LOG_ERROR, &why);
    set_fault(file, &why);
    if (status == JF_OK && failed_before) tell(file, (jf_view){0}, 0);
    return status == JF_OK;
}

static void close_after(struct file *file, int error) {
    jf_fault why = {.size = sizeof why};
    if (!database_is_broken(error)) return;
    database_fault(&file->database, error, &why);
    database_close(&file->database);
    log_all(file, JF_LOG_ERROR, &why);
    set_fault(file, &why);
}

static void fail(struct file *file, struct op *op, int error) {
    op->status = database_fault(&file->database, error, &op->why);
    op->changed = false;
}

/* One operation by itself. */
static int run_alone(struct file *file, struct op *op, int64_t now) {
    int error = op_writes(op) ? database_begin(&file->database) : SQLITE_OK;
    if (error == SQLITE_OK) error = database_run(&file->database, op, now);
    if (error == SQLITE_OK && op_writes(op)) error = database_commit(&file->database);
    if (error == SQLITE_OK) return error;
    fail(file, op, error);
    database_rollback(&file->database);
    return error;
}

/* All of them in one transaction: it is written to disk once. */
static int run_together(struct file *file, struct op *batch, int64_t now) {
    int error = database_begin(&file->database);
    for (struct op *op = batch; op != NULL && error == SQLITE_OK; op = op->next)
        error = database_run(&file->database, op, now);
    if (error == SQLITE_OK) error = database_commit(&file->database);
    if (error != SQLITE_OK) database_rollback(&file->database);
    return error;
}

static void run_batch(struct file *file, struct op *batch) {
    uint32_t writes = 0;
    int64_t now = now_of(file);
    int error = SQLITE_OK;
    if (!open_now(file)) {
        for (struct op *op = batch; op != NULL; op = op->next) {
            op->why = file->fault;
            op->why.flags = JF_FAULT_NOT_STARTED;
            op->status = file->fault.code;
        }
        return;
    }
    for (struct op *op = batch; op != NULL; op = op->next)
        writes += op_writes(op);
    if (writes > 1) error = run_together(file, batch, now);
    if (writes > 1 && error == SQLITE_OK) return;
    /* Reading goes on while another process writes; and what cannot be kept shall fail by itself. */
    bool is_held = (error & 0xff) == SQLITE_BUSY;
    for (struct op *op = batch; op != NULL; op = op->next) {
        if (database_is_broken(error) || (is_held && op_writes(op))) {
            fail(file, op, database_is_broken(error) ? error : SQLITE_BUSY);
            continue;
        }
        int own = run_alone(file, op, now);
        is_held = is_held || (own & 0xff) == SQLITE_BUSY;
        if (own != SQLITE_OK) error = own;
    }
    close_after(file, error);
}

static void sweep(struct file *file) {
    uint8_t keys[16][JF_STORE_KEY_MOST];
    uint64_t lengths[16];
    int64_t now = now_of(file);
    jf_fault moved = {.size = sizeof moved};
    if (file->database.db != NULL && database_is_elsewhere(&file->database)) {
        sc_fault(&moved, JF_E_GONE, 0,
                 "store-sqlite: %.100s was moved away or replaced: what stands there now is used",
                 file->options.path);
        database_close(&file->database);
        log_all(file, JF_LOG_WARNING, &moved);
        set_fault(file, &moved);
        file->retry_ms = 0;
    }
    if (!open_now(file)) return;
    for (int swept = 0; swept < SWEPT_MOST && database_has_ended(&file->database, now);) {
        int count = 0, error = database_begin(&file->database);
        while (error == SQLITE_OK && count < 16) {
            error = database_sweep_one(&file->database, now, keys[count], &lengths[count]);
            if (error != SQLITE_ROW) break;
            error = SQLITE_OK;
            count++;
        }
        if (error == SQLITE_OK || error == SQLITE_DONE) error = database_commit(&file->database);
        if (error != SQLITE_OK) {
            database_rollback(&file->database);
            close_after(file, error);
            return;
        }
        for (int i = 0; i < count; i++)
            tell(file, (jf_view){keys[i], lengths[i]}, 0);
        swept += count > 0 ? count : SWEPT_MOST;
    }
    database_sweep_limits(&file->database, now);
}

/* What is to be done by the clock. Returns how long there is nothing of it. */
static uint64_t upkeep(struct file *file) {
    uint64_t now = clock_ms(CLOCK_MONOTONIC);
    if (now >= file->sweep_ms) {
        sweep(file);
        file->sweep_ms = clock_ms(CLOCK_MONOTONIC) + file->options.sweep_ms;
    }
    bool watched = is_watched(file);
    if (watched && now >= file->poll_ms) {
        if (file->database.db != NULL && database_was_changed(&file->database)) tell(file, (jf_view){0}, 0);
        file->poll_ms = now + file->options.poll_ms;
    }
    now = clock_ms(CLOCK_MONOTONIC);
    uint64_t next = watched && file->poll_ms < file->sweep_ms ? file->poll_ms : file->sweep_ms;
    return next > now ? next - now : 1;
}

static struct timespec after(uint64_t ms) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) at.tv_sec++, at.tv_nsec -= 1000000000;
    return at;
}

/* Waits for operations and takes some. With the lock held. */
static struct op *take_batch(struct file *file, uint64_t wait_ms) {
    struct timespec last = after(wait_ms);
    while (file->first == NULL && !file->ends && pthread_cond_timedwait(&file->wake, &file->lock, &last) == 0)
        continue;
    struct op *batch = file->first, **link = &file->first;
    for (int i = 0; *link != NULL && i < BATCH_MOST; i++) {
        (*link)->member->in_hand++;
        link = &(*link)->next;
    }
    if (link == &file->first) return NULL;
    struct op *rest = *link;
    *link = NULL;
    file->first = rest;
    if (rest == NULL) file->end = &file->first;
    return batch;
}

static void end_batch(struct file *file, struct op *batch) {
    for (struct op *op = batch; op != NULL; op = op->next)
        if (op->status == JF_OK && op->changed) tell(file, op->put.key, op->revision);
    for (struct op *op = batch, *next; op != NULL; op = next) {
        struct member *member = op->member;
        uint64_t bytes = op->bytes;
        next = op->next;
        finish(op);
        pthread_mutex_lock(&file->lock);
        member->in_hand--; /* from here on it may be gone */
        file->count--;
        file->bytes -= bytes;
        if (file->leaving > 0) pthread_cond_broadcast(&file->done);
        pthread_mutex_unlock(&file->lock);
    }
}

static void *work(void *user) {
    struct file *file = user;
    uint64_t idle_ms = 0;
    open_now(file);
    file->sweep_ms = clock_ms(CLOCK_MONOTONIC) + file->options.sweep_ms;
    for (;;) {
        pthread_mutex_lock(&file->lock);
        struct op *batch = take_batch(file, idle_ms);
        bool ends = file->ends && batch == NULL;
        pthread_mutex_unlock(&file->lock);
        if (ends) break;
        if (batch != NULL) {
            run_batch(file, batch);
            end_batch(file, batch);
        }
        idle_ms = upkeep(file);
    }
    if (file->database.db != NULL) database_close(&file->database);
    return NULL;
}

/* ---- Members ---- */

static bool start_thread(struct file *file) {
    sigset_t all, before;
    sigfillset(&all);
    file->ends = file->was_tried = false;
    atomic_store(&file->hurries, false);
    file->retry_ms = 0;
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the host's threads */
    file->runs = pthread_create(&file->thread, NULL, work, file) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return file->runs;
}

static void link_member(struct file *file, struct member *member) {
    pthread_mutex_lock(&file->members_lock);
    member->next = file->members;
    file->members = member;
    pthread_mutex_unlock(&file->members_lock);
}

/* Lets go of a member; true: it was the last. */
static bool unlink_member(struct file *file, struct member *member) {
    pthread_mutex_lock(&file->members_lock);
    struct member **link = &file->members;
    while (*link != NULL && *link != member)
        link = &(*link)->next;
    if (*link != NULL) *link = member->next;
    bool is_last = file->members == NULL;
    pthread_mutex_unlock(&file->members_lock);
    return is_last;
}

static void end_thread(struct file *file) {
    pthread_mutex_lock(&file->lock);
    file->ends = true;
    pthread_cond_broadcast(&file->wake);
    bool runs = file->runs;
    file->runs = false;
    pthread_mutex_unlock(&file->lock);
    atomic_store(&file->hurries, true);
    if (runs) pthread_join(file->thread, NULL);
}

static int32_t join(struct file *file, struct member *member, jf_fault *why) {
    struct timespec last = after(OPEN_MS);
    link_member(file, member);
    pthread_mutex_lock(&file->lock);
    bool ok = file->runs || start_thread(file);
    while (ok && !file->was_tried && pthread_cond_timedwait(&file->done, &file->lock, &last) == 0)
        continue;
    jf_fault fault = file->fault;
    pthread_mutex_unlock(&file->lock);
    if (!ok) {
        unlink_member(file, member);
        return sc_fault(why, JF_E_FAULT, 0, "store-sqlite: no thread for %.100s", file->options.path);
    }
    if (fault.code != JF_E_FAULT && fault.code != JF_E_GONE) return JF_OK;
    /* It is damaged, someone else's, or cannot be opened: better to say so now than with every operation. */
    if (unlink_member(file, member)) end_thread(file);
    if (why != NULL) memcpy(why, &fault, sizeof fault < why->size ? sizeof fault : why->size);
    return fault.code;
}

int32_t file_join(struct file *file, struct member *member, jf_fault *why) {
    pthread_mutex_lock(&file->life_lock);
    int32_t status = join(file, member, why);
    pthread_mutex_unlock(&file->life_lock);
    return status;
}

void file_leave(struct file *file, struct member *member) {
    pthread_mutex_lock(&file->life_lock);
    struct op *mine = NULL, **end = &mine;
    pthread_mutex_lock(&file->lock);
    file->end = &file->first;
    for (struct op **link = &file->first; *link != NULL;) {
        struct op *op = *link;
        if (op->member == member) {
            *link = op->next;
            op->next = NULL;
            *end = op;
            end = &op->next;
            file->count--;
            file->bytes -= op->bytes;
        } else {
            link = &op->next;
            file->end = link;
        }
    }
    atomic_store(&file->hurries, true);
    file->leaving++;
    while (member->in_hand > 0)
        pthread_cond_wait(&file->done, &file->lock);
    file->leaving--;
    atomic_store(&file->hurries, false);
    pthread_mutex_unlock(&file->lock);
    while (mine != NULL) {
        struct op *op = mine;
        mine = op->next;
        op->status =
            sc_fault(&op->why, JF_E_GONE, JF_FAULT_NOT_STARTED, "store-sqlite: the store is stopped");
        finish(op);
    }
    if (unlink_member(file, member)) end_thread(file);
    pthread_mutex_unlock(&file->life_lock);
}

int32_t file_submit(struct file *file, struct op *op, jf_fault *why) {
    int32_t status = JF_PENDING;
    pthread_mutex_lock(&file->lock);
    if (!file->runs || file->ends) {
        status = sc_fault(why, JF_E_GONE, JF_FAULT_NOT_STARTED, "store-sqlite: the store is not started");
    } else if (file->count >= file->options.in_flight ||
               (file->count > 0 && file->bytes + op->bytes > file->options.in_flight_bytes)) {
        status = sc_fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED,
                          "store-sqlite: too many operations are open (max_in_flight, max_in_flight_bytes)");
        if (why != NULL) why->retry_ms = 20;
    } else {
        bool is_idle = file->first == NULL;
        op->next = NULL;
        *file->end = op;
        file->end = &op->next;
        file->count++;
        file->bytes += op->bytes;
        if (is_idle) pthread_cond_signal(&file->wake);
    }
    pthread_mutex_unlock(&file->lock);
    if (status != JF_PENDING) op_free(op);
    return status;
}

void file_watched(struct file *file) {
    pthread_mutex_lock(&file->lock);
    pthread_cond_signal(&file->wake);
    pthread_mutex_unlock(&file->lock);
}
