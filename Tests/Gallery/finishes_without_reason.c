/* SPDX-License-Identifier: Apache-2.0
 * Caught by ops.answers: it finishes with an error and no fault. */
#include "toolset.h"

static void fail(void *user) {
    job *it = user;
    const jf_ops_1 *ops = it->self->ops;
    jf_ref op = it->op;
    job **link = &it->self->jobs;
    while (*link != it)
        link = &(*link)->next;
    *link = it->next;
    free(it);
    ops->finish(ops->context, op, JF_E_FAULT, NULL, NULL);
}
static int32_t later(jf_self *self, jf_ref op, jf_fault *why) {
    return good_begin(self, op, fail) != NULL ? JF_PENDING : good_refuse(why, JF_E_BUSY, "no timer");
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (good_equal(request->name, "later")) return later(self, op, why);
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
