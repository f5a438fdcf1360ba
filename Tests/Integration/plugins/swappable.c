/* SPDX-License-Identifier: Apache-2.0
 * A toolset and a routing strategy in one plugin, built with different faults as the generations of a hot
 * swap. -DVERSION="1.0.1" -DID="swappable" -DABI="1.0"; -DFAULT_CREATE, _START, _OPEN, _LIST, _ATTACH, _CALL,
 * _SLOW. */
#include <jackfield/config.h>
#include <jackfield/loop.h>
#include <jackfield/ops.h>
#include <jackfield/routing.h>
#include <jackfield/toolset.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ID
#define ID "swappable"
#endif
#ifndef ABI
#define ABI "1.0"
#endif
#ifndef THREADS
#define THREADS "per-loop"
#endif

JF_MANIFEST("{\"id\":\"" ID "\",\"version\":\"" VERSION "\",\"abi\":\"" ABI
            "\",\"summary\":\"A generation.\","
            "\"facets\":[\"jf.toolset/1\",\"jf.routing/1\"],\"requires\":[\"jf.loop/1\",\"jf.ops/1\"],"
            "\"threads\":\"" THREADS "\",\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"toolset\":{\"config\":{\"type\":\"object\",\"additionalProperties\":false}},"
            "\"routing\":{\"strategy\":\"counting\",\"config\":{\"type\":\"object\"}}}");

static const char tools[] = "[{\"name\":\"version\",\"inputSchema\":{\"type\":\"object\"}},"
                            "{\"name\":\"wait\",\"inputSchema\":{\"type\":\"object\"}}]";

typedef struct job {
    struct job *next;
    jf_self *self;
    jf_ref op, timer;
} job;

struct jf_self {
    const jf_loop_1 *loop;
    const jf_ops_1 *ops;
    job *jobs;
    uint64_t picked; /* all servers together: what is handed over */
};

static int32_t refuse(jf_fault *why, const char *text) {
    why->code = JF_E_FAULT;
    why->text_len = (uint32_t)snprintf(why->text, sizeof why->text, "%s", text);
    return JF_E_FAULT;
}

static int32_t give(jf_blob *out, const char *text) {
    size_t length = strlen(text);
    uint8_t *copy = malloc(length);
    if (copy == NULL) return JF_E_BUSY;
    *out = (jf_blob){memcpy(copy, text, length), length, copy, free};
    return JF_OK;
}

static int32_t answer(jf_blob *out) {
    return give(out,
                "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"" VERSION "\"}]}");
}

static void end(job *it, int32_t status) {
    jf_self *self = it->self;
    jf_blob result = {0};
    jf_fault why = {.size = sizeof why};
    job **at = &self->jobs;
    while (*at != it)
        at = &(*at)->next;
    *at = it->next;
    if (status == JF_OK) status = answer(&result);
    self->ops->finish(self->ops->context, it->op, status, &result, &why);
    free(it);
}

static void due(void *user) {
    end(user, JF_OK);
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
#ifdef FAULT_CALL
    return refuse(why, "this generation fails its calls");
#endif
    (void)why;
    if (request->name.len != 4) return answer(result);
    job *it = calloc(1, sizeof *it);
    if (it == NULL) return JF_E_BUSY;
    *it = (job){.next = self->jobs, .self = self, .op = op};
    if (self->loop->timer(self->loop->context, 1500000000u, due, it, &it->timer) != JF_OK) {
        free(it);
        return JF_E_BUSY;
    }
    self->jobs = it;
    return JF_PENDING;
}

static int32_t open_set(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    (void)self, (void)set, (void)name, (void)config, (void)why;
#ifdef FAULT_OPEN
    return refuse(why, "this generation opens no set");
#endif
    *handle = 1;
    return JF_OK;
}

static void close_set(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    (void)self, (void)handle, (void)why;
#ifdef FAULT_LIST
    return refuse(why, "this generation lists nothing");
#endif
    if (kind != JF_TOOLS) return JF_ABSENT;
    *items = (jf_blob){(const uint8_t *)tools, sizeof tools - 1, NULL, NULL};
    return JF_OK;
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)self, (void)name, (void)config, (void)why;
#ifdef FAULT_ATTACH
    return refuse(why, "this generation attaches to nothing");
#endif
    *handle = 1;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}

/** Takes the endpoints in turn; where it stands is the state. */
static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    (void)handle, (void)call, (void)eligible, (void)why;
#ifdef FAULT_PICK
    return refuse(why, "this generation cannot pick");
#endif
    *chosen = (uint32_t)(self->picked++ % count);
    return JF_OK;
}

static int32_t export_state(jf_self *self, jf_ref handle, jf_blob *out, jf_fault *why) {
    char text[32];
    (void)handle, (void)why;
    snprintf(text, sizeof text, "%llu", (unsigned long long)self->picked);
    return give(out, text);
}

static int32_t import_state(jf_self *self, jf_ref handle, jf_view state, jf_fault *why) {
    char text[32] = "";
    (void)handle;
#ifdef FAULT_IMPORT
    (void)self, (void)state, (void)text;
    return refuse(why, "this generation reads another format");
#endif
    (void)why;
    if (state.len >= sizeof text) return JF_E_INVALID;
    memcpy(text, state.ptr, state.len);
    self->picked = strtoull(text, NULL, 10);
    return JF_OK;
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_toolset_1 toolset = {
        .size = sizeof toolset, .open = open_set, .close = close_set, .list = list, .call = call};
    static const jf_routing_1 routing = {.size = sizeof routing,
                                         .attach = attach,
                                         .detach = detach,
                                         .pick = pick,
                                         .export_state = export_state,
                                         .import_state = import_state};
    (void)self;
    if (strcmp(id, JF_ROUTING_1) == 0) return &routing;
    return strcmp(id, JF_TOOLSET_1) == 0 ? &toolset : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
#ifdef FAULT_CREATE
    return refuse(why, "this generation cannot be created");
#endif
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return refuse(why, "out of memory");
    self->loop = offer->service(offer->host, JF_LOOP_1);
    self->ops = offer->service(offer->host, JF_OPS_1);
    *out = self;
    return JF_OK;
}

static int32_t start(jf_self *self, jf_fault *why) {
    (void)self, (void)why;
#ifdef FAULT_START
    return refuse(why, "this generation does not start");
#endif
    return JF_OK;
}

static void stop(jf_self *self) {
    while (self->jobs != NULL) {
        self->loop->cancel(self->loop->context, self->jobs->timer);
        end(self->jobs, JF_E_GONE);
    }
}

static void destroy(jf_self *self) {
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {.size = sizeof plugin,
                                     .minor = 0,
                                     .create = create,
                                     .destroy = destroy,
                                     .facet = facet,
                                     .start = start,
                                     .stop = stop};
    (void)offer, (void)why, (void)refuse;
    return &plugin;
}
