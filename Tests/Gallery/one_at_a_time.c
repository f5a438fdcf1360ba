/* SPDX-License-Identifier: Apache-2.0
 * Caught by ops.many: a second call takes the place of the first. */
#include "toolset.h"

static int32_t later(jf_self *self, jf_ref op, jf_fault *why) {
    if (self->jobs == NULL) return good_later(self, op, why);
    self->jobs->op = op;
    return JF_PENDING;
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (good_equal(request->name, "later")) return later(self, op, why);
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
