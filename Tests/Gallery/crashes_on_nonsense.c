/* SPDX-License-Identifier: Apache-2.0
 * Caught by config.hostile: a configuration that is no JSON crashes it. */
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    if (config.len < 2 || config.ptr[config.len - 1] != '}') abort();
    return good_create(offer, config, out, why);
}
#define CREATE create

#include "plugin.h"
