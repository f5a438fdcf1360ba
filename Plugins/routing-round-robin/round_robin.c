/* SPDX-License-Identifier: Apache-2.0
 * Plugin routing-round-robin: the ABI side of the strategy "round-robin". */
#include "smooth.h"
#include <jackfield/config.h>
#include <stdlib.h>
#include <string.h>

JF_MANIFEST("{\"id\":\"routing-round-robin\",\"version\":\"1.0.0\",\"abi\":\"1.0\","
            "\"summary\":\"Takes endpoints in turn, in proportion to their weights.\","
            "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.config/1\"],\"optional\":[\"jf.memory/1\"],"
            "\"provides\":[],\"threads\":\"per-loop\","
            "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
            "\"routing\":{\"strategy\":\"round-robin\",\"config\":{\"type\":\"object\",\"properties\":{"
            "\"max_endpoints\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":65536,\"default\":1024,"
            "\"description\":\"How many endpoints of the server each loop keeps in mind\"}},"
            "\"additionalProperties\":false}}}");

#define DEFAULT_LIMIT 1024
#define MOST_LIMIT 65536

/** One attached server. Its handle is the slot's number + 1 and the generation in the upper half. */
typedef struct slot {
    rr_state state;
    uint32_t generation;
    bool used;
} slot;

struct jf_self {
    const jf_config_1 *config;
    const jf_memory_1 *memory;
    slot *slots;
    uint32_t count;
};

static int32_t refuse(jf_fault *why, int32_t code, const char *text) {
    if (why == NULL) return code;
    why->code = code;
    why->text_len = (uint32_t)strlen(text);
    memcpy(why->text, text, why->text_len);
    return code;
}

static slot *slot_of(jf_self *self, jf_ref handle) {
    uint32_t number = (uint32_t)handle;
    if (number == 0 || number > self->count) return NULL;
    slot *it = &self->slots[number - 1];
    return it->used && it->generation == (uint32_t)(handle >> 32) ? it : NULL;
}

static int32_t limit_of(jf_self *self, jf_view config, uint32_t *limit, jf_fault *why) {
    static const uint8_t pointer[] = "/max_endpoints";
    jf_view value;
    uint32_t kind;
    int64_t number = DEFAULT_LIMIT;
    int32_t status = JF_ABSENT;
    if (config.len > 0)
        status = self->config->find(self->config->context, config, (jf_view){pointer, sizeof pointer - 1},
                                    &value, &kind);
    if (status == JF_OK) status = self->config->integer(self->config->context, value, &number);
    if (status < 0 || number < 1 || number > MOST_LIMIT)
        return refuse(why, JF_E_INVALID, "round-robin: max_endpoints must be an integer from 1 to 65536");
    *limit = (uint32_t)number;
    return JF_OK;
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)name;
    uint32_t limit, number = 0;
    int32_t status = limit_of(self, config, &limit, why);
    if (status != JF_OK) return status;
    while (number < self->count && self->slots[number].used)
        number++;
    if (number == self->count) {
        slot *slots = realloc(self->slots, (self->count + 1) * sizeof *slots);
        if (slots == NULL) return refuse(why, JF_E_BUSY, "round-robin: out of memory");
        self->slots = slots;
        self->slots[self->count++] = (slot){.generation = 1};
    }
    rr_init(&self->slots[number].state, self->memory, limit);
    self->slots[number].used = true;
    *handle = (jf_ref)self->slots[number].generation << 32 | (number + 1);
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    slot *it = slot_of(self, handle);
    if (it == NULL) return;
    rr_clear(&it->state);
    it->used = false;
    it->generation++;
}

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    (void)call;
    slot *it = slot_of(self, handle);
    if (it == NULL) return refuse(why, JF_E_STALE, "round-robin: this server is not attached");
    if (count == 0) return JF_ABSENT;
    int32_t status = rr_pick(&it->state, eligible, count, chosen);
    if (status == JF_E_BUSY) return refuse(why, status, "round-robin: no memory for a new endpoint");
    if (status != JF_OK) return refuse(why, status, "round-robin: an endpoint has no id");
    return JF_OK;
}

static int32_t export_state(jf_self *self, jf_ref handle, jf_blob *out, jf_fault *why) {
    slot *it = slot_of(self, handle);
    if (it == NULL) return refuse(why, JF_E_STALE, "round-robin: this server is not attached");
    if (rr_export(&it->state, out) != JF_OK) return refuse(why, JF_E_BUSY, "round-robin: out of memory");
    return JF_OK;
}

static int32_t import_state(jf_self *self, jf_ref handle, jf_view state, jf_fault *why) {
    slot *it = slot_of(self, handle);
    if (it == NULL) return refuse(why, JF_E_STALE, "round-robin: this server is not attached");
    switch (rr_import(&it->state, state)) {
    case JF_OK:
        return JF_OK;
    case JF_E_UNSUPPORTED:
        return refuse(why, JF_E_UNSUPPORTED, "round-robin: state of another version; begin without it");
    case JF_E_BUSY:
        return refuse(why, JF_E_BUSY, "round-robin: no memory for the handed-over state");
    default:
        return refuse(why, JF_E_INVALID, "round-robin: the handed-over state is damaged; begin without it");
    }
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    const jf_config_1 *json = offer->service(offer->host, JF_CONFIG_1);
    const jf_memory_1 *memory = offer->service(offer->host, JF_MEMORY_1);
    if (!JF_HAS(json, integer) || json->find == NULL)
        return refuse(why, JF_E_UNSUPPORTED, "routing-round-robin needs the host service jf.config/1");
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return refuse(why, JF_E_BUSY, "routing-round-robin: out of memory");
    self->config = json;
    self->memory = JF_HAS(memory, release) && memory->allocate != NULL ? memory : NULL;
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    for (uint32_t i = 0; i < self->count; i++)
        rr_clear(&self->slots[i].state);
    free(self->slots);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    static const jf_routing_1 routing = {.size = sizeof routing,
                                         .attach = attach,
                                         .detach = detach,
                                         .pick = pick,
                                         .export_state = export_state,
                                         .import_state = import_state};
    (void)self;
    return strcmp(id, JF_ROUTING_1) == 0 ? &routing : NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};
    (void)offer;
    (void)why;
    return &plugin;
}
