/* SPDX-License-Identifier: Apache-2.0
 * Caught by entry.load: a constructor never returns. */
#include "toolset.h"

#include <unistd.h>
__attribute__((constructor)) static void begin(void) {
    for (;;)
        pause();
}

#include "plugin.h"
