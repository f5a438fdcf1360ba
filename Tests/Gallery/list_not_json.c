/* SPDX-License-Identifier: Apache-2.0
 * Caught by toolset.lists: its list is no JSON. */
#include "toolset.h"

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    (void)self, (void)handle, (void)why;
    return kind == JF_TOOLS ? good_give(items, "[{\"name\":\"echo\",") : JF_ABSENT;
}
#define LIST list

#include "plugin.h"
