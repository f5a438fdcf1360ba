/* SPDX-License-Identifier: Apache-2.0
 * Caught by routing.quick as a warning: a pick takes a millisecond. */
#include "routing.h"

#include <time.h>
static uint64_t used(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    for (uint64_t end = used() + 1000000u; used() < end;)
        self->learnt_size++;
    return good_pick(self, handle, call, eligible, count, chosen, why);
}
#define PICK pick

#include "plugin.h"
