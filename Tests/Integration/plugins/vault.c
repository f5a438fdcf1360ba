/* SPDX-License-Identifier: Apache-2.0
 * A source of credentials for tests: numbered tokens that say for whom they are. Options: "mode" shared,
 * each, late (after a timer), connect (each principal has to open a URL first) or refuse; "deny": a subject.
 */
#define _POSIX_C_SOURCE 200809L
#include <jackfield/credentials.h>
#include <jackfield/loop.h>
#include <jackfield/ops.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

JF_MANIFEST(
    "{\"id\":\"vault\",\"version\":\"1.0.0\",\"abi\":\"1.1\",\"summary\":\"Tokens.\","
    "\"facets\":[\"jf.credentials/1\"],\"requires\":[\"jf.loop/1\",\"jf.ops/1\"],\"threads\":\"per-loop\","
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false},"
    "\"credentials\":{\"source\":\"vault\",\"config\":{\"type\":\"object\",\"properties\":{"
    "\"mode\":{\"type\":\"string\"},\"deny\":{\"type\":\"string\"}}}}}");

struct jf_self {
    jf_credentials_1 table;
    jf_loop_1 loop;
    jf_ops_1 ops;
    char config[256];
};

struct late {
    jf_self *self;
    jf_ref op;
    char text[512];
};

static _Atomic uint32_t made;

static int32_t attach(jf_self *self, jf_view server, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)server, (void)why;
    uint64_t length = config.len < sizeof self->config - 1 ? config.len : sizeof self->config - 1;
    memcpy(self->config, config.ptr, length);
    self->config[length] = 0;
    *handle = 1;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}

static bool is_mode(const jf_self *self, const char *mode) {
    char text[64];
    snprintf(text, sizeof text, "\"mode\":\"%s\"", mode);
    return strstr(self->config, text) != NULL;
}

static void give(const char *text, jf_blob *blob) {
    char *copy = strdup(text);
    *blob = (jf_blob){(const uint8_t *)copy, strlen(copy), copy, free};
}

static void finish_late(void *user) {
    struct late *late = user;
    jf_blob blob;
    give(late->text, &blob);
    late->self->ops.finish(late->self->ops.context, late->op, JF_OK, &blob, NULL);
    free(late);
}

static int32_t supply(jf_self *self, jf_ref op, jf_ref handle, const jf_demand *demand, jf_blob *out,
                      jf_fault *why) {
    (void)handle;
    char subject[64] = "gateway", denied[80], text[512];
    if (demand->principal->id != 0)
        snprintf(subject, sizeof subject, "%.*s", (int)demand->principal->subject.len,
                 (const char *)demand->principal->subject.ptr);
    snprintf(denied, sizeof denied, "\"deny\":\"%s\"", subject);
    if (strstr(self->config, denied) != NULL) {
        why->flags = JF_FAULT_PUBLIC;
        why->code = JF_E_DENIED;
        why->text_len = (uint32_t)snprintf(why->text, sizeof why->text, "no tokens for %s", subject);
        return JF_E_DENIED;
    }
    if (is_mode(self, "connect") && demand->principal->id != 0 && demand->attempt == 0) {
        snprintf(text, sizeof text,
                 "{\"connect\":{\"url\":\"https://connect.example/%s\",\"message\":\"Open this, "
                 "%s\",\"id\":\"c-%s\"}}",
                 subject, subject, subject);
        give(text, out);
        return JF_OK;
    }
    uint32_t number = atomic_fetch_add(&made, 1);
    bool shared = is_mode(self, "shared");
    snprintf(text, sizeof text, "{\"headers\":{\"Authorization\":\"Bearer %s-%u%s\"},\"shared\":%s}",
             shared ? "everybody" : subject, number, demand->refused != 0 ? "-again" : "",
             shared ? "true" : "false");
    if (is_mode(self, "late")) {
        struct late *late = calloc(1, sizeof *late);
        *late = (struct late){.self = self, .op = op};
        memcpy(late->text, text, sizeof text);
        jf_ref timer;
        if (self->loop.timer(self->loop.context, 20000000, finish_late, late, &timer) == JF_OK)
            return JF_PENDING;
        free(late);
        return JF_E_FAULT;
    }
    give(text, out);
    return JF_OK;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)config, (void)why;
    jf_self *self = calloc(1, sizeof *self);
    self->loop = *(const jf_loop_1 *)offer->service(offer->host, JF_LOOP_1);
    self->ops = *(const jf_ops_1 *)offer->service(offer->host, JF_OPS_1);
    self->table =
        (jf_credentials_1){.size = sizeof self->table, .attach = attach, .detach = detach, .supply = supply};
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_CREDENTIALS_1) == 0 ? &self->table : NULL;
}

static const jf_plugin plugin = {
    .size = sizeof plugin, .minor = JF_ABI_MINOR, .create = create, .destroy = destroy, .facet = facet};

JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    (void)offer, (void)why;
    return &plugin;
}
