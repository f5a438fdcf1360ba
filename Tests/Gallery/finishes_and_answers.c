/* SPDX-License-Identifier: Apache-2.0
 * Caught by ops.answers: it finishes an operation and answers it, too. */
#include "toolset.h"

static int32_t later(jf_self *self, jf_ref op, jf_fault *why) {
    jf_blob result;
    (void)why;
    good_give(&result, DONE);
    self->ops->finish(self->ops->context, op, JF_OK, &result, NULL);
    return JF_OK;
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (good_equal(request->name, "later")) return later(self, op, why);
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
