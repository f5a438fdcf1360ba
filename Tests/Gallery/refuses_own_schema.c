/* SPDX-License-Identifier: Apache-2.0
 * Caught by lifecycle.once: it needs what its schema does not require. */
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    if (config.len < 10) return good_refuse(why, JF_E_INVALID, "path is missing");
    return good_create(offer, config, out, why);
}
#define CREATE create

#include "plugin.h"
