/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.first-life: it sets an environment variable. */
#include "toolset.h"

static int32_t start(jf_self *self, jf_fault *why) {
    (void)self, (void)why;
    setenv("GALLERY", "1", 1);
    return JF_OK;
}
#define START start

#include "plugin.h"
