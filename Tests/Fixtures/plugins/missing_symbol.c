/* SPDX-License-Identifier: Apache-2.0
 * Calls a function that no library defines. */
#include "fixture.h"

FIXTURE_MANIFEST("missing-symbol");

void function_of_nobody(void);

__attribute__((used)) static void late(void) {
    function_of_nobody();
}
FIXTURE_ENTRY
