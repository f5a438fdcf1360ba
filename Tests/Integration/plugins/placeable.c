/* SPDX-License-Identifier: Apache-2.0
 * A toolset that tells where it runs, and takes its time where it is told to. -DID="placeable"
 * -DTHREADS="per-loop" -DMORE=",\"requires\":[…]" (further members of the manifest) -DBUSY_US=0 (how long
 * each call and pick keeps its thread) -DROUTING (also a strategy, "busy-turns"). */
#define _GNU_SOURCE
#include <jackfield/clock.h>
#include <jackfield/routing.h>
#include <jackfield/toolset.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef ID
#define ID "placeable"
#endif
#ifndef THREADS
#define THREADS "per-loop"
#endif
#ifndef MORE
#define MORE ""
#endif
#ifndef BUSY_US
#define BUSY_US 0
#endif
#ifdef ROUTING
#define FACETS "\"jf.toolset/1\",\"jf.routing/1\""
#define STRATEGY ",\"routing\":{\"strategy\":\"busy-turns\"}"
#else
#define FACETS "\"jf.toolset/1\""
#define STRATEGY ""
#endif

JF_MANIFEST("{\"id\":\"" ID "\",\"version\":\"1.0.0\",\"abi\":\"1.0\",\"threads\":\"" THREADS
            "\",\"facets\":[" FACETS "],\"optional\":[\"" JF_CLOCK_1 "\"],"
            "\"toolset\":{\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":"
            "{\"file\":{\"type\":\"string\",\"format\":\"path\"}}}}" STRATEGY MORE "}");

static const char tools[] = "[{\"name\":\"where\",\"inputSchema\":{\"type\":\"object\"}},"
                            "{\"name\":\"read\",\"inputSchema\":{\"type\":\"object\"}}]";

enum { SETS = 8 };

struct jf_self {
    const jf_offer *offer; /* kept: it lives as long as the instance */
    uint64_t picked;
    char files[SETS][1024];
    uint64_t count;
};

static void keep_busy(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    int64_t end = time.tv_sec * 1000000 + time.tv_nsec / 1000 + BUSY_US;
    while (time.tv_sec * 1000000 + time.tv_nsec / 1000 < end)
        clock_gettime(CLOCK_MONOTONIC, &time);
}

static int32_t give(jf_blob *out, const char *text) {
    size_t length = strlen(text);
    uint8_t *copy = malloc(length);
    if (copy == NULL) return JF_E_BUSY;
    *out = (jf_blob){memcpy(copy, text, length), length, copy, free};
    return JF_OK;
}

/* A file's first line. */
static void first_line(const char *path, char *line, size_t size) {
    FILE *file = fopen(path, "re");
    line[0] = 0;
    if (file == NULL) {
        snprintf(line, size, "cannot be read");
        return;
    }
    if (fgets(line, (int)size, file) != NULL) line[strcspn(line, "\n")] = 0;
    fclose(file);
}

/** `where`: the process and the name of the thread. `read`: the first line of the set's file. */
static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    char line[256], text[512];
    (void)op, (void)why;
    keep_busy();
    if (request->name.len == 5) {
        char name[64];
        first_line("/proc/thread-self/comm", name, sizeof name);
        snprintf(line, sizeof line, "%d %s", (int)getpid(), name);
    } else {
        first_line(self->files[request->set - 1], line, sizeof line);
    }
    snprintf(text, sizeof text,
             "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}", line);
    return give(result, text);
}

static int32_t open_set(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    static const char mark[] = "\"file\":\"";
    char text[2048] = "";
    (void)set, (void)name, (void)why;
    if (self->count == SETS || config.len >= sizeof text) return JF_E_BUSY;
    memcpy(text, config.ptr, config.len);
    char *found = strstr(text, mark);
    if (found != NULL) {
        found += sizeof mark - 1;
        found[strcspn(found, "\"")] = 0;
        /* JSON may write a slash as \/; it does not here. */
        snprintf(self->files[self->count], sizeof self->files[0], "%s", found);
    }
    *handle = ++self->count;
    return JF_OK;
}

static void close_set(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    (void)handle, (void)why;
    if (kind != JF_TOOLS) return JF_ABSENT;
    if (self->offer->service(self->offer->host, JF_CLOCK_1) == NULL) return JF_E_FAULT;
    *items = (jf_blob){(const uint8_t *)tools, sizeof tools - 1, NULL, NULL};
    return JF_OK;
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)self, (void)name, (void)config, (void)why;
    *handle = 1;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    (void)handle, (void)call, (void)eligible, (void)why;
    keep_busy();
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
    (void)handle, (void)why;
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
#ifdef ROUTING
    if (strcmp(id, JF_ROUTING_1) == 0) return &routing;
#else
    (void)routing;
#endif
    return strcmp(id, JF_TOOLSET_1) == 0 ? &toolset : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config, (void)why;
    *out = calloc(1, sizeof **out);
    if (*out == NULL) return JF_E_BUSY;
    (*out)->offer = offer;
    return JF_OK;
}

static void destroy(jf_self *self) {
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = 0, .create = create, .destroy = destroy, .facet = facet};
    (void)offer, (void)why;
    return &plugin;
}
