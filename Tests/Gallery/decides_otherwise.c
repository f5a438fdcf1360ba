/* SPDX-License-Identifier: Apache-2.0
 * Caught by policy.decides: a decision that is none. */
#include "access.h"

static int32_t decide(jf_self *self, jf_ref op, jf_ref handle, const jf_access *it, jf_ruling *ruling,
                      jf_fault *why) {
    (void)self, (void)op, (void)handle, (void)it, (void)why;
    ruling->decision = 3;
    return JF_OK;
}
#define DECIDE decide

#include "plugin.h"
