/* SPDX-License-Identifier: Apache-2.0
 * Caught by listener.stale: it takes replies to clients that it does not know. */
#include "listener.h"

static int32_t reply(jf_self *self, jf_ref host, const jf_message *message) {
    (void)self, (void)host, (void)message;
    return JF_OK;
}
#define REPLY reply

#include "plugin.h"
