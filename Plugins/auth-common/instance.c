/* SPDX-License-Identifier: Apache-2.0
 * The ABI side of every provider of identities: entry, instances, configured providers and their handles. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "options.h"

#include <stdlib.h>

/** One configured provider. Its handle is the slot's number + 1 and the generation in the upper half. */
struct slot {
    struct au_provider *provider; /**< NULL: free */
    uint32_t generation;
};

struct jf_self {
    struct au_host host;
    jf_auth_1 auth;
    struct slot *slots;
    uint32_t count;
};

static struct slot *slot_of(jf_self *self, jf_ref handle) {
    uint32_t number = (uint32_t)handle;
    if (number == 0 || number > self->count) return NULL;
    struct slot *it = &self->slots[number - 1];
    return it->generation == (uint32_t)(handle >> 32) && it->provider != NULL ? it : NULL;
}

static void end(struct au_provider *provider) {
    if (au_this.halt != NULL) au_this.halt(provider);
    if (au_this.close != NULL) au_this.close(provider);
    au_arena_end(&provider->keep);
    free(provider);
}

static int32_t no_memory(jf_fault *why) {
    return au_refuse(why, JF_E_FAULT, "out of memory");
}

static int32_t open_provider(jf_self *self, jf_view name, jf_view config, struct au_provider *it,
                             jf_fault *why) {
    jf_json_value root = {0};
    it->host = &self->host;
    it->name = (const char *)au_take_text(&it->keep, name).ptr;
    if (it->name == NULL) return no_memory(why);
    if (config.len == 0) config = AU_LITERAL("{}");
    if (!jf_json_read(config, &root) || root.kind != JF_JSON_OBJECT)
        return au_refuse(why, JF_E_INVALID, "its options are not a JSON object");
    struct au_options options = {.keep = &it->keep, .where = "", .root = root, .why = why, .status = JF_OK};
    au_this.open(it, &options);
    if (options.status == JF_OK && it->keep.failed) return no_memory(why);
    return options.status;
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    uint32_t number = 0;
    while (number < self->count && self->slots[number].provider != NULL)
        number++;
    if (number == self->count) {
        struct slot *slots = realloc(self->slots, (self->count + 1) * sizeof(*slots));
        if (slots == NULL) return no_memory(why);
        self->slots = slots;
        self->slots[self->count++] = (struct slot){.generation = 1};
    }
    struct au_provider *it = calloc(1, au_this.record);
    if (it == NULL) return no_memory(why);
    int32_t status = open_provider(self, name, config, it, why);
    if (status != JF_OK) {
        end(it);
        return status;
    }
    self->slots[number].provider = it;
    *handle = (jf_ref)self->slots[number].generation << 32 | (number + 1);
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    struct slot *it = slot_of(self, handle);
    if (it == NULL) return;
    end(it->provider);
    it->provider = NULL;
    it->generation++;
}

static int32_t identify(jf_self *self, jf_ref op, jf_ref handle, const jf_credentials *credentials,
                        jf_blob *principal, jf_fault *why) {
    jf_credentials known = {0};
    struct slot *it = slot_of(self, handle);
    if (it == NULL) return au_refuse(why, JF_E_STALE, "this provider is not attached");
    memcpy(&known, credentials, credentials->size < sizeof(known) ? credentials->size : sizeof(known));
    return au_this.identify(it->provider, op, &known, principal, why);
}

static int32_t describe(jf_self *self, jf_ref handle, jf_blob *description, jf_fault *why) {
    struct au_text text = {0};
    struct slot *it = slot_of(self, handle);
    if (it == NULL) return au_refuse(why, JF_E_STALE, "this provider is not attached");
    au_puts(&text, "{");
    au_this.describe(it->provider, &text);
    au_puts(&text, "}");
    return au_text_blob(&text, description) ? JF_OK : no_memory(why);
}

static const void *service(const jf_offer *offer, const char *id) {
    return offer->service(offer->host, id);
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    struct au_host host = {.clock = service(offer, JF_CLOCK_1),
                           .loop = service(offer, JF_LOOP_1),
                           .ops = service(offer, JF_OPS_1),
                           .log = service(offer, JF_LOG_1),
                           .http = au_this.http ? service(offer, JF_HTTP_1) : NULL,
                           .identity = service(offer, JF_IDENTITY_1)};
    if (!JF_HAS(host.clock, wall_ns) || !JF_HAS(host.loop, cancel) || !JF_HAS(host.ops, finish))
        return au_refuse(why, JF_E_UNSUPPORTED,
                         "needs the host services " JF_CLOCK_1 ", " JF_LOOP_1 " and " JF_OPS_1);
    if (!JF_HAS(host.log, write)) host.log = NULL;
    if (!JF_HAS(host.http, abandon)) host.http = NULL;
    if (!JF_HAS(host.identity, forget)) host.identity = NULL;
    jf_self *self = calloc(1, sizeof(*self));
    if (self == NULL) return no_memory(why);
    self->host = host;
    self->auth = (jf_auth_1){.size = sizeof(self->auth),
                             .attach = attach,
                             .detach = detach,
                             .identify = identify,
                             .describe = au_this.describe != NULL ? describe : NULL};
    *out = self;
    return JF_OK;
}

static void stop(jf_self *self) {
    self->host.stopped = true;
    for (uint32_t i = 0; i < self->count; i++)
        if (self->slots[i].provider != NULL && au_this.halt != NULL) au_this.halt(self->slots[i].provider);
}

static void destroy(jf_self *self) {
    for (uint32_t i = 0; i < self->count; i++)
        if (self->slots[i].provider != NULL) end(self->slots[i].provider);
    free(self->slots);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_AUTH_1) == 0 ? &self->auth : NULL;
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
