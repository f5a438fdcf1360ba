/* SPDX-License-Identifier: Apache-2.0
 * A good toolset: `echo` answers at once, `later` from a timer. */
#ifndef GALLERY_TOOLSET_H
#define GALLERY_TOOLSET_H

#include "base.h"

#define FACET_ID JF_TOOLSET_1

/** A `later` that is still open. */
typedef struct job {
    struct job *next;
    jf_self *self;
    jf_ref op, timer;
} job;

struct jf_self {
    const jf_config_1 *json;
    const jf_loop_1 *loop;
    const jf_ops_1 *ops;
    const jf_log_1 *log;
    const jf_memory_1 *memory;
    job *jobs;
    /* for faults */
    void *kept;
    jf_view view;
    jf_blob blob;
    uint64_t count;
    pthread_t thread;
    bool is_started;
};

GOOD const char good_tools[] = "[{\"name\":\"echo\",\"description\":\"Answers its "
                               "text.\",\"inputSchema\":{\"type\":\"object\",\"properties\":"
                               "{\"text\":{\"type\":\"string\"}},\"required\":[\"text\"]}},{\"name\":"
                               "\"later\",\"description\":\"Answers "
                               "later.\",\"inputSchema\":{\"type\":\"object\"}}]";
#define DONE "{\"content\":[{\"type\":\"text\",\"text\":\"done\"}]}"

GOOD int32_t good_open(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                       jf_fault *why) {
    (void)self, (void)set, (void)name, (void)config, (void)why;
    *handle = 1;
    return JF_OK;
}

GOOD void good_close(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}

GOOD int32_t good_list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    (void)self, (void)handle, (void)why;
    return kind == JF_TOOLS ? good_give(items, good_tools) : JF_ABSENT;
}

/* The argument `text`, still quoted. */
GOOD int32_t good_argument(jf_self *self, const jf_request *request, jf_view *raw, jf_fault *why) {
    uint32_t kind = 0;
    int32_t status =
        self->json->find(self->json->context, request->arguments, good_view("/text"), raw, &kind);
    if (status == JF_OK && kind == JF_JSON_STRING) return JF_OK;
    return good_refuse(why, JF_E_INVALID, "text must be a string");
}

GOOD int32_t good_echo(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    jf_view raw;
    char *answer = NULL;
    (void)op;
    if (good_argument(self, request, &raw, why) != JF_OK) return JF_E_INVALID;
    if (asprintf(&answer, "{\"content\":[{\"type\":\"text\",\"text\":%.*s}]}", (int)raw.len,
                 (const char *)raw.ptr) < 0)
        return good_refuse(why, JF_E_BUSY, "out of memory");
    *result = (jf_blob){(const uint8_t *)answer, strlen(answer), answer, free};
    return JF_OK;
}

GOOD void good_end(job *it, int32_t status) {
    jf_fault why = {.size = sizeof why};
    jf_blob result = {0};
    job **link = &it->self->jobs;
    while (*link != it)
        link = &(*link)->next;
    *link = it->next;
    if (status == JF_OK)
        good_give(&result, DONE);
    else
        good_refuse(&why, status, "stopped");
    it->self->ops->finish(it->self->ops->context, it->op, status, &result, &why);
    free(it);
}

GOOD void good_fire(void *user) {
    good_end(user, JF_OK);
}

GOOD job *good_begin(jf_self *self, jf_ref op, jf_task_fn fire) {
    job *it = calloc(1, sizeof *it);
    if (it == NULL) return NULL;
    *it = (job){self->jobs, self, op, 0};
    if (self->loop->timer(self->loop->context, 2000000, fire, it, &it->timer) != JF_OK) {
        free(it);
        return NULL;
    }
    self->jobs = it;
    return it;
}

GOOD int32_t good_later(jf_self *self, jf_ref op, jf_fault *why) {
    if (good_begin(self, op, good_fire) == NULL) return good_refuse(why, JF_E_BUSY, "no timer");
    return JF_PENDING;
}

GOOD int32_t good_call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (good_equal(request->name, "echo")) return good_echo(self, op, request, result, why);
    if (good_equal(request->name, "later")) return good_later(self, op, why);
    return good_refuse(why, JF_E_INVALID, "no such tool");
}

GOOD void good_stop(jf_self *self) {
    while (self->jobs != NULL) {
        self->loop->cancel(self->loop->context, self->jobs->timer);
        good_end(self->jobs, JF_E_GONE);
    }
}

GOOD int32_t good_create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return good_refuse(why, JF_E_BUSY, "out of memory");
    self->json = good_service(offer, JF_CONFIG_1);
    self->loop = good_service(offer, JF_LOOP_1);
    self->ops = good_service(offer, JF_OPS_1);
    self->log = good_service(offer, JF_LOG_1);
    self->memory = good_service(offer, JF_MEMORY_1);
    if (!JF_HAS(self->json, integer) || !JF_HAS(self->loop, post) || !JF_HAS(self->ops, state)) {
        free(self);
        return good_refuse(why, JF_E_UNSUPPORTED, "it needs jf.config/1, jf.loop/1 and jf.ops/1");
    }
    *out = self;
    return JF_OK;
}

GOOD void good_destroy(jf_self *self) {
    free(self);
}

#ifndef CONFIG
#define CONFIG CLOSED
#endif
#ifndef REQUIRES
#define REQUIRES "\"jf.config/1\",\"jf.loop/1\",\"jf.ops/1\""
#endif
#ifndef OPTIONAL
#define OPTIONAL "\"jf.log/1\",\"jf.memory/1\""
#endif
#ifndef THREADS
#define THREADS "per-loop"
#endif
#ifndef MANIFEST
#define MANIFEST                                                                                             \
    "{\"id\":\"gallery\",\"version\":\"1.0.0\",\"abi\":\"1.0\",\"facets\":[\"jf.toolset/"                    \
    "1\"],\"requires\":[" REQUIRES "],\"optional\":[" OPTIONAL "],\"threads\":\"" THREADS                    \
    "\",\"config\":" CONFIG ",\"toolset\":{\"config\":" CLOSED "}}"
#endif

#define FACET_TABLE                                                                                          \
    static const jf_toolset_1 gallery_table = {.size = FACET_SIZE,                                           \
                                               .open = OPEN,                                                 \
                                               .close = CLOSE,                                               \
                                               .list = LIST,                                                 \
                                               .call = CALL,                                                 \
                                               .read = READ,                                                 \
                                               .cancel = CANCEL}
#define FACET_TYPE jf_toolset_1

#endif
