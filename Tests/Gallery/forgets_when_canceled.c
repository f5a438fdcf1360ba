/* SPDX-License-Identifier: Apache-2.0
 * Caught by ops.cancel: an operation that was canceled is never finished. */
#include "toolset.h"

static void cancel(jf_self *self, jf_ref op) {
    for (job **link = &self->jobs; *link != NULL; link = &(*link)->next) {
        job *it = *link;
        if (it->op != op) continue;
        self->loop->cancel(self->loop->context, it->timer);
        *link = it->next;
        free(it);
        return;
    }
}
#define CANCEL cancel

#include "plugin.h"
