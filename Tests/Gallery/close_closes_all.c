/* SPDX-License-Identifier: Apache-2.0
 * Caught by toolset.sets: closing one set closes them all. */
#include "toolset.h"

static int32_t open_set(jf_self *self, jf_ref set, jf_view name, jf_view config, jf_ref *handle,
                        jf_fault *why) {
    if (self->kept == NULL) self->kept = strdup("open");
    return good_open(self, set, name, config, handle, why);
}
static void close_set(jf_self *self, jf_ref handle) {
    (void)handle;
    free(self->kept);
    self->kept = NULL;
}
static int32_t list(jf_self *self, jf_ref handle, uint32_t kind, jf_blob *items, jf_fault *why) {
    if (self->kept == NULL) return good_refuse(why, JF_E_STALE, "closed");
    return good_list(self, handle, kind, items, why);
}
#define OPEN open_set
#define CLOSE close_set
#define LIST list

#include "plugin.h"
