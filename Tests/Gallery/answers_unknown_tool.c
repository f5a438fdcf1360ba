/* SPDX-License-Identifier: Apache-2.0
 * Caught by toolset.unknown-tool: it answers calls of tools that it does not have. */
#include "toolset.h"

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (good_equal(request->name, "echo")) return good_echo(self, op, request, result, why);
    return good_later(self, op, why);
}
#define CALL call

#include "plugin.h"
