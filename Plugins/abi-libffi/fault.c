/* SPDX-License-Identifier: Apache-2.0
 * abi-libffi: saying why something was refused. */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

int32_t fault_set(jf_fault *why, int32_t code, const char *format, ...) {
    if (why == NULL || why->size < sizeof *why) return code;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(why->text, sizeof why->text, format, arguments);
    va_end(arguments);
    int most = (int)sizeof why->text - 1;
    why->text_len = (uint32_t)(length < 0 ? 0 : length < most ? length : most);
    why->code = code;
    return code;
}
