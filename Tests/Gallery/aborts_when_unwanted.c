/* SPDX-License-Identifier: Apache-2.0
 * Caught by chaos.gone: it aborts when its answer is not wanted any more. */
#include "toolset.h"

static void fire(void *user) {
    job *it = user;
    jf_self *self = it->self;
    jf_blob result;
    good_give(&result, DONE);
    self->jobs = it->next;
    if (self->ops->finish(self->ops->context, it->op, JF_OK, &result, NULL) != JF_OK) abort();
    free(it);
}
static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (!good_equal(request->name, "later") || self->jobs != NULL)
        return good_call(self, op, request, result, why);
    return good_begin(self, op, fire) != NULL ? JF_PENDING : good_refuse(why, JF_E_BUSY, "no timer");
}
#define CALL call

#include "plugin.h"
