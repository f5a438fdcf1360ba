/* SPDX-License-Identifier: Apache-2.0
 * A table that ends before its required slots. */
#include "fixture.h"

FIXTURE_MANIFEST("small-table");

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const struct {
        uint32_t size, minor;
        void *create;
    } table = {.size = 16};
    (void)offer;
    (void)why;
    return (const jf_plugin *)(const void *)&table;
}
