/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.stack: it asks for an executable stack.
 * Build: -Wl,-z,execstack */
#include "toolset.h"

#include "plugin.h"
