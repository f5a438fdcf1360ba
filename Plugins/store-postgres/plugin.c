/* SPDX-License-Identifier: Apache-2.0
 * store-postgres: an instance and its one connection, over which operations go in a pipeline. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "check.h"
#include "operation.h"
#include "setting.h"
#include "watch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MS 1000000u
/* A registered watch lives so long; it is renewed thrice meanwhile. */
enum { WATCH_MS = 60000, RENEW_MS = 20000, SEPARATE_MOST = 64, LIMITS_EACH = 60 };

struct jf_self {
    sc_host host;
    jf_store_1 store;
    struct settings *settings;
    sc_link link;
    PGconn *connection; /**< NULL: none */
    int socket; /**< a second descriptor of its socket: libpq closes its own where it likes, the loop's must
                   stay */
    jf_ref ready_watch;
    sc_watches watches;
    jf_ref renew_timer, sweep_timer;
    uint64_t sweeps;
    int32_t swept;
    bool runs, sweeps_too, is_first_renewal;
};

static void renew_watches(jf_self *self, bool is_first);

/* ---- The connection ---- */

static void *prepare(void *user) {
    jf_self *self = user;
    return job_make(self->settings);
}

static void ready(void *user, uint32_t events);

static int32_t adopt(void *user, void *from, jf_fault *why) {
    jf_self *self = user;
    struct job *job = from;
    const jf_loop_1 *loop = &self->host.loop;
    int32_t status = JF_OK;
    int socket = job->connection != NULL ? fcntl(PQsocket(job->connection), F_DUPFD_CLOEXEC, 0) : -1;
    if (job->connection == NULL) {
        *why = job->why;
        status = job->why.code;
    } else if (socket < 0 || loop->watch(loop->context, socket, JF_READABLE | JF_WRITABLE, ready, self,
                                         &self->ready_watch) != JF_OK) {
        status = sc_fault(why, JF_E_FAULT, 0, "the event loop does not take the connection");
    } else {
        self->connection = job->connection;
        self->socket = socket;
        job->connection = NULL;
        socket = -1;
    }
    if (socket >= 0) close(socket);
    job_drop(job);
    return status;
}

static bool send_op(void *user, sc_op *op) {
    jf_self *self = user;
    return op_send((struct op *)op, self->connection, self->settings->schema);
}

static bool flush(void *user) {
    jf_self *self = user;
    return PQflush(self->connection) >= 0; /* 1: the rest goes when the socket is writable */
}

static void close_connection(void *user) {
    jf_self *self = user;
    self->host.loop.unwatch(self->host.loop.context, self->ready_watch);
    PQfinish(self->connection);
    close(self->socket);
    self->connection = NULL;
}

static void changed(void *user, bool is_up) {
    jf_self *self = user;
    if (is_up && sc_watch_count(&self->watches) > 0) renew_watches(self, true);
}

static const sc_driver driver = {.prepare = prepare,
                                 .work = job_work,
                                 .drop = job_drop,
                                 .adopt = adopt,
                                 .send = send_op,
                                 .flush = flush,
                                 .close = close_connection,
                                 .discard = op_discard,
                                 .changed = changed};

/* ---- Results ---- */

static void answer_op(jf_self *self, struct op *op) {
    jf_blob answer = op->answer;
    jf_fault why = op->why;
    int32_t status = op->status;
    bool tells = op->tells && status == JF_OK;
    if (op->kind == OP_SWEEP) self->swept = status;
    op->answer = (jf_blob){0};
    sc_link_answer(&self->link, status, &answer, &why);
    if (tells) sc_watch_tell(&self->watches, (jf_view){0}, 0);
}

/* Takes the results that are there. False: the connection broke. */
static bool take_results(jf_self *self) {
    for (;;) {
        struct op *op = (struct op *)sc_link_next(&self->link);
        if (op == NULL || PQisBusy(self->connection)) return true;
        PGresult *result = PQgetResult(self->connection);
        if (PQstatus(self->connection) == CONNECTION_BAD) {
            PQclear(result);
            return false;
        }
        if (result == NULL) continue; /* the statement is over; the end of its transaction follows */
        bool is_end = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        if (!is_end) op_result(op, result, self->host.plugin);
        PQclear(result);
        if (!is_end) continue;
        /* A server that says that it cannot serve (a standby by now) is left, for another one maybe. */
        bool goes_on = op->has_result && op->status != JF_E_GONE;
        if (op->has_result) answer_op(self, op);
        if (!goes_on) return false;
    }
}

