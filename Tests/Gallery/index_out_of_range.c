/* SPDX-License-Identifier: Apache-2.0
 * Caught by routing.picks: it picks an endpoint that there is not. */
#include "routing.h"

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    int32_t status = good_pick(self, handle, call, eligible, count, chosen, why);
    *chosen += count > 2;
    return status;
}
#define PICK pick

#include "plugin.h"
