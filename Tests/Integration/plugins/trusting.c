/* SPDX-License-Identifier: Apache-2.0
 * A provider of identity that believes what a header says: the principal as JSON in x-principal. */
#include <jackfield/auth.h>
#include <jackfield/toolset.h>
#include <stdlib.h>
#include <string.h>

JF_MANIFEST("{\"id\":\"trusting\",\"version\":\"1.0.0\",\"abi\":\"1.1\",\"summary\":\"Believes a header.\","
            "\"facets\":[\"jf.auth/1\"],\"requires\":[],\"optional\":[],\"provides\":[],"
            "\"threads\":\"per-loop\",\"config\":{\"type\":\"object\"},"
            "\"auth\":{\"provider\":\"trusting\",\"fields\":[\"x-principal\"],"
            "\"config\":{\"type\":\"object\"}}}");

struct jf_self {
    jf_auth_1 auth;
};

static int32_t attach(jf_self *self, jf_view name, jf_view config, jf_ref *handle, jf_fault *why) {
    (void)self, (void)name, (void)config, (void)why;
    *handle = 1;
    return JF_OK;
}

static void detach(jf_self *self, jf_ref handle) {
    (void)self, (void)handle;
}

static int32_t identify(jf_self *self, jf_ref op, jf_ref handle, const jf_credentials *credentials,
                        jf_blob *principal, jf_fault *why) {
    (void)self, (void)op, (void)handle, (void)why;
    if (credentials->field_count == 0) return JF_ABSENT;
    jf_view value = credentials->fields[0].value;
    uint8_t *copy = malloc(value.len + 1);
    memcpy(copy, value.ptr, value.len);
    *principal = (jf_blob){copy, value.len, copy, free};
    return JF_OK;
}

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)offer, (void)config, (void)why;
    jf_self *self = calloc(1, sizeof *self);
    self->auth =
        (jf_auth_1){.size = sizeof self->auth, .attach = attach, .detach = detach, .identify = identify};
    *out = self;
    return JF_OK;
}

static void destroy(jf_self *self) {
    free(self);
}

static const void *facet(jf_self *self, const char *id) {
    return strcmp(id, JF_AUTH_1) == 0 ? &self->auth : NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .minor = 1, .create = create, .destroy = destroy, .facet = facet};
    (void)offer, (void)why;
    return &plugin;
}
