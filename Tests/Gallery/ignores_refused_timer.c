/* SPDX-License-Identifier: Apache-2.0
 * Caught by chaos.busy: it takes for granted that a timer is set. */
#include "toolset.h"

static int32_t later(jf_self *self, jf_ref op, jf_fault *why) {
    (void)why;
    job *it = good_begin(self, op, good_fire);
    *(volatile jf_ref *)&it->timer += 0;
    return JF_PENDING;
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (good_equal(request->name, "later")) return later(self, op, why);
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
