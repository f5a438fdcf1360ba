/* SPDX-License-Identifier: Apache-2.0
 * A library that has an entry function but no manifest. */
#include "fixture.h"

FIXTURE_ENTRY