static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* REVISION:KEY in hex. */
static void take_notice(jf_self *self, const char *text) {
    uint8_t key[JF_STORE_KEY_MOST];
    char *at = NULL;
    uint64_t revision = strtoull(text, &at, 10), length = 0;
    if (at == NULL || *at != ':') return;
    for (at++; digit(at[0]) >= 0 && digit(at[1]) >= 0 && length < sizeof key; at += 2)
        key[length++] = (uint8_t)(digit(at[0]) << 4 | digit(at[1]));
    if (length > 0) sc_watch_tell(&self->watches, (jf_view){key, length}, revision);
}

static void take_notices(jf_self *self) {
    PGnotify *notice;
    while ((notice = PQnotifies(self->connection)) != NULL) {
        take_notice(self, notice->extra);
        PQfreemem(notice);
    }
}

static void ready(void *user, uint32_t events) {
    jf_self *self = user;
    char text[144];
    (void)events;
    /* Readiness is told once: libpq reads until there is nothing. */
    for (int left = 1; left > 0;) {
        bool ok = PQconsumeInput(self->connection) == 1 && take_results(self);
        if (ok) take_notices(self);
        if (!ok) {
            error_text(PQerrorMessage(self->connection), text);
            sc_link_lost(&self->link, JF_E_GONE, text[0] != 0 ? text : "the server closed it");
            return;
        }
        if (ioctl(self->socket, FIONREAD, &left) != 0) left = 0;
    }
    if (PQflush(self->connection) < 0) sc_link_lost(&self->link, JF_E_GONE, "the connection broke");
}

/* ---- Slots ---- */

static int32_t submit(jf_self *self, jf_ref ref, struct op *op, jf_fault *why) {
    if (op == NULL)
        return sc_fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED, "%s: no memory for an operation",
                        self->host.plugin);
    op->link.ref = ref;
    return sc_link_submit(&self->link, &op->link, why);
}

static int32_t room(jf_self *self, uint64_t bytes, jf_fault *why) {
    return sc_link_room(&self->link, bytes + 512, why);
}

static int32_t get(jf_self *self, jf_ref ref, jf_view key, jf_blob *entry, jf_fault *why) {
    (void)entry;
    int32_t status = sc_check_key(&self->host, key, why);
    if (status == JF_OK) status = room(self, key.len, why);
    return status == JF_OK ? submit(self, ref, op_get(key), why) : status;
}

static int32_t put(jf_self *self, jf_ref ref, const jf_store_put *it, jf_blob *entry, jf_fault *why) {
    (void)entry;
    int32_t status = sc_check_put(&self->host, it, why);
    if (status == JF_OK) status = room(self, it->value.len, why);
    return status == JF_OK ? submit(self, ref, op_put(it), why) : status;
}

static int32_t remove_key(jf_self *self, jf_ref ref, jf_view key, uint64_t revision, jf_blob *entry,
                          jf_fault *why) {
    (void)entry;
    int32_t status = sc_check_key(&self->host, key, why);
    if (status == JF_OK) status = room(self, key.len, why);
    return status == JF_OK ? submit(self, ref, op_remove(key, revision), why) : status;
}

static int32_t list(jf_self *self, jf_ref ref, const jf_store_list *it, jf_blob *entries, jf_fault *why) {
    (void)entries;
    int32_t status = sc_check_list(&self->host, it, why);
    if (status == JF_OK) status = room(self, 0, why);
    return status == JF_OK ? submit(self, ref, op_list(it), why) : status;
}

static int32_t add(jf_self *self, jf_ref ref, const jf_store_add *it, jf_blob *entry, jf_fault *why) {
    (void)entry;
    int32_t status = sc_check_add(&self->host, it, why);
    if (status == JF_OK) status = room(self, 0, why);
    return status == JF_OK ? submit(self, ref, op_add(it), why) : status;
}

static int32_t take(jf_self *self, jf_ref ref, const jf_store_limit *limits, uint64_t count,
                    jf_blob *verdicts, jf_fault *why) {
    (void)verdicts;
    sc_limit checked[JF_STORE_TAKE_MOST];
    int32_t status = sc_limits_check(self->host.plugin, limits, count, checked, why);
    if (status == JF_OK) status = room(self, 0, why);
    return status == JF_OK ? submit(self, ref, op_take(checked, count), why) : status;
}

/* ---- Watches ---- */

static void submit_own(jf_self *self, struct op *op) {
    jf_fault why = {.size = sizeof why};
    submit(self, 0, op, &why);
}

static void renew(void *user) {
    jf_self *self = user;
    self->renew_timer = 0;
    /* Transactions that had begun before the watch was seen are over by now. */
    if (self->is_first_renewal) sc_watch_tell(&self->watches, (jf_view){0}, 0);
    if (self->runs && sc_watch_count(&self->watches) > 0) renew_watches(self, false);
}

