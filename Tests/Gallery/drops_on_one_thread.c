/* SPDX-License-Identifier: Apache-2.0
 * Caught by memory.results: its results can only be dropped on the thread that made them. */
#include "toolset.h"

static pthread_t lane;
static void drop(void *owner) {
    if (!pthread_equal(lane, pthread_self())) abort();
    free(owner);
}
static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    lane = pthread_self();
    int32_t status = good_call(self, op, request, result, why);
    if (status == JF_OK) result->drop = drop;
    return status;
}
#define CALL call

#include "plugin.h"
