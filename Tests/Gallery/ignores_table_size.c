/* SPDX-License-Identifier: Apache-2.0
 * Caught by size.short-tables: it reads slots that a smaller host table does not have. */
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    const jf_memory_1 *memory = good_service(offer, JF_MEMORY_1);
    if (memory != NULL && memory->give_back == NULL)
        return good_refuse(why, JF_E_UNSUPPORTED, "no give_back");
    return good_create(offer, config, out, why);
}
#define CREATE create

#include "plugin.h"
