/* SPDX-License-Identifier: Apache-2.0
 * Caught by connector.usage: it writes more of `jf_usage` than the caller's `size` covers. */
#include "connector.h"

static int32_t usage(jf_self *self, jf_ref handle, jf_usage *usage) {
    if (good_channel(self, handle) == NULL) return JF_E_STALE;
    *usage = (jf_usage){.size = usage->size, .processes = 1};
    return JF_OK;
}
#define USAGE usage

#include "plugin.h"
