/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.schemas: a default is above the maximum of its own schema. */
#define CONFIG                                                                                               \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"size\":{\"type\":\"integer\","    \
    "\"maximum\":10,"                                                                                        \
    "\"default\":50}}}"
#include "toolset.h"

#include "plugin.h"
