/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.abi: its manifest says ABI 2.0. */
#define MANIFEST                                                                                             \
    "{\"id\":\"gallery\",\"version\":\"1.0.0\",\"abi\":\"2.0\",\"facets\":[\"jf.toolset/"                    \
    "1\"],\"threads\":\"serial\"}"
#include "toolset.h"

#include "plugin.h"
