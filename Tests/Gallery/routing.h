/* SPDX-License-Identifier: Apache-2.0
 * A good strategy: takes endpoints in turn, and hands its position over. */
#ifndef GALLERY_ROUTING_H
#define GALLERY_ROUTING_H

#include "base.h"

#define FACET_ID JF_ROUTING_1
#define MOST 64

/** One attached server. */
typedef struct server {
    bool used;
    uint32_t next;
} server;

struct jf_self {
    server servers[MOST];
    /* for faults */
    uint8_t *learnt;
    uint64_t learnt_size;
    char *text;
};

GOOD server *good_server(jf_self *self, jf_ref handle) {
    return handle > 0 && handle <= MOST && self->servers[handle - 1].used ? &self->servers[handle - 1] : NULL;
}

GOOD int32_t good_attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)name, (void)config;
    for (uint32_t i = 0; i < MOST; i++) {
        if (self->servers[i].used) continue;
        self->servers[i] = (server){.used = true};
        *handle = i + 1;
        return JF_OK;
    }
    return good_refuse(why, JF_E_BUSY, "too many servers");
}

GOOD void good_detach(jf_self *self, jf_ref handle) {
    server *it = good_server(self, handle);
    if (it != NULL) it->used = false;
}

GOOD int32_t good_pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                       uint64_t count, uint32_t *chosen, jf_fault *why) {
    server *it = good_server(self, handle);
    (void)call, (void)eligible;
    if (it == NULL) return good_refuse(why, JF_E_STALE, "no such server");
    *chosen = (uint32_t)(it->next++ % count);
    return JF_OK;
}

GOOD void good_observe(jf_self *self, jf_ref handle, const jf_outcome *outcome) {
    (void)self, (void)handle, (void)outcome;
}

/* "RR1" and the position. */
GOOD int32_t good_export(jf_self *self, jf_ref handle, jf_blob *out, jf_fault *why) {
    server *it = good_server(self, handle);
    uint8_t *bytes = malloc(8);
    if (it == NULL || bytes == NULL) {
        free(bytes);
        return good_refuse(why, JF_E_STALE, "no such server");
    }
    memcpy(bytes, "RR1\0", 4);
    memcpy(bytes + 4, &it->next, 4);
    *out = (jf_blob){bytes, 8, bytes, free};
    return JF_OK;
}

GOOD int32_t good_import(jf_self *self, jf_ref handle, jf_view state, jf_fault *why) {
    server *it = good_server(self, handle);
    if (it == NULL) return good_refuse(why, JF_E_STALE, "no such server");
    if (state.len != 8 || memcmp(state.ptr, "RR1\0", 4) != 0)
        return good_refuse(why, JF_E_INVALID, "state of another version");
    memcpy(&it->next, state.ptr + 4, 4);
    return JF_OK;
}

GOOD int32_t good_create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)offer, (void)config;
    *out = calloc(1, sizeof **out);
    return *out != NULL ? JF_OK : good_refuse(why, JF_E_BUSY, "out of memory");
}

GOOD void good_destroy(jf_self *self) {
    free(self->learnt);
    free(self->text);
    free(self);
}

#define STOP NULL
#define MANIFEST                                                                                             \
    "{\"id\":\"gallery\",\"version\":\"1.0.0\",\"abi\":\"1.0\",\"facets\":[\"jf.routing/1\"],"               \
    "\"threads\":\"per-loop\",\"config\":" CLOSED                                                            \
    ",\"routing\":{\"strategy\":\"gallery\",\"config\":" CLOSED "}}"

#define FACET_TABLE                                                                                          \
    static const jf_routing_1 gallery_table = {.size = FACET_SIZE,                                           \
                                               .attach = ATTACH,                                             \
                                               .detach = DETACH,                                             \
                                               .pick = PICK,                                                 \
                                               .observe = OBSERVE,                                           \
                                               .export_state = EXPORT,                                       \
                                               .import_state = IMPORT}
#define FACET_TYPE jf_routing_1

#endif
