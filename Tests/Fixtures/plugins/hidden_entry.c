/* SPDX-License-Identifier: Apache-2.0
 * Forgets to export its entry. */
#include "fixture.h"

FIXTURE_MANIFEST("hidden-entry");

const jf_plugin *entry_under_another_name(const jf_offer *offer, jf_fault *why);
#define jf_entry_1 entry_under_another_name
FIXTURE_ENTRY
