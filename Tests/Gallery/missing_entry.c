/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.entry: it exports the entry of another ABI only. */
#include "toolset.h"

#define ENTRY jf_entry_2
JF_PUBLIC const jf_plugin *jf_entry_2(const jf_offer *offer, jf_fault *why);
const jf_plugin *jf_entry_2(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin plugin = {.size = sizeof plugin, .create = good_create, .destroy = good_destroy};
    (void)offer, (void)why;
    return &plugin;
}

#include "plugin.h"
