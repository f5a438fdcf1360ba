/* SPDX-License-Identifier: Apache-2.0
 * Caught by lifecycle.generations: the end of one instance takes what all of them use. */
#include "toolset.h"

static char *shared;
static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    if (shared == NULL) shared = strdup(DONE);
    return good_create(offer, config, out, why);
}
static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (shared[0] != '{') abort();
    return good_call(self, op, request, result, why);
}
static void destroy(jf_self *self) {
    free(shared);
    shared = NULL;
    free(self);
}
#define CREATE create
#define CALL call
#define DESTROY destroy

#include "plugin.h"
