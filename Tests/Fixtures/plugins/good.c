/* SPDX-License-Identifier: Apache-2.0
 * A plugin with nothing wrong. */
#include "fixture.h"

FIXTURE_MANIFEST("good");
FIXTURE_ENTRY
