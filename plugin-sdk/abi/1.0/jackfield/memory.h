/* SPDX-License-Identifier: Apache-2.0
 * Host service jf.memory/1: memory accounted to the instance, and pooled buffers for bodies. */
#ifndef JACKFIELD_MEMORY_H
#define JACKFIELD_MEMORY_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Since 1.0. */
typedef struct jf_memory_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** Zeroed memory, 16-byte aligned; NULL when the instance's limit is reached. [any] */
    void *(*allocate)(void *context, uint64_t size);
    /** Returns what `allocate` gave; NULL is ignored. [any] */
    void (*release)(void *context, void *memory);
    /** Borrows a buffer of at least `size` bytes, plus 64 readable ones behind, from the loop's pool (64 KiB
     * and 1 MiB classes; larger ones are allocated). *capacity receives its size. Not zeroed. [lane] */
    uint8_t *(*borrow)(void *context, uint64_t size, uint64_t *capacity);
    /** Gives a borrowed buffer back. [lane] */
    void (*give_back)(void *context, uint8_t *buffer);
} jf_memory_1;
JF_PIN_SIZE(jf_memory_1, 48);
#define JF_MEMORY_1 "jf.memory/1"

#ifdef __cplusplus
}
#endif
#endif
