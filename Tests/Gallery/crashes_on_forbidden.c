/* SPDX-License-Identifier: Apache-2.0
 * Caught by config.forbidden: a configuration of another type crashes it. */
#define CONFIG                                                                                               \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"mode\":{\"type\":\"string\","     \
    "\"enum\":["                                                                                             \
    "\"fast\",\"safe\"],\"default\":\"safe\"}}}"
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    const uint8_t *mode = memmem(config.ptr, config.len, "\"mode\":", 7);
    if (mode != NULL && mode[7] != '"') abort();
    return good_create(offer, config, out, why);
}
#define CREATE create

#include "plugin.h"
