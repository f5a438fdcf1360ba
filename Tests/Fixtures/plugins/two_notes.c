/* SPDX-License-Identifier: Apache-2.0
 * Two manifests, as two source files with JF_MANIFEST would give. */
#include "fixture.h"

FIXTURE_MANIFEST("first");
#define jf_manifest_note second_note
FIXTURE_MANIFEST("second");
FIXTURE_ENTRY