/* Tells the server which keys are watched; for `is_first`, also that it shall tell us. */
static void renew_watches(jf_self *self, bool is_first) {
    const jf_loop_1 *loop = &self->host.loop;
    pthread_mutex_lock(&self->watches.lock);
    uint32_t count = self->watches.count;
    bool separate = count <= SEPARATE_MOST;
    if (self->link.state == SC_UP) {
        if (is_first) submit_own(self, op_listen());
        for (uint32_t i = 0; i < (separate ? count : 1); i++) {
            struct op *op = op_watch(separate ? self->watches.items[i].prefix : (jf_view){0}, WATCH_MS);
            if (op != NULL) op->tells = is_first;
            submit_own(self, op);
        }
    }
    pthread_mutex_unlock(&self->watches.lock);
    if (self->renew_timer != 0) loop->cancel(loop->context, self->renew_timer);
    self->is_first_renewal = is_first;
    uint64_t ms = is_first ? self->settings->bounds.timeout_ms : RENEW_MS;
    if (loop->timer(loop->context, ms * MS, renew, self, &self->renew_timer) != JF_OK) self->renew_timer = 0;
}

static int32_t watch(jf_self *self, jf_ref ref, jf_view prefix, jf_fault *why) {
    int32_t status = sc_watch_add(&self->watches, ref, prefix, why);
    if (status == JF_OK && self->link.state == SC_UP) renew_watches(self, true);
    return status;
}

static void unwatch(jf_self *self, jf_ref ref) {
    sc_watch_remove(&self->watches, ref); /* the server forgets it by itself */
}

/* ---- The life of an instance ---- */

static void set_sweep(jf_self *self);

static void sweep(void *user) {
    jf_self *self = user;
    self->sweep_timer = 0;
    if (self->link.state == SC_UP) submit_own(self, op_sweep(self->sweeps++ % LIMITS_EACH == 0));
    set_sweep(self);
}

static void set_sweep(jf_self *self) {
    const jf_loop_1 *loop = &self->host.loop;
    uint64_t ms = self->swept >= 200 ? 10 : self->settings->sweep_ms;
    if (!self->runs || !self->sweeps_too) return;
    self->swept = 0;
    if (loop->timer(loop->context, ms * MS, sweep, self, &self->sweep_timer) != JF_OK) self->sweep_timer = 0;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return sc_fault(why, JF_E_FAULT, 0, "store-postgres: no memory for an instance");
    int32_t status = sc_host_attach(&self->host, "store-postgres", offer, SC_NEEDS_LOOP | SC_NEEDS_OPS, why);
    if (status == JF_OK && (self->settings = settings_read(&self->host, config, why)) == NULL)
        status = JF_E_INVALID;
    if (status != JF_OK) {
        free(self);
        return status;
    }
    sc_watches_open(&self->watches, &self->host);
    sc_link_open(&self->link, &self->host, &driver, self, self->settings->name, &self->settings->bounds);
    self->sweeps_too = self->host.loop.index(self->host.loop.context, NULL) == 0;
    self->store = (jf_store_1){.size = sizeof(jf_store_1),
                               .get = get,
                               .put = put,
                               .remove = remove_key,
                               .list = list,
                               .add = add,
                               .take = take,
                               .watch = watch,
                               .unwatch = unwatch};
    *out = self;
    return JF_OK;
}

static int32_t start(jf_self *self, jf_fault *why) {
    (void)why;
    self->runs = true;
    sc_link_start(&self->link);
    set_sweep(self);
    return JF_OK;
}

static void stop(jf_self *self) {
    const jf_loop_1 *loop = &self->host.loop;
    self->runs = false;
    if (self->sweep_timer != 0) loop->cancel(loop->context, self->sweep_timer);
    if (self->renew_timer != 0) loop->cancel(loop->context, self->renew_timer);
    self->sweep_timer = self->renew_timer = 0;
    sc_link_stop(&self->link);
}

static void destroy(jf_self *self) {
    sc_watches_close(&self->watches);
    settings_release(self->settings);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_STORE_1) == 0 ? &self->store : NULL;
}

static const jf_plugin plugin = {
    .size = sizeof(jf_plugin),
    .minor = JF_ABI_MINOR,
    .create = create,
    .destroy = destroy,
    .facet = facet,
    .start = start,
    .stop = stop,
};

JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    if (offer->major == JF_ABI_MAJOR) return &plugin;
    sc_fault(why, JF_E_UNSUPPORTED, 0, "store-postgres speaks plugin ABI %d only", JF_ABI_MAJOR);
    return NULL;
}
