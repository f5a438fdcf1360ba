/* SPDX-License-Identifier: Apache-2.0
 * Caught by ops.stop: operations that are open at the end are not finished. */
#include "toolset.h"

static void stop(jf_self *self) {
    while (self->jobs != NULL) {
        job *it = self->jobs;
        self->loop->cancel(self->loop->context, it->timer);
        self->jobs = it->next;
        free(it);
    }
}
#define STOP stop

#include "plugin.h"
