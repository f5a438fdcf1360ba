/* SPDX-License-Identifier: Apache-2.0
 * Caught by lifecycle.refused: a create that fails leaves a descriptor open. */
#include "toolset.h"

#include <fcntl.h>
#include <unistd.h>
static int32_t create(const jf_offer *offer, jf_view config, jf_self **out, jf_fault *why) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int32_t status = good_create(offer, config, out, why);
    if (status == JF_OK) close(fd);
    return status;
}
#define CREATE create

#include "plugin.h"
