/* SPDX-License-Identifier: Apache-2.0
 * Caught by ops.answers: it leaves an operation pending for ever. */
#include "toolset.h"

static int32_t later(jf_self *self, jf_ref op, jf_fault *why) {
    (void)self, (void)op, (void)why;
    return JF_PENDING;
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (good_equal(request->name, "later")) return later(self, op, why);
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
