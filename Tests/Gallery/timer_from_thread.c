/* SPDX-License-Identifier: Apache-2.0
 * Caught by lanes.own: a thread sets a timer of the loop. */
#include "toolset.h"

typedef struct wish {
    jf_self *self;
    jf_ref op;
    bool is_set;
} wish;
static void *set(void *user) {
    wish *it = user;
    it->is_set = good_begin(it->self, it->op, good_fire) != NULL;
    return NULL;
}
static int32_t later(jf_self *self, jf_ref op, jf_fault *why) {
    wish it = {self, op, false};
    pthread_t thread;
    if (pthread_create(&thread, NULL, set, &it) == 0) pthread_join(thread, NULL);
    return it.is_set ? JF_PENDING : good_refuse(why, JF_E_BUSY, "no timer");
}

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (good_equal(request->name, "later")) return later(self, op, why);
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
