/* SPDX-License-Identifier: Apache-2.0
 * Refuses to be used, and says why. */
#include "fixture.h"

#include <string.h>

FIXTURE_MANIFEST("entry-refuses");

const jf_plugin *jf_entry_1(const jf_offer *offer, jf_fault *why) {
    static const char text[] = "needs ABI 1.7 or newer";
    (void)offer;
    why->code = JF_E_UNSUPPORTED;
    why->text_len = sizeof text - 1;
    memcpy(why->text, text, sizeof text - 1);
    return NULL;
}
