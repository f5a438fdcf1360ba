/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.load: a constructor aborts. */
#include "toolset.h"

__attribute__((constructor)) static void begin(void) {
    abort();
}

#include "plugin.h"
