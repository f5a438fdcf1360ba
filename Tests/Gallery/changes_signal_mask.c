/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.first-life: it blocks a signal on the host's thread. */
#include "toolset.h"

#include <signal.h>
static int32_t start(jf_self *self, jf_fault *why) {
    (void)self, (void)why;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return JF_OK;
}
#define START start

#include "plugin.h"
