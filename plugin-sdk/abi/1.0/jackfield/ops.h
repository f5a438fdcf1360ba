/* SPDX-License-Identifier: Apache-2.0
 * Host service jf.ops/1: completes operations that a slot left pending. */
#ifndef JACKFIELD_OPS_H
#define JACKFIELD_OPS_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** All slots [any]. Since 1.0. */
typedef struct jf_ops_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** Completes `op`, once. Takes *result in every case (it is dropped when unused). `why` may be NULL when
     *  status is JF_OK. JF_E_STALE: the operation is over already; counted as a strike. */
    int32_t (*finish)(void *context, jf_ref op, int32_t status, jf_blob *result, const jf_fault *why);
    /** JF_OK: still wanted; JF_E_GONE: the caller left; JF_E_TIMEOUT: out of time; JF_E_STALE: over. */
    int32_t (*state)(void *context, jf_ref op);
    /** Reports progress to a caller that asked for it; dropped otherwise. `total` 0: unknown. `text` may be
     * absent. */
    int32_t (*progress)(void *context, jf_ref op, double done, double total, jf_view text);
} jf_ops_1;
JF_PIN_SIZE(jf_ops_1, 40);
#define JF_OPS_1 "jf.ops/1"

#ifdef __cplusplus
}
#endif
#endif
