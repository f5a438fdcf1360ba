/* SPDX-License-Identifier: Apache-2.0
 * Caught by state.bounded: it remembers every call in its state. */
#include "routing.h"

static int32_t pick(jf_self *self, jf_ref handle, const jf_pick *call, const jf_endpoint *const *eligible,
                    uint64_t count, uint32_t *chosen, jf_fault *why) {
    uint8_t *more = realloc(self->learnt, self->learnt_size + 32);
    if (more != NULL) {
        self->learnt = more;
        memset(more + self->learnt_size, 'c', 32);
        self->learnt_size += 32;
    }
    return good_pick(self, handle, call, eligible, count, chosen, why);
}
static int32_t export(jf_self *self, jf_ref handle, jf_blob *out, jf_fault *why) {
    uint8_t *bytes = malloc(self->learnt_size + 1);
    (void)handle, (void)why;
    if (self->learnt_size > 0) memcpy(bytes, self->learnt, self->learnt_size);
    *out = (jf_blob){bytes, self->learnt_size, bytes, free};
    return JF_OK;
}
static int32_t import(jf_self *self, jf_ref handle, jf_view state, jf_fault *why) {
    uint8_t *bytes = malloc(state.len + 1);
    (void)handle;
    for (uint64_t i = 0; i < state.len; i++) {
        if (state.ptr[i] != 'c') {
            free(bytes);
            return good_refuse(why, JF_E_INVALID, "damaged");
        }
        bytes[i] = 'c';
    }
    free(self->learnt);
    self->learnt = bytes;
    self->learnt_size = state.len;
    return JF_OK;
}
#define PICK pick
#define EXPORT export
#define IMPORT import

#include "plugin.h"
