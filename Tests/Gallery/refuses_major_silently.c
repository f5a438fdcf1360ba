/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.unknown-major: it refuses another major without a reason. */
#include "toolset.h"

#define ENTRY silent
static const jf_plugin gallery_plugin;
const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    (void)why;
    return offer->major == 1 ? &gallery_plugin : NULL;
}

#include "plugin.h"
