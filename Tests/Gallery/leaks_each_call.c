/* SPDX-License-Identifier: Apache-2.0
 * Caught by memory.growth as a warning: each call leaks a little. */
#include "toolset.h"

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    self->kept = strdup("a little");
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
