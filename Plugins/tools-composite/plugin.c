/* SPDX-License-Identifier: Apache-2.0
 * tools-composite: the entry function, instances, sets, and the toolset facet. */
#include "batch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int32_t refuse(jf_fault *why, int32_t code, uint32_t flags, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(why->text, sizeof why->text, format, arguments);
    va_end(arguments);
    why->text_len = (uint32_t)(length < 0                       ? 0
                               : length < (int)sizeof why->text ? length
                                                                : (int)sizeof why->text - 1);
    why->code = code;
    why->flags = flags;
    return code;
}

static uint8_t *copy_of(jf_view bytes) {
    uint8_t *copy = malloc(bytes.len + 1);
    if (copy == NULL) return NULL;
    if (bytes.len > 0) memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = 0;
    return copy;
}

static int32_t open_set(jf_self *self, jf_ref host, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    uint32_t slot = 0;
    while (slot < MOST_SETS && self->sets[slot] != NULL)
        slot++;
    set *it = slot == MOST_SETS ? NULL : calloc(1, sizeof *it);
    if (it == NULL)
        return refuse(why, JF_E_BUSY, 0, "tools-composite: no memory, or more than %u servers", MOST_SETS);
    it->self = self;
    it->host = host;
    it->references = 1;
    it->name = (char *)copy_of(name);
    it->config = copy_of(config);
    if (it->name == NULL || it->config == NULL)
        refuse(why, JF_E_BUSY, 0, "tools-composite: out of memory");
    else if (declare_set(it, why)) {
        it->generation = ++self->generation;
        self->sets[slot] = it;
        *handle = (jf_ref)it->generation << 32 | (slot + 1);
        discover_begin(it);
        return JF_OK;
    }
    if (self->log != NULL)
        self->log->write(self->log->context, JF_LOG_ERROR,
                         (jf_view){(const uint8_t *)why->text, why->text_len}, NULL, 0);
    set_free(it);
    return why->code;
}

/** The set behind a handle; NULL: none. */
static set *find_set(const jf_self *self, jf_ref handle) {
    uint64_t slot = (handle & UINT32_MAX) - 1;
    set *it = slot < MOST_SETS ? self->sets[slot] : NULL;
    return it != NULL && it->generation == handle >> 32 ? it : NULL;
}

static void close_slot(jf_self *self, uint64_t slot) {
    set *it = self->sets[slot];
    self->sets[slot] = NULL;
    discover_end(it);
    set_release(it);
}

static void close_set(jf_self *self, jf_ref handle) {
    if (find_set(self, handle) != NULL) close_slot(self, (handle & UINT32_MAX) - 1);
}

static int32_t list_tools(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    const set *it = find_set(self, handle);
    text out = {0};
    if (it == NULL) return refuse(why, JF_E_STALE, 0, "tools-composite: no such set");
    if (kind != JF_TOOLS) return JF_ABSENT;
    schema_write_tools(it, &out);
    if (out.failed) {
        text_free(&out);
        return refuse(why, JF_E_BUSY, 0, "tools-composite: out of memory");
    }
    *items = (jf_blob){out.bytes, out.length, out.bytes, free};
    return JF_OK;
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    set *it = find_set(self, request->set);
    (void)result;
    if (it == NULL || self->stopped) return refuse(why, JF_E_STALE, 0, "tools-composite: no such set");
    for (uint32_t i = 0; i < it->count; i++)
        if (strlen(it->composites[i].name) == request->name.len &&
            memcmp(it->composites[i].name, request->name.ptr, request->name.len) == 0)
            return it->composites[i].mode == MODE_BATCH
                       ? batch_call(self, it, &it->composites[i], op, request, why)
                       : run_call(self, it, &it->composites[i], op, request, why);
    return refuse(why, JF_E_INVALID, JF_FAULT_PUBLIC, "no such tool");
}

/** A cancellation on its way to the lane. */
typedef struct parting {
    jf_self *self;
    jf_ref op;
    int32_t why;
} parting;

static void part(void *user) {
    parting *it = user;
    run_cancel(it->self, it->op, it->why);
    batch_cancel(it->self, it->op, it->why);
    free(it);
}

static void cancel(jf_self *self, jf_ref op) {
    /* Without memory the run ends at its deadline. */
    parting *it = malloc(sizeof *it);
    if (it == NULL) return;
    int32_t state = self->ops->state(self->ops->context, op);
    *it = (parting){self, op, state == JF_E_TIMEOUT ? JF_E_TIMEOUT : JF_E_GONE};
    if (self->loop->post(self->loop->context, part, it) != JF_OK) free(it);
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_toolset_1 toolset = {.size = sizeof toolset,
                                         .open = open_set,
                                         .close = close_set,
                                         .list = list_tools,
                                         .call = call,
                                         .cancel = cancel};
    (void)self;
    return strcmp(id, JF_TOOLSET_1) == 0 ? &toolset : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    const jf_ops_1 *ops = offer->service(offer->host, JF_OPS_1);
    const jf_calls_1 *calls = offer->service(offer->host, JF_CALLS_1);
    const jf_loop_1 *loop = offer->service(offer->host, JF_LOOP_1);
    const jf_log_1 *log = offer->service(offer->host, JF_LOG_1);
    const jf_toolsets_1 *toolsets = offer->service(offer->host, JF_TOOLSETS_1);
    if (!JF_HAS(ops, finish) || !JF_HAS(ops, state) || !JF_HAS(ops, progress))
        return refuse(why, JF_E_UNSUPPORTED, 0, "tools-composite needs jf.ops/1");
    if (!JF_HAS(calls, start) || !JF_HAS(calls, cancel))
        return refuse(why, JF_E_UNSUPPORTED, 0, "tools-composite needs jf.calls/1");
    if (!JF_HAS(loop, timer) || !JF_HAS(loop, cancel) || !JF_HAS(loop, post) || !JF_HAS(loop, now))
        return refuse(why, JF_E_UNSUPPORTED, 0, "tools-composite needs jf.loop/1");
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return refuse(why, JF_E_BUSY, 0, "tools-composite: out of memory");
    self->ops = ops;
    self->calls = calls;
    self->loop = loop;
    self->log = JF_HAS(log, write) ? log : NULL;
    self->toolsets = JF_HAS(toolsets, changed) ? toolsets : NULL;
    *out = self;
    return JF_OK;
}

static void stop(jf_self *self) {
    self->stopped = true;
    run_stop_all(self);
    batch_stop_all(self);
    for (uint32_t i = 0; i < MOST_SETS; i++)
        if (self->sets[i] != NULL) discover_end(self->sets[i]);
}

static void destroy(jf_self *self) {
    stop(self);
    for (uint32_t i = 0; i < MOST_SETS; i++)
        if (self->sets[i] != NULL) close_slot(self, i);
    run_orphan_all(self);
    batch_orphan_all(self);
    free(self);
}

static const jf_plugin plugin = {.size = sizeof plugin,
                                 .minor = JF_ABI_MINOR,
                                 .create = create,
                                 .destroy = destroy,
                                 .facet = facet,
                                 .stop = stop};

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    if (offer->major == JF_ABI_MAJOR) return &plugin;
    refuse(why, JF_E_UNSUPPORTED, 0, "tools-composite is built for ABI 1");
    return NULL;
}
