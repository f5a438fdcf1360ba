/* SPDX-License-Identifier: Apache-2.0
 * A routing strategy: the first replica that works gets the calls, one that fails pauses for a while. */
#include <jackfield/config.h>
#include <jackfield/routing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest.h"
JF_MANIFEST(MANIFEST);

/** A replica that failed. */
typedef struct pause {
    struct pause *next;
    jf_ref endpoint;
    int64_t left; /**< calls that still pass it over */
} pause;

/** One server that uses the strategy. */
typedef struct route {
    struct route *next;
    jf_ref handle;
    int64_t skip;
    pause *pauses;
} route;

/** One instance: every event loop has its own, so that nothing needs a lock. */
struct jf_self {
    const jf_config_1 *json;
    route *routes;
    jf_ref last_handle;
};

static int32_t refuse(jf_fault *why, int32_t code, const char *text) {
    why->code = code;
    why->text_len = (uint32_t)snprintf(why->text, sizeof why->text, "%s", text);
    return code;
}

static route *route_of(jf_self *self, jf_ref handle) {
    route *it = self->routes;
    while (it != NULL && it->handle != handle)
        it = it->next;
    return it;
}

/** Where the pause of a replica hangs; *result is NULL when it has none. */
static pause **pause_of(route *it, jf_ref endpoint) {
    pause **link = &it->pauses;
    while (*link != NULL && (*link)->endpoint != endpoint)
        link = &(*link)->next;
    return link;
}

static void end_pause(pause **link) {
    pause *it = *link;
    if (it == NULL) return;
    *link = it->next;
    free(it);
}

/* ---- The facet ---- */

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    static const uint8_t pointer[] = "/skip";
    jf_view raw;
    uint32_t kind;
    int64_t skip = 20;
    (void)name;
    int32_t status =
        self->json->find(self->json->context, config, (jf_view){pointer, sizeof pointer - 1}, &raw, &kind);
    if (status == JF_OK) status = self->json->integer(self->json->context, raw, &skip);
    if (status < 0 || skip < 1) return refuse(why, JF_E_INVALID, "skip must be an integer of at least 1");
    route *it = calloc(1, sizeof *it);
    if (it == NULL) return refuse(why, JF_E_BUSY, "out of memory");
    *it = (route){self->routes, ++self->last_handle, skip, NULL}; /* no handle is ever used twice */
    self->routes = it;
    *handle = it->handle;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    route **link = &self->routes;
    while (*link != NULL && (*link)->handle != handle)
        link = &(*link)->next;
    route *it = *link;
    if (it == NULL) return;
    *link = it->next;
    while (it->pauses != NULL)
        end_pause(&it->pauses);
    free(it);
}

/** On the path of every call: without failures, the usual case, it takes a few nanoseconds. */
static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    route *it = route_of(self, handle);
    (void)call;
    if (it == NULL) return refuse(why, JF_E_STALE, "this server is not attached");
    if (count == 0) return JF_ABSENT;
    *chosen = 0; /* stands when all of them pause: no reason to prefer another */
    for (uint64_t index = 0; index < count; index++) {
        pause **link = pause_of(it, eligible[index]->id);
        if (*link == NULL) {
            *chosen = (uint32_t)index;
            break;
        }
        if (--(*link)->left <= 0) end_pause(link); /* the next call tries it again */
    }
    return JF_OK;
}

static void observe(jf_self *self, jf_ref handle, const jf_outcome *outcome) {
    route *it = route_of(self, handle);
    if (it == NULL) return;
    pause **link = pause_of(it, outcome->endpoint);
    if (outcome->status == JF_OK) {
        end_pause(link);
        return;
    }
    if (*link == NULL) *link = calloc(1, sizeof **link);
    if (*link == NULL) return; /* out of memory: not passed over, nothing worse */
    (*link)->endpoint = outcome->endpoint;
    (*link)->left = it->skip;
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_routing_1 routing = {
        .size = sizeof routing, .attach = attach, .detach = detach, .pick = pick, .observe = observe};
    (void)self;
    return strcmp(id, JF_ROUTING_1) == 0 ? &routing : NULL;
}

/* ---- The life of an instance ---- */

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    const jf_config_1 *json = offer->service(offer->host, JF_CONFIG_1);
    if (!JF_HAS(json, integer)) return refuse(why, JF_E_UNSUPPORTED, "PLUGIN_ID needs jf.config/1");
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return refuse(why, JF_E_BUSY, "out of memory");
    self->json = json;
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    while (self->routes != NULL)
        detach(self, self->routes->handle);
    free(self);
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    if (offer->major == JF_ABI_MAJOR) return &plugin;
    refuse(why, JF_E_UNSUPPORTED, "PLUGIN_ID was built for ABI 1");
    return NULL;
}
