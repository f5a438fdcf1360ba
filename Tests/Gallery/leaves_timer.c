/* SPDX-License-Identifier: Apache-2.0
 * Caught by lifecycle.once: it leaves a timer behind. */
#include "toolset.h"

static void fire(void *user) {
    (void)user;
}
static int32_t start(jf_self *self, jf_fault *why) {
    jf_ref timer;
    (void)why;
    return self->loop->timer(self->loop->context, 3600000000000u, fire, NULL, &timer);
}
#define START start

#include "plugin.h"
