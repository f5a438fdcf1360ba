/* SPDX-License-Identifier: Apache-2.0
 * abi-libffi: the entry function, the life of an instance, its settings. */
#include "pool.h"
#include "stand.h"

#include <jackfield/config.h>
#include <jackfield/host.h>
#include <jackfield/log.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jf_self {
    jf_log_1 log;
    bool has_log;
    pool *functions;
    stands *tables;
    jf_callback_1 callback; /**< what this plugin offers; their context is the instance */
    jf_interpose_1 interpose;
};

static int32_t lease(void *context, const jf_callback_request *request, jf_code_fn *code, jf_ref *out,
                     jf_fault *why) {
    jf_self *self = context;
    return pool_lease(self->functions, request, code, out, why);
}

static int32_t release(void *context, jf_ref given, uint32_t flags) {
    jf_self *self = context;
    return pool_release(self->functions, given, flags);
}

static int32_t wrap(void *context, const jf_interpose_plan *plan, const void *table, const void **wrapped,
                    jf_ref *handle, jf_fault *why) {
    jf_self *self = context;
    return stands_wrap(self->tables, plan, table, wrapped, handle, why);
}

static int32_t unwrap(void *context, jf_ref handle) {
    jf_self *self = context;
    return stands_unwrap(self->tables, handle);
}

/** A setting; the host has filled in defaults and checked bounds, this is the second look. */
static uint32_t setting(const jf_config_1 *reader, jf_view config, const char *pointer, uint32_t standard,
                        uint32_t least, uint32_t most) {
    jf_view found;
    uint32_t kind;
    int64_t value;
    jf_view path = {(const uint8_t *)pointer, strlen(pointer)};
    if (reader->find(reader->context, config, path, &found, &kind) != JF_OK ||
        reader->integer(reader->context, found, &value) != JF_OK || value < (int64_t)least ||
        value > (int64_t)most)
        return standard;
    return (uint32_t)value;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    jf_config_1 reader = {0};
    if (!jf_attach(offer, JF_CONFIG_1, &reader, sizeof reader))
        return jf_fault_set(why, JF_E_UNSUPPORTED, 0, "abi-libffi needs the host service jf.config/1");
    jf_self *self = calloc(1, sizeof *self);
    if (self == NULL) return jf_fault_set(why, JF_E_FAULT, 0, "abi-libffi: out of memory for an instance");
    uint32_t most = setting(&reader, config, "/callbacks", 4096, 1, 1048576);
    uint32_t kept = setting(&reader, config, "/kept", 256, 0, 1048576);
    self->functions = pool_new(most, kept);
    self->tables = stands_new(setting(&reader, config, "/tables", 64, 1, 4096));
    if (self->functions == NULL || self->tables == NULL) {
        if (self->functions != NULL) pool_end(self->functions);
        free(self->tables);
        free(self);
        return jf_fault_set(why, JF_E_FAULT, 0, "abi-libffi: out of memory for its tables");
    }
    self->has_log = jf_attach(offer, JF_LOG_1, &self->log, sizeof self->log);
    self->callback =
        (jf_callback_1){.size = sizeof(jf_callback_1), .context = self, .lease = lease, .release = release};
    self->interpose =
        (jf_interpose_1){.size = sizeof(jf_interpose_1), .context = self, .wrap = wrap, .unwrap = unwrap};
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    uint32_t left = pool_end(self->functions);
    if (left > 0 && self->has_log) {
        char words[96];
        int length =
            snprintf(words, sizeof words, "%u functions were leased to the end; they stay, idle", left);
        self->log.write(self->log.context, JF_LOG_WARNING,
                        (jf_view){(const uint8_t *)words, (uint64_t)length}, NULL, 0);
    }
    stands_end(self->tables);
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    if (strcmp(id, JF_CALLBACK_1) == 0) return &self->callback;
    return strcmp(id, JF_INTERPOSE_1) == 0 ? &self->interpose : NULL;
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
    jf_fault_set(why, JF_E_UNSUPPORTED, 0, "abi-libffi speaks plugin ABI %d only", JF_ABI_MAJOR);
    return NULL;
}
