/* SPDX-License-Identifier: Apache-2.0
 * What every plugin in C does with its host: takes its services, says why it refuses. A convenience of the
 * SDK and no part of the ABI. */
#ifndef JACKFIELD_HOST_H
#define JACKFIELD_HOST_H

#include <jackfield/base.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/** Copies the table of a service, min(sizes) of it, so that either side may be the newer; what the host does
 * not have yet stays as it is. False: the host has no such service, or not all that `table` has room for. */
static inline bool jf_attach(const jf_offer *offer, const char *id, void *table, uint32_t size) {
    const void *theirs = offer->service(offer->host, id);
    uint32_t length;
    if (theirs == NULL) return false;
    memcpy(&length, theirs, sizeof length);
    memcpy(table, theirs, length < size ? length : size);
    return length >= size;
}

/** Fills in `why` (NULL: nobody asks) and returns `code`. The text is cut to its room. */
static inline int32_t jf_fault_setv(jf_fault *why, int32_t code, uint32_t flags, const char *format,
                                    va_list arguments) {
    if (why == NULL) return code;
    int length = vsnprintf(why->text, sizeof why->text, format, arguments);
    int most = (int)sizeof why->text - 1;
    why->text_len = (uint32_t)(length < 0 ? 0 : length < most ? length : most);
    why->flags = flags;
    why->code = code;
    why->retry_ms = 0;
    return code;
}

__attribute__((format(printf, 4, 5))) static inline int32_t
jf_fault_set(jf_fault *why, int32_t code, uint32_t flags, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    jf_fault_setv(why, code, flags, format, arguments);
    va_end(arguments);
    return code;
}

#endif
