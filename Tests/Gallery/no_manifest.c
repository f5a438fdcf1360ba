/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.manifest: it has no manifest note. */
#include "toolset.h"

#define NO_MANIFEST

#include "plugin.h"
