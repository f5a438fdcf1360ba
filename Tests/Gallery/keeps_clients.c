/* SPDX-License-Identifier: Apache-2.0
 * Caught by listener.stop: its end leaves the sockets of its clients open. */
#include "listener.h"

static void destroy(jf_self *self) {
    good_unlisten(self, self->listener);
    free(self);
}
#define STOP NULL
#define DESTROY destroy

#include "plugin.h"
