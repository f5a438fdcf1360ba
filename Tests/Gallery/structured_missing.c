/* SPDX-License-Identifier: Apache-2.0
 * Caught by toolset.calls: a tool with an outputSchema answers without structuredContent. */
#include "toolset.h"

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    (void)self, (void)handle, (void)why;
    return kind == JF_TOOLS
               ? good_give(
                     items,
                     "[{\"name\":\"later\",\"description\":\"L.\",\"inputSchema\":{\"type\":\"object\"},"
                     "\"outputSchema\":{\"type\":\"object\"}}]")
               : JF_ABSENT;
}
#define LIST list

#include "plugin.h"
