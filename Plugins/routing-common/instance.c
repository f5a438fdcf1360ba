/* SPDX-License-Identifier: Apache-2.0
 * The ABI side of every routing strategy: entry, instances, attached servers and their handles. */
#include "random.h"
#include "strategy.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/** The smallest structs that there are: those of 1.0. */
#define ENDPOINT_1_0 offsetof(jf_endpoint, ready)

/** One attached server. Its handle is the slot's number + 1 and the generation in the upper half. */
typedef struct slot {
    rt_server *server; /**< NULL: free */
    uint32_t generation;
} slot;

struct jf_self {
    rt_host host;
    jf_routing_1 routing;
    slot *slots;
    uint32_t count;
};

/** Heads a block of rt_keep. */
typedef struct block {
    void *next;
    uint64_t size;
} block;

static void *allocate(const rt_host *host, uint64_t size) {
    return host->memory != NULL ? host->memory->allocate(host->memory->context, size) : calloc(1, size);
}

static void release(const rt_host *host, void *memory) {
    if (host->memory != NULL)
        host->memory->release(host->memory->context, memory);
    else
        free(memory);
}

void *rt_keep(rt_server *server, uint64_t size) {
    block *it = allocate(server->host, sizeof *it + size);
    if (it == NULL) return NULL;
    it->next = server->kept;
    server->kept = it;
    return it + 1;
}

jf_view rt_keep_text(rt_server *server, jf_view text) {
    uint8_t *copy = rt_keep(server, text.len + 1);
    if (copy == NULL) return (jf_view){0};
    if (text.len > 0) memcpy(copy, text.ptr, text.len);
    return (jf_view){copy, text.len};
}

uint64_t rt_now(const rt_server *server) {
    return server->host->clock->monotonic_ns(server->host->clock->context);
}

int32_t rt_refuse(const rt_host *host, jf_fault *why, int32_t code, const char *format, ...) {
    if (why == NULL) return code;
    va_list arguments;
    va_start(arguments, format);
    int head = snprintf(why->text, sizeof why->text, "%s: ", host->strategy);
    if (head < 0 || (size_t)head >= sizeof why->text) head = 0;
    int rest = vsnprintf(why->text + head, sizeof why->text - (size_t)head, format, arguments);
    va_end(arguments);
    size_t length = (size_t)head + (rest > 0 ? (size_t)rest : 0);
    why->text_len = (uint32_t)(length < sizeof why->text ? length : sizeof why->text - 1);
    why->code = code;
    return code;
}

static rt_server *server_of(jf_self *self, jf_ref handle) {
    uint32_t number = (uint32_t)handle;
    if (number == 0 || number > self->count) return NULL;
    slot *it = &self->slots[number - 1];
    return it->generation == (uint32_t)(handle >> 32) ? it->server : NULL;
}

static int32_t stale(jf_self *self, jf_fault *why) {
    return rt_refuse(&self->host, why, JF_E_STALE, "this server is not attached");
}

static void forget(const rt_host *host, rt_server *server) {
    if (server == NULL) return;
    for (block *it = server->kept; it != NULL;) {
        block *next = it->next;
        release(host, it);
        it = next;
    }
    release(host, server);
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    uint32_t number = 0;
    while (number < self->count && self->slots[number].server != NULL)
        number++;
    if (number == self->count) {
        slot *slots = realloc(self->slots, (self->count + 1) * sizeof *slots);
        if (slots == NULL) return rt_refuse(&self->host, why, JF_E_BUSY, "out of memory");
        self->slots = slots;
        self->slots[self->count++] = (slot){.generation = 1};
    }
    rt_server *server = allocate(&self->host, rt_this.record);
    if (server == NULL) return rt_refuse(&self->host, why, JF_E_BUSY, "out of memory");
    server->host = &self->host;
    /* Another sequence on each loop and in each process, so that gateways do not move in step. */
    server->random = rt_hash(name, rt_now(server) ^ (uint64_t)(uintptr_t)self);
    rt_options options = {server, config, why, JF_OK};
    rt_this.open(server, &options);
    if (options.status != JF_OK) {
        forget(&self->host, server);
        return options.status;
    }
    self->slots[number].server = server;
    *handle = (jf_ref)self->slots[number].generation << 32 | (number + 1);
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    rt_server *server = server_of(self, handle);
    if (server == NULL) return;
    slot *it = &self->slots[(uint32_t)handle - 1];
    forget(&self->host, server);
    it->server = NULL;
    it->generation++;
}

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    rt_server *server = server_of(self, handle);
    if (server == NULL) return stale(self, why);
    if (count == 0) return JF_ABSENT;
    if (eligible[0]->size < ENDPOINT_1_0)
        return rt_refuse(&self->host, why, JF_E_INVALID, "endpoints smaller than those of ABI 1.0");
    rt_set set = {call, eligible, count < UINT32_MAX ? count : UINT32_MAX, self->host.extended};
    return rt_this.pick(server, &set, chosen, why);
}

