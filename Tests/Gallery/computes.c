/* SPDX-License-Identifier: Apache-2.0
 * Caught by lanes.budget: a call computes for long on the lane. */
#include "toolset.h"

#include <time.h>
static uint64_t used(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    for (uint64_t end = used() + 80000000u; used() < end;)
        self->count++;
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
