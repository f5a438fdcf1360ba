/* SPDX-License-Identifier: Apache-2.0
 * Caught by file.selection: its schema forbids the key that selects it. */
#define CONNECTOR                                                                                            \
    "{\"keys\":[\"echo\"],\"config\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}" \
    "}"
#include "connector.h"

#include "plugin.h"
