/* SPDX-License-Identifier: Apache-2.0
 * The manifest is cut off. */
#include "fixture.h"

JF_MANIFEST("{\"id\":\"bad-json\",\"version\":");
FIXTURE_ENTRY
