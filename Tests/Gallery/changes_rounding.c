/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.first-life: it changes the floating-point mode.
 * Build: -lm */
#include "toolset.h"

#include <fenv.h>
static int32_t start(jf_self *self, jf_fault *why) {
    (void)self, (void)why;
    fesetround(FE_UPWARD);
    return JF_OK;
}
#define START start

#include "plugin.h"
