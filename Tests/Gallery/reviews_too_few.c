/* SPDX-License-Identifier: Apache-2.0
 * Caught by policy.reviews: one byte too few. */
#include "access.h"

static int32_t review(jf_self *self, jf_ref op, jf_ref handle, const jf_access *const *accesses,
                      uint64_t count, jf_blob *decisions, jf_fault *why) {
    return good_review(self, op, handle, accesses, count > 2 ? count - 1 : count, decisions, why);
}
#define REVIEW review

#include "plugin.h"
