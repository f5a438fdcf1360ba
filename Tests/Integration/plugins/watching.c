/* SPDX-License-Identifier: Apache-2.0
 * A routing strategy, "watching", that takes the first eligible endpoint and tells on stderr what it was
 * told. */
#include <jackfield/routing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

JF_MANIFEST("{\"id\":\"" ID "\",\"version\":\"" VERSION "\",\"abi\":\"1.1\",\"threads\":\"" THREADS "\","
            "\"facets\":[\"jf.routing/1\"],\"routing\":{\"strategy\":\"watching\",\"honours\":[\"ready\"]}}");

struct jf_self {
    int unused;
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
    unsigned tried = 0;
    (void)self, (void)handle, (void)why;
    for (uint32_t i = 0; i < call->total; i++)
        tried |= (call->all[i]->flags & JF_ENDPOINT_TRIED ? 1u : 0u) << i;
    fprintf(stderr, "watching: pick traits=%u attempt=%u eligible=%u tried=%u first=%u\n", call->traits,
            call->attempt, (unsigned)count, tried, (unsigned)(eligible[0]->id & 255));
    *chosen = 0;
    return JF_OK;
}

static void observe(jf_self *self, jf_ref handle, const jf_outcome *outcome) {
    (void)self, (void)handle;
    fprintf(stderr, "watching: outcome endpoint=%u ok=%d flags=%u attempt=%u\n",
            (unsigned)(outcome->endpoint & 255), outcome->status == JF_OK, outcome->flags, outcome->attempt);
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_routing_1 routing = {
        .size = sizeof routing, .attach = attach, .detach = detach, .pick = pick, .observe = observe};
    (void)self;
    return strcmp(id, JF_ROUTING_1) == 0 ? &routing : NULL;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)offer, (void)config, (void)why;
    *out = calloc(1, sizeof **out);
    return *out == NULL ? JF_E_BUSY : JF_OK;
}

static void destroy(jf_self *self) {
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = 1, .create = create, .destroy = destroy, .facet = facet};
    (void)offer, (void)why;
    return &plugin;
}
