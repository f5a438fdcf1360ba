/* SPDX-License-Identifier: Apache-2.0
 * A plugin that brings a library along, and asks it for its ABI minor to show which one it got. */
#include "fixture.h"

FIXTURE_MANIFEST("needs-library");

int acme_answer(void);

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static jf_plugin table = FIXTURE_TABLE;
    (void)offer;
    (void)why;
    table.minor = (uint32_t)acme_answer();
    return &table;
}
