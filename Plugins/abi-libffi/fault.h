/* SPDX-License-Identifier: Apache-2.0
 * abi-libffi: saying why something was refused. */
#ifndef ABI_LIBFFI_FAULT_H
#define ABI_LIBFFI_FAULT_H

#include <jackfield/base.h>

/** Fills `why` (may be NULL) and answers `code`. */
int32_t fault_set(jf_fault *why, int32_t code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
