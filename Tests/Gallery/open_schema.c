/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.schemas as a warning: its schema lets misspelt members pass. */
#define CONFIG "{\"type\":\"object\",\"properties\":{\"size\":{\"type\":\"integer\"}}}"
#include "toolset.h"

#include "plugin.h"
