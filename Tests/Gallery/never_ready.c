/* SPDX-License-Identifier: Apache-2.0
 * Caught by connector.opens: an opened channel is neither ready nor failed. */
#include "connector.h"

static int32_t open_channel(jf_self *self, jf_ref host, jf_view name, jf_view config, jf_ref *handle,
                            jf_fault *why) {
    int32_t status = good_open(self, host, name, config, handle, why);
    if (status == JF_OK) self->loop->cancel(self->loop->context, self->channels[*handle - 1].timer);
    return status;
}
#define OPEN open_channel

#include "plugin.h"
