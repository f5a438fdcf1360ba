/* SPDX-License-Identifier: Apache-2.0
 * Offers com.acme.ranker/1. -DVERSION="1.0.1"; -DSIGNATURES="..." is what its manifest says of the slots;
 * empty: nothing. */
#include "ranker.h"

#include <stdlib.h>
#include <string.h>

#ifndef SIGNATURES
#define SIGNATURES                                                                                           \
    ",\"signatures\":{\"com.acme.ranker/1\":["                                                               \
    "\"[lane] status rank(view query, secret key, u32 count, out u32 chosen, fault why)\","                  \
    "\"f64 weight(f64 of, f32 by, i8 sign)\",\"void forget(text what, ref item)\"]}"
#endif
#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef PROVIDES
#define PROVIDES RANKER_ID
#endif

JF_MANIFEST("{\"id\":\"acme-ranker\",\"version\":\"" VERSION "\",\"abi\":\"1.0\",\"summary\":\"Ranks.\","
            "\"facets\":[],\"provides\":[\"" PROVIDES "\"],\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false}" SIGNATURES "}");

struct jf_self {
    ranker_1 table;
    uint64_t forgotten;
};

static int32_t rank(void *context, jf_view query, jf_view key, uint32_t count, uint32_t *chosen,
                    jf_fault *why) {
    static const char refusal[] = "an empty query ranks nothing";
    (void)context, (void)key;
    if (query.len == 0) {
        memcpy(why->text, refusal, sizeof refusal - 1);
        why->text_len = sizeof refusal - 1;
        return JF_E_INVALID;
    }
    *chosen = (uint32_t)(query.len % count);
    return JF_OK;
}

static double weight(void *context, double of, float by, int8_t sign) {
    (void)context;
    return of * (double)by * sign;
}

static void forget(void *context, const char *what, jf_ref item) {
    jf_self *self = context;
    self->forgotten += strlen(what) + item;
}

static uint64_t later(void *context, uint64_t of) {
    jf_self *self = context;
    return self->forgotten + of;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)offer, (void)config, (void)why;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return JF_E_BUSY;
    self->table = (ranker_1){.size = sizeof self->table,
                             .context = self,
                             .rank = rank,
                             .weight = weight,
                             .forget = forget,
                             .later = later};
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, PROVIDES) == 0 ? &self->table : NULL;
}

JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .create = create, .destroy = destroy, .facet = facet};
    (void)offer, (void)why;
    return &plugin;
}
