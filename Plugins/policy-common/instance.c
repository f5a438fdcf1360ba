/* SPDX-License-Identifier: Apache-2.0
 * The ABI side of every policy plugin: entry, instances, attached policies and their handles. */
#include "policy.h"

/** One attached policy. Its handle is the slot's number + 1 and the generation in the upper half. */
typedef struct slot {
    pc_policy *policy; /**< NULL: free */
    uint32_t generation;
} slot;

struct jf_self {
    pc_host host;
    jf_policy_1 table;
    slot *slots;
    uint32_t count;
};

static pc_policy *policy_of(jf_self *self, jf_ref handle) {
    uint32_t number = (uint32_t)handle;
    if (number == 0 || number > self->count) return NULL;
    slot *it = &self->slots[number - 1];
    return it->generation == (uint32_t)(handle >> 32) ? it->policy : NULL;
}

static int32_t stale(jf_fault *why) {
    return jf_fault_set(why, JF_E_STALE, 0, "%s: this policy is not attached", pc_this.name);
}

static void forget(pc_policy *policy) {
    if (policy == NULL) return;
    if (pc_this.close != NULL) pc_this.close(policy);
    for (void **it = policy->kept; it != NULL;) {
        void **next = *it;
        free(it);
        it = next;
    }
    free(policy);
}

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)name;
    uint32_t number = 0;
    while (number < self->count && self->slots[number].policy != NULL)
        number++;
    if (number == self->count) {
        slot *slots = realloc(self->slots, (self->count + 1) * sizeof *slots);
        if (slots == NULL) return pc_no_memory(why);
        self->slots = slots;
        self->slots[self->count++] = (slot){.generation = 1};
    }
    jf_json_value options;
    if (!jf_json_read(config, &options) || options.kind != JF_JSON_OBJECT)
        return pc_wrong(why, "the options are no JSON object");
    pc_policy *policy = calloc(1, pc_this.record);
    if (policy == NULL) return pc_no_memory(why);
    policy->host = &self->host;
    policy->handle = (jf_ref)self->slots[number].generation << 32 | (number + 1);
    int32_t status = pc_this.open(policy, &options, why);
    if (status != JF_OK) {
        forget(policy);
        return status;
    }
    self->slots[number].policy = policy;
    *handle = policy->handle;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    pc_policy *policy = policy_of(self, handle);
    if (policy == NULL) return;
    slot *it = &self->slots[(uint32_t)handle - 1];
    forget(policy);
    it->policy = NULL;
    it->generation++;
}

static int32_t decide(jf_self *self, jf_ref op, jf_ref handle, const jf_access *access, jf_ruling *ruling,
                      jf_fault *why) {
    pc_policy *policy = policy_of(self, handle);
    return policy == NULL ? stale(why) : pc_this.decide(policy, op, access, ruling, why);
}

static int32_t review(jf_self *self, jf_ref op, jf_ref handle, const jf_access *const *accesses,
                      uint64_t count, jf_blob *decisions, jf_fault *why) {
    pc_policy *policy = policy_of(self, handle);
    return policy == NULL ? stale(why) : pc_this.review(policy, op, accesses, count, decisions, why);
}

static int32_t classify(jf_self *self, jf_ref handle, const jf_principal *principal, jf_blob *name,
                        jf_fault *why) {
    pc_policy *policy = policy_of(self, handle);
    return policy == NULL ? stale(why) : pc_this.classify(policy, principal, name, why);
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config;
    pc_host host = {0};
    if (pc_this.asks) {
        host.ops = offer->service(offer->host, JF_OPS_1);
        host.http = offer->service(offer->host, JF_HTTP_1);
    }
    if (!JF_HAS(host.ops, finish)) host.ops = NULL;
    if (!JF_HAS(host.http, request) || !JF_HAS(host.http, abandon)) host.http = NULL;
    if (pc_this.asks && (host.ops == NULL || host.http == NULL))
        return jf_fault_set(why, JF_E_UNSUPPORTED, 0, "%s needs the services " JF_OPS_1 " and " JF_HTTP_1,
                            pc_this.plugin);
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return pc_no_memory(why);
    self->host = host;
    self->table = (jf_policy_1){.size = sizeof self->table,
                                .attach = attach,
                                .detach = detach,
                                .decide = decide,
                                .review = pc_this.review != NULL ? review : NULL,
                                .classify = pc_this.classify != NULL ? classify : NULL};
    *out = self;
    return JF_OK;
}

static void stop(jf_self *self) {
    if (pc_this.stop == NULL) return;
    for (uint32_t i = 0; i < self->count; i++)
        if (self->slots[i].policy != NULL) pc_this.stop(self->slots[i].policy);
}

static void destroy(jf_self *self) {
    for (uint32_t i = 0; i < self->count; i++)
        forget(self->slots[i].policy);
    free(self->slots);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_POLICY_1) == 0 ? &self->table : NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {.size = sizeof plugin,
                                     .minor = JF_ABI_MINOR,
                                     .create = create,
                                     .destroy = destroy,
                                     .facet = facet,
                                     .stop = stop};
    if (offer->minor < 1) {
        jf_fault_set(why, JF_E_UNSUPPORTED, 0, "%s needs a host of ABI 1.1", pc_this.plugin);
        return NULL;
    }
    return &plugin;
}
