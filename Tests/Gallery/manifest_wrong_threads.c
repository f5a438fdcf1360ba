/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.manifest: its manifest has a `threads` that does not exist. */
#define THREADS "sometimes"
#include "toolset.h"

#include "plugin.h"
