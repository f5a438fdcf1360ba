/* SPDX-License-Identifier: Apache-2.0
 * Caught by lifecycle.two: it has room for one instance at a time. */
#include "toolset.h"

static bool exists;
static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    if (exists) return good_refuse(why, JF_E_BUSY, "there is one already");
    int32_t status = good_create(offer, config, out, why);
    exists = status == JF_OK;
    return status;
}
static void destroy(jf_self *self) {
    exists = false;
    free(self);
}
#define CREATE create
#define DESTROY destroy

#include "plugin.h"
