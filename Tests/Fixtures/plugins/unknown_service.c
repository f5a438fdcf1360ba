/* SPDX-License-Identifier: Apache-2.0
 * Requires a service that nobody offers. */
#include "fixture.h"

FIXTURE_MANIFEST_WITH("unknown-service", "1.0", ",\"requires\":[\"jf.log/1\",\"com.example.nowhere/1\"]");
FIXTURE_ENTRY
