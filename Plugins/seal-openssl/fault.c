/* SPDX-License-Identifier: Apache-2.0
 * Saying what went wrong. */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

int32_t fault_set(jf_fault *why, int32_t code, uint32_t flags, const char *format, ...) {
    if (why == NULL) return code;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(why->text, sizeof(why->text), format, arguments);
    va_end(arguments);
    if (length < 0) length = 0;
    if ((size_t)length >= sizeof(why->text)) length = (int)sizeof(why->text) - 1;
    why->text_len = (uint32_t)length;
    why->flags = flags;
    why->code = code;
    why->retry_ms = 0;
    return code;
}
