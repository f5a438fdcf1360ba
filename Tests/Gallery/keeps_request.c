/* SPDX-License-Identifier: Apache-2.0
 * Caught by memory.views: it keeps a pending request by its address. */
#include "toolset.h"

static const jf_request *kept;
static void fire(void *user) {
    job *it = user;
    it->self->count += kept->deadline_ns;
    good_end(it, JF_OK);
}
static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (!good_equal(request->name, "later")) return good_call(self, op, request, result, why);
    kept = request;
    return good_begin(self, op, fire) != NULL ? JF_PENDING : good_refuse(why, JF_E_BUSY, "no timer");
}
#define CALL call

#include "plugin.h"
