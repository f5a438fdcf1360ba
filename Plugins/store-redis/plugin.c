/* SPDX-License-Identifier: Apache-2.0
 * store-redis: an instance, its connection for operations and the one for watches. */
#include "check.h"
#include "operation.h"
#include "setting.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>

struct jf_self {
    sc_host host;
    jf_store_1 store;
    struct settings *settings;
    sc_link link, watch_link;
    struct wire wire, watch_wire;
    char sha[SCRIPT_COUNT][SHA_LENGTH + 1];
    sc_watches watches;
    jf_ref sweep_timer;
    bool runs, sweeps, is_loading;
    uint64_t swept; /**< keys that the last sweep found */
};

/* ---- The connection for operations ---- */

static void *prepare(void *user) {
    jf_self *self = user;
    return job_make(self->settings, false);
}

static void ready(void *user, uint32_t events);

static int32_t adopt(void *user, void *job, jf_fault *why) {
    jf_self *self = user;
    memcpy(self->sha, ((struct job *)job)->sha, sizeof self->sha);
    self->is_loading = false;
    return wire_adopt(&self->wire, &self->host, job, ready, self, why);
}

static bool send_op(void *user, sc_op *link) {
    jf_self *self = user;
    struct op *op = (struct op *)link;
    if (op->sha_at != 0) memcpy(op->bytes + op->sha_at, self->sha[op->script], SHA_LENGTH);
    return wire_send(&self->wire, op->bytes, op->length);
}

static bool flush(void *user) {
    jf_self *self = user;
    return wire_flush(&self->wire);
}

static void close_wire(void *user) {
    jf_self *self = user;
    wire_close(&self->wire);
}

static const sc_driver driver = {.prepare = prepare,
                                 .work = job_work,
                                 .drop = job_drop,
                                 .adopt = adopt,
                                 .send = send_op,
                                 .flush = flush,
                                 .close = close_wire,
                                 .discard = op_discard};

/* The server forgot the scripts (SCRIPT FLUSH, or another one took over behind a proxy). */
static void load_again(jf_self *self) {
    for (uint32_t i = 0; i < SCRIPT_COUNT && !self->is_loading; i++) {
        struct op *op = op_load(i);
        jf_fault why = {.size = sizeof why};
        if (op != NULL) sc_link_submit(&self->link, &op->link, &why);
    }
    self->is_loading = true;
}

/* False: the connection is of no use any more. */
static bool take_reply(jf_self *self, const redisReply *reply) {
    struct op *op = (struct op *)sc_link_next(&self->link);
    jf_blob answer = {0};
    jf_fault why = {.size = sizeof why};
    if (op == NULL) return false;
    bool is_error = reply->type == REDIS_REPLY_ERROR;
    if (is_error && strncmp(reply->str, "NOSCRIPT", 8) == 0 && !op->was_repeated) {
        op->was_repeated = true;
        load_again(self);
        sc_link_repeat(&self->link);
        return true;
    }
    if (op->kind == OP_LOAD) self->is_loading = false;
    if (op->kind == OP_SWEEP) self->swept = reply->type == REDIS_REPLY_INTEGER ? (uint64_t)reply->integer : 0;
    int32_t status = op_answer(op, reply, self->host.plugin, &answer, &why);
    bool is_lost = is_error && status == JF_E_GONE && strstr(reply->str, "READONLY") != NULL;
    sc_link_answer(&self->link, status, &answer, &why);
    return !is_lost;
}

/* Takes what the parser has. 1: all; 0: it is no Redis, or has no use. */
static bool take_replies(jf_self *self) {
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(self->wire.context->reader, &reply) != REDIS_OK) return false;
        if (reply == NULL) return true;
        bool goes_on = take_reply(self, reply);
        freeReplyObject(reply);
        if (!goes_on) return false;
    }
}

static void ready(void *user, uint32_t events) {
    jf_self *self = user;
    (void)events;
    int got = 1;
    while (got > 0) {
        got = wire_read(&self->wire);
        if (got > 0 && !take_replies(self)) got = -2;
    }
    if (got == 0 && wire_flush(&self->wire)) return;
    sc_link_lost(&self->link, JF_E_GONE,
                 got == -2 ? "its answers are not what was asked for" : "the server closed it");
}

/* ---- The connection for watches ---- */

static void *watch_prepare(void *user) {
    jf_self *self = user;
    return job_make(self->settings, true);
}

static void watch_ready(void *user, uint32_t events);

static int32_t watch_adopt(void *user, void *job, jf_fault *why) {
    jf_self *self = user;
    return wire_adopt(&self->watch_wire, &self->host, job, watch_ready, self, why);
}

static void watch_close(void *user) {
    jf_self *self = user;
    wire_close(&self->watch_wire);
}

/* From here on, or from here to nobody knows when, changes were missed. */
static void watch_changed(void *user, bool is_up) {
    jf_self *self = user;
    if (is_up) sc_watch_tell(&self->watches, (jf_view){0}, 0);
}

static bool watch_flush(void *user) {
    (void)user;
    return true;
}

static const sc_driver watch_driver = {.prepare = watch_prepare,
                                       .work = job_work,
                                       .drop = job_drop,
                                       .adopt = watch_adopt,
                                       .flush = watch_flush,
                                       .close = watch_close,
                                       .discard = op_discard,
                                       .changed = watch_changed};

/* ["message", channel, revision in 8 bytes and key]. */
static void take_message(jf_self *self, const redisReply *reply) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) return;
    const redisReply *kind = reply->element[0], *text = reply->element[2];
    if (kind->str == NULL || strcmp(kind->str, "message") != 0 || text->str == NULL || text->len < 9) return;
    const uint8_t *bytes = (const uint8_t *)text->str;
    uint64_t revision = 0;
    for (int i = 0; i < 8; i++)
        revision = revision << 8 | bytes[i];
    sc_watch_tell(&self->watches, (jf_view){bytes + 8, (uint64_t)text->len - 8}, revision);
}

