/* SPDX-License-Identifier: Apache-2.0
 * Caught by toolset.random-arguments: arguments with unexpected members crash it. */
#include "toolset.h"

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (memmem(request->arguments.ptr, request->arguments.len, "\"other\"", 7) != NULL) abort();
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
