/* SPDX-License-Identifier: Apache-2.0
 * Caught by chaos.required: it does not look whether a required service is there. */
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    const jf_ops_1 *ops = good_service(offer, JF_OPS_1);
    if (*(const volatile uint32_t *)&ops->size == 0) return good_refuse(why, JF_E_UNSUPPORTED, "no size");
    return good_create(offer, config, out, why);
}
#define CREATE create

#include "plugin.h"
