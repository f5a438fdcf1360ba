/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.life: each life leaves a child process behind. */
#include "toolset.h"

#include <unistd.h>
static int32_t start(jf_self *self, jf_fault *why) {
    (void)self, (void)why;
    pid_t child = fork();
    if (child == 0) _exit(0);
    return JF_OK;
}
#define START start

#include "plugin.h"
