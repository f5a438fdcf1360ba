/* SPDX-License-Identifier: Apache-2.0
 * Host service jf.clock/1: the two clocks. */
#ifndef JACKFIELD_CLOCK_H
#define JACKFIELD_CLOCK_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** All slots [any]. Since 1.0. */
typedef struct jf_clock_1 {
    uint32_t size;
    uint32_t flags;
    void *context;
    /** CLOCK_MONOTONIC in nanoseconds: the base of every deadline in this ABI. */
    uint64_t (*monotonic_ns)(void *context);
    /** Unix time in nanoseconds: for showing and storing, never for measuring. */
    uint64_t (*wall_ns)(void *context);
} jf_clock_1;
JF_PIN_SIZE(jf_clock_1, 32);
#define JF_CLOCK_1 "jf.clock/1"

#ifdef __cplusplus
}
#endif
#endif
