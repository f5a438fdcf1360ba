/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.table: its table lacks `create`. */
#include "toolset.h"

#define CREATE NULL

#include "plugin.h"
