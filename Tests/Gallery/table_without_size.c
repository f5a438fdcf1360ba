/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.table: its table has the size 0. */
#include "toolset.h"

#define PLUGIN_SIZE 0

#include "plugin.h"
