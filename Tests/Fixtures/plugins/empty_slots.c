/* SPDX-License-Identifier: Apache-2.0
 * A table that lacks required slots. */
#include "fixture.h"

FIXTURE_MANIFEST("empty-slots");

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const jf_plugin table = {.size = sizeof table, .create = fixture_create};
    (void)offer;
    (void)why;
    return &table;
}
