/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.answer: its entry answers NULL without a reason. */
#include "toolset.h"

#define ENTRY refused
const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    (void)offer, (void)why;
    return NULL;
}

#include "plugin.h"
