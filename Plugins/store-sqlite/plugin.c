/* SPDX-License-Identifier: Apache-2.0
 * store-sqlite: an instance. Slots copy what they are asked for and hand it to the file's thread. */
#include "check.h"
#include "file.h"
#include "setting.h"

#include <stdlib.h>
#include <string.h>

struct jf_self {
    struct member member;
    jf_store_1 store;
    struct file *file;
    bool has_joined;
};

/* ---- Operations ---- */

static struct op *make(jf_self *self, jf_ref ref, uint32_t kind, size_t size) {
    struct op *op = calloc(1, sizeof *op + size);
    if (op == NULL) return NULL;
    op->member = &self->member;
    op->ref = ref;
    op->kind = kind;
    op->bytes = sizeof *op + size;
    op->why.size = sizeof op->why;
    return op;
}

static jf_view copy(uint8_t **to, jf_view view) {
    jf_view own = {view.ptr != NULL ? *to : NULL, view.len};
    if (view.len > 0) memcpy(*to, view.ptr, (size_t)view.len);
    *to += view.len;
    return own;
}

static int32_t submit(jf_self *self, struct op *op, jf_fault *why) {
    if (op != NULL) return file_submit(self->file, op, why);
    return sc_fault(why, JF_E_BUSY, JF_FAULT_NOT_STARTED, "store-sqlite: no memory for an operation");
}

static int32_t get(jf_self *self, jf_ref ref, jf_view key, jf_blob *entry, jf_fault *why) {
    (void)entry;
    int32_t status = sc_check_key(&self->member.host, key, why);
    if (status != JF_OK) return status;
    struct op *op = make(self, ref, OP_GET, (size_t)key.len);
    uint8_t *to = (uint8_t *)(op + 1);
    if (op != NULL) op->put.key = copy(&to, key);
    return submit(self, op, why);
}

static int32_t put(jf_self *self, jf_ref ref, const jf_store_put *it, jf_blob *entry, jf_fault *why) {
    (void)entry;
    int32_t status = sc_check_put(&self->member.host, it, why);
    if (status != JF_OK) return status;
    struct op *op = make(self, ref, OP_PUT, (size_t)(it->key.len + it->value.len));
    uint8_t *to = (uint8_t *)(op + 1);
    if (op == NULL) return submit(self, op, why);
    memcpy(&op->put, it, sizeof op->put);
    op->put.key = copy(&to, it->key);
    op->put.value = copy(&to, it->value);
    return submit(self, op, why);
}

static int32_t remove_key(jf_self *self, jf_ref ref, jf_view key, uint64_t revision, jf_blob *entry,
                          jf_fault *why) {
    (void)entry;
    int32_t status = sc_check_key(&self->member.host, key, why);
    if (status != JF_OK) return status;
    struct op *op = make(self, ref, OP_REMOVE, (size_t)key.len);
    uint8_t *to = (uint8_t *)(op + 1);
    if (op == NULL) return submit(self, op, why);
    op->put.key = copy(&to, key);
    op->put.revision = revision;
    return submit(self, op, why);
}

static int32_t list(jf_self *self, jf_ref ref, const jf_store_list *it, jf_blob *entries, jf_fault *why) {
    (void)entries;
    int32_t status = sc_check_list(&self->member.host, it, why);
    if (status != JF_OK) return status;
    struct op *op = make(self, ref, OP_LIST, (size_t)(it->prefix.len + it->after.len));
    uint8_t *to = (uint8_t *)(op + 1);
    if (op == NULL) return submit(self, op, why);
    memcpy(&op->list, it, sizeof op->list);
    op->list.prefix = copy(&to, it->prefix);
    op->list.after = copy(&to, it->after);
    return submit(self, op, why);
}

static int32_t add(jf_self *self, jf_ref ref, const jf_store_add *it, jf_blob *entry, jf_fault *why) {
    (void)entry;
    int32_t status = sc_check_add(&self->member.host, it, why);
    if (status != JF_OK) return status;
    struct op *op = make(self, ref, OP_ADD, (size_t)it->key.len);
    uint8_t *to = (uint8_t *)(op + 1);
    if (op == NULL) return submit(self, op, why);
    op->put.key = copy(&to, it->key);
    op->put.ttl_ms = it->ttl_ms;
    op->delta = it->delta;
    return submit(self, op, why);
}

