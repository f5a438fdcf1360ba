/* SPDX-License-Identifier: Apache-2.0
 * Caught by hygiene.life: each life leaves a thread running. */
#include "toolset.h"

#include <unistd.h>
static void *idle(void *user) {
    for (;;)
        pause();
    return user;
}
static int32_t start(jf_self *self, jf_fault *why) {
    (void)self, (void)why;
    pthread_create(&self->thread, NULL, idle, NULL);
    return JF_OK;
}
#define START start

#include "plugin.h"
