/* SPDX-License-Identifier: Apache-2.0
 * Caught by listener.unlisten: it goes on accepting after unlisten. */
#include "listener.h"

static void unlisten(jf_self *self, jf_ref listener) {
    (void)self, (void)listener;
}
#define UNLISTEN unlisten

#include "plugin.h"
