/* SPDX-License-Identifier: Apache-2.0
 * Caught by lifecycle.unstarted: destroy relies on start. */
#include "toolset.h"

static int32_t start(jf_self *self, jf_fault *why) {
    (void)why;
    self->kept = malloc(1);
    return JF_OK;
}
static void destroy(jf_self *self) {
    *(volatile char *)self->kept = 0;
    free(self->kept);
    free(self);
}
#define START start
#define DESTROY destroy

#include "plugin.h"
