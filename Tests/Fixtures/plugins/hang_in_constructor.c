/* SPDX-License-Identifier: Apache-2.0
 * Never comes back from loading. */
#include "fixture.h"

#include <unistd.h>

FIXTURE_MANIFEST("hang-in-constructor");

__attribute__((constructor)) static void on_load(void) {
    for (;;)
        pause();
}
FIXTURE_ENTRY
