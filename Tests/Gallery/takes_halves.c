/* SPDX-License-Identifier: Apache-2.0
 * Caught by store.limits: takes from the limits that fit although one does not. */
#include "access.h"

static int32_t take(jf_self *self, jf_ref op, const jf_store_limit *limits, uint64_t count, jf_blob *verdicts,
                    jf_fault *why) {
    int32_t status = good_take(self, op, limits, count, verdicts, why);
    jf_store_verdict *said = verdicts->owner;
    for (uint64_t i = 0; status == JF_OK && i < count; i++) {
        if (!said[i].fits || said[0].fits) continue;
        good_limit(self, &limits[i])->taken += limits[i].cost;
        said[i].left -= limits[i].cost;
    }
    return status;
}
#define TAKE take

#include "plugin.h"
