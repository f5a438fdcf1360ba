/* SPDX-License-Identifier: Apache-2.0
 * Caught by lanes.budget: a call sleeps on the lane. */
#include "toolset.h"

#include <unistd.h>
static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    usleep(80000);
    return good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