static bool take_messages(jf_self *self) {
    for (;;) {
        void *reply = NULL;
        if (self->watch_wire.context == NULL) return true; /* the last watch ended meanwhile */
        if (redisReaderGetReply(self->watch_wire.context->reader, &reply) != REDIS_OK) return false;
        if (reply == NULL) return true;
        take_message(self, reply);
        freeReplyObject(reply);
    }
}

static void watch_ready(void *user, uint32_t events) {
    jf_self *self = user;
    (void)events;
    int got = 1;
    while (got > 0 && self->watch_wire.context != NULL) {
        got = wire_read(&self->watch_wire);
        if (got > 0 && !take_messages(self)) got = -1;
    }
    if (got < 0) sc_link_lost(&self->watch_link, JF_E_GONE, "the server closed it");
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
    return status == JF_OK ? submit(self, ref, op_get(self->settings, key), why) : status;
}

static int32_t put(jf_self *self, jf_ref ref, const jf_store_put *it, jf_blob *entry, jf_fault *why) {
    (void)entry;
    int32_t status = sc_check_put(&self->host, it, why);
    if (status == JF_OK) status = room(self, it->value.len, why);
    return status == JF_OK ? submit(self, ref, op_put(self->settings, it), why) : status;
}

static int32_t remove_key(jf_self *self, jf_ref ref, jf_view key, uint64_t revision, jf_blob *entry,
                          jf_fault *why) {
    (void)entry;
    int32_t status = sc_check_key(&self->host, key, why);
    if (status == JF_OK) status = room(self, key.len, why);
    return status == JF_OK ? submit(self, ref, op_remove(self->settings, key, revision), why) : status;
}

static int32_t list(jf_self *self, jf_ref ref, const jf_store_list *it, jf_blob *entries, jf_fault *why) {
    (void)entries;
    int32_t status = sc_check_list(&self->host, it, why);
    if (status == JF_OK) status = room(self, 0, why);
    return status == JF_OK ? submit(self, ref, op_list(self->settings, it), why) : status;
}

static int32_t add(jf_self *self, jf_ref ref, const jf_store_add *it, jf_blob *entry, jf_fault *why) {
    (void)entry;
    int32_t status = sc_check_add(&self->host, it, why);
    if (status == JF_OK) status = room(self, 0, why);
    return status == JF_OK ? submit(self, ref, op_add(self->settings, it), why) : status;
}

static int32_t take(jf_self *self, jf_ref ref, const jf_store_limit *limits, uint64_t count,
                    jf_blob *verdicts, jf_fault *why) {
    (void)verdicts;
    sc_limit checked[JF_STORE_TAKE_MOST];
    int32_t status = sc_limits_check(self->host.plugin, limits, count, checked, why);
    if (status == JF_OK) status = room(self, 0, why);
    return status == JF_OK ? submit(self, ref, op_take(self->settings, checked, count), why) : status;
}

static int32_t watch(jf_self *self, jf_ref ref, jf_view prefix, jf_fault *why) {
    int32_t status = sc_watch_add(&self->watches, ref, prefix, why);
    if (status == JF_OK && self->runs) sc_link_start(&self->watch_link);
    return status;
}

static void unwatch(jf_self *self, jf_ref ref) {
    sc_watch_remove(&self->watches, ref);
    if (sc_watch_count(&self->watches) == 0) sc_link_stop(&self->watch_link);
}

/* ---- The life of an instance ---- */

static void set_sweep(jf_self *self);

static void sweep(void *user) {
    jf_self *self = user;
    self->sweep_timer = 0;
    if (self->link.state == SC_UP) {
        jf_fault why = {.size = sizeof why};
        submit(self, 0, op_sweep(self->settings), &why);
    }
    set_sweep(self);
}

static void set_sweep(jf_self *self) {
    const jf_loop_1 *loop = &self->host.loop;
    uint64_t ms = self->swept >= 200 ? 10 : self->settings->sweep_ms;
    if (!self->runs || !self->sweeps) return;
    self->swept = 0;
    loop->timer(loop->context, ms * 1000000u, sweep, self, &self->sweep_timer);
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return sc_fault(why, JF_E_FAULT, 0, "store-redis: no memory for an instance");
    int32_t status = sc_host_attach(&self->host, "store-redis", offer, SC_NEEDS_LOOP | SC_NEEDS_OPS, why);
    if (status == JF_OK && (self->settings = settings_read(&self->host, config, why)) == NULL)
        status = JF_E_INVALID;
    if (status != JF_OK) {
        free(self);
        return status;
    }
    sc_watches_open(&self->watches, &self->host);
    sc_link_open(&self->link, &self->host, &driver, self, self->settings->address, &self->settings->bounds);
    sc_link_open(&self->watch_link, &self->host, &watch_driver, self, self->settings->address,
                 &self->settings->bounds);
    self->sweeps = self->host.loop.index(self->host.loop.context, NULL) == 0;
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
    if (sc_watch_count(&self->watches) > 0) sc_link_start(&self->watch_link);
    set_sweep(self);
    return JF_OK;
}

static void stop(jf_self *self) {
    const jf_loop_1 *loop = &self->host.loop;
    self->runs = false;
    if (self->sweep_timer != 0) loop->cancel(loop->context, self->sweep_timer);
    self->sweep_timer = 0;
    sc_link_stop(&self->watch_link);
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
    sc_fault(why, JF_E_UNSUPPORTED, 0, "store-redis speaks plugin ABI %d only", JF_ABI_MAJOR);
    return NULL;
}
