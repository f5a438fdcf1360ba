/* SPDX-License-Identifier: Apache-2.0
 * Caught by memory.views: it takes a view for a C string. */
#include "toolset.h"

static int32_t call(jf_self *self, jf_ref op, const jf_request *request, jf_blob *result, jf_fault *why) {
    size_t length = 0;
    while (((const volatile uint8_t *)request->arguments.ptr)[length] != 0)
        length++;
    return length == 0 ? good_refuse(why, JF_E_INVALID, "no arguments")
                       : good_call(self, op, request, result, why);
}
#define CALL call

#include "plugin.h"
