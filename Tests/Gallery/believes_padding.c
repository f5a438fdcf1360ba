/* SPDX-License-Identifier: Apache-2.0
 * Caught by auth.identifies: reads a header field up to a NUL that nobody promised. */
#include "access.h"

static int32_t identify(jf_self *self, jf_ref op, jf_ref handle, const jf_credentials *it, jf_blob *principal,
                        jf_fault *why) {
    if (it->field_count > 0 && strncmp((const char *)it->fields[0].value.ptr, "Bearer secret", 13) == 0)
        return good_refuse(why, JF_E_DENIED, "not this one");
    return good_identify(self, op, handle, it, principal, why);
}
#define IDENTIFY identify

#include "plugin.h"
