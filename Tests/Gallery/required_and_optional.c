/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.services: a service is required and optional. */
#define OPTIONAL "\"jf.loop/1\",\"jf.log/1\",\"jf.memory/1\""
#include "toolset.h"

#include "plugin.h"
