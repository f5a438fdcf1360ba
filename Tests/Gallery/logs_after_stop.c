/* SPDX-License-Identifier: Apache-2.0
 * Caught by lifecycle.quiet: a thread calls the host after stop. */
#include "toolset.h"

#include <unistd.h>
static void *talk(void *user) {
    jf_self *self = user;
    while (!self->is_started) {
        usleep(2000);
        if (self->log != NULL) self->log->write(self->log->context, JF_LOG_INFO, good_view("tick"), NULL, 0);
    }
    return NULL;
}
static int32_t start(jf_self *self, jf_fault *why) {
    (void)why;
    self->count = pthread_create(&self->thread, NULL, talk, self) == 0;
    return JF_OK;
}
static void destroy(jf_self *self) {
    self->is_started = true;
    if (self->count != 0) pthread_join(self->thread, NULL);
    free(self);
}
#define START start
#define DESTROY destroy

#include "plugin.h"
