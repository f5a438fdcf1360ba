/* SPDX-License-Identifier: Apache-2.0
 * Exports more than its entry. */
#include "fixture.h"

FIXTURE_MANIFEST("extra-exports");

JF_PUBLIC int acme_counter;
JF_PUBLIC int acme_count(void);

int acme_count(void) {
    return ++acme_counter;
}
FIXTURE_ENTRY
