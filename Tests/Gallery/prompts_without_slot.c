/* SPDX-License-Identifier: Apache-2.0
 * Caught by toolset.prompts: it lists prompts and has no `prompt`. */
#include "toolset.h"

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    if (kind == JF_PROMPTS) return good_give(items, "[{\"name\":\"ask\"}]");
    return good_list(self, handle, kind, items, why);
}
#define LIST list

#include "plugin.h"
