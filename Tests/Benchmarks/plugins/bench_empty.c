/* SPDX-License-Identifier: Apache-2.0
 * bench-empty: a strategy whose slots do nothing, to measure the border alone. */
#include <jackfield/jackfield.h>

#include <stdlib.h>
#include <string.h>

JF_MANIFEST("{\"id\":\"bench-empty\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
            "\"summary\":\"Slots that do nothing, for benchmarks\",\"facets\":[\"jf.routing/1\"],"
            "\"requires\":[],\"optional\":[],\"provides\":[],\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"routing\":{\"strategy\":\"bench-empty\",\"config\":{\"type\":\"object\"}}}");

struct jf_self {
    uint64_t unused;
};

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
    (void)self, (void)handle, (void)call, (void)eligible, (void)count, (void)why;
    *chosen = 0;
    return JF_OK;
}

static void observe(jf_self *self, jf_ref handle, const jf_outcome *outcome) {
    (void)self, (void)handle, (void)outcome;
}

static const jf_routing_1 routing = {
    .size = sizeof routing, .attach = attach, .detach = detach, .pick = pick, .observe = observe};

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)offer, (void)config, (void)why;
    *out = calloc(1, sizeof **out);
    return *out ? JF_OK : JF_E_FAULT;
}

static void destroy(jf_self *self) {
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    (void)self;
    return strcmp(id, JF_ROUTING_1) == 0 ? &routing : NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    (void)offer, (void)why;
    return &plugin;
}