static void observe(jf_self *self, jf_ref handle, const jf_outcome *outcome) {
    rt_server *server = server_of(self, handle);
    if (server == NULL) return;
    bool extended = self->host.extended;
    if (RT_TOLD(extended, outcome, flags) && (outcome->flags & (JF_OUTCOME_CANCELED | JF_OUTCOME_PROBE)) != 0)
        return;
    uint64_t now = RT_TOLD(extended, outcome, now_ns) ? outcome->now_ns : 0;
    rt_this.observe(server, outcome, now != 0 ? now : rt_now(server));
}

static int32_t export_state(jf_self *self, jf_ref handle, jf_blob *out, jf_fault *why) {
    const rt_server *server = server_of(self, handle);
    if (server == NULL) return stale(self, why);
    int32_t status = rt_export(server, rt_this.learnt, out);
    return status == JF_OK ? JF_OK : rt_refuse(&self->host, why, status, "out of memory");
}

static int32_t import_state(jf_self *self, jf_ref handle, jf_view state, jf_fault *why) {
    rt_server *server = server_of(self, handle);
    if (server == NULL) return stale(self, why);
    int32_t status = rt_import(server, rt_this.learnt, state);
    if (status == JF_OK) return JF_OK;
    return rt_refuse(&self->host, why, status,
                     status == JF_E_UNSUPPORTED ? "state of another version; begin without it"
                                                : "the handed-over state is damaged; begin without it");
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    rt_host host = {rt_this.name, offer->service(offer->host, JF_CONFIG_1),
                    offer->service(offer->host, JF_CLOCK_1), offer->service(offer->host, JF_MEMORY_1),
                    offer->minor >= 1};
    if (!JF_HAS(host.json, real) || host.json->find == NULL || host.json->text == NULL)
        return rt_refuse(&host, why, JF_E_UNSUPPORTED, "%s needs the host service " JF_CONFIG_1,
                         rt_this.plugin);
    if (!JF_HAS(host.clock, monotonic_ns))
        return rt_refuse(&host, why, JF_E_UNSUPPORTED, "%s needs the host service " JF_CLOCK_1,
                         rt_this.plugin);
    if (!JF_HAS(host.memory, release) || host.memory->allocate == NULL) host.memory = NULL;
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return rt_refuse(&host, why, JF_E_BUSY, "out of memory");
    self->host = host;
    self->routing = (jf_routing_1){.size = sizeof self->routing,
                                   .attach = attach,
                                   .detach = detach,
                                   .pick = pick,
                                   .observe = rt_this.observe != NULL ? observe : NULL,
                                   .export_state = rt_this.learnt != NULL ? export_state : NULL,
                                   .import_state = rt_this.learnt != NULL ? import_state : NULL};
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    for (uint32_t i = 0; i < self->count; i++)
        forget(&self->host, self->slots[i].server);
    free(self->slots);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_ROUTING_1) == 0 ? &self->routing : NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    (void)offer;
    (void)why;
    return &plugin;
}
