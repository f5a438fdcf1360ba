/* SPDX-License-Identifier: Apache-2.0
 * Caught by toolset.resources: it lists a resource that cannot be read. */
#include "toolset.h"

static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    if (kind == JF_RESOURCES) return good_give(items, "[{\"uri\":\"gallery:lost\",\"name\":\"lost\"}]");
    return good_list(self, handle, kind, items, why);
}
static int32_t lose(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    (void)self, (void)op, (void)request, (void)result;
    return good_refuse(why, JF_E_INVALID, "lost");
}
#define LIST list
#define READ lose

#include "plugin.h"
