/* SPDX-License-Identifier: Apache-2.0
 * Caught by credentials.supplies: what it supplies has no headers. */
#include "access.h"

static int32_t supply(jf_self *self, jf_ref op, jf_ref handle, const jf_demand *it, jf_blob *supply_,
                      jf_fault *why) {
    (void)self, (void)op, (void)handle, (void)it, (void)why;
    return good_give(supply_, "{\"expires_ms\":0}");
}
#define SUPPLY supply

#include "plugin.h"
