/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.linking: it looks for libraries in the current directory.
 * Build: -Wl,-rpath,lib */
#include "toolset.h"

#include "plugin.h"
