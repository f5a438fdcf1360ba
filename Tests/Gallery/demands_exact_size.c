/* SPDX-License-Identifier: Apache-2.0
 * Caught by size.long-tables: it refuses host tables that have grown. */
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    const jf_loop_1 *loop = good_service(offer, JF_LOOP_1);
    if (loop != NULL && loop->size != sizeof *loop)
        return good_refuse(why, JF_E_UNSUPPORTED, "another jf.loop/1");
    return good_create(offer, config, out, why);
}
#define CREATE create

#include "plugin.h"
