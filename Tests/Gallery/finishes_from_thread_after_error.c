/* SPDX-License-Identifier: Apache-2.0
 * Caught by ops.answers: a thread finishes what the slot had refused. */
#include "toolset.h"

typedef struct late {
    const jf_ops_1 *ops;
    jf_ref op;
} late;
static void *finish(void *user) {
    late it = *(late *)user;
    jf_blob result;
    free(user);
    good_give(&result, DONE);
    it.ops->finish(it.ops->context, it.op, JF_OK, &result, NULL);
    return NULL;
}
static int32_t later(jf_self *self, jf_ref op, jf_fault *why) {
    late *it = malloc(sizeof *it);
    pthread_t thread;
    *it = (late){self->ops, op};
    if (pthread_create(&thread, NULL, finish, it) == 0) pthread_join(thread, NULL);
    return good_refuse(why, JF_E_BUSY, "too late");
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (good_equal(request->name, "later")) return later(self, op, why);
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
