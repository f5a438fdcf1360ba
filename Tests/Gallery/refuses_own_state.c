/* SPDX-License-Identifier: Apache-2.0
 * Caught by state.round-trip: it does not take back what it exported. */
#include "routing.h"

static int32_t import(jf_self *self, jf_ref handle, jf_view state, jf_fault *why) {
    if (state.len == 8) return good_refuse(why, JF_E_INVALID, "not mine");
    return good_import(self, handle, state, why);
}
#define IMPORT import

#include "plugin.h"
