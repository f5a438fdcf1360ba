/* SPDX-License-Identifier: Apache-2.0
 * Caught by config.allowed: it refuses a choice that its schema offers. */
#define CONFIG                                                                                               \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"mode\":{\"type\":\"string\","     \
    "\"enum\":["                                                                                             \
    "\"fast\",\"safe\"],\"default\":\"safe\"}}}"
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    if (memmem(config.ptr, config.len, "fast", 4) != NULL) return JF_E_INVALID;
    return good_create(offer, config, out, why);
}
#define CREATE create

#include "plugin.h"
