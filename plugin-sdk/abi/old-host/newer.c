/* SPDX-License-Identifier: Apache-2.0
 * A plugin for a minor that does not exist (headers by newer.py). CASE says what it does with an older host:
 *   0  asks for sizes and does without what is missing
 *   1  calls a service's appended slot as if it were there
 *   2  reads an appended member of a request as if it were there
 *   3  reads an appended member of an endpoint as if it were there
 *   4  needs the newer minor, and says so
 *   5  needs the newer minor, and refuses without a word
 *   6  needs a service that came with the newer minor, and says so */
#include <jackfield/clock.h>
#include <jackfield/routing.h>
#include <jackfield/toolset.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

JF_MANIFEST(
    "{\"id\":\"newer\",\"version\":\"1.0.0\",\"abi\":\"1.0\",\"summary\":\"Built for a newer host.\","
    "\"facets\":[\"jf.toolset/1\",\"jf.routing/1\"],\"optional\":[\"jf.clock/1\",\"jf.never/1\"],"
    "\"threads\":\"per-loop\",\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"toolset\":{\"config\":{\"type\":\"object\",\"additionalProperties\":false}},"
    "\"routing\":{\"strategy\":\"newer\",\"config\":{\"type\":\"object\",\"additionalProperties\":false}}}");

struct jf_self {
    const jf_clock_1 *clock;
    jf_ref last;
};

/* True when a struct of the host is large enough to have the member. */
#define REACHES(struct_pointer, member)                                                                      \
    ((struct_pointer)->size >=                                                                               \
     offsetof(__typeof__(*(struct_pointer)), member) + sizeof((struct_pointer)->member))

static int32_t refuse(jf_fault *why, const char *text) {
    why->code = JF_E_UNSUPPORTED;
    why->text_len = (uint32_t)snprintf(why->text, sizeof why->text, "%s", text);
    return JF_E_UNSUPPORTED;
}

static void give(jf_blob *out, const char *text) {
    *out = (jf_blob){(const uint8_t *)text, strlen(text), NULL, NULL};
}

static int32_t open_set(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    (void)set, (void)name, (void)config, (void)why;
    *handle = ++self->last;
    return JF_OK;
}

static void close_set(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    (void)self, (void)handle, (void)why;
    if (kind != JF_TOOLS) return JF_ABSENT;
    give(items, "[{\"name\":\"look\",\"description\":\"Looks.\",\"inputSchema\":{\"type\":\"object\","
                "\"additionalProperties\":false}}]");
    return JF_OK;
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    (void)self, (void)op;
    volatile uint64_t seen = 0;
    if (CASE == 2 || REACHES(request, never)) seen = request->never;
    (void)seen;
    if (request->name.len != 4 || memcmp(request->name.ptr, "look", 4) != 0) {
        refuse(why, "newer: no such tool");
        why->flags = JF_FAULT_PUBLIC;
        return why->code = JF_E_INVALID;
    }
    give(result, "{\"content\":[{\"type\":\"text\",\"text\":\"seen\"}]}");
    return JF_OK;
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    return open_set(self, 0, name, config, handle, why);
}

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *place, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    (void)self, (void)handle, (void)place, (void)why;
    volatile uint64_t seen = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (CASE == 3 || REACHES(eligible[i], never)) seen = eligible[i]->never;
    }
    (void)seen;
    *chosen = 0;
    return JF_OK;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    if (CASE == 6 && offer->service(offer->host, "jf.never/1") == NULL)
        return refuse(why,
                      "newer needs the host service jf.never/1, which came with ABI 1.99; update the host");
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return refuse(why, "newer: out of memory");
    self->clock = offer->service(offer->host, JF_CLOCK_1);
    if (self->clock != NULL && (CASE == 1 || JF_HAS(self->clock, never_ns)))
        self->clock->never_ns(self->clock->context);
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_toolset_1 toolset = {
        .size = sizeof toolset, .open = open_set, .close = close_set, .list = list, .call = call};
    static const jf_routing_1 routing = {
        .size = sizeof routing, .attach = attach, .detach = close_set, .pick = pick};
    (void)self;
    if (strcmp(id, JF_TOOLSET_1) == 0) return &toolset;
    return strcmp(id, JF_ROUTING_1) == 0 ? &routing : NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    if (CASE == 4 && offer->minor < JF_ABI_MINOR) {
        refuse(why, "newer needs ABI 1.99, the host offers an older one; update the host");
        return NULL;
    }
    if (CASE == 5 && offer->minor < JF_ABI_MINOR) return NULL;
    return &plugin;
}
