/* SPDX-License-Identifier: Apache-2.0
 * Caught by state.damaged: it reads state that was cut off. */
#include "routing.h"

static int32_t import(jf_self *self, jf_ref handle, jf_view state, jf_fault *why) {
    uint32_t next;
    memcpy(&next, state.ptr + 4, sizeof next);
    return good_import(self, handle, state, why) == JF_OK && next != 0
               ? JF_OK
               : good_import(self, handle, state, why);
}
#define IMPORT import

#include "plugin.h"
