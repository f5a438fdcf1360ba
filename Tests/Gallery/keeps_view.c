/* SPDX-License-Identifier: Apache-2.0
 * Caught by memory.views: it reads the configuration after create returned. */
#include "toolset.h"

static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    int32_t status = good_create(offer, config, out, why);
    if (status == JF_OK) (*out)->view = config;
    return status;
}
static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    if (self->view.ptr[0] != '{') return good_refuse(why, JF_E_FAULT, "no configuration");
    return good_call(self, op, request, result, why);
}
#define CREATE create
#define CALL call

#include "plugin.h"
