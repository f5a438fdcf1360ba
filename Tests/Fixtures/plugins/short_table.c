/* SPDX-License-Identifier: Apache-2.0
 * A table without its optional slots: from before they were added. */
#include "fixture.h"

#include <string.h>

FIXTURE_MANIFEST("short-table");

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static jf_plugin table = FIXTURE_TABLE;
    (void)offer;
    (void)why;
    table.size = offsetof(jf_plugin, start);
    /* Beyond its size is none of the host's business. */
    memset((char *)&table + table.size, 0xee, sizeof table - table.size);
    return &table;
}
