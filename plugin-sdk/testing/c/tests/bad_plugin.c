/* SPDX-License-Identifier: Apache-2.0
 * A plugin that does not keep to its manifest: the mock host's tests prove that this is noticed. */
#include <jackfield/clock.h>

JF_MANIFEST("{\"id\":\"bad\",\"version\":\"1.0.0\",\"abi\":\"1.0\",\"facets\":[\"jf.routing/1\"],"
            "\"requires\":[\"jf.loop/1\"],\"optional\":[]}");

struct jf_self {
    int unused;
};

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    static jf_self only;
    (void)config, (void)why;
    *out = &only;
    return offer->service(offer->host, JF_CLOCK_1) != NULL ? JF_OK : JF_E_UNSUPPORTED;
}

static void destroy(jf_self *self) {
    (void)self;
}

static const void *facet(jf_self *self, const char *id) {
    (void)self, (void)id;
    return NULL;
}

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {
        .size = sizeof plugin, .create = create, .destroy = destroy, .facet = facet};
    (void)offer, (void)why;
    return &plugin;
}
