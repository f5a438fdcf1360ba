/* SPDX-License-Identifier: Apache-2.0
 * Caught by routing.outcomes: an outcome of an endpoint that it never saw aborts it. */
#include "routing.h"

static void observe(jf_self *self, jf_ref handle, const jf_outcome *outcome) {
    (void)self, (void)handle;
    if (outcome->endpoint > 1000000) abort();
}
#define OBSERVE observe

#include "plugin.h"
