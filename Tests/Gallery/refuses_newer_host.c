/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.newer-host: it wants exactly the minor that it was built for. */
#include "toolset.h"

#define ENTRY picky
static const jf_plugin gallery_plugin;
const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    if (offer->major == 1 && offer->minor == JF_ABI_MINOR && offer->size == sizeof *offer)
        return &gallery_plugin;
    good_refuse(why, JF_E_UNSUPPORTED, "another host, please");
    return NULL;
}

#include "plugin.h"
