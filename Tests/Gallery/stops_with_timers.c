/* SPDX-License-Identifier: Apache-2.0
 * Caught by connector.stop: the end of an instance leaves the timers of its channels. */
#include "connector.h"

static void stop(jf_self *self) {
    (void)self;
}
static void destroy(jf_self *self) {
    free(self);
}
#define STOP stop
#define DESTROY destroy

#include "plugin.h"
