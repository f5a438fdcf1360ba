/* SPDX-License-Identifier: Apache-2.0
 * Caught by memory.results: all results share one buffer. */
#include "toolset.h"

static char shared[400];
static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    int32_t status = good_call(self, op, request, result, why);
    if (status != JF_OK) return status;
    snprintf(shared, sizeof shared, "{\"content\":[{\"type\":\"text\",\"text\":\"%llu\"}]}",
             (unsigned long long)self->count++);
    free(result->owner);
    *result = (jf_blob){(const uint8_t *)shared, strlen(shared), NULL, NULL};
    return JF_OK;
}
#define CALL call

#include "plugin.h"
