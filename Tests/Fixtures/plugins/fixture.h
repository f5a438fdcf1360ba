/* SPDX-License-Identifier: Apache-2.0
 * What the plugins of this folder have in common: a manifest and a table that does nothing. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <jackfield/base.h>
#include <stdlib.h>

#define FIXTURE_MANIFEST_WITH(id, abi, more)                                                                 \
    JF_MANIFEST("{\"id\":\"" id "\",\"version\":\"1.0.0\",\"abi\":\"" abi                                    \
                "\",\"summary\":\"A test plugin.\","                                                         \
                "\"facets\":[\"com.example.fixture/1\"],\"threads\":\"serial\"" more "}")
#define FIXTURE_MANIFEST(id) FIXTURE_MANIFEST_WITH(id, "1.0", "")

struct jf_self {
    int unused;
};

static inline int32_t fixture_create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)offer;
    (void)config;
    (void)why;
    *out = calloc(1, sizeof **out);
    return *out == NULL ? JF_E_BUSY : JF_OK;
}

static inline void fixture_destroy(jf_self *self) {
    free(self);
}

static inline const void *fixture_facet(jf_self *self, const char *id) {
    (void)self;
    (void)id;
    return NULL;
}

#define FIXTURE_TABLE                                                                                        \
    {                                                                                                        \
        .size = sizeof(jf_plugin), .create = fixture_create, .destroy = fixture_destroy,                     \
        .facet = fixture_facet                                                                               \
    }

/** The usual entry function. */
#define FIXTURE_ENTRY                                                                                        \
    const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {                                      \
        static const jf_plugin table = FIXTURE_TABLE;                                                        \
        (void)offer;                                                                                         \
        (void)why;                                                                                           \
        return &table;                                                                                       \
    }

#endif
