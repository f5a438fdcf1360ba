/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.exit: a destructor crashes when the process exits. */
#include "toolset.h"

__attribute__((destructor)) static void end(void) {
    abort();
}

#include "plugin.h"
