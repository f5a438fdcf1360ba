/* SPDX-License-Identifier: Apache-2.0
 * A service that the host knows nothing of: what two plugins of a third party agreed on. */
#ifndef COM_ACME_RANKER_H
#define COM_ACME_RANKER_H

#include <jackfield/base.h>

#define RANKER_ID "com.acme.ranker/1"

/** `later` is newer than what the offerer's manifest describes. */
typedef struct ranker_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    int32_t (*rank)(void *context, jf_view query, jf_view key, uint32_t count, uint32_t *chosen,
                    jf_fault *why);
    double (*weight)(void *context, double of, float by, int8_t sign);
    void (*forget)(void *context, const char *what, jf_ref item);
    uint64_t (*later)(void *context, uint64_t of);
} ranker_1;

#endif
