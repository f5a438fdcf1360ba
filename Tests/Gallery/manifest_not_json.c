/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.manifest: its manifest is cut off. */
#define MANIFEST "{\"id\":\"gallery\",\"version\":\"1.0.0\""
#include "toolset.h"

#include "plugin.h"
