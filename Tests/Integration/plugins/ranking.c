/* SPDX-License-Identifier: Apache-2.0
 * Tools that use com.acme.ranker/1: `rank` calls every slot of it and says what came back. */
#include "ranker.h"

#include <jackfield/toolset.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

JF_MANIFEST("{\"id\":\"acme-ranking\",\"version\":\"1.0.0\",\"abi\":\"1.0\",\"summary\":\"Uses a ranker.\","
            "\"facets\":[\"jf.toolset/1\"],\"requires\":[\"" RANKER_ID "\"],\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"toolset\":{\"config\":{\"type\":\"object\",\"additionalProperties\":false}}}");

struct jf_self {
    const ranker_1 *ranker;
};

static int32_t give(jf_blob *out, const char *text) {
    size_t length = strlen(text);
    uint8_t *copy = malloc(length);
    if (copy == NULL) return JF_E_BUSY;
    *out = (jf_blob){memcpy(copy, text, length), length, copy, free};
    return JF_OK;
}

static int32_t open_set(jf_self *self, jf_ref host, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    (void)self, (void)host, (void)name, (void)config, (void)why;
    *handle = 1;
    return JF_OK;
}

static void close_set(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    (void)self, (void)handle, (void)why;
    if (kind != JF_TOOLS) return JF_ABSENT;
    return give(items, "[{\"name\":\"rank\",\"inputSchema\":{\"type\":\"object\"}},"
                       "{\"name\":\"nothing\",\"inputSchema\":{\"type\":\"object\"}}]");
}

/* `rank` ranks "four"; `nothing` ranks nothing, which the ranker refuses. */
static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    const ranker_1 *it = self->ranker;
    const char *query = request->name.len == 4 ? "four" : "";
    jf_fault said = {.size = sizeof said};
    uint32_t chosen = 0;
    char text[400];
    (void)op, (void)why;
    int32_t status = it->rank(it->context, (jf_view){(const uint8_t *)query, strlen(query)},
                              (jf_view){(const uint8_t *)"hunter2", 7}, 3, &chosen, &said);
    double weight = it->weight(it->context, 2.5, 0.5f, -2);
    it->forget(it->context, "abc", 1ull << 40);
    snprintf(text, sizeof text,
             "{\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"status %d chosen %u "
             "weight %g "
             "later %d%s%.*s\"}]}",
             (int)status, chosen, weight, it->later(it->context, 1) >= 1ull << 40,
             said.text_len > 0 ? " " : "", (int)said.text_len, said.text);
    return give(result, text);
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    static const char refusal[] = "nobody ranks";
    (void)config;
    const ranker_1 *ranker = offer->service(offer->host, RANKER_ID);
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL || !JF_HAS(ranker, later)) {
        free(self);
        memcpy(why->text, refusal, sizeof refusal - 1);
        why->text_len = sizeof refusal - 1;
        return JF_E_UNSUPPORTED;
    }
    self->ranker = ranker;
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_toolset_1 toolset = {
        .size = sizeof toolset, .open = open_set, .close = close_set, .list = list, .call = call};
    (void)self;
    return strcmp(id, JF_TOOLSET_1) == 0 ? &toolset : NULL;
}

JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .create = create, .destroy = destroy, .facet = facet};
    (void)offer, (void)why;
    return &plugin;
}
