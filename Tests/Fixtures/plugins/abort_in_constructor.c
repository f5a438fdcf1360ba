/* SPDX-License-Identifier: Apache-2.0
 * Aborts as soon as it is loaded. */
#include "fixture.h"

#include <stdio.h>

FIXTURE_MANIFEST("abort-in-constructor");

__attribute__((constructor)) static void on_load(void) {
    fputs("the licence has expired\n", stderr);
    abort();
}
FIXTURE_ENTRY
