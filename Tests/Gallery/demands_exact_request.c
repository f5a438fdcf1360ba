/* SPDX-License-Identifier: Apache-2.0
 * Caught by size.long-structs: it aborts on requests that have grown. */
#include "toolset.h"

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (request->size != sizeof *request) abort();
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
