/* SPDX-License-Identifier: Apache-2.0
 * Caught by store.watches: tells of changes after unwatch. */
#include "access.h"

static void unwatch(jf_self *self, jf_ref watch) {
    (void)self, (void)watch;
}
#define UNWATCH unwatch

#include "plugin.h"
