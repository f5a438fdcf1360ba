/* SPDX-License-Identifier: Apache-2.0
 * Caught by chaos.memory: it writes to memory that it did not get. */
#include "toolset.h"

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (self->memory != NULL) {
        char *own = self->memory->allocate(self->memory->context, 64);
        *(volatile char *)own = 1;
        self->memory->release(self->memory->context, own);
    }
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
