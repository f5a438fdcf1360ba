/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.first-life: it changes the working directory. */
#include "toolset.h"

#include <unistd.h>
static int32_t start(jf_self *self, jf_fault *why) {
    (void)self, (void)why;
    if (chdir("/usr") != 0) return JF_E_FAULT;
    return JF_OK;
}
#define START start

#include "plugin.h"
