/* SPDX-License-Identifier: Apache-2.0
 * Built for an ABI that is not there yet. */
#include "fixture.h"

FIXTURE_MANIFEST_WITH("wrong-abi", "2.0", "");
FIXTURE_ENTRY
