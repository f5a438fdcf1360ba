/* SPDX-License-Identifier: Apache-2.0
 * Caught by toolset.wrong-arguments: it does not check its arguments. */
#include "toolset.h"

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (!good_equal(request->name, "echo")) return good_call(self, op, request, result, why);
    return good_give(result, DONE);
}
#define CALL call

#include "plugin.h"
