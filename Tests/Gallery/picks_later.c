/* SPDX-License-Identifier: Apache-2.0
 * Caught by routing.picks: a pick answers JF_PENDING. */
#include "routing.h"

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    if (count == 64) return JF_PENDING;
    return good_pick(self, handle, call, eligible, count, chosen, why);
}
#define PICK pick

#include "plugin.h"
