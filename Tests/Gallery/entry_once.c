/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.twice: its entry works once only. */
#include "toolset.h"

#define ENTRY once
static const jf_plugin gallery_plugin;
const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static int calls;
    (void)offer;
    if (calls++ == 0) return &gallery_plugin;
    good_refuse(why, JF_E_BUSY, "called twice");
    return NULL;
}

#include "plugin.h"
