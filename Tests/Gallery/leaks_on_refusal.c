/* SPDX-License-Identifier: Apache-2.0
 * Caught by lifecycle.refused: a create that fails leaks what it had allocated. */
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    void *early = malloc(100);
    int32_t status = good_create(offer, config, out, why);
    if (status == JF_OK) (*out)->kept = early;
    return status;
}
static void destroy(jf_self *self) {
    free(self->kept);
    free(self);
}
#define CREATE create
#define DESTROY destroy

#include "plugin.h"
