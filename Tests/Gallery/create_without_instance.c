/* SPDX-License-Identifier: Apache-2.0
 * Caught by lifecycle.once: create answers JF_OK and gives nothing. */
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    (void)offer, (void)config, (void)out, (void)why;
    return JF_OK;
}
#define CREATE create

#include "plugin.h"
