/* SPDX-License-Identifier: Apache-2.0
 * Caught by auth.identifies: a principal has no subject. */
#include "access.h"

static int32_t identify(jf_self *self, jf_ref op, jf_ref handle, const jf_credentials *it, jf_blob *principal,
                        jf_fault *why) {
    (void)self, (void)op, (void)handle, (void)it, (void)why;
    return good_give(principal, "{\"roles\":[\"admin\"]}");
}
#define IDENTIFY identify

#include "plugin.h"
