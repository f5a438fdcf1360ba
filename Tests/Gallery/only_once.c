/* SPDX-License-Identifier: Apache-2.0
 * Caught by lifecycle.reborn: it cannot be created a second time. */
#include "toolset.h"

static bool was_created;
static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    if (was_created) return good_refuse(why, JF_E_BUSY, "once is enough");
    was_created = true;
    return good_create(offer, config, out, why);
}
#define CREATE create

#include "plugin.h"
