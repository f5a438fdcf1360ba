/* SPDX-License-Identifier: Apache-2.0
 * A plugin whose every answer is known beforehand, for tests of the border: a strategy, and a service for
 * others. */
#include <jackfield/jackfield.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

JF_MANIFEST(
    "{\"id\":\"border\",\"version\":\"1.0.0\",\"abi\":\"1.0\",\"summary\":\"A test plugin.\","
    "\"facets\":[\"jf.routing/1\"],\"requires\":[\"jf.clock/1\"],\"optional\":[\"jf.loop/"
    "1\"],\"provides\":[\"jf.seal/1\"],"
    "\"threads\":\"per-loop\",\"routing\":{\"strategy\":\"border\",\"config\":{\"type\":\"object\"}}}");

struct jf_self {
    const jf_clock_1 *clock;
    const jf_loop_1 *loop;
    uint32_t picks, seals;
    jf_seal_1 seal;
};

/* `attach` answers with the time as the handle: one call of a service for each call of the slot. */
static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)name, (void)config, (void)why;
    *handle = self->clock->monotonic_ns(self->clock->context);
    return JF_OK;
}

/* Chooses the number of calls that reached it, modulo `count`; refuses where the caller says so. */
static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    (void)handle, (void)eligible, (void)why;
    if (call->attempt == 99) return JF_E_DENIED;
    *chosen = (uint32_t)(self->picks++ % count);
    return JF_OK;
}

/* Takes as long as it is told; for a failed call it asks the host for the time. */
static void observe(jf_self *self, jf_ref handle, const jf_outcome *outcome) {
    (void)handle;
    struct timespec pause = {.tv_nsec = (long)outcome->latency_ns};
    if (outcome->latency_ns > 0) nanosleep(&pause, NULL);
    if (outcome->status < 0 && JF_HAS(self->loop, now)) self->loop->now(self->loop->context);
}

static const jf_routing_1 routing = {
    .size = sizeof routing, .attach = attach, .pick = pick, .observe = observe};

static int32_t seal(void *context, jf_view plain, jf_view bound, jf_blob *sealed, jf_fault *why) {
    jf_self *self = context;
    (void)plain, (void)bound, (void)why;
    *sealed = (jf_blob){.ptr = (const uint8_t *)"sealed", .len = 6};
    self->seals++;
    return JF_OK;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    static const char refusal[] = "there is no clock";
    (void)config;
    const jf_clock_1 *clock = offer->service(offer->host, JF_CLOCK_1);
    if (!JF_HAS(clock, monotonic_ns)) {
        memcpy(why->text, refusal, sizeof refusal - 1);
        why->text_len = sizeof refusal - 1;
        return JF_E_UNSUPPORTED;
    }
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return JF_E_BUSY;
    self->clock = clock;
    self->loop = offer->service(offer->host, JF_LOOP_1);
    self->seal = (jf_seal_1){.size = sizeof self->seal, .context = self, .seal = seal};
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    if (strcmp(id, JF_SEAL_1) == 0) return &self->seal;
    return strcmp(id, JF_ROUTING_1) == 0 ? &routing : NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin table = {
        .size = sizeof table, .create = create, .destroy = destroy, .facet = facet};
    (void)offer, (void)why;
    return &table;
}
