/* SPDX-License-Identifier: Apache-2.0
 * Caught by filter.requests: a splice ends behind the body. */
#include "access.h"

static int32_t request(jf_self *self, jf_ref op, jf_ref handle, const jf_passage *it, jf_blob *verdict,
                       jf_fault *why) {
    int32_t status = good_request(self, op, handle, it, verdict, why);
    if (status == JF_OK) {
        jf_splice *splice = (jf_splice *)(void *)((uint8_t *)verdict->owner + sizeof(jf_verdict));
        splice->end = it->body.len + 1;
    }
    return status;
}
#define REQUEST request

#include "plugin.h"