static int32_t take(jf_self *self, jf_ref ref, const jf_store_limit *limits, uint64_t count,
                    jf_blob *verdicts, jf_fault *why) {
    (void)verdicts;
    sc_limit checked[JF_STORE_TAKE_MOST];
    int32_t status = sc_limits_check(self->member.host.plugin, limits, count, checked, why);
    if (status != JF_OK) return status;
    size_t size = (size_t)count * sizeof checked[0];
    for (uint64_t i = 0; i < count; i++)
        size += (size_t)checked[i].key.len;
    struct op *op = make(self, ref, OP_TAKE, size);
    if (op == NULL) return submit(self, op, why);
    op->limits = (sc_limit *)(op + 1);
    op->count = count;
    uint8_t *to = (uint8_t *)(op->limits + count);
    for (uint64_t i = 0; i < count; i++) {
        op->limits[i] = checked[i];
        op->limits[i].key = copy(&to, checked[i].key);
    }
    return submit(self, op, why);
}

static int32_t watch(jf_self *self, jf_ref ref, jf_view prefix, jf_fault *why) {
    int32_t status = sc_watch_add(&self->member.watches, ref, prefix, why);
    if (status == JF_OK && self->has_joined) file_watched(self->file);
    return status;
}

static void unwatch(jf_self *self, jf_ref ref) {
    sc_watch_remove(&self->member.watches, ref);
}

/* ---- The life of an instance ---- */

static int32_t read_options(const sc_host *host, jf_view config, struct options *out, jf_fault *why) {
    static const char *const levels[] = {"normal", "full", "off", NULL};
    sc_settings read = {host, config, why, JF_OK};
    *out = (struct options){
        .path = sc_text(&read, "path", NULL),
        .synchronous = levels[sc_choice(&read, "synchronous", levels)],
        .busy_ms = sc_integer(&read, "busy_ms", 1, 60000, 2000),
        .poll_ms = sc_integer(&read, "poll_ms", 10, 60000, 200),
        .sweep_ms = sc_integer(&read, "sweep_ms", 10, 600000, 1000),
        .in_flight = sc_integer(&read, "max_in_flight", 1, 1000000, 4096),
        .in_flight_bytes = sc_integer(&read, "max_in_flight_bytes", 65536, 1073741824, 67108864),
        .bytes = sc_integer(&read, "max_bytes", 1048576, 1ull << 40, 4294967296),
        .checks = sc_flag(&read, "check", true),
    };
    int32_t status = read.status;
    if (status == JF_OK && out->path == NULL)
        status = sc_fault(why, JF_E_INVALID, 0, "store-sqlite: path must name the file");
    if (status == JF_OK && out->path[0] != '/')
        status = sc_fault(why, JF_E_INVALID, 0, "store-sqlite: path must begin with /");
    if (status != JF_OK) free(out->path);
    return status;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    struct options options;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return sc_fault(why, JF_E_FAULT, 0, "store-sqlite: no memory for an instance");
    int32_t status = sc_host_attach(&self->member.host, "store-sqlite", offer, SC_NEEDS_OPS, why);
    if (status == JF_OK) status = read_options(&self->member.host, config, &options, why);
    if (status == JF_OK && (self->file = file_take(&options)) == NULL) {
        free(options.path);
        status = sc_fault(why, JF_E_FAULT, 0, "store-sqlite: no memory for a file");
    }
    if (status != JF_OK) {
        free(self);
        return status;
    }
    sc_watches_open(&self->member.watches, &self->member.host);
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
    int32_t status = file_join(self->file, &self->member, why);
    self->has_joined = status == JF_OK;
    return status;
}

static void stop(jf_self *self) {
    if (self->has_joined) file_leave(self->file, &self->member);
    self->has_joined = false;
}

static void destroy(jf_self *self) {
    stop(self);
    file_give(self->file);
    sc_watches_close(&self->member.watches);
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
    sc_fault(why, JF_E_UNSUPPORTED, 0, "store-sqlite speaks plugin ABI %d only", JF_ABI_MAJOR);
    return NULL;
}
