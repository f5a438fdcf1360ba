/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.services: its entry asks for a service. */
#include "toolset.h"

#define ENTRY asking
static const jf_plugin gallery_plugin;
const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    (void)why;
    offer->service(offer->host, JF_LOG_1);
    return &gallery_plugin;
}

#include "plugin.h"
