/* SPDX-License-Identifier: Apache-2.0
 * Caught by connector.cancel: it delivers for an exchange that was given up. */
#include "connector.h"

static void give_up(jf_self *self, jf_ref handle, jf_ref exchange) {
    (void)self, (void)handle, (void)exchange;
}
#define GIVE_UP give_up

#include "plugin.h"
