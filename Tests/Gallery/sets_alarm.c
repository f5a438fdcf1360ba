/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.first-life: it leaves an alarm set. */
#include "toolset.h"

#include <unistd.h>
static int32_t start(jf_self *self, jf_fault *why) {
    (void)self, (void)why;
    alarm(3600);
    return JF_OK;
}
#define START start

#include "plugin.h"
