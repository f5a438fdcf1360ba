/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.first-life: it changes the umask. */
#include "toolset.h"

#include <sys/stat.h>
static int32_t start(jf_self *self, jf_fault *why) {
    (void)self, (void)why;
    umask(0);
    return JF_OK;
}
#define START start

#include "plugin.h"
