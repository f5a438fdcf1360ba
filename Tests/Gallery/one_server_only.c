/* SPDX-License-Identifier: Apache-2.0
 * Caught by routing.servers: the end of one server takes the state of another. */
#include "routing.h"

static void detach(jf_self *self, jf_ref handle) {
    (void)handle;
    memset(self->servers, 0, sizeof self->servers);
}
static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    if (good_server(self, handle) == NULL) abort();
    return good_pick(self, handle, call, eligible, count, chosen, why);
}
#define DETACH detach
#define PICK pick

#include "plugin.h"
