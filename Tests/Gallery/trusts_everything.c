/* SPDX-License-Identifier: Apache-2.0
 * Caught by chaos.nothing: it counts on services that a bare host does not have. */
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    const jf_log_1 *log = good_service(offer, JF_LOG_1);
    const jf_memory_1 *memory = good_service(offer, JF_MEMORY_1);
    if (log == NULL && memory == NULL) abort();
    return good_create(offer, config, out, why);
}
#define CREATE create

#include "plugin.h"
