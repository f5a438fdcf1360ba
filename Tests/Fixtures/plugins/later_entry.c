/* SPDX-License-Identifier: Apache-2.0
 * Exports the entry function of another ABI only. */
#include "fixture.h"

FIXTURE_MANIFEST("later-entry");
#define jf_entry_1 jf_entry_2
JF_PUBLIC const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why);
FIXTURE_ENTRY
