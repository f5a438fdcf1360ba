/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.facets: its toolset table has the size 0. */
#include "toolset.h"

#define FACET_SIZE 0

#include "plugin.h"
