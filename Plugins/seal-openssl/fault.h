/* SPDX-License-Identifier: Apache-2.0
 * Saying what went wrong. */
#ifndef SEAL_OPENSSL_FAULT_H
#define SEAL_OPENSSL_FAULT_H

#include <jackfield/base.h>

/** Fills in `why` (NULL: nobody asks) and answers `code`. The text is cut to its room. */
int32_t fault_set(jf_fault *why, int32_t code, uint32_t flags, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
