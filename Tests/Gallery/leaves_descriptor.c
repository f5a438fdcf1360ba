/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.life: each life leaves a descriptor open. */
#include "toolset.h"

#include <fcntl.h>
static int32_t start(jf_self *self, jf_fault *why) {
    (void)self, (void)why;
    self->count = (uint64_t)open("/dev/null", O_RDONLY | O_CLOEXEC);
    return JF_OK;
}
#define START start

#include "plugin.h"
