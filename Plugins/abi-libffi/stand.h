/* SPDX-License-Identifier: Apache-2.0
 * abi-libffi: tables that stand in front of others. Behind jf.interpose/1. */
#ifndef ABI_LIBFFI_STAND_H
#define ABI_LIBFFI_STAND_H

#include <jackfield/interpose.h>

typedef struct stands stands;

/** At most `most` tables at a time. NULL without memory. */
stands *stands_new(uint32_t most);
/** Frees all but those with a call inside. */
void stands_end(stands *it);

/** The slots of jf_interpose_1. [control] */
int32_t stands_wrap(stands *it, const jf_interpose_plan *plan, const void *table, const void **wrapped,
                    jf_ref *handle, jf_fault *why);
int32_t stands_unwrap(stands *it, jf_ref handle);

#endif
