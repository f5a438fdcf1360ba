/* SPDX-License-Identifier: Apache-2.0
 * Ends the process as soon as it is loaded. */
#include "fixture.h"

FIXTURE_MANIFEST("exit-in-constructor");

__attribute__((constructor)) static void on_load(void) {
    exit(3);
}
FIXTURE_ENTRY
