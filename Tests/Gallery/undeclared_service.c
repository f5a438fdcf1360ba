/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.declared: it asks for a service that its manifest does not list. */
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    offer->service(offer->host, JF_CALLS_1);
    return good_create(offer, config, out, why);
}
#define CREATE create

#include "plugin.h"
