/* SPDX-License-Identifier: Apache-2.0
 * Caught by policy.classifies: a principal is in another class each time. */
#include "access.h"

static int32_t classify(jf_self *self, jf_ref handle, const jf_principal *principal, jf_blob *name,
                        jf_fault *why) {
    (void)handle, (void)principal, (void)why;
    return good_give(name, self->asked++ % 2 == 0 ? "even" : "odd");
}
#define CLASSIFY classify

#include "plugin.h"
