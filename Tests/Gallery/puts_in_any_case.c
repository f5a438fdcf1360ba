/* SPDX-License-Identifier: Apache-2.0
 * Caught by store.entries: a put does not look at its condition. */
#include "access.h"

static int32_t put(jf_self *self, jf_ref op, const jf_store_put *given, jf_blob *entry, jf_fault *why) {
    jf_store_put whatever = *given;
    whatever.flags = 0;
    return good_put(self, op, &whatever, entry, why);
}
#define PUT put

#include "plugin.h"
