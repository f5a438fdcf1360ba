/* SPDX-License-Identifier: Apache-2.0
 * Caught by lifecycle.thousand: destroy does not free the instance. */
#include "toolset.h"

static void destroy(jf_self *self) {
    (void)self;
}
#define DESTROY destroy

#include "plugin.h"
