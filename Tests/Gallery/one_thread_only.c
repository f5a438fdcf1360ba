/* SPDX-License-Identifier: Apache-2.0
 * Caught by lifecycle.other-thread: it only works on the thread that loaded it. */
#include "toolset.h"

#include <unistd.h>
static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    if (gettid() != getpid()) abort();
    return good_create(offer, config, out, why);
}
#define CREATE create

#include "plugin.h"
