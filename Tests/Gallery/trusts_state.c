/* SPDX-License-Identifier: Apache-2.0
 * Caught by state.random: it takes a length from the state without a check. */
#include "routing.h"

static int32_t import(jf_self *self, jf_ref handle, jf_view state, jf_fault *why) {
    volatile uint8_t sum = 0;
    for (uint32_t i = 0; state.len > 8 && i < state.ptr[0] * 64u; i++)
        sum ^= state.ptr[i];
    return good_import(self, handle, state, why);
}
#define IMPORT import

#include "plugin.h"
