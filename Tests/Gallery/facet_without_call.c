/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.facets: its toolset table lacks `call`. */
#include "toolset.h"

#define CALL NULL

#include "plugin.h"
