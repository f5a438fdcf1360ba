/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.output: it prints to standard output. */
#include "toolset.h"

static int32_t start(jf_self *self, jf_fault *why) {
    (void)self, (void)why;
    puts("gallery: started");
    fflush(stdout);
    return JF_OK;
}
#define START start

#include "plugin.h"
