/* SPDX-License-Identifier: Apache-2.0
 * Caught by connector.channels: closing one channel closes the others, too. */
#include "connector.h"

static void close_channel(jf_self *self, jf_ref handle, uint64_t deadline) {
    for (jf_ref i = 1; i <= MOST; i++) {
        if (i != handle && good_channel(self, i) != NULL)
            good_forget(good_channel(self, i)), good_gone(good_channel(self, i));
    }
    good_close(self, handle, deadline);
}
#define CLOSE close_channel

#include "plugin.h"
