/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.loading: a constructor changes the handling of a signal. */
#include "toolset.h"

#include <signal.h>
__attribute__((constructor)) static void begin(void) {
    signal(SIGPIPE, SIG_IGN);
}

#include "plugin.h"
