/* SPDX-License-Identifier: Apache-2.0
 * seal-openssl: the entry function and the life of an instance, which is little more than its share of the
 * key ring. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "token.h"

#include <jackfield/clock.h>
#include <jackfield/host.h>

#include <stdlib.h>
#include <string.h>

struct jf_self {
    jf_clock_1 clock;
    jf_seal_1 seal; /**< what this plugin offers; its context is the instance */
    struct keyring *ring;
};

static int32_t seal(void *context, jf_view plain, jf_view bound, jf_blob *sealed, jf_fault *why) {
    jf_self *self = context;
    return token_seal(self->ring, self->clock.monotonic_ns(self->clock.context), plain, bound, sealed, why);
}

static int32_t open(void *context, jf_view sealed, jf_view bound, jf_blob *plain, jf_fault *why) {
    jf_self *self = context;
    return token_open(self->ring, self->clock.monotonic_ns(self->clock.context), sealed, bound, plain, why);
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    jf_config_1 reader = {0};
    struct settings settings;
    jf_self *self = calloc(1, sizeof(*self));
    if (self == NULL) return jf_fault_set(why, JF_E_FAULT, 0, "seal-openssl: out of memory for an instance");
    if (!jf_attach(offer, JF_CONFIG_1, &reader, sizeof(reader)) ||
        !jf_attach(offer, JF_CLOCK_1, &self->clock, sizeof(self->clock))) {
        free(self);
        return jf_fault_set(why, JF_E_UNSUPPORTED, 0,
                            "seal-openssl needs the host services jf.config/1 and jf.clock/1");
    }
    int32_t status = settings_read(&reader, config, &settings, why);
    if (status == JF_OK && (self->ring = keyring_take(&settings)) == NULL)
        status = jf_fault_set(why, JF_E_FAULT, 0, "seal-openssl: out of memory for its keys");
    explicit_bzero(&settings, sizeof(settings));
    if (status != JF_OK) {
        free(self);
        return status;
    }
    self->seal = (jf_seal_1){.size = sizeof(jf_seal_1), .context = self, .seal = seal, .open = open};
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    keyring_give(self->ring);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_SEAL_1) == 0 ? &self->seal : NULL;
}

static const jf_plugin plugin = {
    .size = sizeof(jf_plugin),
    .minor = JF_ABI_MINOR,
    .create = create,
    .destroy = destroy,
    .facet = facet,
};

JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    if (offer->major == JF_ABI_MAJOR) return &plugin;
    jf_fault_set(why, JF_E_UNSUPPORTED, 0, "seal-openssl speaks plugin ABI %d only", JF_ABI_MAJOR);
    return NULL;
}
