/* SPDX-License-Identifier: Apache-2.0
 * Caught by auth.describes: the description is an array. */
#include "access.h"

static int32_t describe(jf_self *self, jf_ref handle, jf_blob *description, jf_fault *why) {
    (void)self, (void)handle, (void)why;
    return good_give(description, "[\"mcp\"]");
}
#define DESCRIBE describe

#include "plugin.h"
