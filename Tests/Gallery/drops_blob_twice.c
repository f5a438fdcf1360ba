/* SPDX-License-Identifier: Apache-2.0
 * Caught by memory.blobs: it drops a blob of the host twice. */
#include "toolset.h"

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    jf_view raw;
    jf_blob text;
    if (good_equal(request->name, "echo") && good_argument(self, request, &raw, why) == JF_OK &&
        self->json->text(self->json->context, raw, &text) == JF_OK) {
        text.drop(text.owner);
        text.drop(text.owner);
    }
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
