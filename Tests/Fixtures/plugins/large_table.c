/* SPDX-License-Identifier: Apache-2.0
 * A table that is larger than this host knows: from a newer minor. */
#include "fixture.h"

FIXTURE_MANIFEST_WITH("large-table", "1.9", "");

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const struct {
        jf_plugin known;
        void *later[8];
    } table = {.known = {.size = sizeof table,
                         .minor = 9,
                         .create = fixture_create,
                         .destroy = fixture_destroy,
                         .facet = fixture_facet}};
    (void)offer;
    (void)why;
    return &table.known;
}
