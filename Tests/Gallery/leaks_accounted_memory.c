/* SPDX-License-Identifier: Apache-2.0
 * Caught by memory.blobs: it does not release memory of jf.memory/1. */
#include "toolset.h"

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (self->memory != NULL) self->kept = self->memory->allocate(self->memory->context, 100);
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
