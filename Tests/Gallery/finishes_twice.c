/* SPDX-License-Identifier: Apache-2.0
 * Caught by ops.answers: it finishes an operation twice. */
#include "toolset.h"

static void twice(void *user) {
    job *it = user;
    const jf_ops_1 *ops = it->self->ops;
    jf_ref op = it->op;
    jf_blob none = {0};
    good_end(it, JF_OK);
    ops->finish(ops->context, op, JF_OK, &none, NULL);
}
static int32_t later(jf_self *self, jf_ref op, jf_fault *why) {
    return good_begin(self, op, twice) != NULL ? JF_PENDING : good_refuse(why, JF_E_BUSY, "no timer");
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (good_equal(request->name, "later")) return later(self, op, why);
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
