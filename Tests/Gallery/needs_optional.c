/* SPDX-License-Identifier: Apache-2.0
 * Caught by chaos.optional: it does not work without an optional service. */
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    if (good_service(offer, JF_LOG_1) == NULL) return good_refuse(why, JF_E_UNSUPPORTED, "no jf.log/1");
    return good_create(offer, config, out, why);
}
#define CREATE create

#include "plugin.h"
