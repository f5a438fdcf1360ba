/* SPDX-License-Identifier: Apache-2.0
 * Caught by nothing: a connector with a key and no scheme, whose schema does not say that the key is needed.
 */
#define CONNECTOR                                                                                            \
    "{\"keys\":[\"queue\"],\"config\":{\"type\":\"object\",\"additionalProperties\":false,"                  \
    "\"properties\":{\"depth\":{\"type\":\"integer\",\"default\":4},\"queue\":{\"type\":\"string\"}}}}"
#include "connector.h"

static int32_t open_queue(jf_self *self, jf_ref host, jf_view name, jf_view config, jf_ref *handle,
                          jf_fault *why) {
    if (memmem(config.ptr, config.len, "\"queue\":", 8) == NULL)
        return good_refuse(why, JF_E_INVALID, "its entry has no queue");
    return good_open(self, host, name, config, handle, why);
}
#define OPEN open_queue

#include "plugin.h"
