/* SPDX-License-Identifier: Apache-2.0
 * A member of the manifest has the wrong shape. */
#include "fixture.h"

FIXTURE_MANIFEST_WITH("bad-shape", "1.0", ",\"requires\":\"jf.loop/1\"");
FIXTURE_ENTRY
