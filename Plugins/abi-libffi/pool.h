/* SPDX-License-Identifier: Apache-2.0
 * abi-libffi: functions that are leased, and those that wait to be. Behind jf.callback/1. */
#ifndef ABI_LIBFFI_POOL_H
#define ABI_LIBFFI_POOL_H

#include <jackfield/callback.h>

typedef struct pool pool;

/** At most `most` functions in all; of those that are free, `kept` wait for the next of their shape. NULL
 * without memory. */
pool *pool_new(uint32_t most, uint32_t kept);
/** Ends what is leased, frees what nobody can call any more. What a library may still hold stays, idle.
 * Returns how many leases were not released. [control] */
uint32_t pool_end(pool *it);

/** The slots of jf_callback_1. [any] */
int32_t pool_lease(pool *it, const jf_callback_request *request, jf_code_fn *code, jf_ref *lease,
                   jf_fault *why);
int32_t pool_release(pool *it, jf_ref lease, uint32_t flags);

#endif
