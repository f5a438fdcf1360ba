/* SPDX-License-Identifier: Apache-2.0
 * Caught by memory.views: it changes the arguments that it was lent. */
#include "toolset.h"

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    uint8_t *own = (uint8_t *)(uintptr_t)request->name.ptr;
    if (request->name.len > 0) own[0] |= 0x20;
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
