/* SPDX-License-Identifier: Apache-2.0
 * Caught by toolset.calls: a result is no JSON. */
#include "toolset.h"

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    int32_t status = good_call(self, op, request, result, why);
    if (status != JF_OK) return status;
    free(result->owner);
    return good_give(result, "{\"content\":[}");
}
#define CALL call

#include "plugin.h"
