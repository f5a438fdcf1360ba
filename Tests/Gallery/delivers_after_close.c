/* SPDX-License-Identifier: Apache-2.0
 * Caught by connector.close: it delivers an answer after `closed`. */
#include "connector.h"

static void close_channel(jf_self *self, jf_ref handle, uint64_t deadline) {
    channel *it = good_channel(self, handle);
    (void)deadline;
    if (it != NULL) self->loop->timer(self->loop->context, 0, good_gone, it, &it->timer);
}
#define CLOSE close_channel

#include "plugin.h"
