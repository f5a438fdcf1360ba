/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.facets: it exports state but cannot import it. */
#include "routing.h"

#define IMPORT NULL

#include "plugin.h"
