/* SPDX-License-Identifier: Apache-2.0
 * The ABI side of every source of credentials: entry, instances, servers' sources and their handles. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "source.h"

#include <stdlib.h>

/** One server's source. Its handle is the slot's number + 1 and the generation in the upper half. */
struct slot {
    struct cs_source *source; /**< NULL: free */
    uint32_t generation;
};

struct jf_self {
    struct cs_host host;
    jf_credentials_1 table;
    struct slot *slots;
    uint32_t count;
};

static struct slot *slot_of(jf_self *self, jf_ref handle) {
    uint32_t number = (uint32_t)handle;
    if (number == 0 || number > self->count) return NULL;
    struct slot *it = &self->slots[number - 1];
    return it->generation == (uint32_t)(handle >> 32) && it->source != NULL ? it : NULL;
}

struct cs_source *cs_find(struct cs_host *host, jf_view server) {
    jf_self *self = host->self;
    for (uint32_t i = 0; i < self->count; i++) {
        struct cs_source *it = self->slots[i].source;
        if (it != NULL && au_same((jf_view){(const uint8_t *)it->au.name, strlen(it->au.name)}, server))
            return it;
    }
    return NULL;
}

static void end(struct cs_source *source) {
    cs_this.halt(source);
    if (cs_this.close != NULL) cs_this.close(source);
    au_arena_end(&source->au.keep);
    free(source);
}

static int32_t no_memory(jf_fault *why) {
    return au_refuse(why, JF_E_FAULT, "out of memory");
}

static int32_t open_source(jf_self *self, jf_view server, jf_view config, struct cs_source *it,
                           jf_fault *why) {
    jf_json_value root = {0};
    it->au.host = &self->host.au;
    it->au.name = (const char *)au_take_text(&it->au.keep, server).ptr;
    jf_view text = au_take_text(&it->au.keep, config.len != 0 ? config : AU_LITERAL("{}"));
    if (it->au.name == NULL || text.ptr == NULL) return no_memory(why);
    if (!jf_json_read(text, &root) || root.kind != JF_JSON_OBJECT)
        return au_refuse(why, JF_E_INVALID, "its options are not a JSON object");
    struct au_options options = {.keep = &it->au.keep, .where = "", .root = root, .why = why};
    options.status = JF_OK;
    cs_this.open(it, &options);
    if (options.status == JF_OK && it->au.keep.failed) return no_memory(why);
    return options.status;
}

static int32_t attach(jf_self *self, jf_view server, jf_view config, jf_ref *handle, jf_fault *why) {
    uint32_t number = 0;
    while (number < self->count && self->slots[number].source != NULL)
        number++;
    if (number == self->count) {
        struct slot *slots = realloc(self->slots, (self->count + 1) * sizeof(*slots));
        if (slots == NULL) return no_memory(why);
        self->slots = slots;
        self->slots[self->count++] = (struct slot){.generation = 1};
    }
    struct cs_source *it = calloc(1, cs_this.record);
    if (it == NULL) return no_memory(why);
    int32_t status = open_source(self, server, config, it, why);
    if (status != JF_OK) {
        end(it);
        return status;
    }
    self->slots[number].source = it;
    *handle = (jf_ref)self->slots[number].generation << 32 | (number + 1);
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    struct slot *it = slot_of(self, handle);
    if (it == NULL) return;
    end(it->source);
    it->source = NULL;
    it->generation++;
}

static int32_t supply(jf_self *self, jf_ref op, jf_ref handle, const jf_demand *demand, jf_blob *out,
                      jf_fault *why) {
    jf_demand known = {0};
    struct slot *it = slot_of(self, handle);
    if (it == NULL) return au_refuse(why, JF_E_STALE, "this source is not attached");
    memcpy(&known, demand, demand->size < sizeof(known) ? demand->size : sizeof(known));
    if (self->host.au.stopped) return au_unknown(why, 1000, "the gateway stops");
    return cs_this.supply(it->source, op, &known, out, why);
}

static const void *service(const jf_offer *offer, const char *id) {
    return offer->service(offer->host, id);
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    struct cs_host host = {.au = {.clock = service(offer, JF_CLOCK_1),
                                  .loop = service(offer, JF_LOOP_1),
                                  .ops = service(offer, JF_OPS_1),
                                  .log = service(offer, JF_LOG_1),
                                  .http = service(offer, JF_HTTP_1)},
                           .connected = service(offer, JF_CONNECTED_1)};
    if (!JF_HAS(host.au.clock, wall_ns) || !JF_HAS(host.au.loop, cancel) || !JF_HAS(host.au.ops, finish))
        return au_refuse(why, JF_E_UNSUPPORTED,
                         "needs the host services " JF_CLOCK_1 ", " JF_LOOP_1 " and " JF_OPS_1);
    if (cs_this.keeps) {
        host.state = service(offer, JF_STATE_1);
        host.seal = service(offer, JF_SEAL_1);
    }
    if (!JF_HAS(host.state, abandon)) host.state = NULL;
    if (!JF_HAS(host.seal, open)) host.seal = NULL;
    if (!JF_HAS(host.au.log, write)) host.au.log = NULL;
    if (!JF_HAS(host.au.http, abandon)) host.au.http = NULL;
    if (!JF_HAS(host.connected, forget)) host.connected = NULL;
    jf_self *self = calloc(1, sizeof(*self));
    if (self == NULL) return no_memory(why);
    self->host = host;
    self->host.self = self;
    self->table =
        (jf_credentials_1){.size = sizeof(self->table), .attach = attach, .detach = detach, .supply = supply};
    *out = self;
    return JF_OK;
}

static void stop(jf_self *self) {
    for (uint32_t i = 0; i < self->count; i++)
        if (self->slots[i].source != NULL) cs_this.halt(self->slots[i].source);
    self->host.au.stopped = true;
}

static void destroy(jf_self *self) {
    for (uint32_t i = 0; i < self->count; i++)
        if (self->slots[i].source != NULL) end(self->slots[i].source);
    free(self->slots);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_CREDENTIALS_1) == 0 ? &self->table : NULL;
}

JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {.size = sizeof(plugin),
                                     .minor = JF_ABI_MINOR,
                                     .create = create,
                                     .destroy = destroy,
                                     .facet = facet,
                                     .stop = stop};
    if (offer->major == JF_ABI_MAJOR && offer->minor >= 1) return &plugin;
    au_refuse(why, JF_E_UNSUPPORTED, "speaks plugin ABI %d from 1.1 on; use a newer host", JF_ABI_MAJOR);
    return NULL;
}
